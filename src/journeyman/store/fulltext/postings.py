"""Posting lists as bytes: the texts that hold a term once, and those that hold it more often. No SQL here.

Most texts that hold a term hold it once, and what such a text can score is well known beforehand: that is what lets
ranking stop early. So the two are kept apart. Of those that hold it once a long list is a bitmap, which is shorter than
their numbers, and in which any of them is looked up at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

LONG = 1_024
"""Shorter lists stay numbers: a list of bits costs a few steps of its own wherever it is read."""

TERMS = 2**32
"""A posting list's key is its segment's first number times this, plus its term's id."""

BYTES_A_NUMBER = 4
BYTES_PACKED = 5
"""Of a number with its count."""

Numbers = NDArray[np.uint32]
"""Of texts."""
Counts = NDArray[np.uint8]
Places = NDArray[np.intp]
"""Numbers of texts as numpy looks things up by."""
Shares = NDArray[np.float32]
Gains = NDArray[np.uint16]
Flags = NDArray[np.bool_]

Lists = tuple[NDArray[np.uint32], NDArray[np.intp], Numbers, Counts]
"""Posting lists end to end: the terms, where each one's list begins, and all lists' numbers and counts."""


def packed(numbers: NDArray[np.uint32], counts: Counts) -> bytes:
    """Numbers with a count each."""
    numbers_as_bytes = numbers.tobytes()
    return numbers_as_bytes + counts.tobytes()


def split(stored: bytes) -> tuple[bytes, bytes]:
    """The numbers and the counts of what was packed."""
    size = len(stored) // BYTES_PACKED
    end = BYTES_A_NUMBER * size
    numbers = stored[:end]
    counts = stored[end:]
    return numbers, counts


class Posted(NamedTuple):
    """A term's list in a segment, as it is stored."""

    often: bytes
    """The texts that hold it more than once, and how often each does, packed."""
    once: bytes
    """Numbers of those that hold it once. Empty: they are in `bits`, or there are none."""
    bits: bytes
    """A bit for each number from the segment's first on."""


class Listed(Protocol):
    """The texts that hold a term once, or those that hold it more often."""

    def numbers(self) -> Places:
        """All of them, in no order."""

    def add_to(self, gains: Gains, weight: float, shares: Shares) -> None:
        """Add at least what the term gives each of them, before its share is taken of it."""

    def held(self, numbers: Places) -> Counts:
        """How often each of these texts, which must come ascending, holds the term. 0: it is not among them."""


@dataclass(frozen=True)
class Once:
    """The texts that hold a term once."""

    listed: Numbers
    """Ascending; those of the segments in which it is rare."""
    bits: Sequence[tuple[int, Counts]]
    """Of the others: the segment's first number, and its bits."""

    def numbers(self) -> Places:
        parts = [self.listed.astype(np.intp)]
        for first, bits in self.bits:
            parts.append(_unpacked(first, bits))
        return np.concatenate(parts)

    def add_to(self, gains: Gains, weight: float, shares: Shares) -> None:
        gain = np.uint16(ceil(weight))
        gains[self.listed] += gain
        for first, bits in self.bits:
            room = len(gains) - first
            count = min(8 * len(bits), room)
            flags = np.unpackbits(bits, bitorder="little", count=count)
            added = np.multiply(flags, gain, dtype=np.uint16)
            end = first + count
            gains[first:end] += added

    def held(self, numbers: Places) -> Counts:
        _, listed = _places(self.listed, numbers)
        counts = listed.astype(np.uint8)
        for first, bits in self.bits:
            end = first + 8 * len(bits)
            start, stop = np.searchsorted(numbers, (first, end))
            offsets = numbers[start:stop] - first
            bit = (offsets & 7).astype(np.uint8)
            octets = bits[offsets >> 3]
            counts[start:stop] |= octets >> bit & 1
        return counts


@dataclass(frozen=True)
class Often:
    """The texts that hold a term more than once."""

    listed: Numbers
    """Ascending."""
    counts: Counts

    @classmethod
    def of(cls, parts: Sequence[bytes]) -> Often:
        """From its parts as they are stored, in their order."""
        numbers: list[bytes] = []
        counts: list[bytes] = []
        for part in parts:
            part_numbers, part_counts = split(part)
            numbers.append(part_numbers)
            counts.append(part_counts)
        all_numbers = b"".join(numbers)
        all_counts = b"".join(counts)
        return cls(
            np.frombuffer(all_numbers, np.uint32),
            np.frombuffer(all_counts, np.uint8),
        )

    def numbers(self) -> Places:
        return self.listed.astype(np.intp)

    def add_to(self, gains: Gains, weight: float, shares: Shares) -> None:
        numbers = self.numbers()
        counts = self.counts
        # c (1 + norm) / (c + norm), where the share is 1 / (1 + norm)
        added = (counts - np.uint8(1)) * shares[numbers]
        added += 1
        weighted = counts * np.float32(weight)
        np.divide(weighted, added, out=added)
        np.ceil(added, out=added)
        gains[numbers] += added.astype(np.uint16)

    def held(self, numbers: Places) -> Counts:
        if not len(self.counts):
            return np.zeros(len(numbers), np.uint8)
        places, listed = _places(self.listed, numbers)
        counts = self.counts[places]
        return np.where(listed, counts, np.uint8(0))


def _places(listed: Numbers, numbers: Places) -> tuple[Places, Flags]:
    """The place of each number in an ascending list, and whether it is there."""
    size = len(listed)
    if not size:
        places = np.zeros(len(numbers), np.intp)
        return places, np.zeros(len(numbers), np.bool_)
    sought = numbers.astype(np.uint32)
    found = np.searchsorted(listed, sought)
    places = np.minimum(found, size - 1)
    return places, listed[places] == numbers


def _unpacked(first: int, bits: Counts) -> Places:
    flags = np.unpackbits(bits, bitorder="little")
    offsets = np.flatnonzero(flags)
    return offsets + first


def posted(lists: Lists, first: int) -> Iterator[tuple[int, Posted]]:
    """Each term's list as it is stored, in a segment that begins at `first`."""
    terms, starts, numbers, counts = lists
    often = counts > 1
    often_numbers = numbers[often]
    often_counts = counts[often]
    once_numbers = numbers[~often]
    ends = np.concatenate([starts, [len(numbers)]])
    often_before = np.concatenate([[0], np.cumsum(often)])
    often_ends = often_before[ends]
    often_spans = pairwise(often_ends.tolist())
    once_spans = pairwise((ends - often_ends).tolist())
    spans = zip(terms.tolist(), often_spans, once_spans, strict=True)
    for term, (often_start, often_end), (once_start, once_end) in spans:
        stored = packed(
            often_numbers[often_start:often_end],
            often_counts[often_start:often_end],
        )
        once, bits = _stored_once(once_numbers[once_start:once_end], first)
        yield term, Posted(stored, once, bits)


def _stored_once(numbers: Numbers, first: int) -> tuple[bytes, bytes]:
    """The texts that hold a term once, as numbers or as bits from `first` on, whichever is shorter."""
    if len(numbers) <= LONG:
        return numbers.tobytes(), b""
    last = int(numbers[-1]) - first
    bits_of_numbers = 8 * BYTES_A_NUMBER * len(numbers)
    if bits_of_numbers <= last:
        return numbers.tobytes(), b""
    flags = np.zeros(last + 1, np.bool_)
    offsets = numbers - np.uint32(first)
    flags[offsets] = True
    bits = np.packbits(flags, bitorder="little")
    return b"", bits.tobytes()


def joined(parts: Sequence[tuple[int, int, Posted]], removed: Numbers) -> Lists:
    """Lists of several segments as one list a term, without what was removed.

    Each part comes with its segment's first number and its term; segments must come ascending.
    """
    terms: list[int] = []
    sizes: list[int] = []
    numbers: list[bytes] = []
    counts: list[bytes] = []
    for first, term, part in parts:
        for part_numbers, part_counts in _stored_parts(first, part):
            terms.append(term)
            sizes.append(len(part_counts))
            numbers.append(part_numbers)
            counts.append(part_counts)
    all_numbers = np.frombuffer(b"".join(numbers), np.uint32)
    all_counts = np.frombuffer(b"".join(counts), np.uint8)
    all_terms = np.repeat(np.array(terms, np.uint32), sizes)
    kept = _places_left(all_numbers, removed)
    kept_terms = all_terms[kept]
    by_term = np.argsort(kept_terms, kind="stable")
    order = kept[by_term]
    found, starts = np.unique(kept_terms[by_term], return_index=True)
    return found, starts, all_numbers[order], all_counts[order]


def _places_left(numbers: Numbers, removed: Numbers) -> Places:
    """The places of the numbers that were not removed."""
    if not len(removed):
        return np.arange(len(numbers))
    gone = np.isin(numbers, removed)
    return np.flatnonzero(~gone)


def _stored_parts(first: int, part: Posted) -> Iterator[tuple[bytes, bytes]]:
    """The numbers and counts of a stored list: of those that hold the term once, then of the others."""
    once = part.once
    if part.bits:
        bits = np.frombuffer(part.bits, np.uint8)
        numbers = _unpacked(first, bits)
        once = numbers.astype(np.uint32).tobytes()
    if once:
        size = len(once) // BYTES_A_NUMBER
        yield once, b"\x01" * size
    if part.often:
        yield split(part.often)
