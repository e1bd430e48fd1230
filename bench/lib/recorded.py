"""Recorded streams for replays: signals of each case from `bench/streams/NAME.csv`, and scores fitted on them.

Scores of sealed cases come from the calibration split alone; those of the calibration split itself are cross-fitted.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.lib.places import RECORDED_STREAMS
from journeyman.assess.calibration import FOLDS, Fold, cross_fitted, fit_logistic
from journeyman.assess.confidence import SIGNALS
from journeyman.assess.neighbours import NAMES

Array = NDArray[np.float64]

STREAMS = ("analyst", "clerk", "defog", "bfcl", "clinc150", "gsm8k")

CONDUCT = ("calls", "steps", "failed_calls", "remarks", "result_size", "prompt_size")
CONTENT = ("value_count", "grounded_share", "ungrounded", "length")
SAID = ("said_right", "said_flaw")
RECALLED = ("recalled_agreement", "best_recalled_agrees")
"""The streams were recorded without memory."""
SHOWN = ("supported_share", "least_support", "says_nothing_is_said")
"""And without documents."""
GROUPS: dict[str, tuple[str, ...]] = {
    "logprobs": tuple(name for name in SIGNALS if name not in CONDUCT + CONTENT + RECALLED + SHOWN),
    "conduct": CONDUCT,
    "content": CONTENT,
    "nearest": NAMES,
    "asked": SAID,
}
"""Kinds of signals, for the ablation; all but the last cost no model call."""
CHEAP = tuple(name for kind, names in GROUPS.items() if kind != "asked" for name in names)
FULL = (*CHEAP, *SAID)


@dataclass(frozen=True)
class Part:
    """One split of a stream; a row is a case."""

    cases: tuple[str, ...]
    columns: tuple[str, ...]
    table: Array
    """NaN: the trajectory does not have that signal."""
    correct: NDArray[np.bool_]
    answered: NDArray[np.bool_]
    seconds: Array
    check_seconds: Array

    def of(self, names: Sequence[str]) -> Array:
        return self.table[:, [self.columns.index(name) for name in names]]


def load(name: str, split: str) -> Part | None:
    """None: nothing of it was recorded in this form."""
    file = RECORDED_STREAMS / f"{name}.csv"
    if not file.exists():
        return None
    with file.open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["split"] == split]
    if not rows or "check_seconds" not in rows[0]:
        return None

    def number(text: str) -> float:
        return float(text) if text else float("nan")

    return Part(
        cases=tuple(row["case"] for row in rows),
        columns=FULL,
        table=np.array([[number(row[name]) for name in FULL] for row in rows]),
        correct=np.array([row["right"] == "1" for row in rows]),
        answered=np.array([bool(row["steps"]) for row in rows]),
        seconds=np.array([number(row["seconds"]) for row in rows]),
        check_seconds=np.array([number(row["check_seconds"]) for row in rows]),
    )


def sealed_scores(known: Part, sealed: Part, names: Sequence[str]) -> Array:
    """P(right) of sealed cases; 0 without an answer."""
    chosen = known.answered
    spread, _ = _crossed(known, names)
    correct = known.correct[chosen].astype(np.float64)
    fitted = fit_logistic(
        known.of(names)[chosen], names, correct, np.ones(len(correct)), spread=spread
    )
    return np.where(sealed.answered, 1 / (1 + np.exp(-fitted.log_odds(sealed.of(names)))), 0.0)


def crossed_scores(known: Part, names: Sequence[str]) -> Array:
    """P(right) of the calibration split, each fold by a fit on the others."""
    scores = np.zeros(len(known.correct))
    scores[known.answered] = _crossed(known, names)[1]
    return scores


def _crossed(known: Part, names: Sequence[str]) -> tuple[float, Array]:
    table = known.of(names)[known.answered]
    correct = known.correct[known.answered].astype(np.float64)
    parts = [np.arange(len(correct)) % FOLDS == n for n in range(FOLDS)]
    folds = [Fold(left, table[~left], table[left]) for left in parts]
    return cross_fitted(folds, names, correct, np.ones(len(correct)))
