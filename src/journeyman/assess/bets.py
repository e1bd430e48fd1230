"""A test of one hypothesis about a mean, case by case: the wealth of a bettor who starts with 1.

The wealth is worth at most 1 on average as long as the claim is false, so it reaches 1/level with probability at most
`level`, however often one looks (Ville 1939). It is a product of 1 + bet·surplus, each bet fixed before its case; for a
bounded mean there is no other fair game. All that can be chosen is the bet. Ours is as much as the drift seen so far,
less one standard error, is worth (Kelly 1956); or, if that is more, as much as it takes to be done with the cases that
are left (after STaR bets, arXiv 2505.22422). An average over a few fixed bets, which the certificate has because its
stream never ends, proves much less on an exam of given length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

Hypothesis = Literal["helps", "harmless", "harmful"]

Chances = tuple[tuple[float, float], ...]
"""Probabilities, each with what is gained then."""
Bounds = tuple[float, float]

GUESSED_CASES, GUESSED_SQUARE = 10, 0.2
"""What bets begin with, as if seen before: so many cases, with this mean square of d."""

BOLDEST = 0.95
"""The largest bet, as a share of the one that a single lost case would ruin."""

FAR = 2.5
"""Standard errors above the mean so far that the cases left may still be hoped to reach."""


@dataclass(frozen=True)
class Question:
    """A claim about a job, or about one slice of it, and the wealth of the bets on it."""

    claim: Hypothesis
    job: str
    slice: str | None
    """None: the whole job."""
    bar: float
    """The evidence that proves it."""
    left: int
    """Cases that it may still be asked."""
    margin: float = 0.0
    evidence: float = 1.0
    """Wealth; it stays what it was once the claim is proven."""
    seen: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def proven(self) -> bool:
        return self.evidence >= self.bar

    @property
    def bet(self) -> float:
        """The share of the wealth that is put on the next case, from what came before it alone."""
        mean, square, count = self._so_far()
        standard_error = math.sqrt(square / count)
        drift = max(mean - standard_error, self._drift_needed(square))
        boldest = BOLDEST / (1 - self.margin)
        return min(drift / square, boldest)

    @property
    def hopeless(self) -> bool:
        """Whether the cases left would have to go better than can be foreseen, by so many standard errors."""
        if self.proven or not self.left:
            return not self.proven
        mean, square, count = self._so_far()
        standard_error = math.sqrt(square / count + square / self.left)
        hoped = mean + FAR * standard_error
        return self._drift_needed(square) > hoped

    def after(self, difference: float | None) -> Self:
        """With one more case; None: it tells nothing. Raises ValueError where no case is left."""
        if not self.left:
            raise ValueError(f"job {self.job!r} has no case left to ask, slice {self.slice!r}")
        left = self.left - 1
        if self.proven or difference is None:
            return replace(self, left=left)
        surplus = difference + self.margin
        if self.claim == "harmful":
            surplus = -difference
        factor = 1 + self.bet * surplus
        return replace(
            self,
            left=left,
            evidence=self.evidence * factor,
            seen=self.seen + 1,
            total=self.total + surplus,
            squares=self.squares + surplus * surplus,
        )

    def _so_far(self) -> tuple[float, float, int]:
        """Mean and mean square of what is bet on, and the count that they rest on, the guess among them."""
        count = self.seen + GUESSED_CASES
        squares = self.squares + GUESSED_CASES * GUESSED_SQUARE
        mean = self.total / count
        mean_square = squares / count
        return mean, mean_square, count

    def _drift_needed(self, square: float) -> float:
        """The mean per case that brings the wealth to the bar in the cases left, by the bet best for that mean."""
        wealth = max(self.evidence, 1e-300)
        missing = math.log(self.bar / wealth)
        squared = 2 * missing * square / self.left
        return math.sqrt(squared)


def growth(wins: float, losses: float, margin: float = 0.0) -> float:
    """By how much evidence can grow per case, in nats, when d is 1 with probability `wins` and -1 with `losses`.

    It is KL-inf, the least divergence from any truth with E[d] <= -margin; 0: E[d] is no larger than that.
    """
    bet = best_bet(wins, losses, margin)
    grown: list[float] = []
    for chance, gain in _chances(wins, losses, margin):
        if chance > 0:
            logarithm = math.log1p(bet * gain)
            grown.append(chance * logarithm)
    return sum(grown)


def best_bet(wins: float, losses: float, margin: float = 0.0) -> float:
    """The bet by which it grows so, for whoever knows the truth."""
    chances = _chances(wins, losses, margin)
    low = 0.0
    high = 1 / (1 - margin)
    for _ in range(100):
        bet = (low + high) / 2
        slope = _slope(bet, chances)
        if slope > 0:
            low = bet
        else:
            high = bet
    return low


def _slope(bet: float, chances: Chances) -> float:
    """How much more evidence would grow with a slightly larger bet."""
    slopes: list[float] = []
    for chance, gain in chances:
        if chance > 0:
            factor = 1 + bet * gain
            slopes.append(chance * gain / factor)
    return sum(slopes)


def _chances(wins: float, losses: float, margin: float) -> Chances:
    """The probability of each difference, with what it gains."""
    won = (wins, 1 + margin)
    drawn = (1 - wins - losses, margin)
    lost = (losses, margin - 1)
    return won, drawn, lost


def pairs_needed(level: float, wins: float, losses: float, margin: float = 0.0) -> float | None:
    """ln(1/level)/growth: no valid test that ends with the proof needs fewer pairs on average. None: it never ends."""
    rate = growth(wins, losses, margin)
    if rate <= 1e-12:
        return None
    evidence = math.log(1 / level)
    return evidence / rate


STEPS = 50
"""To 1, of the means that `bounds` asks about."""


def bounds(differences: Sequence[float], cases: int, *, level: float = 0.05) -> Bounds:
    """The means that no bet has ruled out, of at most `cases` differences: E[d] is between, with probability 1 - level.

    It holds whenever one looks, so at the end of an exam that stopped by what it saw as well, where an interval for a
    fixed number of cases does not. Each mean is asked about as an exam asks, in order from the farthest, up to the
    first that is not ruled out: for E[d] to lie outside, one false claim must have been proven (Ville 1939).
    """
    bar = 2 / level
    mirrored = [-difference for difference in differences]
    low = _ruled_out(differences, cases, bar)
    high = _ruled_out(mirrored, cases, bar)
    return low, -high


def _ruled_out(differences: Sequence[float], cases: int, bar: float) -> float:
    """The largest mean m, in steps from -1, up to which it is proven that E[d] > m."""
    proven = -1.0
    for step in range(1 - STEPS, STEPS):
        mean = step / STEPS
        question = Question("harmless", "", None, bar, cases, margin=-mean)
        for difference in differences:
            question = question.after(difference)
        if not question.proven:
            break
        proven = mean
    return proven
