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

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from journeyman.store.lesson_uses import GroupedUses, Numbers, Places, Uses
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
    """Of one lesson, or of several taken together; see `worths`."""
    alone = GroupedUses.of(uses)
    (found,) = worths(alone, typical=typical, least=[least], sure=sure)
    return found


def worths(
    grouped: GroupedUses, *, typical: float, least: Sequence[float], sure: float = SURE
) -> list[Worth]:
    """Of each group. `typical`: the mean score of the job's cases; `least`: what each group's worth must not be below,
    by a probability `sure`, or it is retired."""
    shown = grouped.uses.shown > 0
    with_it = grouped.where(shown)
    without = grouped.where(~shown)
    told = sides(with_it, 1 - with_it.uses.withheld, typical)
    left_out = sides(without, without.uses.withheld, typical)
    values = told.mean - left_out.mean
    spreads = np.sqrt(told.variance + left_out.variance)
    counts = grouped.counts()
    counts_shown = with_it.counts()
    found: list[Worth] = []
    for n, bound in enumerate(least):
        difference = Difference(float(values[n]), float(spreads[n]))
        is_retired = difference.below(bound) >= sure
        of_group = _worth(
            difference,
            uses=int(counts[n]),
            shown=int(counts_shown[n]),
            retired=is_retired,
        )
        found.append(of_group)
    return found


class Difference(NamedTuple):
    """Of the means of two sides, as a normal distribution."""

    value: float
    spread: float

    def below(self, bound: float) -> float:
        """The probability that it is less."""
        return NormalDist(self.value, self.spread).cdf(bound)


def _worth(difference: Difference, *, uses: int, shown: int, retired: bool) -> Worth:
    value, spread = difference
    reach = 1.96 * spread
    prior = EFFECT**2
    return Worth(
        uses=uses,
        shown=shown,
        value=value,
        low=max(-1.0, value - reach),
        high=min(1.0, value + reach),
        shrunk=value * prior / (prior + spread**2),
        retired=retired,
    )


def faded(age: Numbers, half_life: float = HALF_LIFE) -> Numbers:
    """What is left of a use's evidence."""
    half_lives = age / half_life
    return 0.5**half_lives


class Sides(NamedTuple):
    """The weighted scores of one side of each group, as Beta posteriors."""

    mean: Numbers
    variance: Numbers


def sides(grouped: GroupedUses, chance: Numbers, typical: float) -> Sides:
    """Weights count as many cases as they are worth together (Kish 1965), each as much as is left of it.

    `chance`: of each use, how likely it was that it came to stand on this side. Several uses of a group in one case
    have one score, and count as one case. A side that nothing is known of scores what is typical.
    """
    expected = min(max(typical, 0.05), 0.95)
    seen, cases = _seen(grouped, chance)
    weight = cases + PRIOR
    mean = (cases * seen + PRIOR * expected) / weight
    variance = mean * (1 - mean)
    return Sides(mean, variance / (weight + 1))


def _seen(grouped: GroupedUses, chance: Numbers) -> tuple[Numbers, Numbers]:
    """Of each group the weighted mean of the scores, and as how many cases the weights count; 0 and 0 without uses."""
    uses = grouped.uses
    left = faded(uses.age)
    weight = uses.weight / chance
    weighted = left * weight
    whole = grouped.sums(weighted)
    scored = grouped.sums(weighted * uses.score)
    first = _first_of_each_case(grouped)
    of_case = np.add.reduceat(weight, first) if len(first) else weight
    of_cases = grouped.where(first)
    squares = of_cases.sums(left[first] * of_case**2)
    known = whole > 0
    nothing = np.zeros(len(whole))
    seen = np.divide(scored, whole, out=nothing.copy(), where=known)
    cases = np.divide(whole**2, squares, out=nothing, where=known)
    return seen, cases


def _first_of_each_case(grouped: GroupedUses) -> Places:
    """Where each group's uses in one case begin; these stand together."""
    place = grouped.uses.place
    if not len(place):
        return np.zeros(0, np.intp)
    another_case = np.diff(place) != 0
    another_group = np.diff(grouped.group) != 0
    (later,) = np.nonzero(another_case | another_group)
    return np.concatenate([[0], later + 1])
