"""The outcomes of lesson uses in a job's latest cases, as columns of numbers.

They are read once and kept: each recall asks for those of some thirty lessons, and of all that their contributors
taught, and only what was judged since is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

NOBODY = -1
"""The contributor of a lesson that is not remembered."""


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

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[Json]]) -> Self:
        count = len(cls._fields)
        columns = columns_of(rows, count)
        return cls(*columns)

    def end_to_end(self, later: Self, most: int) -> Self:
        """With later ones; of all so many are kept, the last."""
        columns: list[Numbers] = []
        for pair in zip(self, later, strict=True):
            column = np.concatenate(pair)
            columns.append(column[-most:])
        return type(self)(*columns)


class UseRows(NamedTuple):
    """Uses as they are stored, in the order of their cases, then of their ranks: a number of each for every use."""

    lesson: Numbers
    """A number that stands for its id."""
    contributor: Numbers
    """A number that stands for its name; `NOBODY`, where the lesson is not remembered."""
    place: Numbers
    rank: Numbers
    agreed: Numbers
    shown: Numbers
    withheld: Numbers
    score: Numbers
    weight: Numbers

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[Json]]) -> Self:
        count = len(cls._fields)
        columns = columns_of(rows, count)
        return cls(*columns)

    def some(self, chosen: Places) -> Self:
        columns = [column[chosen] for column in self]
        return type(self)(*columns)

    def end_to_end(self, later: Self) -> Self:
        columns = [np.concatenate(pair) for pair in zip(self, later, strict=True)]
        return type(self)(*columns)

    def since(self, place: float) -> Self:
        """Those in the case at this place and in later ones."""
        first = int(np.searchsorted(self.place, place))
        columns = [column[first:] for column in self]
        return type(self)(*columns)


NO_CASES = JudgedCases.of_rows([])
NO_USES = UseRows.of_rows([])


class LatestCases:
    """The latest judged cases of a job, at most `LATEST`, and the uses of lessons in them."""

    def __init__(self) -> None:
        self.cases = NO_CASES
        self.rows = NO_USES
        self.lessons: dict[str, int] = {}
        """The number of each lesson that has uses here; some have none any more."""
        self.contributors: dict[str, int] = {}
        self.agreed = _agreed(NO_CASES, NO_USES)
        """The share of lessons that agreed with what proved right, by blocks of cases back and by rank (blocks, ranks);
        0 where that is not known. Only what is still remembered counts."""

    @property
    def last(self) -> int:
        """The place of the last case; 0 where there is none."""
        places = self.cases.place
        return int(places[-1]) if len(places) else 0

    def add(self, cases: Sequence[Sequence[Json]], uses: Sequence[Sequence[Any]]) -> None:
        """Rows of later cases, at least one, and of the uses in them.

        Of a use the lesson's id and its contributor come first.
        """
        new: list[Sequence[Json]] = []
        for lesson, by, *stored in uses:
            number = self._number_of(lesson)
            contributor = self._contributor_number(by)
            new.append((number, contributor, *stored))
        later = JudgedCases.of_rows(cases)
        self.cases = self.cases.end_to_end(later, LATEST)
        first = float(self.cases.place[0])
        later_rows = UseRows.of_rows(new)
        rows = self.rows.end_to_end(later_rows)
        self.rows = rows.since(first)
        self.agreed = _agreed(self.cases, self.rows)
        uses_left = len(self.rows.lesson)
        if len(self.lessons) > 2 * uses_left + MOST_TOLD:
            self._forget_unused()

    def _number_of(self, lesson: str) -> int:
        return self.lessons.setdefault(lesson, len(self.lessons))

    def _contributor_number(self, name: str | None) -> int:
        if name is None:
            return NOBODY
        return self.contributors.setdefault(name, len(self.contributors))

    def _forget_unused(self) -> None:
        """Number anew those lessons that have uses here."""
        used, numbers = np.unique(self.rows.lesson, return_inverse=True)
        names = list(self.lessons)
        self.lessons = {}
        for number in used.astype(int):
            self._number_of(names[number])
        lesson = numbers.astype(np.float64)
        self.rows = self.rows._replace(lesson=lesson)

    # --- asking

    @property
    def typical(self) -> float | None:
        """The cases' mean score, each weighing one over its label's probability. None: there are none."""
        return typical_score(self.cases.score, self.cases.weight)

    @property
    def recurring(self) -> float:
        """How often, lately, what the lesson recalled first said proved right of a case; 0 if that is not known."""
        return float(self.agreed[0, 1])

    def of_lessons(self, names: Iterable[str]) -> GroupedUses:
        """Each lesson's latest uses, at most `LATEST_USES` of each."""
        groups = tuple(names)
        return self._grouped(groups, self.lessons, self.rows.lesson)

    def of_contributors(self, names: Iterable[str]) -> GroupedUses:
        """The latest uses of all that each of these contributed, at most `LATEST_USES` of each."""
        groups = tuple(names)
        return self._grouped(groups, self.contributors, self.rows.contributor)

    def _grouped(
        self, names: tuple[str, ...], numbers: Mapping[str, int], column: Numbers
    ) -> GroupedUses:
        group_of = np.full(len(numbers) + 1, -1, np.intp)  # the last one: of `NOBODY`
        for n, name in enumerate(names):
            number = numbers.get(name)
            if number is not None:
                group_of[number] = n
        groups = group_of[column.astype(np.intp)]
        (wanted,) = np.nonzero(groups >= 0)
        by_group = np.argsort(groups[wanted], kind="stable")
        chosen = wanted[by_group]
        group = groups[chosen]
        late = _latest_of_each(group, len(names))
        return GroupedUses(names, group[late], self._uses(self.rows.some(chosen[late])))

    def _uses(self, rows: UseRows) -> Uses:
        places = self.cases.place
        judged_by_then = np.searchsorted(places, rows.place, side="right")
        age = len(places) - judged_by_then
        expected = self.agreed[age // BLOCK, rows.rank.astype(np.intp)]
        return Uses(
            place=rows.place,
            shown=rows.shown,
            withheld=rows.withheld,
            score=rows.score,
            weight=rows.weight,
            age=age.astype(np.float64),
            agreed=rows.agreed,
            expected=expected,
        )


def _latest_of_each(group: Places, groups: int) -> NDArray[np.bool_]:
    """Whether each use is among the last `LATEST_USES` of its group; they come group by group."""
    counts = np.bincount(group, minlength=groups)
    ends = np.cumsum(counts)
    place = np.arange(len(group))
    left = ends[group] - place
    return left <= LATEST_USES


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
    remembered = rows.contributor[sample] > NOBODY
    found_out = agreed >= 0
    known = remembered & found_out
    ranks = MOST_TOLD + 1
    right = np.bincount(rank[known], agreed[known], ranks)
    told = np.bincount(rank[known], minlength=ranks)
    nothing = np.zeros(ranks)
    return np.divide(right, told, out=nothing, where=told > 0)
