"""Figures of a run's decisions: calibration, answers delivered alone, and the work of reviewers.

Reliability is told of the cases whose truth is known. Where only people label, those are the escalated and the audited
ones, so the figures lean towards the doubtful cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean
from typing import NamedTuple

from journeyman.assess.reliability import (
    Bin,
    Interval,
    auroc,
    bins,
    brier_skill,
    ece,
    ece_floor,
    interval,
)
from journeyman.assess.rule import Rule
from journeyman.assess.selective import ceiling, labels_needed
from journeyman.assess.stats import Proportion, proportion
from journeyman.types import Decision, Record

POINTS = 100
"""Of a curve, at most."""


class Seen(NamedTuple):
    """One decided case."""

    at: float
    decision: Decision
    correct: bool | None
    labelled: bool


class Point(Record):
    """Of a curve."""

    x: float
    y: float


class Trust(Record):
    allowed_error: float
    confidence: float
    audit_rate: float
    decided: int
    threshold: float | None
    """In force at the last decision. None: nothing is delivered."""
    delivered: Proportion
    error_delivered: Proportion
    """Among delivered cases whose truth is known."""
    reviewed: Proportion
    """Human load: escalated or audited, of all."""
    waiting: int
    """Looked at by nobody yet."""
    base_error: Proportion
    ceiling: float | None
    """(1 − μ)/(1 − α), the most that any rule could deliver. None: no truth is known."""
    efficiency: float | None
    """η: what was delivered, over the ceiling."""
    labels: int
    labels_to_first: int | None
    """Labels until the first case was delivered. None: none was."""
    labels_needed: float | None
    """ln(1/δ)/KL at the error seen among the delivered. None: nothing was delivered, or it was not under α."""
    auroc: Interval
    ece: Interval
    ece_floor: float | None
    """What true confidences would give with as many cases."""
    brier_skill: Interval
    aurc: float | None
    """Mean error over all coverages (El-Yaniv and Wiener 2010); lower is better."""
    bins: tuple[Bin, ...]
    risk_coverage: tuple[Point, ...]
    """x: the share of cases above a confidence; y: the share of wrong ones among them."""
    course: tuple[Point, ...]
    """x: decisions so far; y: the share of the last tenth that was delivered."""


def trust(rule: Rule, seen: Sequence[Seen]) -> Trust | None:
    """None: nothing was decided."""
    if not seen:
        return None
    ordered = sorted(seen, key=lambda case: case.at)
    delivered = [case for case in ordered if case.decision.deliver]
    cases = len(ordered)
    alone = proportion(len(delivered), cases)
    wrong = _wrong(ordered)
    errors = _wrong(delivered)
    audited = sum(case.decision.audit for case in ordered)
    most = None
    if wrong.value is not None:
        most = ceiling(wrong.value, rule.allowed_error)
    efficiency = None
    if most and alone.value is not None:
        efficiency = alone.value / most
    scores, rights = _judged(ordered)
    curve = risk_coverage(scores, rights)
    return Trust(
        allowed_error=rule.allowed_error,
        confidence=rule.confidence,
        audit_rate=rule.audit_rate,
        decided=cases,
        threshold=ordered[-1].decision.threshold,
        delivered=alone,
        error_delivered=errors,
        reviewed=proportion(audited, cases),
        waiting=sum(map(_waits, ordered)),
        base_error=wrong,
        ceiling=most,
        efficiency=efficiency,
        labels=sum(case.labelled for case in ordered),
        labels_to_first=_labels_to_first(ordered),
        labels_needed=_labels_needed(rule, errors),
        auroc=interval(auroc, scores, rights, rounds=200),
        ece=interval(ece, scores, rights, rounds=200),
        ece_floor=ece_floor(scores),
        brier_skill=interval(brier_skill, scores, rights, rounds=200),
        aurc=fmean(point.y for point in curve) if curve else None,
        bins=tuple(bins(scores, rights)),
        risk_coverage=tuple(thinned(curve)),
        course=tuple(thinned(_course(ordered))),
    )


def _wrong(cases: Sequence[Seen]) -> Proportion:
    """Wrong ones, of those whose truth is known."""
    verdicts = [case.correct for case in cases]
    correct = verdicts.count(True)
    wrong = verdicts.count(False)
    return proportion(wrong, correct + wrong)


def _judged(cases: Sequence[Seen]) -> tuple[list[float], list[bool]]:
    """Confidence and truth of the cases that have both."""
    scores: list[float] = []
    rights: list[bool] = []
    for case in cases:
        if case.correct is not None and case.decision.score is not None:
            scores.append(case.decision.score)
            rights.append(case.correct)
    return scores, rights


def _waits(case: Seen) -> bool:
    """Whether a person is to look at it, and nobody has."""
    known = case.labelled or case.correct is not None
    return case.decision.audit and not known


def _labels_needed(rule: Rule, errors: Proportion) -> float | None:
    if not errors.total:
        return None
    error = (errors.count + 0.5) / (errors.total + 1)
    return labels_needed(rule, error)


def risk_coverage(scores: Sequence[float], rights: Sequence[bool]) -> list[Point]:
    """The share of wrong cases among the n most confident ones, for every n (Geifman and El-Yaniv 2017)."""
    pairs = list(zip(scores, rights, strict=True))
    pairs.sort(key=lambda pair: -pair[0])
    total = len(pairs)
    wrong = 0
    points: list[Point] = []
    for count, (_, correct) in enumerate(pairs, start=1):
        if not correct:
            wrong += 1
        point = Point(x=count / total, y=wrong / count)
        points.append(point)
    return points


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most `POINTS` of them, evenly, the last among them."""
    total = len(points)
    if total <= POINTS:
        return list(points)
    counts = range(1, POINTS + 1)
    places = [count * total // POINTS - 1 for count in counts]
    return [points[place] for place in places]


def _course(ordered: Sequence[Seen]) -> list[Point]:
    """The share of the last tenth that was delivered, after each decision."""
    total = len(ordered)
    width = max(1, total // 10)
    delivered = [case.decision.deliver for case in ordered]
    so_far = [0, *accumulate(delivered)]
    points: list[Point] = []
    for count in range(1, total + 1):
        start = max(0, count - width)
        recent = so_far[count] - so_far[start]
        point = Point(x=count, y=recent / min(count, width))
        points.append(point)
    return points


def _labels_to_first(ordered: Sequence[Seen]) -> int | None:
    labels = 0
    for case in ordered:
        if case.decision.deliver:
            return labels
        labels += case.labelled
    return None
