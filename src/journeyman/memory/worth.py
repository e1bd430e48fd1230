"""Worth: the causal effect of showing a lesson, measured by withholding it at random.

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

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from journeyman.store.lesson_uses import Numbers, Uses
from journeyman.types import Record

PRIOR = 2.0
"""Imagined cases on each side."""

SURE = 0.95
"""A lesson is retired when it is so likely that it gives less than it costs."""

EFFECT = 0.1
"""How far lessons' true worths lie from nothing, as a standard deviation: what an estimate is weighed against."""

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
    shrunk: float
    """`value` drawn to nothing by how unsure it is, for comparing lessons: the less is known, the nearer to 0."""
    retired: bool
    """It very likely gives less than the least that was asked of it."""


def price(tokens: int) -> float:
    """What a lesson of so many tokens must be worth."""
    return PRICE * tokens


def worth(uses: Uses, *, typical: float, least: float = 0.0, sure: float = SURE) -> Worth:
    """`typical`: the mean score of the job's cases; `least`: what it must not reach, by a probability `sure`, to be
    retired."""
    shown = uses.shown > 0
    told = side(uses.where(shown), 1 - uses.withheld[shown], typical)
    left_out = side(uses.where(~shown), uses.withheld[~shown], typical)
    value = told.mean - left_out.mean
    spread = sqrt(told.variance + left_out.variance)
    below = NormalDist(value, spread).cdf(least)
    reach = 1.96 * spread
    prior = EFFECT**2
    return Worth(
        uses=len(shown),
        shown=int(shown.sum()),
        value=value,
        low=max(-1.0, value - reach),
        high=min(1.0, value + reach),
        shrunk=value * prior / (prior + spread**2),
        retired=below >= sure,
    )


def faded(age: Numbers, half_life: float = HALF_LIFE) -> Numbers:
    """What is left of a use's evidence."""
    half_lives = age / half_life
    return 0.5**half_lives


class Side(NamedTuple):
    """The weighted scores of one side, as a Beta posterior."""

    mean: float
    variance: float


def side(uses: Uses, chance: Numbers, typical: float) -> Side:
    """Weights count as many cases as they are worth together (Kish 1965), each as much as is left of it.

    Several uses in one case have one score, and count as one case.
    """
    expected = min(max(typical, 0.05), 0.95)
    seen = 0.0
    cases = 0.0
    if len(chance):
        seen, cases = _seen(uses, chance)
    weight = cases + PRIOR
    mean = (cases * seen + PRIOR * expected) / weight
    variance = mean * (1 - mean)
    return Side(mean, variance / (weight + 1))


def _seen(uses: Uses, chance: Numbers) -> tuple[float, float]:
    """The weighted mean of the scores, and as how many cases the weights count."""
    left = faded(uses.age)
    weight = uses.weight / chance
    whole = float(left @ weight)
    weighted = left * weight
    mean = float(weighted @ uses.score) / whole
    _, first, case = np.unique(uses.place, return_index=True, return_inverse=True)
    of_case = np.bincount(case, weight)
    left_of_case = left[first]
    squares = float(left_of_case @ of_case**2)
    return mean, whole**2 / squares
