"""Passages linked by the entities that they mention, as a matrix in memory, and a walk over it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from journeyman.errors import MissingExtraError
from journeyman.store.passages import PassageStore

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

RETURN = 0.3
"""Share of the walk that starts anew at each step (HippoRAG 2: 0.5); chosen on half of the questions of two sets."""
STEPS = 20
"""After which what is left to move is below a thousandth."""

Floats = NDArray[np.float64]
Mentions = tuple[NDArray[np.int32], Floats]
"""The numbers of the names that a passage mentions, and 1 + ln times for each."""


@dataclass(frozen=True)
class Links:
    """The passages that one may see, and their entities: row n is the passage at `places[n]`, column m `names[m]`."""

    places: NDArray[np.int64]
    names: Sequence[str]
    number: Mapping[str, int]
    """Column of each name that some visible passage mentions."""
    rarity: Floats
    """ln(1 + passages / passages that mention it)."""
    weights: csr_matrix
    """(1 + ln times mentioned) · rarity."""
    to_passages: csr_matrix
    """Columns sum to 1: where the walk goes from each entity."""
    to_entities: csr_matrix
    """Columns sum to 1: where the walk goes from each passage."""

    def walk(self, entities: Mapping[int, float], passages: Mapping[int, float]) -> Floats:
        """Personalised PageRank of each passage, for weights of columns and of rows to start from."""
        rows = np.zeros(len(self.places))
        columns = np.zeros(len(self.names))
        rows[list(passages)] = list(passages.values())
        columns[list(entities)] = list(entities.values())
        total = rows.sum() + columns.sum()
        if not total:
            return rows
        rows = rows / total
        columns = columns / total
        at_passages = rows
        at_entities = columns
        for _ in range(STEPS):
            to_passages = self.to_passages @ at_entities
            to_entities = self.to_entities @ at_passages
            at_passages = RETURN * rows + (1 - RETURN) * to_passages
            at_entities = RETURN * columns + (1 - RETURN) * to_entities
        return np.asarray(at_passages)

    def rows(self, places: Sequence[int]) -> list[int]:
        """The row of each place; all of them must be visible."""
        found = np.searchsorted(self.places, places)
        return [int(row) for row in found]


class LinksCopy:
    """What each passage mentions, brought in line with the store at each search. What is gone there is gone here."""

    def __init__(self) -> None:
        self.generation = 0
        self.last = 0
        self._scope: dict[int, int] = {}
        """By place."""
        self._mentions: dict[int, Mentions] = {}
        """By place."""
        self._names: dict[str, int] = {}
        self._made: dict[tuple[int, ...], Links] = {}
        """By scopes."""

    def follow(self, store: PassageStore, scopes: Collection[int]) -> Links:
        """Within the store's `reading()`: the links among passages of these scopes."""
        generation = store.generation()
        if generation != self.generation:
            self._made.clear()
            self._drop(store.gone_since(self.generation))
            self._take_over(store)
            self.generation = generation
        wanted = tuple(sorted(scopes))
        if wanted not in self._made:
            if len(self._made) >= KEPT:
                self._made.clear()
            self._made[wanted] = self._link(set(wanted))
        return self._made[wanted]

    def _drop(self, gone: Iterable[int]) -> None:
        known = [place for place in gone if place in self._scope]
        for place in known:
            del self._scope[place]
            self._mentions.pop(place, None)
        if known:
            self._forget()

    def _take_over(self, store: PassageStore) -> None:
        """What was read for claims since then, and all passages that are new."""
        read = store.read_since(self.generation)
        read_here = read & self._mentions.keys()
        for place, mentions in store.mentions(read_here).items():
            self._mentions[place] = self._read(mentions)
        for batch in store.after(self.last):
            for known in batch:
                place = known.place
                self._scope[place] = known.scope
                self._mentions[place] = self._read(known.entities)
            self.last = place

    def _read(self, mentions: str) -> Mentions:
        """JSON of names and counts as their numbers and weights. New names get the next numbers."""
        names = self._names
        counts: dict[str, int] = json.loads(mentions)
        numbers = [names.setdefault(name, len(names)) for name in counts]
        entities = np.array(numbers, np.int32)
        times = np.array(list(counts.values()), np.float64)
        weights = 1 + np.log(times)
        return entities, weights

    def _forget(self) -> None:
        """Names that no passage mentions any more are dropped, and the others numbered anew."""
        is_used = np.zeros(len(self._names), np.bool_)
        for numbers, _ in self._mentions.values():
            is_used[numbers] = True
        used_so_far = np.cumsum(is_used)
        anew = (used_so_far - 1).astype(np.int32)

        names = self._names
        self._names = {}
        for name, number in names.items():
            if is_used[number]:
                self._names[name] = int(anew[number])

        for place, mentions in self._mentions.items():
            numbers, weights = mentions
            self._mentions[place] = (anew[numbers], weights)

    def _link(self, scopes: set[int]) -> Links:
        sparse = scipy_sparse()
        places = [place for place, scope in self._scope.items() if scope in scopes]
        times, passages_of_each = self._times(places)
        rarity = np.log1p(len(places) / np.maximum(passages_of_each, 1))
        weights = (times @ sparse.diags(rarity)).tocsr()
        share_of_entity = sparse.diags(_inverse(weights.sum(axis=0)))
        share_of_passage = sparse.diags(_inverse(weights.sum(axis=1)))
        to_passages = (weights @ share_of_entity).tocsr()
        to_entities = (share_of_passage @ weights).T.tocsr()
        used = {name: n for name, n in self._names.items() if passages_of_each[n]}
        return Links(
            places=np.array(places, np.int64),
            names=list(self._names),
            number=used,
            rarity=rarity,
            weights=weights,
            to_passages=to_passages,
            to_entities=to_entities,
        )

    def _times(self, places: Sequence[int]) -> tuple[csr_matrix, NDArray[np.int64]]:
        """A row for each place: 1 + ln times that it mentions each name; and how many places mention each name."""
        sparse = scipy_sparse()
        columns: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        values: list[Floats] = [np.zeros(0)]
        sizes = [0]
        for place in places:
            numbers, weights = self._mentions[place]
            columns.append(numbers)
            values.append(weights)
            sizes.append(len(numbers))
        all_columns = np.concatenate(columns)
        all_values = np.concatenate(values)
        ends = np.cumsum(sizes)
        shape = (len(places), len(self._names))
        times = sparse.csr_matrix((all_values, all_columns, ends), shape=shape)
        return times, np.bincount(all_columns, minlength=shape[1])


KEPT = 4
"""Sets of labels whose links are held at once."""


def _inverse(sums: Floats) -> Floats:
    flat = np.asarray(sums).ravel()
    zeros = np.zeros_like(flat)
    return np.divide(1.0, flat, out=zeros, where=flat > 0)


def scipy_sparse() -> Any:
    """scipy's sparse matrices. Raises MissingExtraError where it is not installed."""
    try:
        from scipy import sparse  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingExtraError("The knowledge graph", "graph") from error
    return sparse
