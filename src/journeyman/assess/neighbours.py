"""Novelty of a case, and the outcomes of the nearest past cases, by question and by answer.

Texts become hashed character n-grams (2 to 4 inside words, so that Chinese needs no segmentation), weighted by inverse
document frequency and compared by cosine.

Past outcomes of similar inputs as a signal: Papernot and McDaniel 2018 (deep k-nearest neighbours), on the network's
inner layers there, on texts here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Self

import numpy as np
from numpy.typing import NDArray

from journeyman.types import Evidence

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]
Choice = NDArray[np.bool_]

NEAREST = 8
AT_ONCE = 500
"""Past cases that are compared with all others in one step."""
WIDTH = 2_048
"""Dimensions of the hashed texts."""
MOST_COUNTED = 2**16 - 1
"""An n-gram that stands in a text more often counts as if it stood so often."""
PRIOR = 0.5
"""How much the base rate counts beside the nearest, in cases of likeness 1."""

NAMES = ("near_asked", "novelty_asked", "near_answered", "novelty_answered")


Packed = bytes
"""A text as counts of hashed n-grams, as far as they are not 0: the columns, then the counts, 16 bits each."""


@dataclass(frozen=True)
class PastTexts:
    """What was asked and what was answered: a text for each case."""

    asked: Sequence[Packed]
    answered: Sequence[Packed]

    @classmethod
    def of(cls, evidence: Sequence[Evidence]) -> Self:
        asked = [packed(one.prompt) for one in evidence]
        answered = [packed(one.answer or "") for one in evidence]
        return cls(asked, answered)

    def some(self, chosen: Choice) -> Self:
        asked = list(compress(self.asked, chosen))
        answered = list(compress(self.answered, chosen))
        return type(self)(asked, answered)


@dataclass(frozen=True)
class Outcomes:
    """What came of past cases, and how much each counts."""

    correct: Vector
    weight: Vector

    def near(self, likeness: Matrix) -> Vector:
        """Accuracy among the nearest, weighted by squared likeness; and the distance to the very nearest."""
        best, near = _nearest(likeness)
        weight = near**2 * self.weight[best]
        correct = weight * self.correct[best]
        base = float(np.average(self.correct, weights=self.weight))
        votes_right = correct.sum(1) + PRIOR * base
        votes = weight.sum(1) + PRIOR
        share = votes_right / votes
        distance = 1 - near.max(axis=1)
        return np.stack([share, distance], axis=1)

    def both(self, asked: Matrix, answered: Matrix) -> Vector:
        """One row for each, in the order of `NAMES`."""
        by_asked = self.near(asked)
        by_answered = self.near(answered)
        return np.concatenate([by_asked, by_answered], axis=1)


@dataclass(frozen=True)
class Neighbours:
    """Past cases to compare many with: 16 kilobytes each, so not for keeping."""

    asked: Matrix
    answered: Matrix
    rarity: tuple[Vector, Vector]
    outcomes: Outcomes

    @classmethod
    def of(cls, correct: Vector, weight: Vector, texts: PastTexts) -> Self:
        asked = _dense(texts.asked)
        answered = _dense(texts.answered)
        rarity_asked = _rarity(asked)
        rarity_answered = _rarity(answered)
        return cls(
            asked=_normalised(asked, rarity_asked),
            answered=_normalised(answered, rarity_answered),
            rarity=(rarity_asked, rarity_answered),
            outcomes=Outcomes(correct, weight),
        )

    def signals(self, texts: PastTexts) -> Vector:
        """One row for each, in the order of `NAMES`."""
        rarity_asked, rarity_answered = self.rarity
        asked = _dense(texts.asked)
        answered = _dense(texts.answered)
        like_asked = _normalised(asked, rarity_asked) @ self.asked.T
        like_answered = _normalised(answered, rarity_answered) @ self.answered.T
        return self.outcomes.both(like_asked, like_answered)

    def own_signals(self) -> Vector:
        """Of the past cases themselves, each compared with all others."""
        rows: list[Vector] = []
        for start in range(0, len(self.asked), AT_ONCE):
            asked = _likeness_to_others(self.asked, start)
            answered = _likeness_to_others(self.answered, start)
            rows.append(self.outcomes.both(asked, answered))
        return np.concatenate(rows)

    def kept(self) -> KeptNeighbours:
        rarity_asked, rarity_answered = self.rarity
        return KeptNeighbours(
            asked=SparseRows.of(self.asked, rarity_asked),
            answered=SparseRows.of(self.answered, rarity_answered),
            outcomes=self.outcomes,
        )


@dataclass(frozen=True)
class SparseRows:
    """Weighted texts of length 1, as far as they are not 0, row after row; no row is empty."""

    rarity: Vector
    columns: NDArray[np.uint16]
    values: NDArray[np.float32]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, rows: Matrix, rarity: Vector) -> Self:
        known = rows != 0
        known[~known.any(axis=1), 0] = True
        row, columns = np.nonzero(known)
        return cls(
            rarity=rarity,
            columns=columns.astype(np.uint16),
            values=rows[known],
            starts=np.searchsorted(row, np.arange(len(rows))),
        )

    def likeness(self, text: str) -> Matrix:
        """How like a text is to each row. Added up in the order of the columns, so alike on every processor."""
        counts = _dense([packed(text)])
        (weighted,) = _normalised(counts, self.rarity)
        products = weighted[self.columns] * self.values
        sums = np.add.reduceat(products, self.starts, dtype=np.float64)
        likeness = sums.astype(np.float32)
        return likeness.reshape(1, -1)


@dataclass(frozen=True)
class KeptNeighbours:
    """Past cases to compare one with at a time: as many bytes as their texts have, about."""

    asked: SparseRows
    answered: SparseRows
    outcomes: Outcomes

    def signals(self, evidence: Evidence) -> Vector:
        """One row, in the order of `NAMES`."""
        asked = self.asked.likeness(evidence.prompt)
        answered = self.answered.likeness(evidence.answer or "")
        return self.outcomes.both(asked, answered)


def grams(text: str) -> list[str]:
    """Character n-grams of 2 to 4 inside words, each word set in blanks."""
    found: list[str] = []
    for word in text.casefold().split():
        padded = f" {word} "
        for size in (2, 3, 4):
            starts = range(len(padded) - size + 1)
            found += [padded[start : start + size] for start in starts]
    return found


def _likeness_to_others(texts: Matrix, start: int) -> Matrix:
    """How like some texts, from `start` on, are to all; to itself a text is less like than to any other."""
    part = texts[start : start + AT_ONCE]
    likeness = part @ texts.T
    rows = np.arange(len(part))
    likeness[rows, start + rows] = -1
    return np.asarray(likeness)


def _nearest(likeness: Matrix) -> tuple[NDArray[np.intp], Vector]:
    """For each row the nearest cases, in no order, with their likeness; one below 0 counts as 0."""
    cases = likeness.shape[1]
    count = min(NEAREST, cases)
    partly_sorted = np.argpartition(-likeness, count - 1, axis=1)
    best = partly_sorted[:, :count]
    of_best = np.take_along_axis(likeness, best, axis=1)
    positive = np.maximum(of_best, 0)
    return best, positive.astype(np.float64)


def packed(text: str) -> Packed:
    columns = [_column(gram) for gram in grams(text)]
    hashed = np.array(columns, dtype=np.intp)
    counts = np.bincount(hashed, minlength=WIDTH)
    (known,) = np.nonzero(counts)
    capped = np.minimum(counts[known], MOST_COUNTED)
    both = np.stack([known, capped])
    numbers = both.astype(np.uint16)
    return numbers.tobytes()


def _dense(texts: Sequence[Packed]) -> Matrix:
    """A row of counts for each text."""
    counts = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for n, text in enumerate(texts):
        numbers = np.frombuffer(text, np.uint16)
        columns, found = numbers.reshape(2, -1)
        counts[n, columns] = found
    return counts


def _column(gram: str) -> int:
    checksum = zlib.crc32(gram.encode())
    return checksum % WIDTH


def _rarity(counts: Matrix) -> Vector:
    total = len(counts)
    holding = (counts > 0).sum(axis=0)
    ratio = (1 + total) / (1 + holding)
    return np.asarray(np.log(ratio) + 1.0)


def _normalised(counts: Matrix, rarity: Vector) -> Matrix:
    weights = np.log1p(counts) * rarity
    weighted = weights.astype(np.float32)
    length = np.linalg.norm(weighted, axis=1, keepdims=True)
    divisor = np.maximum(length, 1e-9)
    return np.asarray(weighted / divisor, dtype=np.float32)
