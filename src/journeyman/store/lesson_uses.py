"""The outcomes of lesson uses in a job's latest cases, as columns of numbers.

They are read once and kept: each recall asks for those of some thirty lessons, and of all that their contributors
taught, and only what was judged since is new.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from journeyman.store.lesson_tables import LATEST, LATEST_USES
from journeyman.types import Json

BLOCK = 400
SAMPLE = 100
"""How often lessons agree at each rank is told by the latest of every so many cases: a young memory is less often
right, and what was recalled from it is compared with what was recalled then."""
MOST_TOLD = 64
"""Lessons recalled for one case."""

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
"""Of rows or groups."""

ROOM = 1_024
"""Rows that columns begin with room for."""
NO_ROWS: Places = np.zeros(0, np.intp)


def columns_of(rows: Sequence[Sequence[Json]], count: int) -> Numbers:
    """Rows of so many numbers as columns."""
    size = len(rows) * count
    values: Iterable[Json] = chain.from_iterable(rows)
    flat = np.fromiter(values, np.float64, size)
    table = flat.reshape(-1, count)
    return table.T


def typical_score(scores: Numbers, weights: Numbers) -> float | None:
    """The weighted mean. None: there are no scores."""
    if not len(scores):
        return None
    mean = scores @ weights / weights.sum()
    return float(mean)


class Uses(NamedTuple):
    """How uses of lessons came out: a number of each for every use, the oldest first."""

    place: Numbers
    """Of the case, in the journal."""
    shown: Numbers
    """0: it was withheld."""
    withheld: Numbers
    """The probability with which it was to be withheld."""
    score: Numbers
    weight: Numbers
    """One over the probability that this score was seen."""
    age: Numbers
    """How many cases of the job were judged since."""
    agreed: Numbers
    """Whether what was said proved right of the case. Below 0: that was not found out."""
    expected: Numbers
    """How often lessons recalled at this rank agreed."""

    def where(self, chosen: NDArray[Any]) -> Uses:
        columns = [column[chosen] for column in self]
        return Uses(*columns)


class GroupedUses(NamedTuple):
    """The uses of several lessons, or of several contributors' lessons."""

    names: tuple[str, ...]
    """Of the groups: some may have no use."""
    group: Places
    """Of each use, the number of its group. Uses come group by group, those of a group in the order of their cases."""
    uses: Uses

    @classmethod
    def of(cls, uses: Uses) -> Self:
        """A single group, of uses in any order."""
        by_case = np.argsort(uses.place, kind="stable")
        group = np.zeros(len(by_case), np.intp)
        in_order = uses.where(by_case)
        return cls(("",), group, in_order)

    def where(self, chosen: NDArray[Any]) -> Self:
        group = self.group[chosen]
        uses = self.uses.where(chosen)
        return self._replace(group=group, uses=uses)

    def sums(self, numbers: Numbers) -> Numbers:
        """The sum of each group's numbers, one of which belongs to each use; 0 for a group without uses."""
        sums = np.bincount(self.group, numbers, len(self.names))
        return sums.astype(np.float64)

    def counts(self) -> Places:
        """How many uses each group has."""
        return np.bincount(self.group, minlength=len(self.names))

    def by_name(self) -> dict[str, Uses]:
        """The uses of each group."""
        ends = np.cumsum(self.counts())
        starts = [0, *ends.tolist()]
        found: dict[str, Uses] = {}
        for n, name in enumerate(self.names):
            own = slice(starts[n], starts[n + 1])
            columns = [column[own] for column in self.uses]
            found[name] = Uses(*columns)
        return found


class JudgedCases(NamedTuple):
    """Cases that somebody judged, in the order of the journal: a number of each for every case."""

    place: Numbers
    score: Numbers
    weight: Numbers


class UseRows(NamedTuple):
    """Uses in the order of their cases, then of their ranks: a number of each for every use."""

    remembered: Numbers
    """Whether the lesson still is."""
    place: Numbers
    rank: Numbers
    agreed: Numbers
    shown: Numbers
    withheld: Numbers
    score: Numbers
    weight: Numbers


class NumberColumns:
    """NumberColumns of numbers that grow at their end and are let go from their beginning."""

    def __init__(self, count: int) -> None:
        self._table = np.empty((count, ROOM))
        self._start = 0
        self._end = 0
        self.gone = 0
        """How many rows were let go: the number of the first that is left."""

    @property
    def all(self) -> Numbers:
        """What is left, as a view: (columns, rows)."""
        return self._table[:, self._start : self._end]

    @property
    def added(self) -> int:
        """How many rows ever were: the number of the next."""
        left = self._end - self._start
        return self.gone + left

    def add(self, rows: Sequence[Sequence[Json]]) -> None:
        end = self._end + len(rows)
        if end > self._table.shape[1]:
            self._make_room(len(rows))
            end = self._end + len(rows)
        count = len(self._table)
        self._table[:, self._end : end] = columns_of(rows, count)
        self._end = end

    def let_go(self, rows: int) -> None:
        """The first so many."""
        self._start += rows
        self.gone += rows

    def _make_room(self, rows: int) -> None:
        """For so many more, and as many again as are there."""
        left = self.all
        count, size = left.shape
        table = np.empty((count, 2 * (size + rows)))
        table[:, :size] = left
        self._table = table
        self._start = 0
        self._end = size


RowsOf = dict[str, "array[int]"]
"""The numbers of the rows of each lesson, or of each contributor's."""


class LatestCases:
    """The latest judged cases of a job, at most `LATEST`, and the uses of lessons in them."""

    def __init__(self) -> None:
        self._cases = NumberColumns(len(JudgedCases._fields))
        self._uses = NumberColumns(len(UseRows._fields))
        self._of_lesson: RowsOf = {}
        self._of_contributor: RowsOf = {}
        self.agreed = _agreed(self.cases, self._rows)
        """The share of lessons that agreed with what proved right, by blocks of cases back and by rank (blocks, ranks);
        0 where that is not known. Only what is still remembered counts."""

    @property
    def cases(self) -> JudgedCases:
        return JudgedCases(*self._cases.all)

    @property
    def _rows(self) -> UseRows:
        return UseRows(*self._uses.all)

    @property
    def last(self) -> int:
        """The place of the last case; 0 where there is none."""
        places = self.cases.place
        return int(places[-1]) if len(places) else 0

    def add(self, cases: Sequence[Sequence[Json]], uses: Sequence[Sequence[Any]]) -> None:
        """Rows of later cases, at least one, and of the uses in them.

        Of a use the lesson's id and its contributor come first.
        """
        rows: list[Sequence[Json]] = []
        for number, (lesson, by, *stored) in enumerate(uses, self._uses.added):
            _note(self._of_lesson, lesson, number)
            remembered = by is not None
            if remembered:
                _note(self._of_contributor, by, number)
            rows.append((remembered, *stored))
        self._cases.add(cases)
        self._uses.add(rows)
        self._let_go()
        self._forget_unused()
        self.agreed = _agreed(self.cases, self._rows)

    def _let_go(self) -> None:
        """Of all but the latest cases."""
        places = self.cases.place
        late = max(len(places) - LATEST, 0)
        self._cases.let_go(late)
        first = places[late]
        gone = np.searchsorted(self._rows.place, first)
        self._uses.let_go(int(gone))

    def _forget_unused(self) -> None:
        """Of the lessons' names those without uses here, now and then."""
        uses = len(self._rows.place)
        if len(self._of_lesson) <= 2 * uses + MOST_TOLD:
            return
        first = self._uses.gone
        for name, rows in list(self._of_lesson.items()):
            if rows[-1] < first:
                del self._of_lesson[name]

    # --- asking

    @property
    def typical(self) -> float | None:
        """The cases' mean score, each weighing one over its label's probability. None: there are none."""
        cases = self.cases
        return typical_score(cases.score, cases.weight)

    @property
    def recurring(self) -> float:
        """How often, lately, what the lesson recalled first said proved right of a case; 0 if that is not known."""
        return float(self.agreed[0, 1])

    def of_lessons(self, names: Iterable[str]) -> GroupedUses:
        """Each lesson's latest uses, at most `LATEST_USES` of each."""
        return self._grouped(names, self._of_lesson)

    def of_contributors(self, names: Iterable[str]) -> GroupedUses:
        """The latest uses of all that each of these contributed, at most `LATEST_USES` of each."""
        return self._grouped(names, self._of_contributor)

    def _grouped(self, names: Iterable[str], rows_of: RowsOf) -> GroupedUses:
        groups = tuple(names)
        parts = [self._late(rows_of.get(name)) for name in groups]
        counts = list(map(len, parts))
        numbers = np.arange(len(groups))
        group = np.repeat(numbers, counts)
        chosen = np.concatenate([NO_ROWS, *parts])
        columns = self._uses.all[:, chosen]
        uses = self._as_uses(UseRows(*columns))
        return GroupedUses(groups, group, uses)

    def _late(self, numbers: array[int] | None) -> Places:
        """Where the rows of these numbers stand now, as far as they are late enough."""
        if numbers is None:
            return NO_ROWS
        latest = np.array(numbers[-LATEST_USES:], np.intp)
        places = latest - self._uses.gone
        return places[places >= 0]

    def _as_uses(self, rows: UseRows) -> Uses:
        places = self.cases.place
        judged_by_then = np.searchsorted(places, rows.place, side="right")
        age = len(places) - judged_by_then
        rank = rows.rank.astype(np.intp)
        return Uses(
            place=rows.place,
            shown=rows.shown,
            withheld=rows.withheld,
            score=rows.score,
            weight=rows.weight,
            age=age.astype(np.float64),
            agreed=rows.agreed,
            expected=self.agreed[age // BLOCK, rank],
        )


def _note(rows_of: RowsOf, name: str, number: int) -> None:
    """One more row of this name; of many, the latest are kept."""
    numbers = rows_of.setdefault(name, array("q"))
    numbers.append(number)
    if len(numbers) > 2 * LATEST_USES:
        del numbers[:-LATEST_USES]


def _agreed(cases: JudgedCases, rows: UseRows) -> Numbers:
    """How often lessons agreed, by blocks of cases back and by rank: see `LatestCases.agreed`."""
    places = cases.place
    shares = np.zeros((LATEST // BLOCK, MOST_TOLD + 1))
    ends = range(len(places), 0, -BLOCK)
    for blocks_back, block_end in enumerate(ends):
        start = max(block_end - SAMPLE, 0)
        first = np.searchsorted(rows.place, places[start])
        last = np.searchsorted(rows.place, places[block_end - 1], side="right")
        sample = slice(int(first), int(last))
        shares[blocks_back] = _share_by_rank(rows, sample)
    return shares


def _share_by_rank(rows: UseRows, sample: slice) -> Numbers:
    """Of a sample's lessons that are still remembered, how many agreed at each rank."""
    agreed = rows.agreed[sample]
    rank = rows.rank[sample].astype(np.intp)
    remembered = rows.remembered[sample] > 0
    found_out = agreed >= 0
    known = remembered & found_out
    ranks = MOST_TOLD + 1
    right = np.bincount(rank[known], agreed[known], ranks)
    told = np.bincount(rank[known], minlength=ranks)
    nothing = np.zeros(ranks)
    return np.divide(right, told, out=nothing, where=told > 0)
