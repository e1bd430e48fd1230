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
from journeyman.assess.selective import Rule, ceiling, labels_needed
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
    ordered = sorted(seen, key=lambda one: one.at)
    delivered = [one for one in ordered if one.decision.deliver]
    known = [one for one in ordered if one.correct is not None]
    judged = [
        (one.decision.score, bool(one.correct)) for one in known if one.decision.score is not None
    ]
    scores, rights = [score for score, _ in judged], [correct for _, correct in judged]
    wrong = proportion(sum(one.correct is False for one in known), len(known))
    alone = proportion(len(delivered), len(ordered))
    errors = proportion(
        sum(one.correct is False for one in delivered),
        sum(one.correct is not None for one in delivered),
    )
    most = None if wrong.value is None else ceiling(wrong.value, rule.allowed_error)
    curve = risk_coverage(scores, rights)
    return Trust(
        allowed_error=rule.allowed_error,
        confidence=rule.confidence,
        audit_rate=rule.audit_rate,
        decided=len(ordered),
        threshold=ordered[-1].decision.threshold,
        delivered=alone,
        error_delivered=errors,
        reviewed=proportion(sum(one.decision.audit for one in ordered), len(ordered)),
        waiting=sum(
            one.decision.audit and one.correct is None and not one.labelled for one in ordered
        ),
        base_error=wrong,
        ceiling=most,
        efficiency=alone.value / most if most and alone.value is not None else None,
        labels=sum(one.labelled for one in ordered),
        labels_to_first=_labels_to_first(ordered),
        labels_needed=labels_needed(rule, (errors.count + 0.5) / (errors.total + 1))
        if errors.total
        else None,
        auroc=interval(auroc, scores, rights, rounds=200),
        ece=interval(ece, scores, rights, rounds=200),
        ece_floor=ece_floor(scores),
        brier_skill=interval(brier_skill, scores, rights, rounds=200),
        aurc=fmean(point.y for point in curve) if curve else None,
        bins=tuple(bins(scores, rights)),
        risk_coverage=tuple(thinned(curve)),
        course=tuple(thinned(_course(ordered))),
    )


def risk_coverage(scores: Sequence[float], rights: Sequence[bool]) -> list[Point]:
    """The share of wrong cases among the n most confident ones, for every n (Geifman and El-Yaniv 2017)."""
    ranked = sorted(zip(scores, rights, strict=True), key=lambda pair: -pair[0])
    wrong, points = 0, []
    for count, (_, correct) in enumerate(ranked, start=1):
        wrong += not correct
        points.append(Point(x=count / len(ranked), y=wrong / count))
    return points


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most `POINTS` of them, evenly, the last among them."""
    if len(points) <= POINTS:
        return list(points)
    return [points[(n + 1) * len(points) // POINTS - 1] for n in range(POINTS)]


def _course(ordered: Sequence[Seen]) -> list[Point]:
    width = max(1, len(ordered) // 10)
    so_far = [0, *accumulate(one.decision.deliver for one in ordered)]
    return [
        Point(x=n, y=(so_far[n] - so_far[max(0, n - width)]) / min(n, width))
        for n in range(1, len(ordered) + 1)
    ]


def _labels_to_first(ordered: Sequence[Seen]) -> int | None:
    first = next((n for n, one in enumerate(ordered) if one.decision.deliver), None)
    return None if first is None else sum(one.labelled for one in ordered[:first])
