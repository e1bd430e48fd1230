"""Intervals."""

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
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = count / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    low = middle - half if count else 0.0
    high = middle + half if count < total else 1.0
    return Proportion(count=count, total=total, value=p, low=low, high=high)


def less(one: Proportion, other: Proportion) -> tuple[float, float, float] | None:
    """One share less another, of different cases, with its 95 % interval (Newcombe 1998). None: there is nothing.

    The interval is made of Wilson's two, so it holds for small totals as well.
    """
    known = [
        part
        for part in (one.value, one.low, one.high, other.value, other.low, other.high)
        if part is not None
    ]
    if len(known) < 6:
        return None
    p, p_low, p_high, q, q_low, q_high = known
    return p - q, p - q - hypot(p - p_low, q_high - q), p - q + hypot(p_high - p, q - q_low)


def percent(part: Proportion) -> str:
    """`62 % (51 – 72)`, or a dash where there is nothing to share."""
    if part.value is None or part.low is None or part.high is None:
        return "–"
    return f"{100 * part.value:.0f} % ({100 * part.low:.0f} – {100 * part.high:.0f})"
