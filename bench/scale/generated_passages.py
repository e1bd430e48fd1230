"""Passages made by a seed, with clustered vectors, for indexes at sizes that no embedder reaches here in a day.

Vectors lie around centres, as those of real texts do: a passage is a centre plus as much noise, of length 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.lib.generated_cases import generated_cases
from journeyman.documents import Passage

Vectors = NDArray[np.float32]

DIMENSIONS = 512
CENTRES = 2_000
NOISE = 1.0
WORDS = (40, 80)
PORTION = 20_000
"""Passages of a document, and of a seed."""


def vectors(count: int, seed: int) -> Vectors:
    """So many, of length 1; equal for equal arguments."""
    centres = np.random.default_rng(0).standard_normal((CENTRES, DIMENSIONS), np.float32)
    draw = np.random.default_rng(seed)
    rows = centres[draw.integers(0, CENTRES, count)]
    rows += NOISE * draw.standard_normal((count, DIMENSIONS), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def portions(count: int) -> Iterator[tuple[str, list[Passage], Vectors]]:
    """Documents of so many passages in all, with their vectors; a passage's id is its number."""
    texts = generated_cases(count, words=WORDS)
    for start in range(0, count, PORTION):
        size = min(PORTION, count - start)
        name = f"document-{start // PORTION:04d}"
        listed = [
            Passage(document=name, id=str(start + n), text=text)
            for n, text in enumerate(islice(texts, size))
        ]
        yield name, listed, vectors(size, start // PORTION + 1)


def nearest(count: int, queries: Vectors, k: int) -> list[frozenset[str]]:
    """The ids of the exact `k` nearest of each query, by looking at all."""
    best_scores = np.full((len(queries), k), -np.inf, np.float32)
    best_ids = np.zeros((len(queries), k), np.int64)
    for start in range(0, count, PORTION):
        rows = vectors(min(PORTION, count - start), start // PORTION + 1)
        scores = np.concatenate([best_scores, queries @ rows.T], axis=1)
        ids = np.concatenate(
            [best_ids, np.tile(np.arange(start, start + len(rows)), (len(queries), 1))], axis=1
        )
        chosen = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        best_scores, best_ids = (
            np.take_along_axis(scores, chosen, 1),
            np.take_along_axis(ids, chosen, 1),
        )
    return [frozenset(map(str, row)) for row in best_ids.tolist()]


class Given:
    """An embedder that says the vectors it was given for texts."""

    def __init__(self) -> None:
        self.name = f"given-{DIMENSIONS}"
        self.dimensions = DIMENSIONS
        self.of: dict[str, Vectors] = {}

    async def embed(self, texts: Sequence[str], *, kind: Literal["query", "passage"]) -> Vectors:
        return np.stack([self.of[text] for text in texts])

    async def aclose(self) -> None:
        """Nothing to close."""


def queries(count: int) -> tuple[list[str], Vectors]:
    """Texts and vectors of queries that belong to no passage."""
    return list(generated_cases(count, seed=7, words=(5, 20))), vectors(count, 1_000_003)
