"""Follows a run's decisions and labels in the journal, and says what its worker may do alone.

The order of decisions is that of the journal. What labels amount to that are late, or never come, says `ledger.py`.
Runs that were opened before that rule keep theirs: cases are settled in turn, and one that waits for its label holds
up those behind it; of several labels the first counts.
Cases of the split `exam` with a known target are sealed: nothing is learned from them, and nothing waits for them.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from journeyman.assess.autonomy import WARM_UP, Autonomy
from journeyman.assess.evidence import evidence_of
from journeyman.assess.power import missing_allowed
from journeyman.assess.rule import Rule
from journeyman.autonomy.ledger import Attempt, Ledger
from journeyman.store.journal import Journal
from journeyman.types import (
    Change,
    Decided,
    Decision,
    Event,
    EventKind,
    Held,
    Label,
    Labelled,
    Record,
    Run,
    RunSpec,
    Trajectory,
)


@dataclass(frozen=True)
class UnsettledDecision:
    """A decision that is not settled."""

    attempt: Attempt
    decided: Decided


@dataclass(frozen=True)
class DecisionLog:
    """What a run's journal says of decisions and labels, event by event: the one place that reads them."""

    KINDS: ClassVar[tuple[EventKind, ...]] = ("decided", "labelled")

    made: deque[UnsettledDecision] = field(default_factory=deque)
    """Decisions in their order; sealed ones are not among them."""
    labels: dict[Attempt, Label] = field(default_factory=dict)
    """Of several, the first."""

    @classmethod
    def of(cls, journal: Journal, run: Run) -> Self:
        told = cls()
        for _, event in journal.news(run.id, cls.KINDS):
            told.take(event)
        return told

    def take(self, event: Event) -> None:
        attempt = (event.case_id, event.attempt)
        body = event.body
        if isinstance(body, Labelled):
            if body.label is not None:
                self.labels.setdefault(attempt, body.label)
        elif isinstance(body, Decided) and not body.sealed:
            waiting = UnsettledDecision(attempt, body)
            self.made.append(waiting)


@dataclass
class InTurn:
    """The older rule, for runs that were opened with it: a label that is missing holds up all behind it."""

    autonomy: Autonomy
    log: DecisionLog = field(default_factory=DecisionLog)

    held: ClassVar[None] = None
    closely: ClassVar[bool] = False
    seen: ClassVar[None] = None
    owed: ClassVar[tuple[Attempt, ...]] = ()

    @property
    def waiting(self) -> list[Attempt]:
        """Decisions that are not settled, in their order."""
        return [one.attempt for one in self.log.made]

    def take(self, event: Event) -> None:
        self.log.take(event)
        made = self.log.made
        while made and self._settle(made[0]):
            made.popleft()

    def _settle(self, waiting: UnsettledDecision) -> bool:
        decided = waiting.decided
        label = self.log.labels.get(waiting.attempt)
        if decided.decision.audit and label is None and decided.evidence.answer is not None:
            return False
        self.log.labels.pop(waiting.attempt, None)
        self.autonomy = _settled(self.autonomy, decided, label)
        return True


class AutonomyTracker:
    """Follows a run's journal. `autonomy` is what its decisions and labels amount to so far."""

    def __init__(self, journal: Journal, run: Run, *, until: float | None = None) -> None:
        """`until`, in Unix seconds: what happened later is left aside."""
        self.journal = journal
        self.until = until
        self.run = run
        self.fold = _fold(journal, run)
        self._stopped = False
        self._changes = 0
        """So many changes of the job are in `_stopped`."""
        self.position = 0
        self.advance()

    @property
    def autonomy(self) -> Autonomy:
        return self.fold.autonomy

    @property
    def waiting(self) -> list[Attempt]:
        """Decisions whose label is waited for, in their order."""
        return self.fold.waiting

    def advance(self) -> Autonomy:
        """Take in what the journal has that is new."""
        news = self.journal.news(self.run.id, DecisionLog.KINDS, after=self.position)
        for position, event in news:
            self.position = position
            if self.until is None or event.at <= self.until:
                self.fold.take(event)
        return self.autonomy

    def decide(
        self, case_id: str, attempt: int, trajectory: Trajectory, *, sealed: bool
    ) -> Decided:
        """Deliver or escalate, by what is known now."""
        now = self.advance()
        evidence = evidence_of(trajectory)
        drawn = uniform(self.run.spec.salt, case_id, attempt)
        score = now.score(evidence)
        decision = now.decide(score, drawn, self._held(), closely=self.fold.closely)
        return Decided(
            decision=decision,
            evidence=evidence,
            settled=now.settled,
            draw=drawn,
            sealed=sealed,
            seen=self.fold.seen,
        )

    def hold(self) -> Hold:
        """Whether everything is escalated, and what would end that."""
        owed = tuple(case_id for case_id, _ in self.fold.owed)
        return Hold(
            held=self._held(),
            overdue=owed,
            allowed=missing_allowed(self.autonomy.rule),
        )

    def _held(self) -> Held | None:
        if self._is_stopped():
            return "stopped"
        return self.fold.held

    def _is_stopped(self) -> bool:
        """Asked before each decision, so the changes are read again only where there are new ones."""
        changes = self.journal.marks(self.run.job).changes
        if changes != self._changes:
            self._stopped = is_stopped(self.journal.changes(self.run.job))
            self._changes = changes
        return self._stopped


class Hold(Record):
    """What stands between a worker and what is proved of it."""

    held: Held | None
    """Why everything is escalated. None: what reaches the threshold is delivered."""
    overdue: tuple[str, ...]
    """Delivered cases whose audit is overdue, the oldest first."""
    allowed: int
    """So many of them may be overdue; with more, everything is escalated."""


def is_stopped(changes: Sequence[Change]) -> bool:
    """Whether a person stopped the job, and nobody let it go on since."""
    for change in reversed(changes):
        if change.kind in {"stopped", "resumed"}:
            return change.kind == "stopped"
    return False


def _settled(now: Autonomy, decided: Decided, label: Label | None) -> Autonomy:
    """With one more decision, whose label counts only where it was due."""
    error = label.error if label is not None and decided.decision.audit else None
    return now.after(decided.decision, decided.evidence, error)


Remade = tuple[Decided, Decided]
"""A decision as it was made, and as it is made again."""


def remade(journal: Journal, run: Run) -> Iterator[Remade]:
    """Each decision of a run as it was made, and as it is made again from what was known then: equal, or a bug."""
    if rule_of(run.spec).in_turn:
        yield from _remade_in_turn(journal, run)
        return
    events = [event for _, event in journal.news(run.id, DecisionLog.KINDS)]
    made = [event for event in events if isinstance(event.body, Decided)]
    again: dict[Attempt, Decided] = {}
    ledger = Ledger(_begin(journal, run))
    for event in sorted(made, key=_seen):
        while ledger.seen < _seen(event):
            ledger.take(events[ledger.seen])
        decided = _decided(event)
        held = "stopped" if decided.decision.held == "stopped" else ledger.held
        attempt = (event.case_id, event.attempt)
        draw = uniform(run.spec.salt, *attempt)
        now = ledger.autonomy
        score = now.score(decided.evidence)
        decision = now.decide(score, draw, held, closely=ledger.closely)
        again[attempt] = _with(decided, decision, now.settled)
    for event in made:
        yield _decided(event), again[event.case_id, event.attempt]


def _decided(event: Event) -> Decided:
    assert isinstance(event.body, Decided)
    return event.body


def _seen(event: Event) -> int:
    return _decided(event).seen or 0


def _with(decided: Decided, decision: Decision, settled: int) -> Decided:
    return decided.model_copy(update={"decision": decision, "settled": settled})


def _remade_in_turn(journal: Journal, run: Run) -> Iterator[Remade]:
    """By the older rule: the number of settled decisions says what was known."""
    log = DecisionLog.of(journal, run)
    now = _begin(journal, run)
    for _, event in journal.news(run.id, ("decided",)):
        decided = _decided(event)
        while now.settled < decided.settled and log.made:
            now = _settled_next(now, log)
        draw = uniform(run.spec.salt, event.case_id, event.attempt)
        yield decided, _made_in_turn(now, decided, draw)


def _settled_next(now: Autonomy, log: DecisionLog) -> Autonomy:
    settled = log.made.popleft()
    label = log.labels.get(settled.attempt)
    return _settled(now, settled.decided, label)


def _made_in_turn(now: Autonomy, decided: Decided, draw: float) -> Decided:
    score = now.score(decided.evidence)
    held = decided.decision.held
    decision = now.decide(score, draw, held)
    return _with(decided, decision, now.settled)


def uniform(salt: str, case_id: str, attempt: int) -> float:
    """Uniform in [0, 1), the same each time that it is asked: a crash draws no second lot."""
    digest = hashlib.sha256(f"{salt}\0{case_id}\0{attempt}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def rule_of(spec: RunSpec) -> Rule:
    """What a person set when the run was opened; the default where it was not written down."""
    known = spec.model_dump(include=set(Rule.model_fields), exclude_none=True)
    return Rule.model_validate(known)


def _fold(journal: Journal, run: Run) -> Ledger | InTurn:
    """What follows the run's events: by the rule that it was opened with."""
    begun = _begin(journal, run)
    if begun.rule.in_turn:
        return InTurn(begun)
    return Ledger(begun)


def _begin(journal: Journal, run: Run) -> Autonomy:
    """Nothing known; or what the run that it takes as its history has shown."""
    rule = rule_of(run.spec)
    for earlier in journal.runs(job=run.job):
        if earlier.id == run.spec.history:
            tracker = AutonomyTracker(journal, earlier, until=run.opened_at)
            return tracker.autonomy.with_rule(rule)
    warm_up = WARM_UP if run.spec.warm_up is None else run.spec.warm_up
    return Autonomy(rule=rule, warm_up=warm_up)
