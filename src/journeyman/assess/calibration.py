"""Calibration: from evidence to P(correct), learned from labelled cases weighted by their label probability.

Logistic regression on standardised signals with a Gaussian prior around zero, by Newton's method; each case weighs one
over the probability that its label was seen (Horvitz and Thompson 1952), or confident, seldom audited cases would
count too little. Probabilities are averaged over the posterior (Laplace; MacKay 1992), which draws them towards one
half where few labels speak: a cold start says how little it knows. A signal that is missing counts as average, and that
it is missing is a signal of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from journeyman.assess.evidence import evidence_of
from journeyman.assess.neighbours import KeptNeighbours, Neighbours, PastTexts
from journeyman.assess.taught import TaughtCase, names_of, signals_of, texts_of, values_of
from journeyman.protocols import Assessor
from journeyman.system.cores import one_thread
from journeyman.system.memory import give_back
from journeyman.types import Evidence, Example, ScoredTrajectory, Trajectory

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

SPREADS = (0.32, 0.1, 0.7, 1.5)
"""Standard deviation of a signal's weight before any label, in log-odds per standard deviation of the signal: the one
whose cross-fitted probabilities are likeliest is taken; the first one, where there are too few labels to compare."""
ENOUGH = 40
"""Labels to choose a spread with."""
SPREAD_BASE = 1.5
"""Of the intercept: a base rate between 5 % and 95 %."""
MOST_WEIGHT = 10.0
"""Of one case: an audit of one in a hundred would otherwise speak for a hundred."""
FOLDS = 5
ROUNDS = 50
"""Of Newton's method, at most; about six are needed."""


@dataclass(frozen=True)
class Columns:
    """How evidence becomes numbers: which signals, their means and spreads, and which of them can be missing."""

    names: tuple[str, ...]
    centre: Array
    scale: Array
    gaps: tuple[int, ...]
    """Columns whose absence is told as a signal; of those absent together, the first."""

    @classmethod
    def of(cls, raw: Array, names: Sequence[str]) -> Self:
        known = ~np.isnan(raw)
        count = np.maximum(known.sum(0), 1)
        sums = np.where(known, raw, 0).sum(0)
        centre = sums / count
        squares = np.where(known, (raw - centre) ** 2, 0)
        spread = np.sqrt(squares.sum(0) / count)
        scale = np.where(spread > 1e-9, spread, np.inf)
        return cls(
            names=tuple(names),
            centre=centre,
            scale=scale,
            gaps=_gaps(known),
        )

    def numbers(self, raw: Array) -> Array:
        """Standardised, at most 4 spreads from the mean; then the gaps; then 1 for the intercept."""
        missing = np.isnan(raw)
        standard = (raw - self.centre) / self.scale
        clipped = np.clip(standard, -4, 4)
        plain = np.where(missing, 0.0, clipped)
        gaps = 2.0 * missing[:, self.gaps]
        intercept = np.ones((len(raw), 1))
        return np.concatenate([plain, gaps, intercept], axis=1)


@dataclass(frozen=True)
class Logistic:
    """A fitted model: the likeliest weights, and their covariance."""

    columns: Columns
    weights: Array
    covariance: Array

    def log_odds(self, raw: Array) -> Array:
        """Averaged over the posterior by MacKay's approximation, as log-odds."""
        numbers = self.columns.numbers(raw)
        doubt = np.einsum("ij,jk,ik->i", numbers, self.covariance, numbers)
        likeliest = numbers @ self.weights
        shrinking = np.sqrt(1 + np.pi * doubt / 8)
        return np.asarray(likeliest / shrinking)


def fit_logistic(
    raw: Array, names: Sequence[str], correct: Array, weight: Array, *, spread: float = SPREADS[0]
) -> Logistic:
    """The maximum a posteriori by Newton's method, damped; deterministic."""
    columns = Columns.of(raw, names)
    numbers = columns.numbers(raw)
    size = numbers.shape[1]
    precision = np.full(size, 1 / spread**2)
    precision[-1] = 1 / SPREAD_BASE**2
    prior = np.diag(precision)
    curvature = prior
    weights = np.zeros(size)
    for _ in range(ROUNDS):
        odds = np.clip(numbers @ weights, -30, 30)
        share = 1 / (1 + np.exp(-odds))
        residual = weight * (correct - share)
        slope = numbers.T @ residual - precision * weights
        variance = weight * share * (1 - share)
        weighted = numbers * variance[:, None]
        curvature = weighted.T @ numbers + prior
        step = np.linalg.solve(curvature, slope)
        longest = float(np.abs(step).max())
        weights = weights + step / max(1.0, longest / 2)
        if longest < 1e-8:
            break
    covariance = np.linalg.inv(curvature)
    return Logistic(columns, weights, covariance)


@dataclass(frozen=True)
class LogisticAssessor:
    """The assessor that learns: give it examples with `learned`, ask it with `probability`. A value."""

    examples: tuple[TaughtCase, ...] = ()
    name: str = "calibrated"
    logistic: Logistic | None = None
    neighbours: KeptNeighbours | None = None
    crossed: tuple[float, ...] = field(default=(), repr=False)
    """P(right) of each example, by a fit that did not see it."""

    def probability(self, evidence: Evidence) -> float | None:
        """0 without an answer; None before any label."""
        logistic = self.logistic
        neighbours = self.neighbours
        if evidence.answer is None:
            return 0.0
        if logistic is None or neighbours is None:
            return None
        known = values_of(evidence, logistic.columns.names)
        near = neighbours.signals(evidence)
        table = np.concatenate([known[None, :], near], axis=1)
        (share,) = _share(logistic.log_odds(table))
        return float(share)

    def learned(self, examples: Sequence[Example]) -> Self:
        """Fitted anew on these alone; those without an answer teach nothing, for they are never delivered."""
        known: list[TaughtCase] = []
        for example in examples:
            if example.evidence.answer is not None:
                case = TaughtCase.of(example)
                known.append(case)
        return self.taught(known)

    def taught(self, known: Sequence[TaughtCase]) -> Self:
        """As `learned`, from what is kept of examples."""
        if not known:
            return type(self)()
        with one_thread():
            fitted = self._fitted(known)
        give_back()
        return fitted

    def _fitted(self, known: Sequence[TaughtCase]) -> Self:
        names = names_of(known)
        raw = signals_of(known, names)
        texts = texts_of(known)
        correct = np.array([one.correct for one in known], dtype=np.float64)
        weight = np.array([one.weight for one in known])
        capped = np.minimum(weight, MOST_WEIGHT)
        folds = _folds(correct, weight, raw, texts)
        spread, crossed = cross_fitted(folds, names, correct, capped)
        near = Neighbours.of(correct, weight, texts)
        table = np.concatenate([raw, near.own_signals()], axis=1)
        logistic = fit_logistic(table, names, correct, capped, spread=spread)
        return type(self)(
            examples=tuple(known),
            logistic=logistic,
            neighbours=near.kept(),
            crossed=tuple(map(float, crossed)),
        )

    def confidence(self, trajectory: Trajectory) -> float | None:
        evidence = evidence_of(trajectory)
        return self.probability(evidence)

    def fit(self, graded: Sequence[ScoredTrajectory]) -> Self:
        """With more graded trajectories; those not judged teach nothing."""
        known = list(self.examples)
        for one in graded:
            evidence = evidence_of(one.trajectory)
            if one.correct is not None and evidence.answer is not None:
                example = Example(evidence=evidence, correct=one.correct)
                known.append(TaughtCase.of(example))
        return self.taught(known)


@dataclass(frozen=True)
class Fold:
    """Some cases left out: a table to fit on, and theirs to predict."""

    left: Flags
    fit: Array
    predict: Array


def _gaps(known: Flags) -> tuple[int, ...]:
    """Columns with missing numbers; of those that are missing in the same rows, the first."""
    patterns: dict[bytes, int] = {}
    for n, column in enumerate(known.T):
        if not column.all():
            pattern = column.tobytes()
            patterns.setdefault(pattern, n)
    return tuple(patterns.values())


def _folds(correct: Array, weight: Array, raw: Array, texts: PastTexts) -> list[Fold]:
    """Each case is left out by one fold. None, where there is a single case."""
    count = len(correct)
    if count < 2:
        return []
    fold_of = np.arange(count) % FOLDS
    numbers = range(min(FOLDS, count))
    return [_fold(correct, weight, raw, texts, fold_of == n) for n in numbers]


def _fold(correct: Array, weight: Array, raw: Array, texts: PastTexts, left: Flags) -> Fold:
    kept = ~left
    near = Neighbours.of(correct[kept], weight[kept], texts.some(kept))
    own = near.own_signals()
    others = near.signals(texts.some(left))
    return Fold(
        left=left,
        fit=np.concatenate([raw[kept], own], axis=1),
        predict=np.concatenate([raw[left], others], axis=1),
    )


def cross_fitted(
    folds: Sequence[Fold], names: Sequence[str], correct: Array, weight: Array
) -> tuple[float, Array]:
    """The spread with the least weighted log loss, and with it P(right) of each case by a fit that did not see it.

    One half, where there is nothing to fit on.
    """
    spreads = SPREADS if len(correct) >= ENOUGH else SPREADS[:1]
    best = SPREADS[0]
    least = np.inf
    chosen = np.full(len(correct), 0.5)
    for spread in spreads:
        crossed = _crossed(folds, names, correct, weight, spread)
        loss = _log_loss(crossed, correct, weight)
        if loss < least:
            best = spread
            least = loss
            chosen = crossed
    return best, chosen


def _crossed(
    folds: Sequence[Fold], names: Sequence[str], correct: Array, weight: Array, spread: float
) -> Array:
    """P(right) of each case by a fit that did not see it."""
    crossed = np.full(len(correct), 0.5)
    for fold in folds:
        kept = ~fold.left
        fitted = fit_logistic(
            fold.fit,
            names,
            correct[kept],
            weight[kept],
            spread=spread,
        )
        crossed[fold.left] = _share(fitted.log_odds(fold.predict))
    return crossed


def _log_loss(predicted: Array, correct: Array, weight: Array) -> float:
    is_right = correct > 0
    of_outcome = np.where(is_right, predicted, 1 - predicted)
    clipped = np.clip(of_outcome, 1e-12, 1)
    logarithms = np.log(clipped)
    return -float(weight @ logarithms)


def _share(log_odds: Array) -> Array:
    odds_against = np.exp(-log_odds)
    return np.asarray(1 / (1 + odds_against))


_: Assessor = LogisticAssessor()
