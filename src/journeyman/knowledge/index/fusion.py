"""Reciprocal-rank fusion (Cormack, Clarke and Büttcher 2009): rankings whose scores can't be compared become one."""

from __future__ import annotations

from collections.abc import Sequence

CONSTANT = 10.0
"""How far below the first a second place counts. The published 60 was chosen for lists of a thousand; with few that
matter, 10 gave more on every set measured (docs/explanation/retrieval.md)."""


def fused(rankings: Sequence[tuple[Sequence[int], float]]) -> list[tuple[int, float]]:
    """Numbers with their scores, best first, equal ones by number; each ranking is given with its weight."""
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + weight / (CONSTANT + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
