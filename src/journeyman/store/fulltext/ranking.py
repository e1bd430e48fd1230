"""BM25 over posting lists, exactly, without reading more of them than the answer needs. No SQL here.

Robertson and Zaragoza 2009 for the score (k1 = 1.2, b = 0.75, and Lucene's form of rarity, which is never negative).
The texts that hold a term once and those that hold it more often are two lists, and the shortest lists are taken first.
Once the lists still to come can't lift a text that none of the former found into the best `k`, only the texts found so
far are looked up in the rest (MaxScore, Turtle and Flood 1995). The bar that they must reach is set early, by the whole
scores of those that lead. Up to there a text's score is only bounded, from above and in whole numbers, which is several
times quicker; the few that can be among the best are scored as it is written.

What the lists to come can add goes by a text's length, which is our own: a short text gains most of each term, but has
room for few, and a long one gains less of each. So no text can gain what all terms together could give at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from journeyman.store.fulltext.postings import Counts, Listed, Often, Once, Places, Shares

K1 = 1.2
B = 0.75

MOST_POSTINGS = 3_000_000
"""Texts that new candidates are sought among, for one query. With more, only what the rarer terms found is ranked."""
SHORT = 4_000
"""Postings of the shortest lists that are read at one go."""
WATCHED = 20_000
"""Texts, found by the shortest lists, among which the leaders are sought."""
LEADERS = 16
"""Texts whose whole score is taken early, so that the bar for all others is high."""
FEW = 128
"""So few candidates are settled by looking at their own terms, which is cheaper than reading the long lists."""
RAISED = (0, 2, 5)
"""After so many look-ups the bar is raised once more."""
SLACK = 1 - 1e-5
"""Bounds are compared with this much room, since they are reckoned in 32 bits."""
UNITS = 60_000
"""Of which the largest score that a query could give is made: whole numbers of them fit into 16 bits."""

SHORTEST = np.array(
    [
        0,
        2,
        4,
        6,
        8,
        10,
        12,
        14,
        16,
        18,
        20,
        22,
        24,
        28,
        32,
        36,
        40,
        48,
        56,
        64,
        96,
        128,
        192,
        256,
        512,
        1024,
        4096,
    ]
)
"""The least terms of a text of each level of length."""
LONGEST = np.append(SHORTEST[1:] - 1, 2**31)

TermIds = NDArray[np.uint32]
Scores = NDArray[np.float64]
Real = TypeVar("Real", bound=np.floating[Any])


def levels(lengths: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Of texts with so many terms."""
    return (np.searchsorted(SHORTEST, lengths, side="right") - 1).astype(np.uint8)


def norms_of(lengths: NDArray[np.integer[Any]], mean: float, kind: type[Real]) -> NDArray[Real]:
    """What a term's count is divided by, beside itself, in texts of so many terms."""
    norms = lengths.astype(kind)
    norms *= K1 * B / mean
    norms += K1 * (1 - B)
    return norms


def once_shares(lengths: NDArray[np.uint32], mean: float) -> Shares:
    """What a term gives that stands once in texts of so many terms, as a share of its weight."""
    norms = norms_of(lengths, mean, np.float32)
    norms += 1
    shares: Shares = np.reciprocal(norms, out=norms)
    return shares


class Hit(NamedTuple):
    """A text that a search found."""

    id: int
    score: float
    """BM25, above 0. Comparable within one search only."""


@dataclass(frozen=True)
class QueryTerm:
    """A term of the query that the index knows."""

    number: int
    found: int
    """Texts that hold it."""
    again: int
    """Those of them that hold it more than once."""
    times: int
    """Times it stands in the query."""
    most: int
    """No text holds it more often."""


@dataclass(frozen=True)
class TextSet:
    """What ranking knows of each text, by its number; a number of no text is not allowed."""

    ids: NDArray[np.int64]
    lengths: NDArray[np.uint32]
    levels: NDArray[np.uint8]
    shares: Shares
    """What a term gives that stands in the text once, as a share of its weight: `once_shares` of the lengths."""
    allowed: NDArray[np.bool_]
    total: int
    """Texts in the whole index, allowed here or not: rarity and mean length are of all."""
    mean_length: float


@dataclass(frozen=True)
class PostingReader:
    """Where ranking reads from."""

    once: Callable[[Sequence[int]], Sequence[Once]]
    """For each term, the texts that hold it once."""
    often: Callable[[Sequence[int]], Sequence[Often]]
    """For each term, those that hold it more often."""
    held: Callable[[Sequence[int]], Sequence[tuple[TermIds, Counts]]]
    """The terms of each text, and how often it holds each, by the texts' ids."""


class ListToRead(NamedTuple):
    """One of a term's two lists."""

    size: int
    term: int
    """Its place in the query."""
    often: bool


def best(query: Sequence[QueryTerm], texts: TextSet, source: PostingReader, k: int) -> list[Hit]:
    """At most `k` hits, best first, equal ones by id. The terms must come in an order that goes by what they are."""
    return _Ranking(query, texts, source, k).best()


class _Ranking:
    """One search under way."""

    def __init__(
        self, query: Sequence[QueryTerm], texts: TextSet, source: PostingReader, k: int
    ) -> None:
        self.query, self.texts, self.source, self.k = query, texts, source, k
        self.weights = np.array(
            [
                term.times * log1p((texts.total - term.found + 0.5) / (term.found + 0.5)) * (K1 + 1)
                for term in query
            ]
        )
        both = [
            (ListToRead(t.found - t.again, n, False), ListToRead(t.again, n, True))
            for n, t in enumerate(query)
        ]
        self.steps = sorted(step for pair in both for step in pair if step.size)
        self.at = np.full((2, len(query)), -1)
        """The place of each term's lists among the steps: of the texts that hold it once, and more often."""
        for place, step in enumerate(self.steps):
            self.at[int(step.often), step.term] = place
        self.unit = float(self.weights @ [term.most for term in query]) / UNITS
        self.gains = np.zeros(len(texts.allowed), np.uint16)
        """What the lists read so far can give each text at most, in units, before its share is taken of it."""
        self.watched: list[Places] = []
        """Texts found so far by the shortest lists, each once."""
        self.left = WATCHED
        """How many more are watched."""
        self.whole: dict[int, float] = {}
        """The scores of those that led so far."""
        self.bounds: Scores = np.zeros((len(self.steps) + 1, len(SHORTEST)))
        """What the lists from each step on can add to the score of a text of each level at most."""
        self.bar = 0.0
        """What a text must reach to be among the best `k`, as far as is known."""

    def best(self) -> list[Hit]:
        begun = self._seek()
        numbers = self._candidates(begun)
        scores = self._scores(numbers)
        ids = self.texts.ids[numbers]
        order = np.lexsort((ids, -scores))[: self.k]
        return [
            Hit(*pair) for pair in zip(ids[order].tolist(), scores[order].tolist(), strict=True)
        ]

    # --- bounds

    def _norms(self, lengths: NDArray[np.integer[Any]]) -> Scores:
        return norms_of(lengths, self.texts.mean_length, np.float64)

    def _bounds(self) -> Scores:
        """(steps + 1, levels)."""
        to_come = self.at[:, None, :] >= np.arange(len(self.steps) + 1)[None, :, None]
        norms = self._norms(SHORTEST)
        counts = np.minimum(np.array([term.most for term in self.query])[:, None], LONGEST)
        of_often = to_come[1] @ (self.weights[:, None] * counts / (counts + norms))
        # a text of so many terms can hold no more of the others, and the heaviest give most
        weights = np.sort(np.where(to_come[0] & ~to_come[1], -self.weights, 0.0), axis=1)
        heaviest = np.pad(np.cumsum(-weights, axis=1), ((0, 0), (1, 0)))
        bounds: Scores = of_often + heaviest[:, np.minimum(LONGEST, len(self.query))] / (1 + norms)
        return bounds

    # --- seeking

    def _seek(self) -> int:
        """Read lists, shortest first, until no other text can be among the best; where the lists left begin."""
        begun = int(
            np.searchsorted(np.cumsum([step.size for step in self.steps]), SHORT, side="right")
        )
        for step, listed in zip(self.steps, self._read(self.steps[:begun]), strict=False):
            self._add(step, listed)
        if begun < len(self.steps):
            self.bounds = self._bounds()
        ahead = self.bounds.max(axis=1).tolist()
        read = sum(step.size for step in self.steps[:begun])
        checked = 0
        for place in range(begun, len(self.steps)):
            step = self.steps[place]
            if read > 3 * checked:
                checked = read
                watched = np.concatenate([np.empty(0, np.intp), *self.watched])
                self._raise_bar(watched, self.gains[watched] * self.texts.shares[watched])
            if self.bar * SLACK > ahead[place] or (read and read + step.size > MOST_POSTINGS):
                return place
            self._add(step, *self._read([step]))
            read += step.size
        return len(self.steps)

    def _read(self, steps: Sequence[ListToRead]) -> list[Listed]:
        """Each step's list."""
        once = iter(
            self.source.once([self.query[step.term].number for step in steps if not step.often])
        )
        often = iter(
            self.source.often([self.query[step.term].number for step in steps if step.often])
        )
        return [next(often) if step.often else next(once) for step in steps]

    def _add(self, step: ListToRead, listed: Listed) -> None:
        """Add what a list can give at most."""
        if self.left:
            numbers = listed.numbers()
            new = numbers[(self.gains[numbers] == 0) & self.texts.allowed[numbers]][: self.left]
            self.watched.append(new)
            self.left -= len(new)
        listed.add_to(self.gains, float(self.weights[step.term]) / self.unit, self.texts.shares)

    def _raise_bar(self, numbers: Places, bounds: Shares) -> None:
        """Score those that lead among these: `k` of all texts have at least the `k`th best of the scores known."""
        most = min(max(LEADERS, self.k), len(numbers))
        if not most:
            return
        leaders = numbers[np.argpartition(bounds, -most)[-most:]].tolist()
        new = np.array([number for number in leaders if number not in self.whole], np.intp)
        self.whole |= zip(new.tolist(), self._settled(new).tolist(), strict=True)
        if len(self.whole) >= self.k:
            self.bar = float(np.partition(list(self.whole.values()), -self.k)[-self.k])

    # --- finishing

    def _candidates(self, begun: int) -> Places:
        """The texts that can be among the best, by bounds from all lists."""
        # first, of all texts, as if each had room for all that is to come
        to_come = np.where(
            self.at[1] >= begun, [term.most for term in self.query], self.at[0] >= begun
        )
        bounds = self.gains + np.float32(self.weights @ to_come / self.unit)
        bounds *= self.texts.shares
        numbers = np.flatnonzero(
            (bounds >= self.bar * SLACK / self.unit) & (self.gains > 0) & self.texts.allowed
        )
        bounds = self.gains[numbers] * self.texts.shares[numbers] * np.float32(self.unit)
        numbers, bounds = self._kept(numbers, bounds, begun)
        for place in range(begun, len(self.steps) + 1):
            if len(numbers) > FEW and (place - begun in RAISED or place == len(self.steps)):
                self._raise_bar(numbers, bounds)
                numbers, bounds = self._kept(numbers, bounds, place)
            if len(numbers) <= FEW or place == len(self.steps):
                break
            self._look_up(self.steps[place], numbers, bounds)
            numbers, bounds = self._kept(numbers, bounds, place + 1)
        return numbers

    def _kept(self, numbers: Places, bounds: Shares, place: int) -> tuple[Places, Shares]:
        """Those that can still be among the best."""
        ahead = self.bounds[place].astype(np.float32)[self.texts.levels[numbers]]
        kept = np.flatnonzero(bounds + ahead >= self.bar * SLACK)
        return numbers[kept], bounds[kept]

    def _look_up(
        self, step: ListToRead, numbers: Places, scores: NDArray[np.floating[Any]]
    ) -> None:
        """Add what one list adds to these texts' scores."""
        (listed,) = self._read([step])
        held = listed.held(numbers)
        there = np.flatnonzero(held)
        scores[there] += self._parts(self.weights[step.term], held[there], numbers[there])

    def _parts(self, weights: float | Scores, held: Counts, numbers: Places) -> Scores:
        """What terms of these weights, held so often, give these texts."""
        parts: Scores = weights * held / (held + self._norms(self.texts.lengths[numbers]))
        return parts

    # --- scoring

    def _scores(self, numbers: Places) -> Scores:
        """Of these texts, which come ascending. Lists add up in their order, so that equal texts score alike."""
        if len(numbers) <= FEW:
            return self._settled(numbers)
        scores = np.zeros(len(numbers))
        for step in self.steps:
            self._look_up(step, numbers, scores)
        return scores

    def _settled(self, numbers: Places) -> Scores:
        """Their scores, from the texts' own terms."""
        held = self.source.held(self.texts.ids[numbers].tolist())
        of = np.repeat(np.arange(len(held)), [len(terms) for terms, _ in held])
        terms = np.concatenate([np.empty(0, np.uint32), *(terms for terms, _ in held)])
        counts = np.concatenate([np.empty(0, np.uint8), *(counts for _, counts in held)])
        asked = np.array([term.number for term in self.query], np.uint32)
        order = np.argsort(asked)
        which = order[np.minimum(np.searchsorted(asked, terms, sorter=order), len(asked) - 1)]
        place = np.where(asked[which] == terms, self.at[(counts > 1).astype(np.intp), which], -1)
        there = np.argsort(place, kind="stable")[np.count_nonzero(place < 0) :]
        scores = np.zeros(len(numbers))
        parts = self._parts(self.weights[which[there]], counts[there], numbers[of[there]])
        np.add.at(scores, of[there], parts)  # one after the other
        return scores
