"""Calibration: from evidence to P(right), learned from labelled cases, some of which were likelier to be labelled.

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
from journeyman.assess.neighbours import Neighbours, PastTexts
from journeyman.protocols import Assessor
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
        there = ~np.isnan(raw)
        count = np.maximum(there.sum(0), 1)
        centre = np.where(there, raw, 0).sum(0) / count
        scale = np.sqrt(np.where(there, (raw - centre) ** 2, 0).sum(0) / count)
        patterns: dict[bytes, int] = {}
        for n in range(raw.shape[1]):
            if not there[:, n].all():
                patterns.setdefault(there[:, n].tobytes(), n)
        return cls(
            tuple(names), centre, np.where(scale > 1e-9, scale, np.inf), tuple(patterns.values())
        )

    def numbers(self, raw: Array) -> Array:
        """Standardised, at most 4 spreads from the mean; then the gaps; then 1 for the intercept."""
        missing = np.isnan(raw)
        plain = np.where(missing, 0.0, np.clip((raw - self.centre) / self.scale, -4, 4))
        return np.concatenate([plain, 2.0 * missing[:, self.gaps], np.ones((len(raw), 1))], axis=1)


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
        return np.asarray((numbers @ self.weights) / np.sqrt(1 + np.pi * doubt / 8))


def fit_logistic(
    raw: Array, names: Sequence[str], correct: Array, weight: Array, *, spread: float = SPREADS[0]
) -> Logistic:
    """The maximum a posteriori by Newton's method, damped; deterministic."""
    columns = Columns.of(raw, names)
    numbers = columns.numbers(raw)
    precision = np.full(numbers.shape[1], 1 / spread**2)
    precision[-1] = 1 / SPREAD_BASE**2
    weights = np.zeros(numbers.shape[1])
    curvature = np.diag(precision)
    for _ in range(ROUNDS):
        share = 1 / (1 + np.exp(-np.clip(numbers @ weights, -30, 30)))
        slope = numbers.T @ (weight * (correct - share)) - precision * weights
        curvature = (numbers * (weight * share * (1 - share))[:, None]).T @ numbers + np.diag(
            precision
        )
        step = np.linalg.solve(curvature, slope)
        weights = weights + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(columns, weights, np.linalg.inv(curvature))


@dataclass(frozen=True)
class LogisticAssessor:
    """The assessor that learns: give it examples with `learned`, ask it with `probability`. A value."""

    examples: tuple[Example, ...] = ()
    name: str = "calibrated"
    logistic: Logistic | None = None
    neighbours: Neighbours | None = None
    crossed: tuple[float, ...] = field(default=(), repr=False)
    """P(right) of each example, by a fit that did not see it."""

    def probability(self, evidence: Evidence) -> float | None:
        """0 without an answer; None before any label."""
        if evidence.answer is None:
            return 0.0
        if self.logistic is None or self.neighbours is None:
            return None
        known = _signals([evidence], self.logistic.columns.names)
        near = self.neighbours.signals(PastTexts.of([evidence]))
        return float(_share(self.logistic.log_odds(np.concatenate([known, near], axis=1)))[0])

    def learned(self, examples: Sequence[Example]) -> Self:
        """Fitted anew on these alone; those without an answer teach nothing, for they are never delivered."""
        known = tuple(example for example in examples if example.evidence.answer is not None)
        if not known:
            return type(self)()
        names = tuple(sorted({name for example in known for name in example.evidence.signals}))
        told = [example.evidence for example in known]
        raw, texts = _signals(told, names), PastTexts.of(told)
        correct = np.array([example.correct for example in known], dtype=np.float64)
        weight = np.minimum(np.array([example.weight for example in known]), MOST_WEIGHT)
        folds = [
            _fold(known, raw, texts, np.arange(len(known)) % FOLDS == n)
            for n in range(min(FOLDS, len(known)) if len(known) > 1 else 0)
        ]
        spread, crossed = cross_fitted(folds, names, correct, weight)
        near = Neighbours.of(known, texts)
        table = np.concatenate([raw, near.own_signals()], axis=1)
        logistic = fit_logistic(table, names, correct, weight, spread=spread)
        return type(self)(
            examples=known, logistic=logistic, neighbours=near, crossed=tuple(map(float, crossed))
        )

    def confidence(self, trajectory: Trajectory) -> float | None:
        return self.probability(evidence_of(trajectory))

    def fit(self, graded: Sequence[ScoredTrajectory]) -> Self:
        """With more graded trajectories; those not judged teach nothing."""
        more = [
            Example(evidence=evidence_of(one.trajectory), correct=one.correct)
            for one in graded
            if one.correct is not None
        ]
        return self.learned((*self.examples, *more))


@dataclass(frozen=True)
class Fold:
    """Some cases left out: a table to fit on, and theirs to predict."""

    left: Flags
    fit: Array
    predict: Array


def _fold(known: Sequence[Example], raw: Array, texts: PastTexts, left: Flags) -> Fold:
    kept = [example for example, out in zip(known, left, strict=True) if not out]
    near = Neighbours.of(kept, texts.some(~left))
    return Fold(
        left=left,
        fit=np.concatenate([raw[~left], near.own_signals()], axis=1),
        predict=np.concatenate([raw[left], near.signals(texts.some(left))], axis=1),
    )


def cross_fitted(
    folds: Sequence[Fold], names: Sequence[str], correct: Array, weight: Array
) -> tuple[float, Array]:
    """The spread with the least weighted log loss, and with it P(right) of each case by a fit that did not see it.

    One half, where there is nothing to fit on.
    """
    best, least, chosen = SPREADS[0], np.inf, np.full(len(correct), 0.5)
    for spread in SPREADS if len(correct) >= ENOUGH else SPREADS[:1]:
        crossed = np.full(len(correct), 0.5)
        for fold in folds:
            kept = ~fold.left
            fitted = fit_logistic(fold.fit, names, correct[kept], weight[kept], spread=spread)
            crossed[fold.left] = _share(fitted.log_odds(fold.predict))
        loss = -float(
            weight @ np.log(np.clip(np.where(correct > 0, crossed, 1 - crossed), 1e-12, 1))
        )
        if loss < least:
            best, least, chosen = spread, loss, crossed
    return best, chosen


def _signals(evidence: Sequence[Evidence], names: Sequence[str]) -> Array:
    rows = [[e.signals.get(name) for name in names] for e in evidence]
    return np.array(rows, dtype=np.float64)


def _share(log_odds: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


_: Assessor = LogisticAssessor()
