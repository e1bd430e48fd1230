"""The quality of probabilities: calibration, and discrimination between correct and wrong answers.

ECE moves by .15 with its definition alone, so here is ours: cases in order of confidence are cut into bins of equal
size (equal mass), equal confidences stay together in one bin; ECE is the mean over cases of the distance between their
bin's mean confidence and its accuracy. It is biased upwards even for confidences that are exactly true: see
`ece_floor`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from statistics import fmean

from journeyman.types import Record

BINS = 15

Ranked = list[tuple[float, bool]]

Figure = Callable[[Sequence[float], Sequence[bool]], float | None]


class Bin(Record):
    """One bar of a reliability diagram."""

    cases: int
    confidence: float
    """Mean."""
    correct: float
    """Share."""


class Interval(Record):
    value: float | None
    low: float | None
    high: float | None


def bins(confidences: Sequence[float], rights: Sequence[bool], *, count: int = BINS) -> list[Bin]:
    """At most `count` bins of about equal size, least confident first. Empty for no cases.

    Raises ValueError for sequences of different length.
    """
    ranked = _ranked(confidences, rights)
    total = len(ranked)
    found: list[Bin] = []
    start = 0
    for n in range(1, count + 1):
        end = max(start, total * n // count)
        while 0 < end < total and ranked[end][0] == ranked[end - 1][0]:
            end += 1
        if end > start:
            part = ranked[start:end]
            found.append(_bin(part))
        start = end
    return found


def _ranked(confidences: Sequence[float], rights: Sequence[bool]) -> Ranked:
    """Confidence and outcome of each case, the least confident first."""
    pairs = zip(confidences, rights, strict=True)
    return sorted(pairs)


def _bin(part: Ranked) -> Bin:
    confidence = fmean(confidence for confidence, _ in part)
    correct = fmean(correct for _, correct in part)
    return Bin(
        cases=len(part),
        confidence=confidence,
        correct=correct,
    )


def ece(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """Expected calibration error, as defined above (Naeini et al. 2015, with equal mass). None: no cases."""
    found = bins(confidences, rights)
    if not found:
        return None
    distances = [one.cases * abs(one.confidence - one.correct) for one in found]
    total = sum(one.cases for one in found)
    return sum(distances) / total


def ece_floor(confidences: Sequence[float]) -> float | None:
    """What `ece` gives on average if every confidence is exactly true, by the normal approximation. None: no cases."""
    rights = [False] * len(confidences)
    found = bins(confidences, rights)
    if not found:
        return None
    spreads: list[float] = []
    for one in found:
        variance = one.confidence * (1 - one.confidence)
        spreads.append(one.cases * math.sqrt(variance / one.cases))
    total = sum(one.cases for one in found)
    return math.sqrt(2 / math.pi) * sum(spreads) / total


def brier(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """Mean squared distance from the outcome (Brier 1950). None: no cases."""
    if not rights:
        return None
    pairs = zip(confidences, rights, strict=True)
    return fmean((confidence - correct) ** 2 for confidence, correct in pairs)


def brier_skill(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """The share of the base rate's Brier score that is saved; 0 for the base rate itself. None: only one class."""
    score = brier(confidences, rights)
    if score is None:
        return None
    base = fmean(rights)
    if base in {0.0, 1.0}:
        return None
    of_base = base * (1 - base)
    return 1 - score / of_base


def auroc(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """P(a right case is more confident than a wrong one), ties half (Mann and Whitney). None: only one class."""
    ranked = _ranked(confidences, rights)
    positives = sum(rights)
    negatives = len(rights) - positives
    if not positives or not negatives:
        return None
    total = 0.0
    wrong_below = 0
    for _, tied in groupby(ranked, key=itemgetter(0)):
        outcomes = [correct for _, correct in tied]
        correct = sum(outcomes)
        wrong = len(outcomes) - correct
        total += correct * (wrong_below + wrong / 2)
        wrong_below += wrong
    return total / (positives * negatives)


def interval(
    figure: Figure,
    confidences: Sequence[float],
    rights: Sequence[bool],
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> Interval:
    """A figure with its 95 % interval: percentiles over resampled cases (Efron 1979) that have a value."""
    rng = random.Random(seed)  # noqa: S311 - resampling
    count = len(rights)
    cases = range(count)
    values: list[float] = []
    for _ in range(rounds if count else 0):
        drawn = rng.choices(cases, k=count)
        drawn_confidences = [confidences[n] for n in drawn]
        drawn_rights = [rights[n] for n in drawn]
        value = figure(drawn_confidences, drawn_rights)
        if value is not None:
            values.append(value)
    of_all = figure(confidences, rights)
    if not values:
        return Interval(value=of_all, low=None, high=None)
    values.sort()
    known = len(values)
    first = int(0.025 * known)
    last = min(known - 1, int(0.975 * known))
    return Interval(value=of_all, low=values[first], high=values[last])
