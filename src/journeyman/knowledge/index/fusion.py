"""Two ways to make one ranking of several: by score where scores can be compared, by rank where they can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SEMANTIC = 0.5
"""Weight of similarity beside BM25's 1, chosen on every other question of six sets (docs/explanation/retrieval.md)."""
Scores = Mapping[int, float]
Ranking = list[tuple[int, float]]
"""Numbers with their scores, best first."""

CONSTANT = 10.0
"""How far below the first a second place counts. Cormack and others' 60 was chosen for lists of a thousand."""


def fused(lexical: Scores, semantic: Scores) -> Ranking:
    """Numbers with their scores, best first, equal ones by number.

    A convex combination of scores (Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval"):
    a passage that BM25 finds far better than the next one stays first, which ranks alone can't tell. BM25 counts as a
    share of the best. Similarity runs from 0, the least of those found, to 1, the best, so that embedders whose
    similarities lie close together need no weight of their own. Their normalisation starts at the least that is
    possible, ours at the least that was found.
    """
    best = max(lexical.values(), default=0.0)
    nearest = max(semantic.values(), default=0.0)
    furthest = min(semantic.values(), default=0.0)
    width = nearest - furthest
    scores: dict[int, float] = {}
    for number, score in lexical.items():
        share = score / best if best else 0.0
        scores[number] = share
    for number, similarity in semantic.items():
        near = 1.0
        if nearest > furthest:
            near = (similarity - furthest) / width
        before = scores.get(number, 0.0)
        scores[number] = before + SEMANTIC * near
    return _best_first(scores)


def _best_first(scores: Scores) -> Ranking:
    """Equal ones by number."""

    def order(pair: tuple[int, float]) -> tuple[float, int]:
        number, score = pair
        return -score, number

    return sorted(scores.items(), key=order)


def fused_by_rank(rankings: Sequence[tuple[Sequence[int], float]]) -> Ranking:
    """Reciprocal-rank fusion (Cormack, Clarke and Büttcher 2009). Numbers with their scores, best first, equal ones by
    number; each ranking is given with its weight."""
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, number in enumerate(ranking, start=1):
            share = weight / (CONSTANT + rank)
            before = scores.get(number, 0.0)
            scores[number] = before + share
    return _best_first(scores)
