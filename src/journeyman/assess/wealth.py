"""The wealth of several bets on one claim: one for each guess of how large the true error is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import add, mul, sub, truediv

GUESSES = (0.1, 0.4, 0.7)
"""The true error above a threshold, as a share of α: for each, the bet that is best if it is so; they are averaged."""

WATCH_GUESSES = (0.6, 0.8, 0.92)
"""The same in the detector: the last is best where the error is a little above α, the first where it is far above."""

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
def watch_factors(allowed: float, error: bool, *, in_turn: bool) -> Wealth:
    """1 + λ(L − α)/π for each guess of the detector, with λ = (1 − guess)·π/α: what is delivered has one π at a time.

    `in_turn`: the guesses of runs that wait for each label.
    """
    guesses = GUESSES if in_turn else WATCH_GUESSES
    factors: list[float] = []
    for guess in guesses:
        factor = watch_factor(allowed, error, guess)
        factors.append(factor)
    return tuple(factors)


def watch_factor(allowed: float, error: bool, guess: float) -> float:
    gain = (error - allowed) / allowed
    return 1 + (1 - guess) * gain


def begun_anew(alarm: Amounts, looked: int, *, in_turn: bool) -> Wealth:
    """With the bets that begin at the n-th audit."""
    fresh = first_weight(looked) if in_turn else weight(looked)
    each = [fresh] * len(alarm)
    return plus(alarm, each)


def first_weight(looked: int) -> float:
    """Of the bets that begin at the n-th audit, in runs that wait for each label. They sum to 1."""
    root = math.pi * looked
    return 6 / root**2


WEIGHTS = 1.31
"""Above the sum of 1/((n + 1)·ln²(n + 2)) over all n ≥ 1."""


def weight(looked: int) -> float:
    """Of the bets that begin at the n-th audit. They sum to less than 1, and fall slowly, so that late ones count."""
    logarithm = math.log(looked + 2)
    return 1 / (WEIGHTS * (looked + 1) * logarithm**2)


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
