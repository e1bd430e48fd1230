"""What an assessor keeps of a labelled case: about a kilobyte, a tenth of the record that it came from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from journeyman.assess.neighbours import Packed, PastTexts, packed
from journeyman.types import Evidence, Example

Array = NDArray[np.float64]

Names = tuple[str, ...]

_known_names: dict[Names, Names] = {}
"""Each tuple of signals' names, once: nearly all cases have the same."""


@dataclass(frozen=True, slots=True)
class TaughtCase:
    """A labelled case with an answer."""

    names: Names
    """Of its signals."""
    values: bytes
    """Of its signals, as 64-bit numbers; NaN where there is none."""
    asked: Packed
    answered: Packed
    correct: bool
    weight: float
    """One over the probability that its label was seen."""

    @classmethod
    def of(cls, example: Example) -> TaughtCase:
        evidence = example.evidence
        names = tuple(evidence.signals)
        values = values_of(evidence, names)
        return cls(
            names=_known_names.setdefault(names, names),
            values=values.tobytes(),
            asked=packed(evidence.prompt),
            answered=packed(evidence.answer or ""),
            correct=example.correct,
            weight=example.weight,
        )


def values_of(evidence: Evidence, names: Names) -> Array:
    """Signals by their names; NaN where there is none."""
    values: list[float] = []
    for name in names:
        value = evidence.signals.get(name)
        values.append(math.nan if value is None else value)
    return np.array(values, np.float64)


def names_of(taught: Iterable[TaughtCase]) -> Names:
    """Of all signals that any case has, in alphabetical order."""
    kinds = {one.names for one in taught}
    return tuple(sorted(set().union(*kinds)))


def signals_of(taught: Sequence[TaughtCase], names: Names) -> Array:
    """A row for each case, a column for each name; NaN where there is none."""
    shape = (len(taught), len(names))
    table = np.full(shape, math.nan)
    for n, one in enumerate(taught):
        columns = list(map(names.index, one.names))
        values = np.frombuffer(one.values)
        table[n, columns] = values
    return table


def texts_of(taught: Sequence[TaughtCase]) -> PastTexts:
    asked = [one.asked for one in taught]
    answered = [one.answered for one in taught]
    return PastTexts(asked, answered)
