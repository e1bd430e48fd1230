"""Backtests: a labelled history is worked like a stream, with every answer reviewed.

Cases are taken in a random order. The first half of the labels teaches the assessor and plans the thresholds, the
rest is what the certificate is tested on: no label is used for both. What it shows stays proven in the run that
takes it as its history.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from journeyman.assess.calibration import LogisticAssessor
from journeyman.assess.rule import Settled
from journeyman.assess.selective import Certificate, ceiling, labels_needed
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
        if self.alone.value is None or not self.ceiling:
            return None
        return self.alone.value / self.ceiling


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
    labelled = [case for case in cases if case.target is not None]
    found = [case for case in labelled if case.split != "exam"]
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
    answered = _answered(known)
    if len(answered) < FEWEST:
        raise InputError(
            f"Only {len(answered)} of the cases have an answer that could be judged; a backtest needs {FEWEST}.",
            "See what went wrong with: journeyman show --open",
        )
    rule = rule_of(run.spec)
    assert run.spec.warm_up is not None
    taught = min(run.spec.warm_up, len(answered))
    turn = answered[taught - 1] + 1
    learned = known[:turn]
    rest = known[turn:]
    examples = [Example(evidence=decided.evidence, correct=not error) for decided, error in learned]
    assessor = LogisticAssessor().learned(examples)
    wrong = [float(not example.correct) for example in assessor.examples]

    def at(allowed: float) -> Outlook:
        """The scores are the same for every rule: those of the run itself, each given before its label was known."""
        other = rule.model_copy(update={"allowed_error": allowed})
        certificate = Certificate.plan(other, assessor.crossed, wrong)
        return _outlook(certificate, rest)

    correct = sum(not error for _, error in known)
    others = [allowed for allowed in OTHERS if allowed != rule.allowed_error]

    return Backtest(
        run=run.id,
        labelled=len(known),
        learned_from=len(learned),
        confidence=rule.confidence,
        correct=proportion(correct, len(known)),
        asked=at(rule.allowed_error),
        others=tuple(map(at, others)),
    )


def _answered(known: Sequence[tuple[Decided, bool]]) -> list[int]:
    """The places of the cases that have an answer."""
    places: list[int] = []
    for place, (decided, _) in enumerate(known):
        if decided.evidence.answer is not None:
            places.append(place)
    return places


def _judged(journal: Journal, run: Run) -> list[tuple[Decided, bool]]:
    """Every decision with whether the answer was wrong, in order. No answer is wrong, and is never delivered."""
    log = DecisionLog.of(journal, run)
    judged: list[tuple[Decided, bool]] = []
    for made in log.made:
        label = log.labels.get(made.attempt)
        if label is not None:
            judged.append((made.decided, label.error))
        elif made.decided.evidence.answer is None:
            judged.append((made.decided, True))
    return judged


def _outlook(certificate: Certificate, rest: Sequence[tuple[Decided, bool]]) -> Outlook:
    """What a certificate that is planned, but not fed, comes to on these."""
    rule = certificate.rule
    labels_used: int | None = None
    for count, (decided, error) in enumerate(rest, start=1):
        decision = certificate.decide(decided.decision.score, decided.draw)
        settled = Settled(decision=decision, error=error)
        certificate = certificate.after(settled)
        if labels_used is None and certificate.passed:
            labels_used = count
    above = _errors_above(certificate.threshold, rest)
    wrong_above = sum(above)
    wrong = sum(error for _, error in rest)
    base_error = wrong / len(rest) if rest else 0.0
    needed = None
    if above:
        error_above = (wrong_above + 0.5) / (len(above) + 1)
        needed = labels_needed(rule, error_above)
    return Outlook(
        allowed_error=rule.allowed_error,
        threshold=certificate.threshold,
        alone=proportion(len(above), len(rest)),
        error_alone=proportion(wrong_above, len(above)),
        ceiling=ceiling(base_error, rule.allowed_error),
        labels_needed=needed,
        labels_used=labels_used,
    )


def _errors_above(threshold: float | None, rest: Sequence[tuple[Decided, bool]]) -> list[bool]:
    """Of each case at or above the threshold, whether it is wrong."""
    if threshold is None:
        return []
    errors: list[bool] = []
    for decided, error in rest:
        score = decided.decision.score or 0.0
        if score >= threshold:
            errors.append(error)
    return errors
