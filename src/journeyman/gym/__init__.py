"""Generated environments: families of tasks, each of which makes any number of games from seeds.

A task is named `FAMILY:TASK`, such as `textworld:coin_collector/5`.
"""

from __future__ import annotations

from journeyman.errors import InputError
from journeyman.gym.game import Family
from journeyman.gym.grids import MINIGRID
from journeyman.gym.puzzles import REASONING_GYM
from journeyman.gym.science import SCIENCEWORLD
from journeyman.gym.text_worlds import TEXTWORLD

FAMILIES = {family.name: family for family in (REASONING_GYM, TEXTWORLD, SCIENCEWORLD, MINIGRID)}


def family_of(name: str) -> tuple[Family, str]:
    """The family and the task that a name `FAMILY:TASK` names; whether there is such a task, the family says later."""
    family, _, task = name.partition(":")
    if family not in FAMILIES or not task:
        known = ", ".join(FAMILIES)
        raise InputError(f"{name!r} names no task.", f"Write FAMILY:TASK; families are {known}.")
    return FAMILIES[family], task


__all__ = ["FAMILIES", "Family", "family_of"]
