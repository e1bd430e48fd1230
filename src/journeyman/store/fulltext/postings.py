"""Posting lists as bytes: which texts hold a term once, and which more than once, how often. No SQL here.

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

Numbers = NDArray[np.uint32]
"""Of texts."""
Counts = NDArray[np.uint8]
Places = NDArray[np.intp]
"""Numbers of texts as numpy looks things up by."""
Shares = NDArray[np.float32]

Lists = tuple[NDArray[np.uint32], NDArray[np.intp], Numbers, Counts]
"""Posting lists end to end: the terms, where each one's list begins, and all lists' numbers and counts."""


def packed(numbers: NDArray[np.uint32], counts: Counts) -> bytes:
    """Numbers with a count each."""
    return numbers.tobytes() + counts.tobytes()


def split(stored: bytes) -> tuple[bytes, bytes]:
    """The numbers and the counts of what was packed."""
    end = 4 * (len(stored) // 5)
    return stored[:end], stored[end:]


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

    def add_to(self, gains: NDArray[np.uint16], weight: float, shares: Shares) -> None:
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
        return np.concatenate(
            [self.listed.astype(np.intp), *(_unpacked(*one) for one in self.bits)]
        )

    def add_to(self, gains: NDArray[np.uint16], weight: float, shares: Shares) -> None:
        gain = np.uint16(ceil(weight))
        gains[self.listed] += gain
        for first, bits in self.bits:
            there = np.unpackbits(
                bits, bitorder="little", count=min(8 * len(bits), len(gains) - first)
            )
            gains[first : first + len(there)] += np.multiply(there, gain, dtype=np.uint16)

    def held(self, numbers: Places) -> Counts:
        there = _places(self.listed, numbers)[1].astype(np.uint8)
        for first, bits in self.bits:
            start, end = np.searchsorted(numbers, (first, first + 8 * len(bits)))
            here = numbers[start:end] - first
            there[start:end] |= bits[here >> 3] >> (here & 7).astype(np.uint8) & 1
        return there


@dataclass(frozen=True)
class Often:
    """The texts that hold a term more than once."""

    listed: Numbers
    """Ascending."""
    counts: Counts

    @classmethod
    def of(cls, parts: Sequence[bytes]) -> Often:
        """From its parts as they are stored, in their order."""
        apart = [split(part) for part in parts]
        numbers, counts = (b"".join([halves[n] for halves in apart]) for n in (0, 1))
        return cls(np.frombuffer(numbers, np.uint32), np.frombuffer(counts, np.uint8))

    def numbers(self) -> Places:
        return self.listed.astype(np.intp)

    def add_to(self, gains: NDArray[np.uint16], weight: float, shares: Shares) -> None:
        numbers = self.numbers()
        # c (1 + norm) / (c + norm), where the share is 1 / (1 + norm)
        again = (self.counts - np.uint8(1)) * shares[numbers]
        again += 1
        np.divide(self.counts * np.float32(weight), again, out=again)
        gains[numbers] += np.ceil(again, out=again).astype(np.uint16)

    def held(self, numbers: Places) -> Counts:
        where, there = _places(self.listed, numbers)
        return np.where(there, self.counts[where] if len(self.counts) else np.uint8(0), np.uint8(0))


def _places(listed: Numbers, numbers: Places) -> tuple[Places, NDArray[np.bool_]]:
    """The place of each number in an ascending list, and whether it is there."""
    if not len(listed):
        return np.zeros(len(numbers), np.intp), np.zeros(len(numbers), np.bool_)
    where = np.minimum(np.searchsorted(listed, numbers.astype(np.uint32)), len(listed) - 1)
    return where, listed[where] == numbers


def _unpacked(first: int, bits: Counts) -> Places:
    return np.flatnonzero(np.unpackbits(bits, bitorder="little")) + first


def posted(lists: Lists, first: int) -> Iterator[tuple[int, Posted]]:
    """Each term's list as it is stored, in a segment that begins at `first`."""
    found, starts, numbers, counts = lists
    again = counts > 1
    ends = np.concatenate([starts, [len(numbers)]])
    some = np.concatenate([[0], np.cumsum(again)])[ends].tolist()
    of_once, of_often, counts = numbers[~again], numbers[again], counts[again]
    spans = zip(found.tolist(), pairwise(ends.tolist()), pairwise(some), strict=True)
    for term, (start, end), (some_start, some_end) in spans:
        often = packed(of_often[some_start:some_end], counts[some_start:some_end])
        once = of_once[start - some_start : end - some_end]
        if len(once) > LONG and 32 * len(once) > int(once[-1]) - first:
            held = np.zeros(int(once[-1]) - first + 1, np.bool_)
            held[once - np.uint32(first)] = True
            yield term, Posted(often, b"", np.packbits(held, bitorder="little").tobytes())
        else:
            yield term, Posted(often, once.tobytes(), b"")


def joined(parts: Sequence[tuple[int, int, Posted]], removed: Numbers) -> Lists:
    """Lists of several segments as one list a term, without what was removed.

    Each part comes with its segment's first number and its term; segments must come ascending.
    """
    of: list[int] = []
    numbers: list[bytes] = []
    counts: list[bytes] = []
    for first, term, (often, once, bits) in parts:
        held = (
            _unpacked(first, np.frombuffer(bits, np.uint8)).astype(np.uint32).tobytes()
            if bits
            else once
        )
        if held:
            of.append(term)
            numbers.append(held)
            counts.append(b"\x01" * (len(held) // 4))
        if often:
            held, how_often = split(often)
            of.append(term)
            numbers.append(held)
            counts.append(how_often)
    terms_of = np.repeat(np.array(of, np.uint32), [len(part) for part in counts])
    every = np.frombuffer(b"".join(numbers), np.uint32)
    kept = ~np.isin(every, removed) if len(removed) else np.ones(len(every), np.bool_)
    order = np.flatnonzero(kept)[np.argsort(terms_of[kept], kind="stable")]
    found, starts = np.unique(terms_of[order], return_index=True)
    return found, starts, every[order], np.frombuffer(b"".join(counts), np.uint8)[order]
