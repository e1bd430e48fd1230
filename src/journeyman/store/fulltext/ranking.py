"""Exact BM25 over posting lists, which reads only what the best hits need. No SQL here.

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

_TO_24 = range(0, 24, 2)
_TO_64 = (24, 28, 32, 36, 40, 48, 56)
_LONG = (64, 96, 128, 192, 256, 512, 1024, 4096)
SHORTEST = np.array([*_TO_24, *_TO_64, *_LONG])
"""The least terms of a text of each level of length."""
LONGEST = np.append(SHORTEST[1:] - 1, 2**31)

TermIds = NDArray[np.uint32]
Scores = NDArray[np.float64]
Lengths = NDArray[np.integer[Any]]
Reals = NDArray[np.floating[Any]]
Real = TypeVar("Real", bound=np.floating[Any])


def levels(lengths: Lengths) -> NDArray[np.uint8]:
    """The level of each text, from its number of terms."""
    not_longer = np.searchsorted(SHORTEST, lengths, side="right")
    level = not_longer - 1
    return level.astype(np.uint8)


def norms_of(lengths: Lengths, mean: float, kind: type[Real]) -> NDArray[Real]:
    """The norm of each length: a term's part of the score divides its count by count + norm."""
    norms = lengths.astype(kind)
    norms *= K1 * B / mean
    norms += K1 * (1 - B)
    return norms


def once_shares(lengths: NDArray[np.uint32], mean: float) -> Shares:
    """The share of its weight that a term gives to a text of each length in which it stands once."""
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
    """At most `k` hits, best first, equal ones by id. The order of the terms must depend on the terms alone."""
    ranking = _Ranking(query, texts, source, k)
    begun = ranking.seek()
    numbers = ranking.candidates(begun)
    scores = ranking.score(numbers)
    ids = texts.ids[numbers]
    order = np.lexsort((ids, -scores))
    chosen = order[:k]
    best_ids = ids[chosen].tolist()
    best_scores = scores[chosen].tolist()
    return list(map(Hit, best_ids, best_scores))


def _weight(term: QueryTerm, total: int) -> float:
    """A term's weight: its times in the query, its rarity among `total` texts, and the constant of BM25."""
    not_holding = total - term.found + 0.5
    holding = term.found + 0.5
    rarity = log1p(not_holding / holding)
    return term.times * rarity * (K1 + 1)


def _steps(query: Sequence[QueryTerm]) -> list[ListToRead]:
    """The lists of all terms that are not empty, the shortest first."""
    steps: list[ListToRead] = []
    for place, term in enumerate(query):
        once = term.found - term.again
        steps.append(ListToRead(once, place, often=False))
        steps.append(ListToRead(term.again, place, often=True))
    filled = [step for step in steps if step.size]
    filled.sort()
    return filled


def _step_numbers(steps: Sequence[ListToRead], terms: int) -> Places:
    """The number of each term's step: in row 0 of its list of "once", in row 1 of that of "often"; -1 for none."""
    numbers = np.full((2, terms), -1)
    for number, step in enumerate(steps):
        row = int(step.often)
        numbers[row, step.term] = number
    return numbers


def _flat(held: Sequence[tuple[TermIds, Counts]]) -> tuple[TermIds, Counts, Places]:
    """All texts' terms end to end, each with its count and with the index of its text."""
    terms = [np.empty(0, np.uint32)]
    counts = [np.empty(0, np.uint8)]
    sizes: list[int] = []
    for terms_of_text, counts_of_text in held:
        terms.append(terms_of_text)
        counts.append(counts_of_text)
        sizes.append(len(terms_of_text))
    indices = np.arange(len(held))
    texts = np.repeat(indices, sizes)
    return np.concatenate(terms), np.concatenate(counts), texts


def _in_order(steps: Places) -> Places:
    """The indices of all that belong to a step, in the order of the steps."""
    order = np.argsort(steps, kind="stable")
    of_no_step = np.count_nonzero(steps < 0)
    return order[of_no_step:]


class _Ranking:
    """One search under way."""

    def __init__(
        self, query: Sequence[QueryTerm], texts: TextSet, source: PostingReader, k: int
    ) -> None:
        self.query = query
        self.texts = texts
        self.source = source
        self.k = k
        self.weights = np.array([_weight(term, texts.total) for term in query])
        self.most = [term.most for term in query]
        self.steps = _steps(query)
        self.at = _step_numbers(self.steps, len(query))
        self.unit = float(self.weights @ self.most) / UNITS
        self.gains = np.zeros(len(texts.allowed), np.uint16)
        """The most that the lists read so far can give each text, in units, before its share is taken of it."""
        self.watched: list[Places] = []
        """Texts that the shortest lists found so far, each once."""
        self.left = WATCHED
        """How many more texts are watched."""
        self.whole: dict[int, float] = {}
        """The scores of the texts that led so far."""
        self.bounds: Scores = np.zeros((len(self.steps) + 1, len(SHORTEST)))
        """The most that the lists from each step on can add to the score of a text of each level."""
        self.bar = 0.0
        """The score that a text must reach to be among the best `k`, as far as is known."""

    # --- bounds

    def _norms(self, lengths: Lengths) -> Scores:
        mean = self.texts.mean_length
        return norms_of(lengths, mean, np.float64)

    def _bounds(self) -> Scores:
        """An array of shape (steps + 1, levels)."""
        first_step = np.arange(len(self.steps) + 1)
        once, often = self.at[:, None, :] >= first_step[None, :, None]
        norms = self._norms(SHORTEST)
        from_often = often @ self._most_from_often(norms)
        # a text of a level has room for so many terms only, and the heaviest ones give most
        only_once = once & ~often
        heaviest = self._heaviest(only_once)
        room = np.minimum(LONGEST, len(self.query))
        from_once = heaviest[:, room] / (1 + norms)
        bounds: Scores = from_often + from_once
        return bounds

    def _most_from_often(self, norms: Scores) -> Scores:
        """The most that each term's list of "often" can give a text of each level: (terms, levels)."""
        weights = self.weights[:, None]
        most = np.array(self.most)[:, None]
        counts = np.minimum(most, LONGEST)
        divisors = counts + norms
        parts: Scores = weights * counts / divisors
        return parts

    def _heaviest(self, to_come: NDArray[np.bool_]) -> Scores:
        """By steps, and by n from 0 on: the sum of the n heaviest weights among the terms to come."""
        negative = np.where(to_come, -self.weights, 0.0)
        ascending = np.sort(negative, axis=1)
        sums = np.cumsum(-ascending, axis=1)
        no_step_more = (0, 0)
        none_first = (1, 0)
        return np.pad(sums, (no_step_more, none_first))

    # --- seeking

    def seek(self) -> int:
        """Read lists, shortest first, until no other text can be among the best. The number of the first list left."""
        steps = self.steps
        sizes = [step.size for step in steps]
        sums = np.cumsum(sizes)
        begun = int(np.searchsorted(sums, SHORT, side="right"))
        self._add_lists(steps[:begun])
        if begun < len(steps):
            self.bounds = self._bounds()
        ahead = self.bounds.max(axis=1).tolist()
        postings_read = sum(sizes[:begun])
        postings_checked = 0
        for number in range(begun, len(steps)):
            if postings_read > 3 * postings_checked:
                postings_checked = postings_read
                self._raise_bar_by_watched()
            postings_next = postings_read + sizes[number]
            too_many = postings_read > 0 and postings_next > MOST_POSTINGS
            others_fail = self.bar * SLACK > ahead[number]
            if others_fail or too_many:
                return number
            self._add_lists([steps[number]])
            postings_read = postings_next
        return len(steps)

    def _read(self, steps: Sequence[ListToRead]) -> list[Listed]:
        """Each step's list."""
        once_terms: list[int] = []
        often_terms: list[int] = []
        for step in steps:
            terms = often_terms if step.often else once_terms
            term = self.query[step.term]
            terms.append(term.number)
        source = self.source
        once = iter(source.once(once_terms))
        often = iter(source.often(often_terms))
        return [next(often) if step.often else next(once) for step in steps]

    def _add_lists(self, steps: Sequence[ListToRead]) -> None:
        lists = self._read(steps)
        for step, listed in zip(steps, lists, strict=True):
            self._add(step, listed)

    def _add(self, step: ListToRead, listed: Listed) -> None:
        """Add the most that a list can give."""
        if self.left:
            numbers = listed.numbers()
            self._watch(numbers)
        weight = float(self.weights[step.term])
        units = weight / self.unit
        shares = self.texts.shares
        listed.add_to(self.gains, units, shares)

    def _watch(self, numbers: Places) -> None:
        """Watch those of these texts that no list found before."""
        allowed = self.texts.allowed[numbers]
        first_found = self.gains[numbers] == 0
        new = numbers[first_found & allowed]
        watched = new[: self.left]
        self.watched.append(watched)
        self.left -= len(watched)

    def _raise_bar_by_watched(self) -> None:
        none = np.empty(0, np.intp)
        watched = np.concatenate([none, *self.watched])
        gains = self.gains[watched]
        shares = self.texts.shares[watched]
        self._raise_bar(watched, gains * shares)

    def _raise_bar(self, numbers: Places, bounds: Shares) -> None:
        """Score those that lead among these: `k` of all texts have at least the `k`th best of the scores known."""
        k = self.k
        wanted = max(LEADERS, k)
        count = min(wanted, len(numbers))
        if not count:
            return
        ascending = np.argpartition(bounds, -count)
        leaders = numbers[ascending[-count:]]
        whole = self.whole
        new = [number for number in leaders.tolist() if number not in whole]
        scores = self._settled(np.array(new, np.intp))
        whole.update(zip(new, scores.tolist(), strict=True))
        if len(whole) >= k:
            known = list(whole.values())
            partly_sorted = np.partition(known, -k)
            self.bar = float(partly_sorted[-k])

    # --- finishing

    def candidates(self, begun: int) -> Places:
        """The texts that can be among the best, by bounds from all lists; ascending."""
        numbers = self._reaching_bar(begun)
        gains = self.gains[numbers]
        shares = self.texts.shares[numbers]
        bounds = gains * shares * np.float32(self.unit)
        numbers, bounds = self._kept(numbers, bounds, begun)
        end = len(self.steps)
        for number in range(begun, end + 1):
            last = number == end
            raised = last or number - begun in RAISED
            if raised and len(numbers) > FEW:
                self._raise_bar(numbers, bounds)
                numbers, bounds = self._kept(numbers, bounds, number)
            if last or len(numbers) <= FEW:
                break
            self._look_up(self.steps[number], numbers, bounds)
            numbers, bounds = self._kept(numbers, bounds, number + 1)
        return numbers

    def _reaching_bar(self, begun: int) -> Places:
        """Texts found so far that can reach the bar if each has room for all terms of the lists to come."""
        once, often = self.at >= begun
        counts = np.where(often, self.most, once)
        unit = self.unit
        units_to_come = self.weights @ counts / unit
        texts = self.texts
        gains = self.gains
        bounds = gains + np.float32(units_to_come)
        bounds *= texts.shares
        bar = self.bar * SLACK / unit
        reaching = bounds >= bar
        found = gains > 0
        return np.flatnonzero(reaching & found & texts.allowed)

    def _kept(self, numbers: Places, bounds: Shares, step: int) -> tuple[Places, Shares]:
        """The texts that can still be among the best, given what the lists from a step on can add."""
        of_levels = self.bounds[step]
        to_come = of_levels.astype(np.float32)
        level = self.texts.levels[numbers]
        most = bounds + to_come[level]
        bar = self.bar * SLACK
        kept = np.flatnonzero(most >= bar)
        return numbers[kept], bounds[kept]

    def _look_up(self, step: ListToRead, numbers: Places, scores: Reals) -> None:
        """Add what one list adds to these texts' scores."""
        (listed,) = self._read([step])
        held = listed.held(numbers)
        holding = np.flatnonzero(held)
        weight = self.weights[step.term]
        counts = held[holding]
        texts = numbers[holding]
        scores[holding] += self._parts(weight, counts, texts)

    def _parts(self, weights: float | Scores, counts: Counts, numbers: Places) -> Scores:
        """What terms of these weights, held as often as counted, add to these texts' scores."""
        lengths = self.texts.lengths[numbers]
        norms = self._norms(lengths)
        divisors = counts + norms
        parts: Scores = weights * counts / divisors
        return parts

    # --- scoring

    def score(self, numbers: Places) -> Scores:
        """The scores of texts that come ascending. Lists add up in their order, so that equal texts score alike."""
        if len(numbers) <= FEW:
            return self._settled(numbers)
        scores = np.zeros(len(numbers))
        for step in self.steps:
            self._look_up(step, numbers, scores)
        return scores

    def _settled(self, numbers: Places) -> Scores:
        """The texts' scores, from their own terms."""
        ids = self.texts.ids[numbers]
        held = self.source.held(ids.tolist())
        terms, counts, holders = _flat(held)
        places = self._places_in_query(terms)
        steps = self._steps_of(places, counts)
        chosen = _in_order(steps)
        texts = holders[chosen]
        weights = self.weights[places[chosen]]
        parts = self._parts(weights, counts[chosen], numbers[texts])
        scores = np.zeros(len(numbers))
        np.add.at(scores, texts, parts)  # one after the other
        return scores

    def _places_in_query(self, terms: TermIds) -> Places:
        """Each term's place in the query. Of a term that is not in the query: -1."""
        asked = np.array([term.number for term in self.query], np.uint32)
        order = np.argsort(asked)
        found = np.searchsorted(asked, terms, sorter=order)
        last = len(asked) - 1
        places = order[np.minimum(found, last)]
        unknown = asked[places] != terms
        places[unknown] = -1
        return places

    def _steps_of(self, places: Places, counts: Counts) -> Places:
        """The number of the step that holds each count of a term; -1 where the term is not in the query."""
        often = counts > 1
        rows = often.astype(np.intp)
        steps = self.at[rows, places]
        steps[places < 0] = -1
        return steps
