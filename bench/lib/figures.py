"""A measured figure, and the usual ways to one."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

import numpy as np

from journeyman.assess.stats import Proportion
from journeyman.types import Record

SEED = 7
"""Of the resampling."""
RESAMPLES = 2_000


class Figure(Record):
    """One measured figure; `low` and `high` bound its 95 % interval, None where it has none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    goal: str = ""
    """What was aimed at, such as "<= 1"; empty: nothing."""


def of_share(share: Proportion, goal: str = "") -> Figure:
    return Figure(
        value=share.value, low=share.low, high=share.high, unit=f"share of {share.total}", goal=goal
    )


def mean_of(values: Sequence[float], unit: str = "", goal: str = "") -> Figure:
    """With its 95 % interval over resampled cases."""
    if not values:
        return Figure(value=None, unit=unit, goal=goal)
    rng = np.random.default_rng(SEED)
    drawn = np.asarray(values)[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(value=fmean(values), low=float(low), high=float(high), unit=unit, goal=goal)


def median_of(values: Sequence[float], unit: str = "", goal: str = "") -> Figure:
    """With its 95 % interval over resampled rounds."""
    rng = np.random.default_rng(SEED)
    drawn = np.asarray(values)[rng.integers(0, len(values), (RESAMPLES, len(values)))]
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return Figure(value=median(values), low=float(low), high=float(high), unit=unit, goal=goal)
