"""Streams one after the other, and what a worker with one memory holds after each: the plan of `bench.transfer`.

A memory is named by what is in it: `none`, `after-3` (the lessons of the first three streams), or `only-bfcl` (those of
one stream alone; of the first one that is `after-1`). All its lessons may be recalled for any case: unlike the
product's memory, which keeps jobs apart, so that what one job does to another can be seen.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.lib.arms import kept, lessons_of
from bench.lib.places import JOBS
from bench.lib.streams import SEED, STREAMS
from journeyman.job.job import Job
from journeyman.job.load import load_job
from journeyman.memory.recall import recall
from journeyman.store.lessons import LessonStore
from journeyman.types import Case, Lesson, Recall

SEQUENCE = ("clinc150", "bfcl", "analyst", "clerk", "gsm8k", "arith")

LESSONS = 300
"""Of each stream, at most: the first ones."""

SETTINGS = Recall(kinds=("demonstration", "correction"), k=4, tokens=400, withheld=0.0)
"""Half of what the product tells by default: a case takes half the time, and other streams' lessons compete as well."""

PATIENCE = 1_800.0
"""Seconds that a case may take: how busy the machine is must not decide what is right."""

NONE = "none"


def after(stage: int) -> str:
    """What is remembered after so many streams."""
    return NONE if stage == 0 else f"after-{stage}"


def only(names: Sequence[str], name: str) -> str:
    return after(1) if name == names[0] else f"only-{name}"


@dataclass(frozen=True)
class Stream:
    name: str
    job: Job
    lessons: tuple[Lesson, ...]
    sealed: tuple[Case, ...]


def stream(name: str, room: Path) -> Stream:
    """What is sealed teaches nothing; all else does."""
    job = arith(room) if name == "arith" else STREAMS[name](room)
    listed = list(job.cases())
    patient = dataclasses.replace(job, budget=job.budget.model_copy(update={"seconds": PATIENCE}))
    history = (case for case in listed if case.split != "exam")
    sealed = tuple(case for case in listed if case.split == "exam")
    return Stream(name, patient, tuple(lessons_of(job, list(islice(history, LESSONS)))), sealed)


def arith(room: Path) -> Job:
    """Puzzles of twelve tasks of reasoning-gym."""
    job = load_job(JOBS / "arith", data=room / "arith")
    listed = list(job.cases())
    random.Random(SEED).shuffle(listed)
    return dataclasses.replace(job, cases=lambda: iter(listed))


# --- memories --------------------------------------------------------------------------------------------------


@dataclass
class Shelf:
    """The memories of a sequence, each in a file of its own, so that a search never knows of what is not in it."""

    streams: Sequence[Stream]
    room: Path

    def __post_init__(self) -> None:
        self.opened: dict[str, LessonStore] = {}

    def recalled(
        self, memory: str, query: str, fits: Callable[[Lesson], bool]
    ) -> tuple[Lesson, ...]:
        """The lessons for a case's prompt, best last."""
        if memory == NONE:
            return ()
        if memory not in self.opened:
            lessons = list(self._lessons(memory))
            self.opened[memory] = kept(
                self.room / f"{memory}-{len(lessons)}.sqlite", "transfer", lessons
            )
        return tuple(recall(self.opened[memory], query, SETTINGS, fits))

    def _lessons(self, memory: str) -> Iterator[Lesson]:
        kind, _, which = memory.partition("-")
        held = (
            self.streams[: int(which)]
            if kind == "after"
            else [one for one in self.streams if one.name == which]
        )
        for one in held:
            yield from one.lessons

    def close(self) -> None:
        for memory in self.opened.values():
            memory.close()
        self.opened.clear()


@dataclass(frozen=True)
class Shelved:
    """One memory of the shelf."""

    shelf: Shelf
    memory: str

    async def recall(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        return self.shelf.recalled(self.memory, query, fits)


# --- the plan --------------------------------------------------------------------------------------------------

BATCH = 2
"""Cases of each stream that are worked with every memory before any other case is."""


def memories(names: Sequence[str], name: str) -> list[str]:
    """The memories that a stream's cases are worked with, those that say most first.

    Without any, after its own stage, after the last and just before its own: these make learning, backward and forward
    transfer. Then those of one stream alone, and the stages that are left.
    """
    stages, own = len(names), names.index(name) + 1
    first = [NONE, after(own), after(stages), after(own - 1), only(names, name)]
    alone = [only(names, other) for other in names]
    return list(dict.fromkeys([*first, *alone, *map(after, range(stages, -1, -1))]))


def plan(streams: Sequence[Stream], cases: int) -> Iterator[tuple[Stream, str, Sequence[Case]]]:
    """A few cases of every stream with every memory, then the next few; of a stream together, for the prefix cache."""
    names = [one.name for one in streams]
    for start in range(0, cases, BATCH):
        for one in streams:
            batch = one.sealed[start : min(start + BATCH, cases)]
            for memory in memories(names, one.name) if batch else ():
                yield one, memory, batch
