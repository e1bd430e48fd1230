"""BM25 over posting lists, exactly, without reading more of them than the answer needs. No SQL here.

Robertson and Zaragoza 2009 for the score (k1 = 1.2, b = 0.75, and Lucene's form of rarity, which is never negative).
Terms are taken rarest first. Once the terms still to come can't lift a text that none of the former found into the best
`k`, only the texts found so far are looked up in the lists of the rest (MaxScore, Turtle and Flood 1995). The bar that
they must reach is set early, by the whole scores of those that lead.
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
SHORT = 4_000
"""Postings of the rarest terms that are read at one go."""
WATCHED = 20_000
"""Texts, found by the rarest terms, among which the leaders are sought."""
LEADERS = 16
"""Texts whose whole score is taken early, so that the bar for all others is high."""
FEW = 128
"""So few candidates are settled by looking at their own terms, which is cheaper than reading the long lists."""
SLACK = 1 - 1e-9
"""Bounds are compared with this much room, since sums of floats depend on their order."""

Numbers = NDArray[np.uint32]
Terms = NDArray[np.uint32]
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
    lengths: NDArray[np.float64]
    allowed: NDArray[np.bool_]
    total: int
    """Texts in the whole index, allowed here or not: rarity and mean length are of all."""
    mean_length: float


@dataclass(frozen=True)
class Source:
    """Where ranking reads from."""

    listed: Callable[[Sequence[int]], Sequence[tuple[Numbers, Counts]]]
    """The posting list of each term: the numbers of the texts that hold it, ascending, and how often each does."""
    held: Callable[[Sequence[int]], Sequence[tuple[Terms, Counts]]]
    """The terms of each text, and how often it holds each, by the texts' ids."""


def best(query: Sequence[QueryTerm], texts: Texts, source: Source, k: int) -> list[Hit]:
    """At most `k` hits, best first, equal ones by id. The terms must come rarest first."""
    ranking = _Ranking(query, texts, source, k)
    begun = ranking.seek()
    return ranking.finish(begun)


class _Ranking:
    """One search under way."""

    def __init__(self, query: Sequence[QueryTerm], texts: Texts, source: Source, k: int) -> None:
        self.query, self.texts, self.source, self.k = query, texts, source, k
        self.weights = [
            term.times * log1p((texts.total - term.found + 0.5) / (term.found + 0.5)) * (K1 + 1) for term in query
        ]
        bounds = [w * t.most / (t.most + self._norm(t.shortest)) for w, t in zip(self.weights, query, strict=True)]
        self.ahead: list[float] = [*np.cumsum(bounds[::-1])[::-1].tolist(), 0.0]
        """At each place, what the terms from there on can add to a text's score at most."""
        self.scores: Scores = np.where(texts.allowed, 0.0, -np.inf)
        self.watched = np.empty(0, np.intp)
        """Texts found so far by the rarest terms, each once."""
        self.bar = 0.0
        """What a text must reach to be among the best `k`, as far as is known."""

    def _norm(self, length: float) -> float:
        return K1 * (1 - B + B * length / self.texts.mean_length)

    def _parts(self, weight: float | Scores, numbers: NDArray[np.intp], counts: Counts) -> Scores:
        """What a term of this weight adds to the scores of these texts."""
        norms = self.texts.lengths[numbers]
        norms *= K1 * B / self.texts.mean_length
        norms += K1 * (1 - B)
        parts = counts.astype(np.float64)
        norms += parts
        parts *= weight
        parts /= norms
        return parts

    def seek(self) -> int:
        """Score whole lists, rarest first, until no other text can be among the best; where the lists left begin."""
        begun = self._short()
        read = sum(term.found for term in self.query[:begun])
        checked = 0
        for place in range(begun, len(self.query)):
            if read > 2 * checked:
                checked = read
                self._raise_bar(place)
            if self.bar * SLACK > self.ahead[place] or (read and read + self.query[place].found > MOST_POSTINGS):
                return place
            ((listed, counts),) = self.source.listed([self.query[place].number])
            numbers = listed.astype(np.intp)
            if len(self.watched) < WATCHED:
                self.watched = np.concatenate([self.watched, numbers[self.scores[numbers] == 0][:WATCHED]])
            self.scores[numbers] += self._parts(self.weights[place], numbers, counts)
            read += len(numbers)
        return len(self.query)

    def _short(self) -> int:
        """Score the rarest terms' short lists at one go; how many terms these are."""
        read = np.cumsum([term.found for term in self.query])
        begun = int(np.searchsorted(read, SHORT, side="right"))
        lists = self.source.listed([term.number for term in self.query[:begun]])
        numbers = np.concatenate([np.empty(0, np.uint32), *(listed for listed, _ in lists)]).astype(np.intp)
        counts = np.concatenate([np.empty(0, np.uint8), *(counts for _, counts in lists)])
        weights = np.repeat(self.weights[:begun], [len(listed) for listed, _ in lists])
        np.add.at(self.scores, numbers, self._parts(weights, numbers, counts))  # in this order, so term after term
        self.watched = np.unique(numbers[self.scores[numbers] > 0])
        return begun

    def _raise_bar(self, place: int) -> None:
        """Take the whole scores of those that lead so far: `k` of all texts have at least the `k`th best of these."""
        most = min(max(LEADERS, self.k), len(self.watched))
        if not most:
            return
        leaders = self.watched[np.argpartition(self.scores[self.watched], -most)[-most:]]
        scores = self.scores[leaders]
        self._settle(place, leaders, scores)
        self._see_bar(scores)

    def _see_bar(self, scores: Scores) -> None:
        """The `k`th best of different texts' scores, whole or not, is never above that of the whole scores of all."""
        if len(scores) >= self.k:
            self.bar = max(self.bar, float(np.partition(scores, -self.k)[-self.k]))

    def finish(self, begun: int) -> list[Hit]:
        """Complete the candidates' scores, dropping those that can't be among the best any more."""
        least = self.bar * SLACK - self.ahead[begun]
        numbers = np.flatnonzero(self.scores >= least if least > 0 else self.scores > 0)
        scores = self.scores[numbers]
        for place in range(begun, len(self.query)):
            if len(numbers) <= FEW:
                self._settle(place, numbers, scores)
                break
            self._look_up(place, numbers, scores)
            numbers, scores = self._kept(numbers, scores, self.ahead[place + 1])
        numbers, scores = self._kept(numbers, scores, 0.0)
        ids = self.texts.ids[numbers]
        order = np.lexsort((ids, -scores))[: self.k]
        return [Hit(*pair) for pair in zip(ids[order].tolist(), scores[order].tolist(), strict=True)]

    def _look_up(self, place: int, numbers: NDArray[np.intp], scores: Scores) -> None:
        """Add what one term adds, from its list."""
        ((listed, counts),) = self.source.listed([self.query[place].number])
        if not len(listed):
            return
        where = np.minimum(np.searchsorted(listed, numbers.astype(np.uint32)), len(listed) - 1)
        there = np.flatnonzero(listed[where] == numbers)
        scores[there] += self._parts(self.weights[place], numbers[there], counts[where[there]])

    def _settle(self, begun: int, numbers: NDArray[np.intp], scores: Scores) -> None:
        """Add what all terms left add, from the texts' own terms."""
        held = self.source.held(self.texts.ids[numbers].tolist())
        of = np.repeat(np.arange(len(held)), [len(terms) for terms, _ in held])
        terms = np.concatenate([np.empty(0, np.uint32), *(terms for terms, _ in held)])
        counts = np.concatenate([np.empty(0, np.uint8), *(counts for _, counts in held)])
        for place in range(begun, len(self.query)):
            there = np.flatnonzero(terms == self.query[place].number)
            scores[of[there]] += self._parts(self.weights[place], numbers[of[there]], counts[there])

    def _kept(self, numbers: NDArray[np.intp], scores: Scores, ahead: float) -> tuple[NDArray[np.intp], Scores]:
        """Those that can still be among the best."""
        self._see_bar(scores)
        kept = scores + ahead >= self.bar * SLACK
        return numbers[kept], scores[kept]
