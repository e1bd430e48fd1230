"""One task of each family that is installed here; the heavy families' tests are slow."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from journeyman.gym import FAMILIES, family_of

TASKS = {
    "puzzle": "reasoning_gym:chain_sum",
    "grid": "minigrid:BabyAI-GoToLocal-v0",
    "text world": "textworld:coin_collector/3",
    "experiment": "scienceworld:find-living-thing",
}

SLOW = {"textworld", "scienceworld"}


def marked(*names: str) -> Sequence[object]:
    """Parameters for tests over these tasks."""
    found = []
    for name in names:
        missing = family_of(name)[0].missing
        marks = [pytest.mark.skipif(missing is not None, reason=str(missing))]
        found.append(
            pytest.param(
                name, marks=[*marks, *([pytest.mark.slow] if name.split(":")[0] in SLOW else [])]
            )
        )
    return found


def games() -> Sequence[object]:
    return marked(*(name for name in TASKS.values() if not family_of(name)[0].is_puzzle))


def needs(family: str) -> pytest.MarkDecorator:
    missing = FAMILIES[family].missing
    return pytest.mark.skipif(missing is not None, reason=str(missing))
