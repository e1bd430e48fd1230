"""Streams with known truth, and one replay of each under a rule: what was delivered, and was it allowed to be.

A replay is valid although nothing is asked anew: a decision changes no prompt, so the same answer comes whatever was
decided. Recorded cases are drawn with replacement, so that the share of wrong ones above any score is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from journeyman.assess.rule import Rule, Settled
from journeyman.assess.selective import Certificate, ceiling
from journeyman.types import Decision

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

LENGTH = 2_000


@dataclass(frozen=True)
class Population:
    """Where a stream's cases come from."""

    name: str
    known_scores: Array
    known_errors: Array
    """Of other, labelled cases: a history. The certificate is planned on its first half and fed with its second."""
    draw: Callable[[np.random.Generator, int], tuple[Array, Flags]]
    """Scores and errors of so many cases."""
    risk: Callable[[float], float]
    """The true error among scores at or above a threshold."""
    coverage: Callable[[float], float]
    """The true share of scores at or above it."""

    @property
    def base_error(self) -> float:
        return self.risk(-np.inf)


def recorded(name: str, known: tuple[Array, Flags], pool: tuple[Array, Flags]) -> Population:
    """Draws from a pool of recorded cases."""
    scores, errors = pool
    order = np.argsort(-scores, kind="stable")
    ranked, wrong = scores[order], np.cumsum(errors[order])

    def above(threshold: float) -> int:
        return int(np.searchsorted(-ranked, -threshold, side="right"))

    def draw(rng: np.random.Generator, count: int) -> tuple[Array, Flags]:
        chosen = rng.integers(0, len(scores), count)
        return scores[chosen], errors[chosen]

    return Population(
        name, known[0], known[1].astype(float), draw,
        risk=lambda q: float(wrong[above(q) - 1] / above(q)) if above(q) else 0.0,
        coverage=lambda q: above(q) / len(ranked),
    )  # fmt: skip


def synthetic(rng: np.random.Generator, *, hard: float | None = None) -> Population:
    """Uniform scores whose error falls along a logistic curve; the mean over a fine grid is the truth.

    `hard`: the worst case for a certificate, the same error, a little above that, at every score.
    """
    grid = (np.arange(100_000) + 0.5) / 100_000
    middle, slope = rng.uniform(-0.2, 0.9), rng.uniform(2, 14)

    def error(score: Array) -> Array:
        if hard is not None:
            return np.full(len(score), hard)
        return np.asarray(1 / (1 + np.exp(slope * (score - middle))))

    tail = np.cumsum(error(grid)[::-1])[::-1] / np.arange(len(grid), 0, -1)

    def draw(rng: np.random.Generator, count: int) -> tuple[Array, Flags]:
        scores = rng.random(count)
        return scores, rng.random(count) < error(scores)

    scores, errors = draw(rng, 400)
    return Population(
        "synthetic", scores, errors.astype(float), draw,
        risk=lambda q: float(tail[min(len(grid) - 1, max(0, int(np.ceil(max(q, 0.0) * len(grid)))))]),
        coverage=lambda q: 1 - min(1.0, max(0.0, q)),
    )  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """What became of one stream."""

    thresholds: tuple[tuple[int, float | None], ...]
    """From which case on which threshold was in force."""
    delivered: Flags
    errors: Flags
    labels: int
    """Labels of cases that the certificate went by."""
    first_alone: int | None
    """Labels at or above the first threshold until it was in force, without those of the history. None: never, or by
    the history alone."""
    revoked: tuple[int, ...]
    """The cases at which autonomy was taken away."""

    def violates(self, risk: Callable[[float], float], allowed: float) -> bool:
        """Whether a threshold was ever in force with a true error above what is allowed: what is ruled out."""
        return any(q is not None and risk(q) > allowed + 1e-12 for _, q in self.thresholds)

    def realised_exceeds(self, allowed: float, *, least: int = 50) -> bool:
        """Whether the share of errors among all delivered so far ever was above; chance alone moves it."""
        count = np.cumsum(self.delivered)
        wrong = np.cumsum(self.delivered & self.errors)
        enough = count >= least
        return bool(np.any(wrong[enough] > allowed * count[enough]))

    @property
    def share(self) -> float:
        return float(self.delivered.mean())


def begun(rule: Rule, scores: Array, errors: Array) -> Certificate:
    """The certificate after a history: planned on one half, fed with the other, every label of which is seen."""
    half = len(scores) // 2
    certificate = Certificate.plan(rule, scores[:half].tolist(), errors[:half].tolist())
    for score, error in zip(scores[half:].tolist(), errors[half:].tolist(), strict=True):
        decision = Decision(score=score, threshold=None, deliver=False, audit=True, propensity=1.0)
        certificate = certificate.after(Settled(decision=decision, error=bool(error)))
    return certificate


def replay(
    certificate: Certificate,
    scores: Array,
    errors: Flags,
    rng: np.random.Generator,
    *,
    delay: int = 0,
) -> Replay:
    """The certificate on one stream. `delay`: labels come so many cases late."""
    draws = rng.random(len(scores)).tolist()
    thresholds: list[tuple[int, float | None]] = []
    delivered = np.zeros(len(scores), dtype=bool)
    decisions: list[Settled] = []
    epoch, labels, revoked, first, seen = (
        certificate.epoch,
        0,
        [],
        None,
        [0] * len(certificate.levels),
    )
    for n, (score, error, draw) in enumerate(
        zip(scores.tolist(), errors.tolist(), draws, strict=True)
    ):
        threshold = certificate.threshold
        if not thresholds or thresholds[-1][1] != threshold:
            thresholds.append((n, threshold))
        decision = certificate.decide(score, draw)
        delivered[n] = decision.deliver
        decisions.append(Settled(decision=decision, error=error if decision.audit else None))
        if n < delay:
            continue
        settled = decisions[n - delay]
        certificate = certificate.after(settled)
        if settled.decision.audit and settled.decision.score is not None:
            labels += 1
            for k, level in enumerate(certificate.levels):
                seen[k] += settled.decision.score >= level.threshold
        if first is None and certificate.passed and thresholds[0][1] is None:
            first = seen[certificate.passed - 1]
        if certificate.epoch > epoch:
            epoch = certificate.epoch
            revoked.append(n)
    return Replay(tuple(thresholds), delivered, errors, labels, first, tuple(revoked))


def highest(population: Population, allowed: float) -> float:
    """(1 − μ)/(1 − α)."""
    return ceiling(population.base_error, allowed)
