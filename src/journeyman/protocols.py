"""The protocols. Users subclass nothing: any object with these methods fits.

Who may see the target stands in the signature: only `Verifier` is handed a `Case`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, Self

from pydantic import BeforeValidator, ValidationInfo

from journeyman.documents import Passage
from journeyman.errors import InputError
from journeyman.types import (
    Case,
    CaseInput,
    CaseResult,
    Lesson,
    Message,
    Proposal,
    Reply,
    Sampling,
    Score,
    ScoredTrajectory,
    ToolCall,
    ToolSpec,
    Trajectory,
    WorkerSpec,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Model(Protocol):
    """A language model.

    `generate` raises a `ModelError` for whatever goes wrong, and nothing else.
    """

    @property
    def name(self) -> str:
        """Names weights and engine settings that can change a reply: part of a call's key."""
        ...

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply: ...

    async def aclose(self) -> None: ...


class Embedder(Protocol):
    """Turns texts into vectors whose inner product says how near they are in meaning."""

    @property
    def name(self) -> str:
        """Names weights and settings: vectors of embedders with different names can't be compared."""
        ...

    @property
    def dimensions(self) -> int | None:
        """None: not known before the first text."""
        ...

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        """One row per text, of length 1 (or 0: there is nothing in the text to go by). The same text, the same row.

        Of a long text only the beginning may count. Raises a `ModelError` for whatever goes wrong, and nothing else.
        """
        ...

    async def aclose(self) -> None: ...


class Environment(Protocol):
    """The live world of one case: made for it, closed after it."""

    @property
    def tools(self) -> Sequence[ToolSpec]: ...

    async def reset(self) -> Sequence[Message]:
        """Open the case. A leading system message holds what is the same for many cases, so that it can be cached."""
        ...

    async def step(self, call: ToolCall) -> Message:
        """Carry out one call. A tool's failure is an answer with `failed`, not an exception."""
        ...

    async def reconcile(self, call: ToolCall) -> Message | None:
        """After a crash: the result of a `reconcilable` call that did happen; None: it did not."""
        ...

    def accepts(self, answer: str) -> bool:
        """Whether another case's answer could be handed in here: no other is told as an example."""
        ...

    async def close(self) -> None:
        """Never raises."""
        ...


class OpenEnvironment(Protocol):
    """Makes the environment of a case. An environment family's settings record is one."""

    def __call__(self, case_input: CaseInput) -> Environment: ...


class Verifier(Protocol):
    """Judges a trajectory against a case's target."""

    @property
    def name(self) -> str: ...

    async def score(self, case: Case, trajectory: Trajectory) -> Score: ...

    def reference(self, case: Case) -> str | None:
        """An answer that must score 1, for `check`. None: the case has no target, or no answer can be made from it."""
        ...


class Index(Protocol):
    """Passages of documents, to be searched. What was put or removed counts at the next search, in other processes too.

    Each document has labels. Whoever searches names the labels that they hold: only passages of documents all of whose
    labels are among them take part, at every stage of the search.
    """

    async def put(
        self, document: str, passages: Sequence[Passage], *, labels: Collection[str] = ()
    ) -> bool:
        """Make these the passages and the labels of the document, all or nothing. False: so it was already."""
        ...

    async def remove(self, document: str) -> bool:
        """Take a document out. False: it was not there."""
        ...

    async def search(
        self, query: str, *, k: int = 8, labels: Collection[str] = ()
    ) -> Sequence[Passage]:
        """At most `k` passages, best first, with their scores; for the same content always the same."""
        ...

    def documents(self) -> Mapping[str, frozenset[str]]:
        """Each document's labels."""
        ...

    def close(self) -> None: ...


class Memory(Protocol):
    """What a worker can recall: a snapshot while a case is worked."""

    async def recall(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        """The lessons for a case, best last, so that the best stands next to the case. Those that do not fit, since
        their answer can't be handed in there, are none for it."""
        ...


class Assessor(Protocol):
    """P(this trajectory's answer is right), from the trajectory alone."""

    def confidence(self, trajectory: Trajectory) -> float | None:
        """In [0, 1]. None: nothing to go by yet."""
        ...

    def fit(self, graded: Sequence[ScoredTrajectory]) -> Self: ...


class Lab(Protocol):
    """Where a learner tries things out: at a bounded cost, never on exam cases, with everything written down.

    Its methods raise `LearningBudgetSpent` when the budget is spent: the learner keeps what it has by then.
    """

    async def attempt(
        self, worker_spec: WorkerSpec, case_id: str, *, sampling: Sampling | None = None
    ) -> ScoredTrajectory:
        """Work a case that was learned from once more, with another mind or sampling; it is scored by the verifiers."""
        ...

    async def ask(self, messages: Sequence[Message], *, sampling: Sampling) -> str:
        """Ask the teacher: a stronger model, or the worker's own."""
        ...


class Learner(Protocol):
    """Proposes a changed mind from what was seen; it never promotes one. Exam cases are not among what it is given."""

    @property
    def name(self) -> str: ...

    async def learn(
        self, worker_spec: WorkerSpec, seen: Sequence[CaseResult], lab: Lab
    ) -> Proposal | None:
        """None: there is nothing to propose."""
        ...


@dataclass(frozen=True)
class JobFolder:
    """What a job's settings may refer to: given as pydantic's validation context while `job.toml` is read."""

    folder: Path
    """The job's own files; only read."""
    data: Path
    """Files that `job.py`'s `prepare(data)` makes; in the workspace."""
    members: Mapping[str, Any]
    """What `job.py` defines, by name. Empty: there is none."""
    open_model: Callable[[str], Model]
    """A model by its name in the catalogue, its file or its URL; cheap until it is asked something."""

    def path(self, name: str | Path) -> Path:
        """An existing file: made by `prepare`, or else in the job's folder; absolute ones stand for themselves."""
        for root in (self.data, self.folder):
            if (root / name).exists():
                return root / name
        raise InputError(
            f"No file {str(name)!r} in {self.folder} or {self.data}.",
            "Correct the path in job.toml.",
        )

    def member(self, name: str) -> Any:
        if name not in self.members:
            raise InputError(
                f"job.py defines no {name!r}.",
                f"Define it, or correct job.toml; it has: {sorted(self.members)}.",
            )
        return self.members[name]


def _resolved(value: Any, info: ValidationInfo) -> Any:
    folder = info.context
    return folder.path(value) if isinstance(folder, JobFolder) else value


JobPath = Annotated[Path, BeforeValidator(_resolved)]
"""A file named in `job.toml`, looked up in the job's folder and in what `prepare` made."""
