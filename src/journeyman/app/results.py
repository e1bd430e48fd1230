"""What a worker gives back: the result of one case, and of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from journeyman.app.finding import user
from journeyman.app.typed import OutputType
from journeyman.app.workspace import Workspace
from journeyman.assess.stats import Proportion
from journeyman.runtime.review import reason
from journeyman.types import CaseResult, Cited, Failure, Label, Run, Trajectory
from journeyman.verifiers.citations import abstains, cited_sentences, shown_to

T = TypeVar("T")


@dataclass(frozen=True)
class Citation:
    """A sentence of an answer, with the passages that contain it."""

    sentence: str
    passages: tuple[Cited, ...]
    """Best first. Empty: it stands in none that was shown."""


@dataclass(frozen=True)
class Result(Generic[T]):
    """What became of one case."""

    case_id: str
    prompt: str
    answer: str | None
    """What the worker handed in. None: nothing; `why` and `failure` say more."""
    output: T | None
    """The answer as the worker's `output` type. None: there is no answer, or it is not of this type."""
    confidence: float | None
    """P(the answer is right). None: nothing to go by yet."""
    delivered: bool
    """Whether the answer may go out without a person. Otherwise it waits in the inbox."""
    why: str
    """In a sentence, why it is delivered or not."""
    right: bool | None
    """By the verifiers, or else by who reviewed it. None: nobody has judged it."""
    failure: Failure | None
    """What went wrong. None: nothing did."""
    record: CaseResult = field(repr=False)
    """Everything: the trajectory, its scores, the decision, the labels."""
    run: Run = field(repr=False)
    room: Workspace = field(repr=False, compare=False)
    kind: OutputType[T] = field(repr=False, compare=False)

    @property
    def trajectory(self) -> Trajectory:
        """The rollout step by step; of a fault in the code its `failure` has the traceback."""
        return self.record.trajectory

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Each sentence with its passages. Empty: there is no answer, or no passage was shown."""
        shown = {passage.number: passage for passage in shown_to(self.record.trajectory)}
        if self.answer is None or not shown or abstains(self.answer):
            return ()
        sentences = cited_sentences(self.answer, shown.values(), self.prompt)
        return tuple(
            Citation(sentence.text, tuple(shown[number] for number in sentence.found))
            for sentence in sentences
        )

    def correct(
        self,
        answer: T | str,
        *,
        by: str | None = None,
        note: str = "",
    ) -> Result[T]:
        """Say what the right answer is. It counts at once: the next case like this one is told.

        `by` is who says so; None: the user of this machine. The result as it then stands comes back.
        """
        text = self.kind.written(answer)
        label = Label(
            error=True,
            by=by or user(),
            correction=text,
            note=note,
        )
        return self._labelled(label)

    def accept(
        self,
        *,
        by: str | None = None,
        note: str = "",
    ) -> Result[T]:
        """Say that the answer is right."""
        label = Label(error=False, by=by or user(), note=note)
        return self._labelled(label)

    def reject(
        self,
        *,
        by: str | None = None,
        note: str = "",
    ) -> Result[T]:
        """Say that the answer is wrong, without a better one."""
        label = Label(error=True, by=by or user(), note=note)
        return self._labelled(label)

    def cannot_judge(
        self,
        *,
        by: str | None = None,
        note: str = "",
    ) -> Result[T]:
        """Say that you can't tell whether the answer is right. You are not asked again."""
        record = self.room.give_up(self.run, self.case_id, by or user(), note)
        return self._as(record)

    def _labelled(self, label: Label) -> Result[T]:
        record = self.room.review(
            self.run,
            self.case_id,
            label,
        )
        return self._as(record)

    def _as(self, record: CaseResult) -> Result[T]:
        return result_of(
            self.room,
            self.run,
            record,
            self.prompt,
            self.kind,
        )


def result_of(
    room: Workspace, run: Run, record: CaseResult, prompt: str, kind: OutputType[T]
) -> Result[T]:
    """A case's record as a worker's user sees it."""
    decision, trajectory = record.decision, record.trajectory
    return Result(
        case_id=record.case_id,
        prompt=prompt,
        answer=trajectory.answer,
        output=kind.read(trajectory.answer),
        confidence=record.confidence,
        delivered=decision is not None and decision.deliver,
        why=_why(record),
        right=record.correct,
        failure=trajectory.failure,
        record=record,
        run=run,
        room=room,
        kind=kind,
    )


def _why(record: CaseResult) -> str:
    failure = record.trajectory.failure
    if failure is not None:
        return f"{failure.message} {failure.hint}"
    if record.decision is None:
        return "Nothing is decided yet."
    return reason(record.decision, record.trajectory.stop)


@dataclass(frozen=True)
class WorkSummary(Generic[T]):
    """What became of many cases. Iterating it gives each case's result, read from the journal one at a time."""

    cases: int
    """That were given."""
    closed: int
    """Of them, those that are done."""
    correct: Proportion
    """Of those that were judged, with an interval."""
    delivered: int
    """Answers that may go out without a person."""
    failed: int
    run: Run = field(repr=False)
    each: Callable[[], Iterator[Result[T]]] = field(repr=False, compare=False)

    @property
    def accuracy(self) -> float | None:
        """The share that is right. None: nothing was judged."""
        return self.correct.value

    def __iter__(self) -> Iterator[Result[T]]:
        return self.each()
