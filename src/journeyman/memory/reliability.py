"""How reliable a lesson is: how often what it says proved right where it was recalled, beside others at its rank.

Withholding tells what a lesson does, but slowly: of ten cases it is left out in one. Where answers come again, as
labels of a classification do, each judged case also says of every lesson recalled for it, told or not, whether it
agrees with what proved right. This is truth discovery (Dawid and Skene 1979; Yin, Han and Yu 2008): a source is as
reliable as what it claims, a claim as likely as its source. Different here: claims are held against outcomes, not
against each other, so that a majority can't outvote a person who is right; and beside what lessons at the same rank do,
so that a job in which no answer ever comes again speaks for nobody and against nobody.

A lesson's agreements are counted as a Poisson number around what its ranks let expect times its reliability, which has
a Gamma prior around its contributor's, and that one around 1. Evidence fades as that of worth does.
"""

from __future__ import annotations

from journeyman.memory.worth import faded
from journeyman.store.memories import Uses

OF_A_LESSON = 3.0
OF_A_CONTRIBUTOR = 10.0
"""Agreements that each prior counts as."""

LEAST = 0.5
"""A lesson that is right less than half as often as others in its place is recalled no more."""


def reliability(uses: Uses, prior: float = 1.0, strength: float = OF_A_LESSON) -> float:
    """1: it agrees as often as others at its rank; 0: never, though it often should have."""
    left = faded(uses.age) * (uses.agreed >= 0)
    return float((strength * prior + left @ uses.agreed) / (strength + left @ uses.expected))
