"""What a recalled lesson is worth: the causal difference that it makes, from random withholding.

Each time that a lesson is recalled, a coin with a known probability leaves it out all the same. So the cases in which
it was told and those in which it was withheld differ by nothing else, and the difference of their scores, each weighted
by one over the probability of what happened to it (and of its label being seen), is the lesson's effect (Horvitz and
Thompson 1952; normalised, Hájek 1971). Similarity says what a lesson is about; only this says whether it helps.

With few uses the estimate is drawn to nothing: each side begins with `PRIOR` imagined cases that score what the job's
cases score on the whole.

Evidence fades: what a use says is discounted by half for every `HALF_LIFE` judged cases since (a power prior, Ibrahim
and Chen 2000). What is retired gets no new uses, so its evidence thins until it is tried again: the surer the harm, the
later. For good is shut out only what does harm whenever it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from statistics import NormalDist

from journeyman.store.memories import Used
from journeyman.types import Record

PRIOR = 2.0
"""Imagined cases on each side."""

SURE = 0.95
"""A lesson is retired when it is so likely that it gives less than it costs."""

HALF_LIFE = 400
"""Judged cases of a job after which a use says half as much."""

PRICE = 0.00002
"""Score that a token of the prompt must bring: a hundred tokens, a fifth of a point."""


class Worth(Record):
    uses: int
    shown: int
    value: float
    """Mean score with the lesson less that without it, drawn to 0 where little is known."""
    low: float
    high: float
    """Of its 95 % interval."""
    retired: bool
    """It very likely gives less than the least that was asked of it."""


def price(tokens: int) -> float:
    """What a lesson of so many tokens must be worth."""
    return PRICE * tokens


def worth(uses: Iterable[Used], *, typical: float, least: float = 0.0) -> Worth:
    """`typical`: the mean score of the job's cases; `least`: what must very likely not be reached, to be retired."""
    counted = list(uses)
    told, left_out = _Side(typical), _Side(typical)
    for use in counted:
        side, chance = (told, 1 - use.withheld) if use.shown else (left_out, use.withheld)
        side.add(use.score, use.weight / chance, faded(use.age))
    value = told.mean - left_out.mean
    spread = sqrt(told.variance + left_out.variance)
    below = NormalDist(value, spread).cdf(least)
    return Worth(
        uses=len(counted),
        shown=sum(use.shown for use in counted),
        value=value,
        low=max(-1.0, value - 1.96 * spread),
        high=min(1.0, value + 1.96 * spread),
        retired=below >= SURE,
    )


def faded(age: int) -> float:
    """What is left of one use's evidence."""
    return float(0.5 ** (age / HALF_LIFE))


class _Side:
    """The weighted scores of one side, as a Beta posterior: weights count as many cases as they are worth together."""

    def __init__(self, typical: float) -> None:
        self.typical = min(max(typical, 0.05), 0.95)
        self.weight = self.squares = self.total = 0.0

    def add(self, score: float, weight: float, left: float) -> None:
        self.weight += left * weight
        self.squares += left * weight * weight
        self.total += left * weight * score

    @property
    def count(self) -> float:
        """Effective (Kish 1965), each case counting as much as is left of it."""
        return self.weight**2 / self.squares if self.squares else 0.0

    @property
    def mean(self) -> float:
        seen = self.total / self.weight if self.weight else 0.0
        return (self.count * seen + PRIOR * self.typical) / (self.count + PRIOR)

    @property
    def variance(self) -> float:
        return self.mean * (1 - self.mean) / (self.count + PRIOR + 1)


def factor(known: Worth) -> float:
    """What a lesson's rank is multiplied with: 1 for one of unknown or no effect, 2 for one that always decides."""
    return 1.0 + max(-0.9, known.value)
