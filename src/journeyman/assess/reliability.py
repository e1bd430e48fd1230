"""How good probabilities are: whether they are true on average, and whether they tell right from wrong.

ECE moves by .15 with its definition alone, so here is ours: cases in order of confidence are cut into bins of equal
size (equal mass), equal confidences stay together in one bin; ECE is the mean over cases of the distance between their
bin's mean confidence and its accuracy. It is biased upwards even for confidences that are exactly true: see
`ece_floor`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from statistics import fmean

from journeyman.types import Record

BINS = 15

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
    ranked = sorted(zip(confidences, rights, strict=True))
    found: list[Bin] = []
    start = 0
    for n in range(1, count + 1):
        end = max(start, len(ranked) * n // count)
        while 0 < end < len(ranked) and ranked[end][0] == ranked[end - 1][0]:
            end += 1
        if end > start:
            part = ranked[start:end]
            found.append(
                Bin(
                    cases=len(part),
                    confidence=fmean(c for c, _ in part),
                    correct=fmean(r for _, r in part),
                )
            )
        start = end
    return found


def ece(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """Expected calibration error, as defined above (Naeini et al. 2015, with equal mass). None: no cases."""
    found = bins(confidences, rights)
    total = sum(one.cases for one in found)
    return (
        sum(one.cases * abs(one.confidence - one.correct) for one in found) / total
        if total
        else None
    )


def ece_floor(confidences: Sequence[float]) -> float | None:
    """What `ece` gives on average if every confidence is exactly true, by the normal approximation. None: no cases."""
    found = bins(confidences, [False] * len(confidences))
    total = sum(one.cases for one in found)
    if not total:
        return None
    spread = (
        one.cases * math.sqrt(one.confidence * (1 - one.confidence) / one.cases) for one in found
    )
    return math.sqrt(2 / math.pi) * sum(spread) / total


def brier(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """Mean squared distance from the outcome (Brier 1950). None: no cases."""
    return fmean((c - r) ** 2 for c, r in zip(confidences, rights, strict=True)) if rights else None


def brier_skill(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """The share of the base rate's Brier score that is saved; 0 for the base rate itself. None: only one class."""
    score = brier(confidences, rights)
    base = fmean(rights) if rights else 0.0
    return None if score is None or base in {0.0, 1.0} else 1 - score / (base * (1 - base))


def auroc(confidences: Sequence[float], rights: Sequence[bool]) -> float | None:
    """P(a right case is more confident than a wrong one), ties half (Mann and Whitney). None: only one class."""
    ranked = sorted(zip(confidences, rights, strict=True))
    positives = sum(rights)
    negatives = len(rights) - positives
    if not positives or not negatives:
        return None
    total, below, start = 0.0, 0, 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        correct = sum(r for _, r in ranked[start:end])
        wrong = end - start - correct
        total += correct * (below + wrong / 2)
        below, start = below + wrong, end
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
    rng, count, seen = random.Random(seed), len(rights), []  # noqa: S311 - resampling
    for _ in range(rounds if count else 0):
        drawn = rng.choices(range(count), k=count)
        value = figure([confidences[n] for n in drawn], [rights[n] for n in drawn])
        if value is not None:
            seen.append(value)
    seen.sort()
    if not seen:
        return Interval(value=figure(confidences, rights), low=None, high=None)
    low, high = seen[int(0.025 * len(seen))], seen[min(len(seen) - 1, int(0.975 * len(seen)))]
    return Interval(value=figure(confidences, rights), low=low, high=high)
