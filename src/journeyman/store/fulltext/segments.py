"""A full-text index's segments as numpy sees them: texts packed, lists put end to end. No SQL here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journeyman.store.fulltext.postings import Counts, Numbers, packed, split
from journeyman.store.fulltext.ranking import TermIds, levels, once_shares
from journeyman.types import Record

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class IndexedText(Record):
    """A text to be found, under an id of the caller's."""

    id: Whole
    text: str
    scope: Whole = 0
    """Who or what it belongs to: searches may be kept to some scopes."""
    place: Whole = 0
    """When it came, in any order that grows: searches may be kept to what came up to a place."""


COLUMNS: Mapping[str, type[np.generic]] = {
    "numbers": np.uint32,
    "ids": np.int64,
    "lengths": np.uint32,
    "scopes": np.int64,
    "places": np.int64,
}
"""What a segment holds of each of its texts, as packed arrays."""


KEPT_SCOPES = 8
"""Sets of scopes whose texts are kept in mind, a byte a text each."""


@dataclass(frozen=True)
class Batch:
    """Entries with their terms, flat: `of` says which entry each (term, count) belongs to."""

    entries: Sequence[IndexedText]
    lengths: NDArray[np.uint32]
    of: NDArray[np.uint32]
    terms: NDArray[np.uint32]
    counts: Counts

    def forward(self) -> list[bytes]:
        """Each entry's terms and counts, packed: what removing it takes back."""
        order = np.lexsort((self.terms, self.of))
        ids, counts = self.terms[order], self.counts[order]
        ends = np.searchsorted(self.of[order], np.arange(len(self.entries) + 1)).tolist()
        spans = pairwise(ends)
        return [packed(ids[first:end], counts[first:end]) for first, end in spans]

    def some(self, chosen: Sequence[int]) -> Batch:
        """Only these entries, which must come in their order."""
        place = np.full(len(self.entries), len(self.entries), np.uint32)
        place[chosen] = np.arange(len(chosen), dtype=np.uint32)
        of = place[self.of]
        kept = of < len(self.entries)
        return Batch(
            entries=[self.entries[n] for n in chosen],
            lengths=self.lengths[chosen],
            of=of[kept],
            terms=self.terms[kept],
            counts=self.counts[kept],
        )


def unpacked(forward: bytes) -> tuple[TermIds, Counts]:
    """A text's terms and counts again."""
    terms, counts = split(forward)
    return np.frombuffer(terms, np.uint32), np.frombuffer(counts, np.uint8)


@dataclass
class SegmentsView:
    """What is held in memory: a segment's columns at the texts' numbers, and which segments they came from."""

    tokens: dict[int, tuple[int, Numbers]] = field(default_factory=dict)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    lengths: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    levels: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """Of their lengths."""
    scopes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    live: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    _shares: tuple[float, NDArray[np.float32]] | None = None
    """By lengths as they are, and a mean length."""
    _of_scopes: dict[frozenset[int], NDArray[np.bool_]] = field(default_factory=dict)
    """For scopes asked for of late, the live texts that belong to them."""

    def drop(self, first: int) -> None:
        _, numbers = self.tokens.pop(first)
        for there in (self.live, *self._of_scopes.values()):
            there[numbers] = False

    def add(self, row: Any) -> None:
        columns = {name: np.frombuffer(getattr(row, name), kind) for name, kind in COLUMNS.items()}
        numbers = columns["numbers"]
        self._make_room(int(numbers[-1]) + 1)
        for name in ("ids", "lengths", "scopes", "places"):
            getattr(self, name)[numbers] = columns[name]
        self.levels[numbers] = levels(columns["lengths"])
        self._shares = None
        self.live[numbers] = True
        for scopes, there in self._of_scopes.items():
            there[numbers] = _among(columns["scopes"], scopes)
        for there in (self.live, *self._of_scopes.values()):
            there[np.frombuffer(row.removed, np.uint32)] = False
        self.tokens[row.first] = (row.token, numbers)

    def shares(self, mean: float) -> NDArray[np.float32]:
        """`once_shares` of all texts."""
        if self._shares is None or self._shares[0] != mean:
            self._shares = mean, once_shares(self.lengths, mean)
        return self._shares[1]

    def allowed(self, scopes: frozenset[int] | None) -> NDArray[np.bool_]:
        """Which texts there are that belong to these; None: to any."""
        if scopes is None:
            return self.live
        if scopes not in self._of_scopes:
            if len(self._of_scopes) >= KEPT_SCOPES:
                self._of_scopes.clear()
            self._of_scopes[scopes] = self.live & _among(self.scopes, scopes)
        return self._of_scopes[scopes]

    def _make_room(self, size: int) -> None:
        if size > len(self.live):
            for name in ("ids", "lengths", "levels", "scopes", "places", "live"):
                setattr(self, name, _grown(getattr(self, name), size + size // 8))
            self._of_scopes = {
                scopes: _grown(there, size + size // 8) for scopes, there in self._of_scopes.items()
            }


def _grown(column: NDArray[Any], size: int) -> NDArray[Any]:
    grown = np.zeros(size, column.dtype)
    grown[: len(column)] = column
    return grown


def _among(column: NDArray[np.int64], scopes: frozenset[int]) -> NDArray[np.bool_]:
    return np.isin(column, np.array(list(scopes), np.int64))
