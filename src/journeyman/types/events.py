"""The entries of the journal: events of a case, changes of a worker, and who holds a case.

Each kind of event is one frozen class; `EventBody` is their union, told apart by `kind`. In the order of a case's
life: `recalled`, `opened`, then for each step `replied`, `intended` and `resulted`; `waiting` and `resumed` wherever
the case left the queue and came back; at the end `finished`, `checked`, `scored`, `decided` and `closed`; and behind
these any number of `labelled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from journeyman.types.content import Json, Message, Record, Reply, ToolCall
from journeyman.types.learning import Lesson
from journeyman.types.record import Decision, Evidence, Failure, Label, Score, SelfCheck, Stop
from journeyman.types.work import Case


class Recalled(Record):
    """Memory was asked for a case: what it gave, and which of it the worker was told."""

    kind: Literal["recalled"] = "recalled"
    lessons: tuple[Lesson, ...] = ()
    """The best last."""
    shown: tuple[str, ...] = ()
    """Ids."""
    withheld: float = 0.0
    """The probability with which each was left out, fixed before the draw."""

    @property
    def told(self) -> tuple[Lesson, ...]:
        shown = [lesson for lesson in self.lessons if lesson.id in self.shown]
        return tuple(shown)


class Opened(Record):
    """The environment opened the case."""

    kind: Literal["opened"] = "opened"
    messages: tuple[Message, ...]
    """The context before the first model call."""


class Replied(Record):
    """The model answered a call; the event's `key` is the call's."""

    kind: Literal["replied"] = "replied"
    reply: Reply


class Intended(Record):
    """A tool call of any effect but `pure` is about to be carried out."""

    kind: Literal["intended"] = "intended"
    call: ToolCall


class Resulted(Record):
    """A tool answered, or the loop told the worker something."""

    kind: Literal["resulted"] = "resulted"
    message: Message


class Waiting(Record):
    """The case left the queue until something is emitted, or until a moment comes."""

    kind: Literal["waiting"] = "waiting"
    name: str
    """Of the event that is waited for."""
    until: float | None
    """Unix seconds. None: for ever."""


class Resumed(Record):
    """The wait is over."""

    kind: Literal["resumed"] = "resumed"
    name: str
    payload: Json = None
    timed_out: bool = False
    """Whether the moment came first."""


class Finished(Record):
    """The rollout ended."""

    kind: Literal["finished"] = "finished"
    worker: str
    """`name@version`."""
    answer: str | None
    stop: Stop
    failure: Failure | None
    seconds: float


class SelfChecked(Record):
    """The model was asked about its own answer."""

    kind: Literal["checked"] = "checked"
    checks: tuple[SelfCheck, ...]


class Scored(Record):
    """A verifier judged the answer."""

    kind: Literal["scored"] = "scored"
    score: Score


class Assessed(Record):
    """Written by 0.1 in the place of `decided`; read, and left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["assessed"] = "assessed"


class Decided(Record):
    """The answer was delivered or escalated: the decision, and what is needed to make it again."""

    kind: Literal["decided"] = "decided"
    decision: Decision
    evidence: Evidence
    settled: int
    """How many decisions before it were settled when it was made: with these it must come out the same."""
    draw: float
    sealed: bool = False
    """Neither learned from nor waited for."""
    seen: int | None = None
    """How many decisions and labels of the run were known when it was made: with these it must come out the same. None:
    made by the rule that waits for each label in turn, where `settled` says it all."""


class Closed(Record):
    """All is done; nothing but labels follows."""

    kind: Literal["closed"] = "closed"
    correct: bool | None
    """By the verifiers. None: none judged."""


class Labelled(Record):
    """Somebody who knows said whether the answer was right, or that it can't be judged."""

    kind: Literal["labelled"] = "labelled"
    label: Label | None
    """None: it can't be judged by whom `by` names."""
    by: str | None = None
    """Who could not judge. None: there is a label, which says by whom."""
    note: str = ""
    """Why it can't be judged."""


EventBody = Annotated[
    Recalled
    | Opened
    | Replied
    | Intended
    | Resulted
    | Waiting
    | Resumed
    | Finished
    | SelfChecked
    | Scored
    | Assessed
    | Decided
    | Closed
    | Labelled,
    Field(discriminator="kind"),
]

EventKind = Literal[
    "recalled",
    "opened",
    "replied",
    "intended",
    "resulted",
    "waiting",
    "resumed",
    "finished",
    "checked",
    "scored",
    "assessed",
    "decided",
    "closed",
    "labelled",
]

EVENT_VERSION = 2
"""Of the form in which events are written. Rows without one were written before there was this number."""


class Event(Record):
    """One thing that happened to a case. Its place is (run, case, attempt, path, seq)."""

    run_id: str
    case_id: str
    attempt: Annotated[int, Field(ge=1)]
    """1, and one more each time a failed case is tried again."""
    path: str = ""
    """The branch of the case. "": the root. Each branch counts its own `seq`, so that branches replay side by side."""
    seq: Annotated[int, Field(ge=0)]
    """The order of what happened on this path."""
    body: EventBody
    key: str | None = None
    at: float
    """Unix seconds."""
    version: int | None = EVENT_VERSION
    """Of the form that it was written in. None: before forms had versions."""

    @property
    def kind(self) -> EventKind:
        return self.body.kind


ChangeKind = Literal[
    "proposed",  # body: Version; a challenger
    "examined",  # body: {"version", "champion", "verdict", ...}
    "promoted",  # body: {"version"}; the one row that makes a version the champion
    "rolled_back",  # body: {"version"}; to an earlier one
    "unlearned",  # body: {"source"}; from here on nothing counts that rests on it
    "retired",  # body: {"case"}; an exam case that something learned gives away
    "stopped",  # body: {"by"}; from here on everything is escalated
    "resumed",  # body: {"by"}; that is over
]


class Change(Record):
    """One thing that happened to a worker. The champion is what the last `promoted` or `rolled_back` names."""

    job: str
    worker: str
    """Its name, without a version."""
    kind: ChangeKind
    body: Mapping[str, Json]
    at: float
    """Unix seconds."""
    position: int | None = None
    """In the journal. None: not written yet."""


class Lease(Record):
    """A case that this process holds, until it is closed or let go."""

    run_id: str
    seq: int
    """The case's number in its run."""
    attempt: int
    case: Case
    woken: bool = False
    """Whether it waited, and the wait is over. Whether the worker was told so yet stands in the case's events."""


class Emitted(Record):
    """What was emitted under a name, the first time."""

    name: str
    payload: Json
    at: float
    """Unix seconds."""


class WaitingCase(Record):
    """A case that is off the queue until a name is emitted, or until a moment comes."""

    case_id: str
    name: str
    """Of what is waited for."""
    until: float | None
    """Unix seconds. None: for ever."""
    since: float
    """Unix seconds."""
