"""A full-text index's segments as numpy arrays. No SQL here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journeyman.store.fulltext.postings import Counts, Flags, Numbers, Shares, packed, split
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
        terms = self.terms[order]
        counts = self.counts[order]
        of = self.of[order]
        entries = np.arange(len(self.entries) + 1)
        ends = np.searchsorted(of, entries)
        forward: list[bytes] = []
        for first, end in pairwise(ends.tolist()):
            stored = packed(terms[first:end], counts[first:end])
            forward.append(stored)
        return forward

    def some(self, chosen: Sequence[int]) -> Batch:
        """Only these entries, which must come in their order."""
        left_out = len(self.entries)
        place = np.full(left_out, left_out, np.uint32)
        place[chosen] = np.arange(len(chosen), dtype=np.uint32)
        of = place[self.of]
        kept = of < left_out
        return Batch(
            entries=[self.entries[n] for n in chosen],
            lengths=self.lengths[chosen],
            of=of[kept],
            terms=self.terms[kept],
            counts=self.counts[kept],
        )


def unpacked(forward: bytes) -> tuple[TermIds, Counts]:
    """A text's terms and counts again."""
    stored_terms, stored_counts = split(forward)
    terms = np.frombuffer(stored_terms, np.uint32)
    counts = np.frombuffer(stored_counts, np.uint8)
    return terms, counts


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
    live: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    _shares: tuple[float, Shares] | None = None
    """By lengths as they are, and a mean length."""
    _of_scopes: dict[frozenset[int], Flags] = field(default_factory=dict)
    """For scopes asked for of late, the live texts that belong to them."""

    def drop(self, first: int) -> None:
        _, numbers = self.tokens.pop(first)
        for mask in self._masks():
            mask[numbers] = False

    def add(self, row: Any) -> None:
        columns = stored_columns(row)
        numbers = columns["numbers"]
        self._make_room(int(numbers[-1]) + 1)
        for name in ("ids", "lengths", "scopes", "places"):
            column = getattr(self, name)
            column[numbers] = columns[name]
        self.levels[numbers] = levels(columns["lengths"])
        self._shares = None
        self.live[numbers] = True
        for scopes, mask in self._of_scopes.items():
            mask[numbers] = _among(columns["scopes"], scopes)
        removed = np.frombuffer(row.removed, np.uint32)
        for mask in self._masks():
            mask[removed] = False
        self.tokens[row.first] = (row.token, numbers)

    def _masks(self) -> Sequence[Flags]:
        """The mask of all live texts, and those of scopes."""
        return [self.live, *self._of_scopes.values()]

    def shares(self, mean: float) -> Shares:
        """`once_shares` of all texts."""
        if self._shares is not None:
            known_mean, shares = self._shares
            if known_mean == mean:
                return shares
        shares = once_shares(self.lengths, mean)
        self._shares = (mean, shares)
        return shares

    def allowed(self, scopes: frozenset[int] | None) -> Flags:
        """Which texts there are that belong to these; None: to any."""
        if scopes is None:
            return self.live
        known = self._of_scopes
        if scopes not in known:
            is_full = len(known) >= KEPT_SCOPES
            if is_full:
                known.clear()
            among = _among(self.scopes, scopes)
            known[scopes] = self.live & among
        return known[scopes]

    def _make_room(self, size: int) -> None:
        if size <= len(self.live):
            return
        room = size + size // 8
        for name in ("ids", "lengths", "levels", "scopes", "places", "live"):
            column = getattr(self, name)
            setattr(self, name, _grown(column, room))
        for scopes, mask in self._of_scopes.items():
            self._of_scopes[scopes] = _grown(mask, room)


def _grown(column: NDArray[Any], size: int) -> NDArray[Any]:
    grown = np.zeros(size, column.dtype)
    grown[: len(column)] = column
    return grown


def _among(column: NDArray[np.int64], scopes: frozenset[int]) -> Flags:
    values = list(scopes)
    wanted = np.array(values, np.int64)
    return np.isin(column, wanted)


def stored_columns(row: Any) -> dict[str, NDArray[Any]]:
    """The columns of a segment's row, by name."""
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in COLUMNS.items():
        stored = getattr(row, name)
        columns[name] = np.frombuffer(stored, kind)
    return columns
