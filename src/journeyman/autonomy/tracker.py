"""Follows a run's decisions and labels in the journal, and says what its worker may do alone.

Cases are settled in the order of their decisions, which is the order of the journal: one that waits for its label holds
up those behind it. Of several labels the first counts, so that nobody can take one back after seeing what it did.
Cases of the split `exam` with a known target are sealed: nothing is learned from them, and nothing waits for them.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Self

from journeyman.assess.autonomy import WARM_UP, Autonomy
from journeyman.assess.evidence import evidence_of
from journeyman.assess.selective import Rule
from journeyman.store.journal import Journal
from journeyman.types import Decided, Event, EventKind, Label, Labelled, Run, RunSpec, Trajectory

Attempt = tuple[str, int]
"""A case's id and the number of the attempt."""


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
        if isinstance(event.body, Labelled):
            self.labels.setdefault(attempt, event.body.label)
        elif isinstance(event.body, Decided) and not event.body.sealed:
            self.made.append(UnsettledDecision(attempt, event.body))


class AutonomyTracker:
    """Follows a run's journal. `autonomy` is what the settled cases so far amount to."""

    def __init__(self, journal: Journal, run: Run, *, until: float | None = None) -> None:
        """`until`, in Unix seconds: what happened later is left aside."""
        self.journal = journal
        self.until = until
        self.run = run
        self.autonomy = _begin(journal, run)
        self.log = DecisionLog()
        self.position = 0
        self.advance()

    def advance(self) -> Autonomy:
        """Take in what the journal has that is new, and settle what is settled as soon as it is read."""
        news = self.journal.news(self.run.id, DecisionLog.KINDS, after=self.position)
        for position, event in news:
            self.position = position
            if self.until is None or event.at <= self.until:
                self.log.take(event)
                self._settle_all()
        return self.autonomy

    def _settle_all(self) -> None:
        made = self.log.made
        while made and self._settle(made[0]):
            made.popleft()

    def decide(
        self, case_id: str, attempt: int, trajectory: Trajectory, *, sealed: bool
    ) -> Decided:
        """Deliver or escalate, by what is settled now."""
        now, evidence = self.advance(), evidence_of(trajectory)
        drawn = uniform(self.run.spec.salt, case_id, attempt)
        decision = now.decide(now.score(evidence), drawn)
        return Decided(
            decision=decision, evidence=evidence, settled=now.settled, draw=drawn, sealed=sealed
        )

    def _settle(self, waiting: UnsettledDecision) -> bool:
        decided = waiting.decided
        label = self.log.labels.get(waiting.attempt)
        if decided.decision.audit and label is None and decided.evidence.answer is not None:
            return False
        self.log.labels.pop(waiting.attempt, None)
        self.autonomy = _settled(self.autonomy, decided, label)
        return True


def _settled(now: Autonomy, decided: Decided, label: Label | None) -> Autonomy:
    """With one more decision, whose label counts only where it was due."""
    error = label.error if label is not None and decided.decision.audit else None
    return now.after(decided.decision, decided.evidence, error)


def remade(journal: Journal, run: Run) -> Iterator[tuple[Decided, Decided]]:
    """Each decision of a run as it was made, and as it is made again from the same settled cases: equal, or a bug."""
    labels: dict[Attempt, Label] = {}
    made: list[UnsettledDecision] = []
    for _, event in journal.news(run.id, DecisionLog.KINDS):
        attempt = (event.case_id, event.attempt)
        if isinstance(event.body, Labelled):
            labels.setdefault(attempt, event.body.label)
        elif isinstance(event.body, Decided):
            made.append(UnsettledDecision(attempt, event.body))
    now = _begin(journal, run)
    pending = deque(one for one in made if not one.decided.sealed)
    for one in made:
        decided = one.decided
        while now.settled < decided.settled and pending:
            now = _settled(now, pending[0].decided, labels.get(pending.popleft().attempt))
        decision = now.decide(now.score(decided.evidence), uniform(run.spec.salt, *one.attempt))
        yield decided, decided.model_copy(update={"decision": decision, "settled": now.settled})


def uniform(salt: str, case_id: str, attempt: int) -> float:
    """Uniform in [0, 1), the same each time that it is asked: a crash draws no second lot."""
    digest = hashlib.sha256(f"{salt}\0{case_id}\0{attempt}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def rule_of(spec: RunSpec) -> Rule:
    """What a person set when the run was opened; the default where it was not written down."""
    known = spec.model_dump(include=set(Rule.model_fields), exclude_none=True)
    return Rule.model_validate(known)


def _begin(journal: Journal, run: Run) -> Autonomy:
    """Nothing known; or what the run that it takes as its history has shown."""
    rule = rule_of(run.spec)
    for earlier in journal.runs(job=run.job):
        if earlier.id == run.spec.history:
            tracker = AutonomyTracker(journal, earlier, until=run.opened_at)
            return tracker.autonomy.with_rule(rule)
    warm_up = WARM_UP if run.spec.warm_up is None else run.spec.warm_up
    return Autonomy(rule=rule, warm_up=warm_up)
