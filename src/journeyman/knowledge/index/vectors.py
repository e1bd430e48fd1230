"""The vectors of all passages in memory: exact nearest neighbours by one matrix product."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from journeyman.store.passages import PassageStore

STORED = np.float16
"""How a vector is kept on disk: half the room, and the same recall on the sets measured."""

Vector = NDArray[np.float32]


def packed(vector: Vector) -> bytes:
    return vector.astype(STORED).tobytes()


class VectorCopy:
    """A copy that is brought in line with the store at each search. What is gone there is wiped here."""

    def __init__(self) -> None:
        self.generation = 0
        self.size = 0
        self.places = np.zeros(0, np.int64)
        self.scopes = np.zeros(0, np.int64)
        self.rows: Vector = np.zeros((0, 0), np.float32)

    def follow(self, store: PassageStore) -> None:
        """Within the store's `reading()`."""
        generation = store.generation()
        if generation == self.generation:
            return
        last = int(self.places[self.size - 1]) if self.size else 0
        dead = np.array(store.gone_since(self.generation), np.int64)
        if len(dead):
            self._wipe(np.isin(self.places[: self.size], dead))
        for known in store.after(last):
            kept = [each for each in known if each.vector is not None]
            if kept:
                self._add(
                    [each.place for each in kept],
                    [each.scope for each in kept],
                    [each.vector or b"" for each in kept],
                )
        self.generation = generation

    def _wipe(self, dead: NDArray[np.bool_]) -> None:
        """Close the gaps; what lay behind them is overwritten."""
        left = np.flatnonzero(~dead)
        for name in ("places", "scopes", "rows"):
            column = getattr(self, name)
            column[: len(left)] = column[left]
            column[len(left) : self.size] = 0
        self.size = len(left)

    def _add(self, places: Sequence[int], scopes: Sequence[int], vectors: Sequence[bytes]) -> None:
        new = np.frombuffer(b"".join(vectors), STORED).reshape(len(vectors), -1)
        size = self.size + len(new)
        if size > len(self.places):
            room = size + size // 4
            self.places = _grown(self.places, (room,))
            self.scopes = _grown(self.scopes, (room,))
            self.rows = _grown(self.rows, (room, new.shape[1]))
        here = slice(self.size, size)
        self.places[here], self.scopes[here], self.rows[here] = places, scopes, new
        self.size = size

    def nearest(self, query: Vector, *, k: int, scopes: Collection[int]) -> list[tuple[int, float]]:
        """At most `k` places with their similarity, nearest first, equal ones by place; only those above 0."""
        if not self.size or not query.any():
            return []
        similar = self.rows[: self.size] @ query
        similar[~np.isin(self.scopes[: self.size], np.fromiter(scopes, np.int64))] = -1.0
        if k < self.size:
            least = np.partition(similar, -k)[-k]
            chosen = np.flatnonzero(similar >= least)
        else:
            chosen = np.arange(self.size)
        chosen = chosen[np.lexsort((self.places[chosen], -similar[chosen]))][:k]
        return [(int(self.places[n]), float(similar[n])) for n in chosen if similar[n] > 0]

    def similarity(self, query: Vector, places: Sequence[int]) -> list[float]:
        """Of each of these places; 0 for one without a vector."""
        if not self.size:
            return [0.0] * len(places)
        found = np.searchsorted(self.places[: self.size], places)
        found[found == self.size] = 0
        there = self.places[found] == np.array(places, np.int64)
        similar = np.where(there, self.rows[found] @ query, 0.0)
        return [float(value) for value in similar]


def _grown(column: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    grown: NDArray[Any] = np.zeros(shape, column.dtype)
    if column.size:
        grown[: len(column)] = column
    return grown
