"""What the journal holds: events of a case, changes of a worker, and who holds a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from journeyman.types.content import Json, Record
from journeyman.types.learning import Lesson
from journeyman.types.record import Decision, Evidence
from journeyman.types.work import Case

EventKind = Literal[
    "recalled",  # body: {"lessons": what memory gave, "shown": the ids of those told, "withheld": the probability}
    "opened",  # body: {"messages": the context before the first model call}
    "replied",  # body: Reply; key: the call's key
    "intended",  # body: ToolCall about to be carried out, of any effect but `pure`
    "resulted",  # body: Message of a tool, or of the loop itself
    "finished",  # body: answer, stop, failure, seconds
    "checked",  # body: {"checks"}
    "scored",  # body: Score
    "assessed",  # written by 0.1 in the place of `decided`; read, and left aside
    "decided",  # body: {"decision": Decision, "evidence": what it rests on, "settled", "draw", "sealed"}
    "closed",  # body: {"correct"}; nothing but labels follows
    "labelled",  # body: Label
]


ChangeKind = Literal[
    "proposed",  # body: Version; a challenger
    "examined",  # body: {"version", "champion", "verdict", ...}
    "promoted",  # body: {"version"}; the one row that makes a version the champion
    "rolled_back",  # body: {"version"}; to an earlier one
    "unlearned",  # body: {"source"}; from here on nothing counts that rests on it
    "retired",  # body: {"case"}; an exam case that something learned gives away
]


class Change(Record):
    """One thing that happened to a worker's mind. The champion is what the last `promoted` or `rolled_back` names."""

    job: str
    worker: str
    """Its name, without a version."""
    kind: ChangeKind
    body: Mapping[str, Json]
    at: float
    """Unix seconds."""
    place: int | None = None
    """In the journal. None: not written yet."""


class Event(Record):
    """One thing that happened to a case. The order of `seq` is the order of what happened."""

    run_id: str
    case_id: str
    attempt: Annotated[int, Field(ge=1)]
    """1, and one more each time a failed case is tried again."""
    seq: Annotated[int, Field(ge=0)]
    kind: EventKind
    body: Mapping[str, Json]
    key: str | None = None
    at: float
    """Unix seconds."""


class Lease(Record):
    """A case that this process holds, until it is closed or let go."""

    run_id: str
    seq: int
    attempt: int
    case: Case


class Recalled(Record):
    """The body of a `recalled` event: what memory gave for a case, and which of it the worker was told."""

    lessons: tuple[Lesson, ...] = ()
    """The best last."""
    shown: tuple[str, ...] = ()
    """Ids."""
    withheld: float = 0.0
    """The probability with which each was left out, fixed before the draw."""

    @property
    def told(self) -> tuple[Lesson, ...]:
        return tuple(lesson for lesson in self.lessons if lesson.id in self.shown)


class Decided(Record):
    """The body of a `decided` event: the decision, and what is needed to make it again."""

    decision: Decision
    evidence: Evidence
    settled: int
    """How many decisions before it were settled when it was made: with these it must come out the same."""
    draw: float
    sealed: bool = False
    """Neither learned from nor waited for."""
