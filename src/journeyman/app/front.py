"""The worker as a library: from a function and a model to answers with confidence, in a few lines.

    ada = Worker("shop", instructions="Answer shortly.", tools=[price], knowledge="handbook/")
    done = ada.do("What does A-17 cost?")
    done.correct("12.50")
    print(ada.work("cases.jsonl").accuracy)

A `Worker` only keeps what it is given: workspace, job and model are opened at the first use.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from weakref import WeakKeyDictionary

from journeyman.app import loops
from journeyman.app.settings import WorkerSettings
from journeyman.cases import read_cases
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.types import Case

if TYPE_CHECKING:
    from journeyman.app.assignment import LearnResult
    from journeyman.app.desk import Desk
    from journeyman.app.results import Result, WorkSummary
    from journeyman.app.workspace import Workspace
    from journeyman.autonomy.backtest import Backtest
    from journeyman.improve.exams import Examined
    from journeyman.improve.learning import LearningBudget
    from journeyman.protocols import Learner, Model, Verifier
    from journeyman.reports.writer import Written
    from journeyman.types import Attachment, Budget, EventBody, Json

T = TypeVar("T")

Tool = Callable[..., Any]
Paths = str | Path | Sequence[str | Path]
CaseLike = Case | str | Mapping[str, Any]
Cases = str | Path | Iterable[CaseLike]
"""A .jsonl or .csv file, or cases: records, mappings with a record's fields, or prompts."""

LOOK_SECONDS = 0.02
"""How often `stream` looks for what is new."""


class Worker(Generic[T]):
    """Does cases of one job, remembers what people corrected, and knows how likely its answers are right.

    Making one costs next to nothing.
    """

    __slots__ = ("_desks", "settings")

    @overload
    def __init__(
        self: Worker[str],
        job: str | Path | Job,
        *,
        instructions: str = "",
        tools: Sequence[Tool] = (),
        knowledge: Paths | None = None,
        verifiers: Sequence[Verifier] | None = None,
        allowed_error: float | None = None,
        model: str | Model | None = None,
        budget: Budget | None = None,
        workspace: str | Path | Workspace | None = None,
        name: str = "ada",
        at_once: int = 4,
    ) -> None: ...

    @overload
    def __init__(
        self: Worker[T],
        job: str | Path | Job,
        *,
        output: type[T],
        instructions: str = "",
        tools: Sequence[Tool] = (),
        knowledge: Paths | None = None,
        verifiers: Sequence[Verifier] | None = None,
        allowed_error: float | None = None,
        model: str | Model | None = None,
        budget: Budget | None = None,
        workspace: str | Path | Workspace | None = None,
        name: str = "ada",
        at_once: int = 4,
    ) -> None: ...

    def __init__(  # noqa: PLR0913 - each is one thing that a user may want to say
        self,
        job: str | Path | Job,
        *,
        output: type[Any] = str,
        instructions: str = "",
        tools: Sequence[Tool] = (),
        knowledge: Paths | None = None,
        verifiers: Sequence[Verifier] | None = None,
        allowed_error: float | None = None,
        model: str | Model | None = None,
        budget: Budget | None = None,
        workspace: str | Path | Workspace | None = None,
        name: str = "ada",
        at_once: int = 4,
    ) -> None:
        """`job`: its name; a folder with a `job.toml`, as a Path; or a `Job`.

        `instructions`: what the worker is told about the role.
        `tools`: typed functions with docstrings; a first parameter of type `RunContext` is given the case.
        `knowledge`: files and folders; passages that fit stand before each case, and answers cite them.
        `output`: the type of answers: `str`, a pydantic model, a dataclass, `list[int]`, …
        `verifiers`: what judges an answer where its target is known. None: it must equal the target, field by field
        for a typed output.
        `allowed_error`: the share of wrong answers among those delivered without a person. None: the job's, 10 %.
        `model`: a name from `journeyman models`, a .gguf file, an endpoint as URL#MODEL, or an object with `generate`.
        None: `$JOURNEYMAN_MODEL`, or the embedded default.
        `budget`: what one case may cost at most.
        `workspace`: the folder that keeps everything. None: `$JOURNEYMAN_WORKSPACE`, or `.journeyman` here.
        `name`: the worker's; workers of one job that have the same name are the same.
        `at_once`: cases in flight. More pays where the model is an endpoint; an embedded one shares this machine.
        """
        self.settings: WorkerSettings[T] = WorkerSettings(
            job, instructions, tools, knowledge, output, verifiers, allowed_error, model, budget,
            workspace, name, at_once,
        )  # fmt: skip
        self._desks: WeakKeyDictionary[asyncio.AbstractEventLoop, Desk[T]] | None = None

    def __repr__(self) -> str:
        job = self.settings.job
        return f"Worker({job.name if isinstance(job, Job) else str(job)!r})"

    def identity(self) -> tuple[object, ...]:
        """What can change its answers, for a worker that asks it by a tool."""
        given = self.settings
        job = given.job if isinstance(given.job, Job) else str(given.job)
        model = (
            given.model if given.model is None or isinstance(given.model, str) else given.model.name
        )
        knowledge = repr(given.knowledge)
        return (job, given.instructions, tuple(given.tools), knowledge, given.output, model)

    # --- one case

    def do(
        self,
        prompt: str | Case,
        *,
        id: str | None = None,
        data: Mapping[str, Json] | None = None,
        user: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Result[T]:
        """Do one case. Raises InputError inside a running event loop: use `ado` there.

        `id`: names the case, so that it is done once, however often it is asked for. None: a new case.
        `data`: what tools may know of it, and the model not. `user`: whom it is for.
        """
        doing = self.ado(prompt, id=id, data=data, user=user, attachments=attachments)
        return loops.run_here(doing, called="do")

    async def ado(
        self,
        prompt: str | Case,
        *,
        id: str | None = None,
        data: Mapping[str, Json] | None = None,
        user: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Result[T]:
        """`do` as a coroutine."""
        case = _case(prompt, id, data, user, attachments)
        return await self._desk.submit(case)

    async def stream(
        self,
        prompt: str | Case,
        *,
        id: str | None = None,
        data: Mapping[str, Json] | None = None,
        user: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> AsyncIterator[EventBody | Result[T]]:
        """What happens in a case, as it is written down: replies, tool results, the decision; the result comes last."""
        case = _case(prompt, id, data, user, attachments)
        doing = asyncio.create_task(self._desk.submit(case))
        desk, told = self._desk, 0
        try:
            while not doing.done():
                await asyncio.wait({doing}, timeout=LOOK_SECONDS)
                events = desk.events(case)
                for event in events[told:]:
                    yield event.body
                told = len(events)
            yield await doing
        finally:
            doing.cancel()

    # --- many cases

    def work(
        self,
        cases: Cases,
        *,
        retry_failed: bool = False,
    ) -> WorkSummary[T]:
        """Do many cases, several at a time. Stopped or killed, the same call goes on where it was."""
        working = self.awork(cases, retry_failed=retry_failed)
        return loops.run_here(working, called="work")

    async def awork(
        self,
        cases: Cases,
        *,
        retry_failed: bool = False,
    ) -> WorkSummary[T]:
        """`work` as a coroutine."""
        given = _cases(cases)
        return await self._desk.work(given, retry_failed=retry_failed)

    # --- people

    def inbox(self) -> list[Result[T]]:
        """What waits for a person: escalated answers, and those drawn for an audit. The riskiest come first."""
        return self._desk.inbox()

    def stop(self, *, by: str | None = None) -> None:
        """Deliver nothing of the job without a person from the next decision on. Cases are worked as before.

        `by` is who says so; None: the user of this machine.
        """
        self._desk.stop(by)

    def resume(self, *, by: str | None = None) -> None:
        """Deliver again what is proved."""
        self._desk.resume(by)

    def report(
        self,
        out: str | Path | None = None,
    ) -> Written:
        """Write a report of all that was done: HTML, CSV, and PNG where matplotlib is installed."""
        return self._desk.report(out)

    # --- getting better

    def backtest(self, cases: Cases) -> Backtest:
        """Work a labelled history, and say what the worker may do alone from day one."""
        return loops.run_here(self.abacktest(cases), called="backtest")

    async def abacktest(self, cases: Cases) -> Backtest:
        """`backtest` as a coroutine."""
        return await self._desk.backtest(_cases(cases))

    def learn(
        self,
        cases: Cases | None = None,
        *,
        by: str | Learner = "demonstrations",
        teacher: str | Model | None = None,
        budget: LearningBudget | None = None,
    ) -> LearnResult:
        """Learn from judged cases: propose a new version, and examine it on the sealed `cases`.

        They are of the split `exam` and have targets. None: the version is only proposed; `exam` can follow.
        `budget`: what learning may cost. None: the usual.
        `by`: demonstrations, rules, instructions, ablation, or a learner of your own.
        """
        learning = self.alearn(cases, by=by, teacher=teacher, budget=budget)
        return loops.run_here(learning, called="learn")

    async def alearn(
        self,
        cases: Cases | None = None,
        *,
        by: str | Learner = "demonstrations",
        teacher: str | Model | None = None,
        budget: LearningBudget | None = None,
    ) -> LearnResult:
        """`learn` as a coroutine."""
        sealed = None if cases is None else list(_cases(cases))
        return await self._desk.learn(by, sealed, teacher, budget)

    def exam(self, version: int, cases: Cases) -> Examined:
        """Examine a proposed version on sealed cases; where it passes, it works from then on."""
        return loops.run_here(self.aexam(version, cases), called="exam")

    async def aexam(self, version: int, cases: Cases) -> Examined:
        """`exam` as a coroutine."""
        sealed = list(_cases(cases))
        return await self._desk.exam(version, sealed)

    def close(self) -> None:
        """Close the models that this thread opened by name. They are opened again at the next use."""
        loops.run_here(self.aclose(), called="close")

    async def aclose(self) -> None:
        """`close` as a coroutine: of the running loop."""
        if self._desks is not None:
            self._desks.pop(asyncio.get_running_loop(), None)
        await _behind().close_models()

    @property
    def _desk(self) -> Desk[T]:
        """Where it works in this event loop."""
        loop = loops.current()
        if self._desks is None:
            self._desks = WeakKeyDictionary()
        if loop not in self._desks:
            self._desks[loop] = _behind().desk_for(self.settings)
        return self._desks[loop]


def _behind() -> ModuleType:
    """What does the work, imported at the first use: database, numbers and all take half a second."""
    return import_module("journeyman.app.desk")


def _case(
    prompt: str | Case,
    id: str | None,
    data: Mapping[str, Json] | None,
    user: str | None,
    attachments: Sequence[Attachment],
) -> Case:
    """One piece of work. A case that is given whole stays what it is."""
    if isinstance(prompt, Case):
        if id or data or user or attachments:
            raise InputError(
                f"Case {prompt.id!r} has an id, data and attachments of its own.",
                "Give them to Case(…).",
            )
        return prompt
    if not prompt.strip():
        raise InputError("The prompt is empty.", "Ask something.")
    known = dict(data or {})
    if user is not None:
        known["user"] = user
    return Case(
        id=id or f"q-{secrets.token_hex(6)}",
        prompt=prompt.strip(),
        data=known,
        attachments=tuple(attachments),
    )


def _cases(given: Cases) -> Iterator[Case]:
    """A prompt alone is named by its hash, so that the same one is the same case."""
    if isinstance(given, str | Path):
        yield from read_cases(Path(given))
        return
    for one in given:
        if isinstance(one, Case):
            yield one
        elif isinstance(one, str):
            yield Case(id=_id_of(one), prompt=one)
        else:
            row = dict(one)
            yield Case.model_validate({"id": _id_of(str(row.get("prompt"))), **row})


def _id_of(prompt: str) -> str:
    text = prompt.encode("utf-8")
    digest = hashlib.sha256(text).hexdigest()
    return f"p-{digest[:16]}"
