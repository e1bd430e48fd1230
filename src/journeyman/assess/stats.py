"""Intervals."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from journeyman.types import Record


class Share(Record):
    """`count` of `total`, with a 95 % interval. `value` is None where there is nothing to share."""

    count: int
    total: int
    value: float | None
    low: float | None
    high: float | None


def share(count: int, total: int, *, level: float = 0.95) -> Share:
    """Wilson's score interval (Wilson 1927): holds its level near 0 and 1 and for small totals.

    Raises ValueError for a count outside 0..total.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} is not a count out of {total}")
    if total == 0:
        return Share(count=0, total=0, value=None, low=None, high=None)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = count / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    low = middle - half if count else 0.0
    high = middle + half if count < total else 1.0
    return Share(count=count, total=total, value=p, low=low, high=high)


def percent(part: Share) -> str:
    """`62 % (51 – 72)`, or a dash where there is nothing to share."""
    if part.value is None or part.low is None or part.high is None:
        return "–"
    return f"{100 * part.value:.0f} % ({100 * part.low:.0f} – {100 * part.high:.0f})"
