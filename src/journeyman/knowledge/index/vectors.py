"""The vectors of all passages in memory: exact nearest neighbours by one matrix product."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from journeyman.knowledge.index.fusion import Ranking
from journeyman.store.passages import Known, PassageStore

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
        known = self.places[: self.size]
        last = 0
        if self.size:
            last = int(known[-1])
        gone = store.gone_since(self.generation)
        if gone:
            gone_places = np.array(gone, np.int64)
            is_gone = np.isin(known, gone_places)
            self._wipe(is_gone)
        for batch in store.after(last):
            self._add_all(batch)
        self.generation = generation

    def _add_all(self, batch: Sequence[Known]) -> None:
        """The passages that have a vector."""
        places: list[int] = []
        scopes: list[int] = []
        vectors: list[bytes] = []
        for known in batch:
            vector = known.vector
            if vector is None:
                continue
            places.append(known.place)
            scopes.append(known.scope)
            vectors.append(vector)
        if vectors:
            self._add(places, scopes, vectors)

    def _wipe(self, is_gone: NDArray[np.bool_]) -> None:
        """Close the gaps; what lay behind them is overwritten."""
        left = np.flatnonzero(~is_gone)
        size = len(left)
        for name in ("places", "scopes", "rows"):
            column = getattr(self, name)
            column[:size] = column[left]
            column[size : self.size] = 0
        self.size = size

    def _add(self, places: Sequence[int], scopes: Sequence[int], vectors: Sequence[bytes]) -> None:
        packed_rows = np.frombuffer(b"".join(vectors), STORED)
        rows = packed_rows.reshape(len(vectors), -1)
        begin = self.size
        end = begin + len(rows)
        if end > len(self.places):
            room = end + end // 4
            width = rows.shape[1]
            self.places = _grown(self.places, (room,))
            self.scopes = _grown(self.scopes, (room,))
            self.rows = _grown(self.rows, (room, width))
        self.places[begin:end] = places
        self.scopes[begin:end] = scopes
        self.rows[begin:end] = rows
        self.size = end

    def nearest(self, query: Vector, *, k: int, scopes: Collection[int]) -> Ranking:
        """At most `k` places with their similarity, nearest first, equal ones by place; only those above 0."""
        if not self.size or not query.any():
            return []
        similar = self.rows[: self.size] @ query
        visible = np.fromiter(scopes, np.int64)
        is_visible = np.isin(self.scopes[: self.size], visible)
        similar[~is_visible] = -1.0
        chosen = _greatest(similar, k)
        places = self.places[chosen]
        values = similar[chosen]
        order = np.lexsort((places, -values))[:k]
        nearest = zip(
            places[order].tolist(),
            values[order].tolist(),
            strict=True,
        )
        return [(place, value) for place, value in nearest if value > 0]

    def similarity(self, query: Vector, places: Sequence[int]) -> list[float]:
        """Of each of these places; 0 for one without a vector."""
        if not self.size:
            return [0.0] * len(places)
        held = self.places[: self.size]
        wanted = np.array(places, np.int64)
        rows = np.searchsorted(held, places)
        rows[rows == self.size] = 0
        is_there = self.places[rows] == wanted
        similar = self.rows[rows] @ query
        known = np.where(is_there, similar, 0.0)
        return [float(value) for value in known]


def _greatest(values: Vector, count: int) -> NDArray[np.int64]:
    """The numbers of the `count` greatest values, and of all that equal the least of them."""
    if count >= len(values):
        return np.arange(len(values))
    least = np.partition(values, -count)[-count]
    return np.flatnonzero(values >= least)


def _grown(column: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    grown: NDArray[Any] = np.zeros(shape, column.dtype)
    if column.size:
        grown[: len(column)] = column
    return grown
