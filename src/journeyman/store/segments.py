"""A full-text index's segments as numpy sees them: texts packed, lists put end to end. No SQL here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journeyman.store.ranking import Counts, Numbers, Terms
from journeyman.types import Record

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Entry(Record):
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


TERMS = 2**32
"""A posting list's key is its segment's first number times this, plus its term's id."""

Lists = tuple[NDArray[np.uint32], NDArray[np.intp], Numbers, Counts]
"""Posting lists end to end: the terms, where each one's list begins, and all lists' numbers and counts."""


@dataclass(frozen=True)
class Batch:
    """Entries with their terms, flat: `of` says which entry each (term, count) belongs to."""

    entries: Sequence[Entry]
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
        return [ids[first:end].tobytes() + counts[first:end].tobytes() for first, end in spans]

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


def unpacked(forward: bytes) -> tuple[Terms, Counts]:
    """A text's terms and counts again."""
    size = len(forward) // 5
    return np.frombuffer(forward, np.uint32, size), np.frombuffer(forward, np.uint8, size, 4 * size)


@dataclass
class View:
    """What is held in memory: a segment's columns at the texts' numbers, and which segments they came from."""

    tokens: dict[int, tuple[int, Numbers]] = field(default_factory=dict)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    lengths: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))
    scopes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    live: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def drop(self, first: int) -> None:
        _, numbers = self.tokens.pop(first)
        self.live[numbers] = False

    def add(self, row: Any) -> None:
        columns = {name: np.frombuffer(getattr(row, name), kind) for name, kind in COLUMNS.items()}
        numbers = columns["numbers"]
        self._make_room(int(numbers[-1]) + 1)
        for name in ("ids", "lengths", "scopes", "places"):
            getattr(self, name)[numbers] = columns[name]
        self.live[numbers] = True
        self.live[np.frombuffer(row.removed, np.uint32)] = False
        self.tokens[row.first] = (row.token, numbers)

    def _make_room(self, size: int) -> None:
        if size > len(self.live):
            for name in ("ids", "lengths", "scopes", "places", "live"):
                known = getattr(self, name)
                grown = np.zeros(size + size // 8, known.dtype)
                grown[: len(known)] = known
                setattr(self, name, grown)


def joined(parts: Sequence[tuple[int, bytes, bytes]], removed: Numbers) -> Lists:
    """Lists of several segments as one list a term, without what was removed; segments and keys must come ascending."""
    of = np.array([key % TERMS for key, _, _ in parts], np.uint32)
    lengths = np.array([len(counts) for _, counts, _ in parts], np.intp)
    terms_of = np.repeat(of, lengths)
    counts = np.frombuffer(b"".join(counts for _, counts, _ in parts), np.uint8)
    numbers = np.frombuffer(b"".join(numbers for _, _, numbers in parts), np.uint32)
    kept = ~np.isin(numbers, removed) if len(removed) else np.ones(len(numbers), np.bool_)
    order = np.flatnonzero(kept)[np.argsort(terms_of[kept], kind="stable")]
    found, starts = np.unique(terms_of[order], return_index=True)
    return found, starts, numbers[order], counts[order]
