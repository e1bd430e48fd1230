"""Backtests: a labelled history is worked like a stream, with every answer reviewed.

Cases are taken in a random order. The first half of the labels teaches the assessor and plans the thresholds, the
rest is what the certificate is tested on: no label is used for both. What it shows stays proven in the run that
takes it as its history.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from journeyman.assess.autonomy import LazyAssessor
from journeyman.assess.selective import Certificate, Settled, ceiling, labels_needed
from journeyman.assess.stats import Proportion, proportion
from journeyman.autonomy.tracker import DecisionLog, rule_of
from journeyman.errors import InputError
from journeyman.store.journal import Journal
from journeyman.types import Case, Decided, Example, Record, Run

FEWEST = 40
"""Labelled cases that a backtest needs."""
OTHERS = (0.05, 0.1, 0.2)
"""Allowed errors that are shown beside the one asked for."""
SEED = 1
LEARNED = 0.5
"""The share of a history that the assessor and the plan learn from; the rest proves."""


class Outlook(Record):
    """What a worker may do alone at one allowed error, by its history."""

    allowed_error: float
    threshold: float | None
    """On the confidence. None: nothing could be proved."""
    alone: Proportion
    """Of the cases that were not used to learn from, those without an answer among them: those at or above the
    threshold."""
    error_alone: Proportion
    """Wrong ones among these. Their risk is at most the allowed error with the confidence asked for."""
    ceiling: float
    """(1 − μ)/(1 − α): no rule delivers more."""
    labels_needed: float | None
    """ln(1/δ)/KL at the error seen above the threshold: no test needs fewer. None: nothing was proved."""
    labels_used: int | None
    """Until the certificate first allowed anything, those learned from not counted. None: nothing was proved."""

    @property
    def efficiency(self) -> float | None:
        """η: autonomy over its ceiling."""
        return (
            None
            if self.alone.value is None or not self.ceiling
            else self.alone.value / self.ceiling
        )


class Backtest(Record):
    """The outlook at the allowed error asked for, and others for orientation."""

    run: str
    labelled: int
    learned_from: int
    """Cases, until the labels to learn from were had; the rest proves."""
    confidence: float
    correct: Proportion
    asked: Outlook
    others: tuple[Outlook, ...]


def history_cases(cases: Iterable[Case]) -> list[Case]:
    """The cases with a target, in a random order that is always the same; those of the split exam are left out.

    Raises InputError for too few.
    """
    found = [case for case in cases if case.target is not None and case.split != "exam"]
    if len(found) < FEWEST:
        raise InputError(
            f"A backtest needs at least {FEWEST} cases with a target outside the split exam; there are {len(found)}.",
            "Add labelled cases, or start with `journeyman work` and review what it escalates.",
        )
    random.Random(SEED).shuffle(found)  # noqa: S311 - an order
    return found


def to_learn_from(count: int) -> int:
    """Labels of a history of so many cases that prove nothing."""
    return round(LEARNED * count)


def outlook(journal: Journal, run: Run) -> Backtest:
    """What a finished backtest shows. Raises InputError when its cases could not be judged."""
    known = _judged(journal, run)
    answered = [n for n, (one, _) in enumerate(known) if one.evidence.answer is not None]
    if len(answered) < FEWEST:
        raise InputError(
            f"Only {len(answered)} of the cases have an answer that could be judged; a backtest needs {FEWEST}.",
            "See what went wrong with: journeyman show --open",
        )
    rule = rule_of(run.spec)
    assert run.spec.warm_up is not None
    warm_up = run.spec.warm_up
    turn = answered[min(warm_up, len(answered)) - 1] + 1
    learned, rest = known[:turn], known[turn:]
    assessor = LazyAssessor(
        [Example(evidence=one.evidence, correct=not error) for one, error in learned]
    ).assessor
    wrong = [float(not example.correct) for example in assessor.examples]

    def at(allowed: float) -> Outlook:
        """The scores are the same for every rule: those of the run itself, each given before its label was known."""
        other = rule.model_copy(update={"allowed_error": allowed})
        return _outlook(Certificate.plan(other, assessor.crossed, wrong), rest)

    return Backtest(
        run=run.id,
        labelled=len(known),
        learned_from=len(learned),
        confidence=rule.confidence,
        correct=proportion(sum(not error for _, error in known), len(known)),
        asked=at(rule.allowed_error),
        others=tuple(at(allowed) for allowed in OTHERS if allowed != rule.allowed_error),
    )


def _judged(journal: Journal, run: Run) -> list[tuple[Decided, bool]]:
    """Every decision with whether the answer was wrong, in order. No answer is wrong, and is never delivered."""
    told = DecisionLog.of(journal, run)
    return [
        (one.decided, label.error if label else True)
        for one in told.made
        if (label := told.labels.get(one.attempt)) is not None
        or one.decided.evidence.answer is None
    ]


def _outlook(certificate: Certificate, rest: Sequence[tuple[Decided, bool]]) -> Outlook:
    """What a certificate that is planned, but not fed, comes to on these."""
    rule, first = certificate.rule, None
    for n, (one, error) in enumerate(rest, start=1):
        decision = certificate.decide(one.decision.score, one.draw)
        certificate = certificate.after(Settled(decision=decision, error=error))
        first = n if first is None and certificate.passed else first
    threshold = certificate.threshold
    above = [
        error
        for one, error in rest
        if threshold is not None and (one.decision.score or 0.0) >= threshold
    ]
    wrong = sum(error for _, error in rest)
    return Outlook(
        allowed_error=rule.allowed_error,
        threshold=threshold,
        alone=proportion(len(above), len(rest)),
        error_alone=proportion(sum(above), len(above)),
        ceiling=ceiling(wrong / len(rest) if rest else 0.0, rule.allowed_error),
        labels_needed=labels_needed(rule, (sum(above) + 0.5) / (len(above) + 1)) if above else None,
        labels_used=first,
    )
