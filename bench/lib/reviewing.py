"""Streams with known truth under the ledger, reviewed by people with habits: late, never, careless, hostile.

The scores are given and stay what they are: nothing is fitted, so that a stream takes a second. A case that is decided
takes a minute of the ledger's clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench.lib.replays import Array, Flags
from journeyman.assess.autonomy import Autonomy
from journeyman.assess.selective import Certificate
from journeyman.autonomy.ledger import Ledger
from journeyman.types import Decided, Decision, Event, Evidence, Label, Labelled

MINUTE = 60.0
NEVER = None
EVIDENCE = Evidence(signals={}, prompt="", answer="something")

Habit = Callable[[np.random.Generator, Decision, bool], int | None]
"""After how many more decisions the label of a decision comes, by whether its answer is wrong. None: never."""


def prompt(rng: np.random.Generator, decision: Decision, error: bool) -> int | None:
    return 0


def never_wrong_ones(share: float) -> Habit:
    """The worst case of labels that never come: so large a share of all, and all of them of wrong answers."""

    def habit(rng: np.random.Generator, decision: Decision, error: bool) -> int | None:
        return NEVER if error and rng.random() < share else 0

    return habit


def never(share: float) -> Habit:
    """So large a share is never reviewed, whatever the answer."""

    def habit(rng: np.random.Generator, decision: Decision, error: bool) -> int | None:
        return NEVER if rng.random() < share else 0

    return habit


def late(mean: float, *, wrong_ones: float = 1.0) -> Habit:
    """Out of order: each after a random time; wrong answers take longer by a factor."""

    def habit(rng: np.random.Generator, decision: Decision, error: bool) -> int | None:
        scale = mean * wrong_ones if error else mean
        return int(rng.exponential(scale))

    return habit


@dataclass(frozen=True)
class Reviewed:
    """What became of one stream."""

    thresholds: tuple[tuple[int, float], ...]
    """From which case on which threshold was in force."""
    delivered: Flags
    held: Flags
    audited: Flags
    """Of what was delivered."""
    errors: Flags
    labels: int
    first_alone: int | None
    """Labels until the first case was delivered. None: none was."""
    revoked: tuple[int, ...]
    ledger: Ledger

    @property
    def share(self) -> float:
        return float(self.delivered.mean())

    @property
    def wrong(self) -> int:
        return int((self.delivered & self.errors).sum())

    def violates(self, risk: Callable[[float], float], allowed: float) -> bool:
        """Whether a threshold was ever in force with a true error above what is allowed."""
        return any(risk(q) > allowed + 1e-12 for _, q in self.thresholds)


def ledger_with(certificate: Certificate) -> Ledger:
    """A ledger that begins with what is proved, and whose assessor is never fitted."""
    begun = Autonomy(rule=certificate.rule, certificate=certificate, next_fit=1_000_000_000)
    return Ledger(begun)


def reviewed(
    certificate: Certificate,
    scores: Array,
    errors: Flags,
    rng: np.random.Generator,
    habit: Habit = prompt,
) -> Reviewed:
    """Decide each case, and let its label come when the habit says."""
    ledger = ledger_with(certificate)
    draws = rng.random(len(scores))
    coming: defaultdict[int, list[int]] = defaultdict(list)
    delivered = np.zeros(len(scores), dtype=bool)
    held = np.zeros(len(scores), dtype=bool)
    audited = np.zeros(len(scores), dtype=bool)
    thresholds: list[tuple[int, float]] = []
    revoked: list[int] = []
    labels = 0
    first: int | None = None
    for n in range(len(scores)):
        decision = ledger.autonomy.decide(
            float(scores[n]), float(draws[n]), ledger.held, closely=ledger.closely
        )
        audited[n] = decision.deliver and decision.audit
        delivered[n] = decision.deliver
        held[n] = decision.held is not None
        if decision.deliver and first is None:
            first = labels
        in_force = decision.threshold
        if in_force is not None and (not thresholds or thresholds[-1][1] != in_force):
            thresholds.append((n, in_force))
        ledger.take(_decided(n, decision))
        if decision.audit:
            after = habit(rng, decision, bool(errors[n]))
            if after is not None:
                coming[n + after].append(n)
        epoch = _epoch(ledger)
        for place in coming.pop(n, ()):
            ledger.take(_labelled(n, place, bool(errors[place])))
            labels += 1
        if _epoch(ledger) > epoch:
            revoked.append(n)
    return Reviewed(
        thresholds=tuple(thresholds),
        delivered=delivered,
        held=held,
        audited=audited,
        errors=errors,
        labels=labels,
        first_alone=first,
        revoked=tuple(revoked),
        ledger=ledger,
    )


def with_deadline(certificate: Certificate, hours: float = 72.0) -> Certificate:
    """The same under a rule that waits for no label."""
    rule = certificate.rule.model_copy(update={"review_within_hours": hours})
    return replace(certificate, rule=rule)


def _epoch(ledger: Ledger) -> int:
    certificate = ledger.autonomy.certificate
    assert certificate is not None
    return certificate.epoch


def _decided(n: int, decision: Decision) -> Event:
    body = Decided(decision=decision, evidence=EVIDENCE, settled=0, draw=0.0)
    return _event(n, n, 0, body)


def _labelled(now: int, place: int, error: bool) -> Event:
    body = Labelled(label=Label(error=error, by="mei"))
    return _event(now, place, 1, body)


def _event(now: int, place: int, seq: int, body: Decided | Labelled) -> Event:
    return Event(run_id="r", case_id=f"c{place}", attempt=1, seq=seq, body=body, at=MINUTE * now)
