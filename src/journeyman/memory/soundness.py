"""How likely a lesson is correct: how often it agrees with correct answers, compared with others at its rank.

Withholding tells what a lesson does, but slowly: of ten cases it is left out in one. Where answers come again, as
labels of a classification do, each judged case also says of every lesson recalled for it, told or not, whether it
agrees with what proved right. This is truth discovery (Dawid and Skene 1979; Yin, Han and Yu 2008): a source is as
reliable as what it claims, a claim as likely as its source. Different here: claims are held against outcomes, not
against each other, so that a majority can't outvote a person who is right; and beside what lessons at the same rank do,
so that a job in which no answer ever comes again speaks for nobody and against nobody. Cases count alike, however
likely it was that they would be judged, for lessons are compared in the same ones.

A lesson is either sound, and agrees as often as others recalled at its rank and at its time, or wrong, and agrees a
tenth as often. Which of the two, Bayes' rule says; a new one is as likely wrong as its contributor's others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from journeyman.memory.worth import faded
from journeyman.store.lesson_uses import GroupedUses, Numbers, Uses

WRONG = 0.1
"""The share of lessons that are wrong, before anything is known of whoever contributed them."""

CHANCE = 0.1
"""How often a wrong lesson agrees, as a share of what a sound one does."""

CREDIT = 10.0
"""Agreements that must be missing until a contributor is half believed."""

HALF_LIFE = 1_600
"""Judged cases of a job after which an agreement says half as much: what is right stays so longer than what helps."""

LEAST = 0.5
"""A lesson that is more likely wrong than sound is recalled no more."""


def credit(uses: Uses) -> float:
    """How often one contributor's lessons agree; see `credits_of`."""
    (found,) = credits_of(GroupedUses.of(uses))
    return found


def credits_of(grouped: GroupedUses) -> list[float]:
    """How often each contributor's lessons agree, beside others at their ranks: 1 as often, 0 never."""
    uses = grouped.uses
    left = _left(uses)
    agreed = CREDIT + grouped.sums(left * uses.agreed)
    expected = CREDIT + grouped.sums(left * uses.expected)
    share = agreed / expected
    return list(map(float, share))


def soundness(uses: Uses, believed: float = 1.0) -> float:
    """The probability that one lesson is sound; see `soundnesses`."""
    (found,) = soundnesses(GroupedUses.of(uses), [believed])
    return found


def soundnesses(grouped: GroupedUses, believed: Sequence[float]) -> list[float]:
    """The probability that each lesson is sound, given its contributor's credit; 0.9 where nothing is known."""
    uses = grouped.uses
    share = np.clip(uses.expected, 0.0, 0.95)
    missing_if_wrong = 1 - CHANCE * share
    missing = np.log(missing_if_wrong / (1 - share))
    agreed = uses.agreed > 0
    for_wrong: Numbers = np.where(agreed, log(CHANCE), missing)
    left = _left(uses)
    evidence = grouped.sums(left * for_wrong)
    odds = np.exp(np.minimum(evidence, 500.0))
    credited = np.minimum(1.0, believed)
    before = (1 - WRONG) * credited
    wrong = (1 - before) * odds
    sound = before / (before + wrong)
    return list(map(float, sound))


def _left(uses: Uses) -> Numbers:
    """What is left of each use's evidence: none where it was not found out what is right."""
    known = uses.agreed >= 0
    left = faded(uses.age, HALF_LIFE)
    return np.where(known, left, 0.0)
