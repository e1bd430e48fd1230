"""Passages linked by the entities that they mention, as a matrix in memory, and a walk over it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
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
        rows, columns = np.zeros(len(self.places)), np.zeros(len(self.names))
        rows[list(passages)] = list(passages.values())
        columns[list(entities)] = list(entities.values())
        total = rows.sum() + columns.sum()
        if not total:
            return rows
        rows, columns = rows / total, columns / total
        at_passages, at_entities = rows, columns
        for _ in range(STEPS):
            at_passages, at_entities = (
                RETURN * rows + (1 - RETURN) * (self.to_passages @ at_entities),
                RETURN * columns + (1 - RETURN) * (self.to_entities @ at_passages),
            )
        return np.asarray(at_passages)

    def rows(self, places: Sequence[int]) -> list[int]:
        """The row of each place; all of them must be visible."""
        return [int(n) for n in np.searchsorted(self.places, places)]


class LinksCopy:
    """What each passage mentions, brought in line with the store at each search. What is gone there is gone here."""

    def __init__(self) -> None:
        self.generation = 0
        self.last = 0
        self._scope: dict[int, int] = {}
        self._mentions: dict[int, tuple[NDArray[np.int32], Floats]] = {}
        self._names: dict[str, int] = {}
        self._made: dict[tuple[int, ...], Links] = {}

    def follow(self, store: PassageStore, scopes: Collection[int]) -> Links:
        """Within the store's `reading()`: the links among passages of these scopes."""
        generation = store.generation()
        if generation != self.generation:
            self._made.clear()
            gone = store.gone_since(self.generation)
            if sum(self._scope.pop(place, None) is not None for place in gone):
                for place in gone:
                    self._mentions.pop(place, None)
                self._forget()
            read = store.read_since(self.generation) & self._mentions.keys()
            for place, told in store.mentions(read).items():
                self._mentions[place] = self._read(told)
            for some in store.after(self.last):
                for known in some:
                    self._scope[known.place] = known.scope
                    self._mentions[known.place] = self._read(known.entities)
                self.last = some[-1].place
            self.generation = generation
        wanted = tuple(sorted(scopes))
        if wanted not in self._made:
            if len(self._made) >= KEPT:
                self._made.clear()
            self._made[wanted] = self._link(set(wanted))
        return self._made[wanted]

    def _read(self, told: str) -> tuple[NDArray[np.int32], Floats]:
        counts: dict[str, int] = json.loads(told)
        numbers = [self._names.setdefault(name, len(self._names)) for name in counts]
        return np.array(numbers, np.int32), 1 + np.log(np.array(list(counts.values()), np.float64))

    def _forget(self) -> None:
        """Names that no passage mentions any more are dropped, and the others numbered anew."""
        used = np.zeros(len(self._names), np.bool_)
        for numbers, _ in self._mentions.values():
            used[numbers] = True
        anew = (np.cumsum(used) - 1).astype(np.int32)
        self._names = {
            name: int(anew[number]) for name, number in self._names.items() if used[number]
        }
        self._mentions = {
            place: (anew[numbers], weights) for place, (numbers, weights) in self._mentions.items()
        }

    def _link(self, scopes: set[int]) -> Links:
        sparse = scipy_sparse()
        places = [place for place, scope in self._scope.items() if scope in scopes]
        mentions = [self._mentions[place] for place in places]
        columns = np.concatenate([numbers for numbers, _ in mentions] or [np.zeros(0, np.int32)])
        values = np.concatenate([weights for _, weights in mentions] or [np.zeros(0)])
        ends = np.cumsum([0, *(len(numbers) for numbers, _ in mentions)])
        shape = (len(places), len(self._names))
        times = sparse.csr_matrix((values, columns, ends), shape=shape)
        found = np.bincount(columns, minlength=shape[1])
        rarity = np.log1p(len(places) / np.maximum(found, 1))
        weights = (times @ sparse.diags(rarity)).tocsr()
        return Links(
            places=np.array(places, np.int64),
            names=list(self._names),
            number={name: number for name, number in self._names.items() if found[number]},
            rarity=rarity,
            weights=weights,
            to_passages=(weights @ sparse.diags(_inverse(weights.sum(axis=0)))).tocsr(),
            to_entities=(sparse.diags(_inverse(weights.sum(axis=1))) @ weights).T.tocsr(),
        )


KEPT = 4
"""Sets of labels whose links are held at once."""


def _inverse(sums: Floats) -> Floats:
    flat = np.asarray(sums).ravel()
    return np.divide(1.0, flat, out=np.zeros_like(flat), where=flat > 0)


def scipy_sparse() -> Any:
    """scipy's sparse matrices. Raises MissingExtraError where it is not installed."""
    try:
        from scipy import sparse  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingExtraError("The knowledge graph", "graph") from error
    return sparse
