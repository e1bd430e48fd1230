"""Several rankings made one: reciprocal-rank fusion, times what each item has proved to be worth."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

RANK_OFFSET = 60
"""The constant of Cormack, Clarke and Büttcher 2009: how little the first ranks stand out from the next."""


def fused_scores(rankings: Sequence[Sequence[T]]) -> dict[T, float]:
    """Each item's sum of 1 / (60 + rank) over the rankings that hold it, ranks from 1; items in the order first met.

    A ranking says nothing of what it doesn't hold. Raises ValueError for one that holds an item twice.
    """
    scores: dict[T, float] = {}
    for ranking in rankings:
        if len(set(ranking)) != len(ranking):
            raise ValueError(f"a ranking holds an item twice: {ranking!r}")
        for rank, item in enumerate(ranking, 1):
            scores[item] = scores.get(item, 0.0) + 1 / (RANK_OFFSET + rank)
    return scores


def fused(rankings: Sequence[Sequence[T]], worth: Callable[[T], float] | None = None, k: int = 8) -> list[T]:
    """At most `k` items, best first: by their fused score times their worth, equal ones in the order first met.

    `worth` gives a factor of 0 or more, 1 for what has not proved anything yet; an item worth 0 is left out. None: all
    are worth the same.
    """
    scores = fused_scores(rankings)
    if worth is not None:
        scores = {item: score * factor for item, score in scores.items() if (factor := _checked(worth(item), item)) > 0}
    return sorted(scores, key=lambda item: -scores[item])[: max(k, 0)]


def _checked(factor: float, item: object) -> float:
    if not 0 <= factor < float("inf"):
        raise ValueError(f"the worth of {item!r} must be a number of 0 or more, not {factor!r}")
    return factor
