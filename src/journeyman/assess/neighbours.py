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
from typing import Self

import numpy as np
from numpy.typing import NDArray

from journeyman.types import Evidence, Example

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]
Choice = NDArray[np.bool_]

NEAREST = 8
AT_ONCE = 500
"""Past cases that are compared with all others in one step."""
WIDTH = 2_048
"""Dimensions of the hashed texts."""
PRIOR = 0.5
"""How much the base rate counts beside the nearest, in cases of likeness 1."""

NAMES = ("near_asked", "novelty_asked", "near_answered", "novelty_answered")


@dataclass(frozen=True)
class PastTexts:
    """What was asked and what was answered, as counts of hashed n-grams: a row for each case."""

    asked: Matrix
    answered: Matrix

    @classmethod
    def of(cls, evidence: Sequence[Evidence]) -> Self:
        prompts = [one.prompt for one in evidence]
        answers = [one.answer or "" for one in evidence]
        asked = _counts(prompts)
        answered = _counts(answers)
        return cls(asked, answered)

    def some(self, chosen: Choice) -> Self:
        asked = self.asked[chosen]
        answered = self.answered[chosen]
        return type(self)(asked, answered)


@dataclass(frozen=True)
class Neighbours:
    """Past cases to compare with."""

    asked: Matrix
    answered: Matrix
    rarity: tuple[Vector, Vector]
    correct: Vector
    weight: Vector

    @classmethod
    def of(cls, examples: Sequence[Example], texts: PastTexts) -> Self:
        """`texts` are those of the examples, counted."""
        asked = _rarity(texts.asked)
        answered = _rarity(texts.answered)
        correct = [example.correct for example in examples]
        weight = [example.weight for example in examples]
        return cls(
            asked=_normalised(texts.asked, asked),
            answered=_normalised(texts.answered, answered),
            rarity=(asked, answered),
            correct=np.array(correct, dtype=np.float64),
            weight=np.array(weight, dtype=np.float64),
        )

    def signals(self, texts: PastTexts) -> Vector:
        """One row for each, in the order of `NAMES`."""
        rarity_asked, rarity_answered = self.rarity
        asked = _normalised(texts.asked, rarity_asked)
        answered = _normalised(texts.answered, rarity_answered)
        return self._both(asked @ self.asked.T, answered @ self.answered.T)

    def own_signals(self) -> Vector:
        """Of the past cases themselves, each compared with all others."""
        rows: list[Vector] = []
        for start in range(0, len(self.correct), AT_ONCE):
            asked = _likeness_to_others(self.asked, start)
            answered = _likeness_to_others(self.answered, start)
            rows.append(self._both(asked, answered))
        return np.concatenate(rows)

    def _both(self, asked: Matrix, answered: Matrix) -> Vector:
        by_asked = self._near(asked)
        by_answered = self._near(answered)
        return np.concatenate([by_asked, by_answered], axis=1)

    def _near(self, likeness: Matrix) -> Vector:
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


def _counts(texts: Sequence[str]) -> Matrix:
    counts = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for n, text in enumerate(texts):
        columns = [_column(gram) for gram in grams(text)]
        hashed = np.array(columns, dtype=np.intp)
        counts[n] = np.bincount(hashed, minlength=WIDTH)
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
