"""The outcomes of lesson uses, as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeyman.store.lesson_tables import USE_COLUMNS
from journeyman.types import Json

BLOCK = 400
SAMPLE = 100
"""How often lessons agree at each rank is told by the latest of every so many cases: a young memory is less often
right, and what was recalled from it is compared with what was recalled then."""

Numbers = NDArray[np.float64]


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


class Latest(NamedTuple):
    """The latest judged cases of a job."""

    places: Numbers
    """Their places in the journal, in its order."""
    typical: float | None
    """Their mean score, each weighing one over its label's probability. None: there are none."""
    agreed: Numbers
    """The share of lessons that agreed with what proved right, by blocks of cases back and by rank (blocks, ranks)."""

    def uses(self, rows: Sequence[Sequence[Json]]) -> Uses:
        """From rows of `USE_COLUMNS`, the oldest first."""
        columns = columns_of(rows, len(USE_COLUMNS))
        place, rank, agreed, shown, withheld, score, weight = columns
        judged_by_then = np.searchsorted(self.places, place, side="right")
        age = len(self.places) - judged_by_then
        blocks_back = age // BLOCK
        return Uses(
            place=place,
            shown=shown,
            withheld=withheld,
            score=score,
            weight=weight,
            age=age.astype(float),
            agreed=agreed,
            expected=self.agreed[blocks_back, rank.astype(int)],
        )

    @property
    def recurring(self) -> float:
        """How often, lately, what the lesson recalled first said proved right of a case; 0 if that is not known."""
        return float(self.agreed[0, 1])

    @property
    def span(self) -> tuple[int, int]:
        """Places of the first and the last; of none, the second is before the first."""
        places = self.places
        if not len(places):
            return 1, 0
        first = int(places[0])
        last = int(places[-1])
        return first, last


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
