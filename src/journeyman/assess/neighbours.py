"""Novelty, and the outcome of the nearest past cases: by what was asked, and by what was answered.

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
        return cls(
            _counts([e.prompt for e in evidence]), _counts([e.answer or "" for e in evidence])
        )

    def some(self, chosen: Choice) -> Self:
        return type(self)(self.asked[chosen], self.answered[chosen])


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
        asked, answered = texts.asked, texts.answered
        rarity = (_rarity(asked), _rarity(answered))
        return cls(
            asked=_normalised(asked, rarity[0]),
            answered=_normalised(answered, rarity[1]),
            rarity=rarity,
            correct=np.array([e.correct for e in examples], dtype=np.float64),
            weight=np.array([e.weight for e in examples], dtype=np.float64),
        )

    def signals(self, texts: PastTexts) -> Vector:
        """One row for each, in the order of `NAMES`."""
        asked = _normalised(texts.asked, self.rarity[0])
        answered = _normalised(texts.answered, self.rarity[1])
        return self._both(asked @ self.asked.T, answered @ self.answered.T)

    def own_signals(self) -> Vector:
        """Of the past cases themselves, each compared with all others."""
        rows = []
        for start in range(0, len(self.correct), 500):
            part = slice(start, start + 500)
            pair = (self.asked[part] @ self.asked.T, self.answered[part] @ self.answered.T)
            for likeness in pair:
                likeness[np.arange(len(likeness)), np.arange(start, start + len(likeness))] = -1
            rows.append(self._both(*pair))
        return np.concatenate(rows)

    def _both(self, asked: Matrix, answered: Matrix) -> Vector:
        return np.concatenate([self._near(asked), self._near(answered)], axis=1)

    def _near(self, likeness: Matrix) -> Vector:
        """Accuracy among the nearest, weighted by squared likeness; and the distance to the very nearest."""
        count = min(NEAREST, likeness.shape[1])
        best = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        near = np.maximum(np.take_along_axis(likeness, best, axis=1), 0).astype(np.float64)
        weight = near**2 * self.weight[best]
        base = float(np.average(self.correct, weights=self.weight))
        share = ((weight * self.correct[best]).sum(1) + PRIOR * base) / (weight.sum(1) + PRIOR)
        return np.stack([share, 1 - near.max(axis=1)], axis=1)


def grams(text: str) -> list[str]:
    """Character n-grams of 2 to 4 inside words, each word set in blanks."""
    padded = [f" {word} " for word in text.casefold().split()]
    return [word[i : i + n] for word in padded for n in (2, 3, 4) for i in range(len(word) - n + 1)]


def _counts(texts: Sequence[str]) -> Matrix:
    counts = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for n, text in enumerate(texts):
        places = [zlib.crc32(gram.encode()) % WIDTH for gram in grams(text)]
        counts[n] = np.bincount(np.array(places, dtype=np.intp), minlength=WIDTH)
    return counts


def _rarity(counts: Matrix) -> Vector:
    found = (counts > 0).sum(axis=0)
    return np.asarray(np.log((1 + len(counts)) / (1 + found)) + 1.0)


def _normalised(counts: Matrix, rarity: Vector) -> Matrix:
    weighted = (np.log1p(counts) * rarity).astype(np.float32)
    length = np.linalg.norm(weighted, axis=1, keepdims=True)
    return np.asarray(weighted / np.maximum(length, 1e-9), dtype=np.float32)
