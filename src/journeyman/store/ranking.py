"""BM25 over posting lists, exactly, without reading more of them than the answer needs. No SQL here.

Robertson and Zaragoza 2009 for the score (k1 = 1.2, b = 0.75, and Lucene's form of rarity, which is never negative).
Terms are taken rarest first. Once the terms still to come can't lift a text that none of the former found into the best
`k`, only the texts found so far are looked up in the lists of the rest (MaxScore, Turtle and Flood 1995).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75

MOST_POSTINGS = 3_000_000
"""Texts that new candidates are sought among, for one query. With more, only what the rarer terms found is ranked."""
SORTED_UP_TO = 20_000
"""Texts up to which sorting is cheaper than a look at every text's score."""
SLACK = 1 - 1e-9
"""Bounds are compared with this much room, since sums of floats depend on their order."""

Numbers = NDArray[np.uint32]
Counts = NDArray[np.uint8]
Scores = NDArray[np.float64]


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
    times: int
    """Times it stands in the query."""
    most: int
    """No text holds it more often."""
    shortest: int
    """No text that holds it has fewer terms."""


@dataclass(frozen=True)
class Texts:
    """What ranking knows of each text, by its number; a number of no text is not allowed."""

    ids: NDArray[np.int64]
    lengths: NDArray[np.uint32]
    allowed: NDArray[np.bool_]
    total: int
    """Texts in the whole index, allowed here or not: rarity and mean length are of all."""
    mean_length: float


Read = Callable[[int], tuple[Numbers, Counts]]
"""A term's posting list: the texts that hold it, ascending, and how often each does."""


def best(query: Sequence[QueryTerm], texts: Texts, read: Read, k: int) -> list[Hit]:
    """At most `k` hits, best first, equal ones by id. The terms must come rarest first."""
    ranking = _Ranking(query, texts, read, k)
    begun = ranking.seek()
    return ranking.finish(begun)


class _Ranking:
    """One search under way."""

    def __init__(self, query: Sequence[QueryTerm], texts: Texts, read: Read, k: int) -> None:
        self.query, self.texts, self.read, self.k = query, texts, read, k
        self.weights = [
            term.times * log1p((texts.total - term.found + 0.5) / (term.found + 0.5)) * (K1 + 1) for term in query
        ]
        bounds = [w * t.most / (t.most + self._norm(t.shortest)) for w, t in zip(self.weights, query, strict=True)]
        self.ahead: list[float] = [*np.cumsum(bounds[::-1])[::-1].tolist(), 0.0]
        """At each place, what the terms from there on can add to a text's score at most."""
        self.scores: Scores = np.where(texts.allowed, 0.0, -np.inf)
        self.touched: list[Numbers] = []

    def _norm(self, length: float) -> float:
        return K1 * (1 - B + B * length / self.texts.mean_length)

    def _parts(self, place: int, numbers: Numbers, counts: Counts) -> Scores:
        """What a term adds to the scores of these texts."""
        norms = self.texts.lengths[numbers] * (K1 * B / self.texts.mean_length) + K1 * (1 - B)
        often = counts.astype(np.float64)
        parts: Scores = self.weights[place] * often / (often + norms)
        return parts

    def seek(self) -> int:
        """Score whole lists, rarest first, until no other text can be among the best; where the lists left begin."""
        read = checked = 0
        for place, term in enumerate(self.query):
            if read > 1.5 * checked:
                checked = read
                if self._bar(self.scores[self._found()]) * SLACK > self.ahead[place]:
                    return place
            if read and read + term.found > MOST_POSTINGS:
                return place
            numbers, counts = self.read(term.number)
            self.scores[numbers] += self._parts(place, numbers, counts)
            self.touched.append(numbers)
            read += len(numbers)
        return len(self.query)

    def finish(self, begun: int) -> list[Hit]:
        """Look the candidates up in the lists left, and drop those that can't be among the best any more."""
        numbers = self._found()
        scores = self.scores[numbers]
        for place in range(begun, len(self.query)):
            numbers, scores = self._kept(numbers, scores, self.ahead[place])
            if not len(numbers):
                break
            self._look_up(place, numbers, scores)
        numbers, scores = self._kept(numbers, scores, 0.0)
        ids = self.texts.ids[numbers]
        order = np.lexsort((ids, -scores))[: self.k]
        return [Hit(*pair) for pair in zip(ids[order].tolist(), scores[order].tolist(), strict=True)]

    def _look_up(self, place: int, numbers: Numbers, scores: Scores) -> None:
        listed, counts = self.read(self.query[place].number)
        if not len(listed):
            return
        where = np.minimum(np.searchsorted(listed, numbers), len(listed) - 1)
        there = listed[where] == numbers
        scores[there] += self._parts(place, numbers[there], counts[where[there]])

    def _found(self) -> Numbers:
        """The allowed texts that a term has been found in, ascending."""
        if sum(map(len, self.touched)) > SORTED_UP_TO:
            return np.flatnonzero(self.scores > 0).astype(np.uint32)
        numbers = np.sort(np.concatenate([np.empty(0, np.uint32), *self.touched]))
        first = np.ones(len(numbers), np.bool_)
        np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
        found: Numbers = numbers[first & (self.scores[numbers] > 0)]
        return found

    def _bar(self, scores: Scores) -> float:
        """The `k`th best score; 0: there are fewer."""
        return float(np.partition(scores, -self.k)[-self.k]) if len(scores) >= self.k else 0.0

    def _kept(self, numbers: Numbers, scores: Scores, ahead: float) -> tuple[Numbers, Scores]:
        kept = scores + ahead >= self._bar(scores) * SLACK
        return numbers[kept], scores[kept]
