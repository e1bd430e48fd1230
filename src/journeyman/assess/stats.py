"""Confidence intervals."""

from __future__ import annotations

from math import hypot, sqrt
from statistics import NormalDist

from journeyman.types import Record


class Proportion(Record):
    """`count` of `total`, with a 95 % interval. `value` is None where there is nothing to share."""

    count: int
    total: int
    value: float | None
    low: float | None
    high: float | None


def proportion(count: int, total: int, *, level: float = 0.95) -> Proportion:
    """Wilson's score interval (Wilson 1927): holds its level near 0 and 1 and for small totals.

    Raises ValueError for a count outside 0..total.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} is not a count out of {total}")
    if total == 0:
        return Proportion(count=0, total=0, value=None, low=None, high=None)
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + level / 2)
    square = z * z
    p = count / total
    widened = 1 + square / total
    middle = (p + square / (2 * total)) / widened
    variance = p * (1 - p) / total
    spread = sqrt(variance + square / (4 * total * total))
    half = z / widened * spread
    low = middle - half if count else 0.0
    high = middle + half if count < total else 1.0
    return Proportion(count=count, total=total, value=p, low=low, high=high)


def less(one: Proportion, other: Proportion) -> tuple[float, float, float] | None:
    """One share less another, of different cases, with its 95 % interval (Newcombe 1998). None: there is nothing.

    The interval is made of Wilson's two, so it holds for small totals as well.
    """
    mine = _known(one)
    theirs = _known(other)
    if mine is None or theirs is None:
        return None
    p, p_low, p_high = mine
    q, q_low, q_high = theirs
    difference = p - q
    below = hypot(p - p_low, q_high - q)
    above = hypot(p_high - p, q - q_low)
    return difference, difference - below, difference + above


def _known(part: Proportion) -> tuple[float, float, float] | None:
    """Its value and interval; None where any of them is missing."""
    value = part.value
    low = part.low
    high = part.high
    if value is None or low is None or high is None:
        return None
    return value, low, high


def percent(part: Proportion) -> str:
    """`62 % (51 – 72)`, or a dash where there is nothing to share."""
    known = _known(part)
    if known is None:
        return "–"
    value, low, high = (100 * figure for figure in known)
    return f"{value:.0f} % ({low:.0f} – {high:.0f})"
