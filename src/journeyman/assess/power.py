"""What the detector of drift can see, and how many reviews may be missing until it can't."""

from __future__ import annotations

import math

from journeyman.assess.rule import Rule
from journeyman.assess.wealth import WATCH_GUESSES, watch_factor, weight

SEEN_BEFORE = 30
"""Audits that are thought to be done when a rise begins: so small is the weight of the bets that begin with it."""

SLOWER = 0.2
"""By this share, at most, may reviews that are missing delay the detector."""


def missing_allowed(rule: Rule) -> int:
    """How many audits may be overdue until nothing is delivered any more: the power of the detector says.

    Each counts as right. Were they wrong, a rise of the error to four times what is allowed (at most half-way to 1)
    would be seen later: by a fifth at most with so many missing.
    """
    allowed = rule.allowed_error
    risen = min(4 * allowed, (1 + allowed) / 2)
    quickest = 0.0
    lost = 0.0
    for guess in WATCH_GUESSES:
        right = math.log(watch_factor(allowed, False, guess))
        wrong = math.log(watch_factor(allowed, True, guess))
        growth = risen * wrong + (1 - risen) * right
        if growth > quickest:
            quickest = growth
            lost = growth - right
    begun = weight(SEEN_BEFORE) / len(WATCH_GUESSES)
    bar = math.pi**2 / 6 / (1 - rule.confidence)
    evidence = math.log(bar / begun)
    return int(SLOWER * evidence / lost)
