"""Forgetting and transfer, from who was right when: arithmetic on what was recorded, without a model.

Of T streams, learned one after the other, a[t, k] is the accuracy on sealed cases of stream k after stage t; row 0
is the worker without memory.

- Backward transfer (Lopez-Paz and Ranzato 2017, GEM): mean over k < T of a[T, k] - a[k, k]. Below 0: later streams took
  something away.
- Forward transfer (the same): mean over k > 1 of a[k-1, k] - a[0, k]: what streams gave that came before. There b is an
  untrained network, here the worker without memory.
- Forgetting (Chaudhry et al. 2018): mean over k < T of max over 1 <= t < T of a[t, k], less a[T, k]. The largest of
  several uncertain shares is too large, so it is above 0 where nothing was forgotten: `shuffled` tells by how much.
  Backward transfer has no such bias.

All intervals are over cases, resampled within each stream (Efron 1979); what one case came to at all stages stays
together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from journeyman.assess.exam import ExamOutcome, ExamPlan, Pair, sit

Array = NDArray[np.float64]

ROUNDS = 2_000
SEED = 7

SURE = 0.05
"""Of the sign test by which a pair of streams is called negative, or positive."""

EXAM_CASES = 60
"""Of an exam whose cases are drawn anew from the recorded ones."""


def backward_transfer(a: Array) -> Array:
    """Of one matrix of T + 1 rows and T columns, or of many: the last two axes count. Needs two streams."""
    streams = np.arange(a.shape[-1] - 1)
    found: Array = np.mean(
        a[..., -1, :-1] - a[..., streams + 1, streams], axis=-1, dtype=np.float64
    )
    return found


def forward_transfer(a: Array) -> Array:
    streams = np.arange(1, a.shape[-1])
    found: Array = np.mean(a[..., streams, streams] - a[..., 0, 1:], axis=-1, dtype=np.float64)
    return found


def forgetting(a: Array) -> Array:
    found: Array = np.mean(
        a[..., 1:-1, :-1].max(axis=-2) - a[..., -1, :-1], axis=-1, dtype=np.float64
    )
    return found


def matrix(results: Sequence[Array]) -> Array:
    """From each stream's cases (a row is a case, a column a stage, 1 is right) to the matrix."""
    return np.stack([rows.mean(axis=0) for rows in results], axis=1)


def resampled(results: Sequence[Array]) -> Array:
    """Matrices of cases drawn again."""
    rng = np.random.default_rng(SEED)
    drawn = [rows[rng.integers(0, len(rows), (ROUNDS, len(rows)))].mean(axis=1) for rows in results]
    return np.stack(drawn, axis=2)


def shuffled(results: Sequence[Array]) -> Array:
    """Matrices in which nothing is forgotten: each case's results from its own stage on change places."""
    rng = np.random.default_rng(SEED)
    columns: list[Array] = []
    for own, rows in enumerate(results, start=1):
        many = np.repeat(rows[None], ROUNDS, axis=0)
        many[..., own:] = rng.permuted(many[..., own:], axis=-1)
        columns.append(many.mean(axis=1))
    return np.stack(columns, axis=2)


def interval(drawn: Array) -> tuple[float, float]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def around(value: float, drawn: Array) -> tuple[float, float]:
    """The interval moved to lie around the estimate: drawn again, the bias of a maximum would count twice."""
    return interval(drawn - drawn.mean() + value)


# --- from one stream to another --------------------------------------------------------------------------------


def sign(differences: Sequence[float]) -> int:
    """-1 or 1 where more cases were lost than won, or won than lost, than chance explains; else 0.

    The exact one-sided sign test on the cases that came out differently, at 5 % each way.
    """
    won, lost = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    if _tail(lost, won + lost) <= SURE:
        return -1
    return 1 if _tail(won, won + lost) <= SURE else 0


def _tail(count: int, of: int) -> float:
    """How probable so many heads or more are."""
    return float(sum(comb(of, n) for n in range(count, of + 1)) / 2**of)


def verdict(differences: Sequence[float]) -> ExamOutcome | None:
    """What an exam on these cases, in this order, says of going on with that memory instead of none."""
    terms = ExamPlan(target="stream", cases={"stream": {"": len(differences)}})
    return sit(terms, [Pair(job="stream", difference=d) for d in differences]).outcome


Order = Callable[[np.random.Generator, Sequence[float]], Sequence[float]]


def reordered(rng: np.random.Generator, differences: Sequence[float]) -> Sequence[float]:
    """The recorded cases in another order."""
    return [differences[n] for n in rng.permutation(len(differences))]


def redrawn(rng: np.random.Generator, differences: Sequence[float]) -> Sequence[float]:
    """An exam of the usual length whose cases are drawn from the recorded ones: what these say is then the truth."""
    return [differences[n] for n in rng.integers(0, len(differences), EXAM_CASES)]


def promoted(pairs: Sequence[Sequence[float]], order: Order, exams: int) -> list[int]:
    """How many of these changes each of so many exams lets through."""
    rng = np.random.default_rng(SEED)
    return [sum(verdict(order(rng, pair)) == "promote" for pair in pairs) for _ in range(exams)]
