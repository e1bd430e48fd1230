"""The wealth of several bets on one claim: one for each guess of how large the true error is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import add, mul, sub, truediv

GUESSES = (0.1, 0.4, 0.7)
"""The true error above a threshold, as a share of α: for each, the bet that is best if it is so; they are averaged."""

NO_ALARM = (0.0,) * len(GUESSES)

Amounts = Sequence[float]
"""One for each guess."""

Wealth = tuple[float, ...]
"""Of bets, one for each guess."""


@lru_cache(maxsize=1_000)
def bet_factors(allowed: float, scale: float, error: bool) -> Wealth:
    """1 + λ(α − L)/π for each guess, with λ = (1 − guess)·min π/(1 − α)."""
    gain = (allowed - error) / (1 - allowed) * scale
    factors: list[float] = []
    for guess in GUESSES:
        bet = (1 - guess) * gain
        factors.append(1 + bet)
    return tuple(factors)


@lru_cache(maxsize=1_000)
def watch_factors(allowed: float, scale: float, error: bool) -> Wealth:
    """1 + λ(L − α)/π for each guess, with λ = (1 − guess)·min π/α."""
    gain = (error - allowed) / allowed * scale
    factors: list[float] = []
    for guess in GUESSES:
        bet = (1 - guess) * gain
        factors.append(1 + bet)
    return tuple(factors)


def begun_anew(alarm: Amounts, looked: int) -> Wealth:
    """With the bets that begin at the n-th audit."""
    root = math.pi * looked
    fresh = 6 / root**2
    each = [fresh] * len(alarm)
    return plus(alarm, each)


def times(amounts: Amounts, factors: Amounts) -> Wealth:
    each = map(mul, amounts, factors)
    return tuple(each)


def over(amounts: Amounts, others: Amounts) -> Wealth:
    each = map(truediv, amounts, others)
    return tuple(each)


def plus(amounts: Amounts, others: Amounts) -> Wealth:
    each = map(add, amounts, others)
    return tuple(each)


def less(amounts: Amounts, others: Amounts) -> Wealth:
    each = map(sub, amounts, others)
    return tuple(each)
