"""What a run's decisions and labels amount to, whatever order the labels come in, and if some never come.

No label is waited for. Where one is missing, the case counts as wrong in the bets of the certificate and as right in
its detector; a true label can only be as bad for the bets, and only as good for the detector. So what is proved at any
moment is at most what all labels would prove. When the label comes, it takes that place. The proof stands in
docs/explanation/autonomy.md, step 4.

A fold: a ledger is a function of the run's `decided` and `labelled` events in the order of the journal, and of nothing
else. Its clock is the latest time that stands in them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from journeyman.assess.autonomy import Autonomy
from journeyman.assess.power import missing_allowed
from journeyman.assess.rule import Settled
from journeyman.assess.selective import Certificate
from journeyman.types import Decided, Decision, Event, Evidence, Example, Held, Label, Labelled

Attempt = tuple[str, int]
"""A case's id and the number of the attempt."""

LATER_LABELS = 100
"""A label is overdue, before its time is over, once so many decisions made later have theirs."""

STAND_INS = 20
"""So many cases in a row, held back and looked at without one left out, stand in for audits that nobody does."""

VERIFIER = "verifier"
"""Who gives the labels that no person gave."""

SECONDS_AN_HOUR = 3_600


class Said(NamedTuple):
    """What is kept of a label."""

    error: bool
    by_person: bool

    @classmethod
    def by(cls, label: Label) -> Said:
        return cls(label.error, label.by != VERIFIER)


@dataclass(slots=True)
class DueLabel:
    """A decision whose answer somebody is to look at, and what is said of it so far."""

    attempt: Attempt
    decision: Decision
    evidence: Evidence | None
    """None: it was learned from."""
    place: int
    """The decision's number in its run."""
    overdue_at: float
    """By the ledger's clock."""
    said: Said | None = None
    """By the label that settles it, and is learned from: a person's first one, else the verifier's. None: nobody has
    judged it."""
    error: bool | None = None
    """What counts in the certificate, of all labels so far. None: nothing."""
    given_up: bool = False
    """Somebody looked at it and can't judge it: it is not waited for."""
    is_ahead: bool = False
    """It is evidence, and not settled."""
    is_settled: bool = False
    """In the certificate. If not, it is still ahead, or is no evidence."""
    settled_error: bool | None = None
    """What it was settled as."""
    epoch: int = 0
    """The certificate's, when it was settled."""
    learned: int | None = None
    """Its number among the labels that were learned from. None: nothing was."""
    learned_correct: bool = False

    @property
    def known(self) -> Settled:
        """As it counts now."""
        return self._counted_as(self.error)

    @property
    def settled(self) -> Settled:
        """As it was settled."""
        return self._counted_as(self.settled_error)

    def _counted_as(self, error: bool | None) -> Settled:
        bounded = error is None
        return Settled(
            decision=self.decision,
            error=error,
            bounded=bounded,
            place=self.place,
        )

    def settle(self, epoch: int) -> None:
        """As it counts now. Thousands are kept for a late label, so this notes no more than it must."""
        self.is_settled = True
        self.settled_error = self.error
        self.epoch = epoch


@dataclass
class Ledger:
    """Takes a run's events one after the other. `autonomy` is what they amount to."""

    autonomy: Autonomy
    seen: int = 0
    """Decisions and labels taken."""
    decided: int = 0
    clock: float = 0.0
    """The latest time among the events, in Unix seconds."""
    due: dict[Attempt, DueLabel] = field(default_factory=dict)
    """All decisions whose answer somebody is to look at."""
    ahead: deque[DueLabel] = field(default_factory=deque)
    """Evidence that is not settled: from the first decision on that still waits for its label."""
    labelled_ahead: int = 0
    """Of these, those that have a label."""
    owed: dict[Attempt, None] = field(default_factory=dict)
    """Audits that are overdue, the oldest first."""
    stand_ins: list[DueLabel] = field(default_factory=list)
    """Cases that were held back and would have been delivered, in the order of decisions."""

    @property
    def held(self) -> Held | None:
        """Why nothing may be delivered now, whatever is proved. None: what is proved is delivered."""
        if len(self.owed) > missing_allowed(self.autonomy.rule):
            return "audits"
        return None

    @property
    def closely(self) -> bool:
        """Whether everything that is delivered is audited: an error was seen, and not outweighed yet."""
        certificate = self.autonomy.certificate
        if certificate is None:
            return False
        known = [due.known for due in self.ahead]
        return certificate.suspected(known) > 1

    @property
    def waiting(self) -> list[Attempt]:
        """Evidence whose label is waited for, in the order of decisions."""
        open_ones = filter(_is_open, self.ahead)
        return [due.attempt for due in open_ones]

    def take(self, event: Event) -> None:
        """The next event of the run. Events of exam cases are left aside."""
        body = event.body
        attempt = (event.case_id, event.attempt)
        self.seen += 1
        self.clock = max(self.clock, event.at)
        if isinstance(body, Decided) and not body.sealed:
            self._take_decision(attempt, body)
            self._settle()
        elif isinstance(body, Labelled):
            due = self.due.get(attempt)
            if due is not None:
                self._take_label(due, body)
            self._settle()
            if due is not None and due.is_ahead and due.error is not None:
                self._look_ahead(wrong=due.error)

    # --- decisions

    def _take_decision(self, attempt: Attempt, decided: Decided) -> None:
        decision = decided.decision
        place = self.decided
        self.decided += 1
        if not decision.audit or decided.evidence.answer is None:
            self._count_settled()
            return
        hours = self.autonomy.rule.review_within_hours or 0.0
        due = DueLabel(
            attempt=attempt,
            decision=decision,
            evidence=decided.evidence,
            place=place,
            overdue_at=self.clock + hours * SECONDS_AN_HOUR,
        )
        self.due[attempt] = due
        if self.owed and decision.held is not None and decision.reaches:
            self.stand_ins.append(due)
        if self.autonomy.certificate is None or decision.score is None:
            self._count_settled()
        else:
            due.is_ahead = True
            self.ahead.append(due)

    def _count_settled(self) -> None:
        self.autonomy = self.autonomy.settled_one_more()

    # --- labels

    def _take_label(self, due: DueLabel, labelled: Labelled) -> None:
        label = labelled.label
        if label is None:
            due.given_up = True
            return
        before = due.error
        said = Said.by(label)
        due.error = counted(due.said, before, said)
        if due.said is None or outranks(said, due.said):
            due.said = said
        self._learn(due, correct=not due.said.error)
        if before is None:
            self._pay(due)
        if due.is_settled:
            self._put_right(due)
        elif before is None and due.is_ahead:
            self.labelled_ahead += 1

    def _learn(self, due: DueLabel, *, correct: bool) -> None:
        if due.learned is None:
            assert due.evidence is not None
            weight = 1 / due.decision.propensity
            example = Example(evidence=due.evidence, correct=correct, weight=weight)
            due.evidence = None
            due.learned = self.autonomy.labels
            self.autonomy = self.autonomy.taught_by(example)
        elif due.learned_correct is not correct:
            self.autonomy = self.autonomy.put_right(due.learned, correct=correct)
        due.learned_correct = correct

    def _pay(self, due: DueLabel) -> None:
        """An overdue audit is done; or enough cases that were held back were looked at in its place, none left out."""
        self.owed.pop(due.attempt, None)
        if _longest_run(self.stand_ins) >= STAND_INS:
            self.owed.clear()
        if self.held is None:
            self.stand_ins.clear()

    def _put_right(self, due: DueLabel) -> None:
        """A label for what was settled without it, or otherwise."""
        certificate = self.autonomy.certificate
        was = due.settled
        now = due.known
        assert certificate is not None
        if due.epoch == certificate.epoch and was.error is not now.error:
            due.settled_error = now.error
            self._hold(certificate.replaced(was, now))

    # --- the certificate

    def _settle(self) -> None:
        """Settle in the order of decisions what has its label, or need not be waited for."""
        while self.ahead and self._is_ready(self.ahead[0]):
            certificate = self.autonomy.certificate
            assert certificate is not None
            due = self.ahead.popleft()
            known = due.known
            due.is_ahead = False
            due.settle(certificate.epoch)
            if not known.bounded:
                self.labelled_ahead -= 1
            elif due.decision.deliver:
                self.owed[due.attempt] = None
            self._count_settled()
            self._hold(certificate.after(known))

    def _is_ready(self, due: DueLabel) -> bool:
        """Whether it has its label, or is overdue."""
        known = due.error is not None or due.given_up
        late = self.clock >= due.overdue_at or self.labelled_ahead >= LATER_LABELS
        return known or late

    def _look_ahead(self, *, wrong: bool) -> None:
        """With one more label, right or wrong, what is not settled yet may prove enough already."""
        certificate = self.autonomy.certificate
        assert certificate is not None
        known: list[Settled] = []
        labelled = 0
        for due in self.ahead:
            known.append(due.known)
            labelled += due.error is not None
            if labelled == self.labelled_ahead:
                break
        if wrong:
            self._hold(certificate.revoked_by(known))
        else:
            self._hold(certificate.passing_by(known))

    def _hold(self, certificate: Certificate) -> None:
        """What is proved now. Where autonomy was taken away, only decisions made from now on are evidence."""
        before = self.autonomy.certificate
        self.autonomy = self.autonomy.with_certificate(certificate)
        if before is None or certificate.epoch == before.epoch:
            return
        for due in self.ahead:
            due.is_ahead = False
            self._count_settled()
        self.ahead.clear()
        self.labelled_ahead = 0
        self.owed.clear()
        self.stand_ins.clear()


def counted(first: Said | None, so_far: bool | None, said: Said) -> bool:
    """Whether the answer counts as wrong, with one more label.

    A person outranks a verifier. Among people it counts as wrong once any of them says so.
    """
    if first is None or outranks(said, first):
        return said.error
    if not said.by_person:
        return so_far is True
    return so_far is True or said.error


def outranks(said: Said, other: Said) -> bool:
    return said.by_person and not other.by_person


def _longest_run(dues: Sequence[DueLabel]) -> int:
    """The most in a row that have a label."""
    longest = 0
    run = 0
    for due in dues:
        run = 0 if _is_open(due) else run + 1
        longest = max(longest, run)
    return longest


def _is_open(due: DueLabel) -> bool:
    return due.error is None
