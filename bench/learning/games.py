"""Games as streams of the learning bench: what was played in games of one half is told in sealed ones of the other.

The worker plays the games of `train` without memory. Those that it won are remembered move by move; of those that it
lost, the moves that win. Then it plays the sealed ones, without memory and with it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

from journeyman.gym.drawing import sample_cases
from journeyman.job.job import Job
from journeyman.job.load import load_job
from journeyman.job.scaffold import gym_files
from journeyman.memory.projection import lesson_of
from journeyman.types import Case, CaseResult, Lesson

GAMES: Mapping[str, str] = {
    "coin": "textworld:coin_collector/3",
    "treasure": "textworld:treasure_hunter/3",
    "kitchen": "textworld:cooking/1",
    "babyai": "minigrid:BabyAI-GoToObj-v0",
}
EACH = 110
"""Games drawn of a task; a quarter of them is sealed."""
HISTORY = 8
"""Games played to learn from, at most."""


def game(name: str, room: Path) -> Job:
    """A job over one task of a family; its name is the stream's."""
    folder = room / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in gym_files([GAMES[name]]).items():
        (folder / file).write_text(text, encoding="utf-8")
    drawn = functools.cache(lambda: tuple(sample_cases([GAMES[name]], each=EACH)))
    return dataclasses.replace(
        load_job(folder, data=folder), name=name, cases=lambda: iter(drawn())
    )


def taught(cases: Iterable[Case], outcomes: Iterable[CaseResult]) -> list[Lesson]:
    """What the games teach: those that were won, as they were played; of those that were lost, how they are won."""
    known = {case.id: case for case in cases}
    lessons = (
        lesson_of(known[done.case_id], done.trajectory, "ada", done.labels)
        for done in outcomes
        if done.labels
    )
    return [one for one in lessons if one is not None]
