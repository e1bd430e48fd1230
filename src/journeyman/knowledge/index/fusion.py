"""Two ways to make one ranking of several: by score where scores can be compared, by rank where they can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SEMANTIC = 0.5
"""Weight of similarity beside BM25's 1, chosen on every other question of six sets (docs/explanation/retrieval.md)."""
CONSTANT = 10.0
"""How far below the first a second place counts. Cormack and others' 60 was chosen for lists of a thousand."""


def fused(lexical: Mapping[int, float], semantic: Mapping[int, float]) -> list[tuple[int, float]]:
    """Numbers with their scores, best first, equal ones by number.

    A convex combination of scores (Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval"):
    a passage that BM25 finds far better than the next one stays first, which ranks alone can't tell. BM25 counts as a
    share of the best; similarity runs from 0, the least of those found, to 1, the best, so that embedders whose
    similarities lie close together need no weight of their own. Their normalisation starts at the least that is
    possible, ours at the least that was found.
    """
    best = max(lexical.values(), default=0.0)
    nearest, furthest = max(semantic.values(), default=0.0), min(semantic.values(), default=0.0)
    scores = {number: score / best if best else 0.0 for number, score in lexical.items()}
    for number, similarity in semantic.items():
        near = (similarity - furthest) / (nearest - furthest) if nearest > furthest else 1.0
        scores[number] = scores.get(number, 0.0) + SEMANTIC * near
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def fused_by_rank(rankings: Sequence[tuple[Sequence[int], float]]) -> list[tuple[int, float]]:
    """Reciprocal-rank fusion (Cormack, Clarke and Büttcher 2009). Numbers with their scores, best first, equal ones by
    number; each ranking is given with its weight."""
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + weight / (CONSTANT + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
