"""What workers share: two workers on two halves of a stream against one on all of it, and poisoned contributions.

    make bench NAME=commons

Real prompts (CLINC150), the product's own memory and its own random withholding; only the reader is simulated, so
that thousands of cases can be worked: it gives the answer of the best recalled lesson with probability .9, and knows
the answer by itself in three cases of ten. A quarter of the contributions is poison: other answers at random, the
answers of the most confusable intent, or examples that fit everything; from one contributor, or spread over all. Each
beside a memory that goes by likeness alone, and beside one that is told which contributions are poison: what it loses,
the honest contributions that are missing cost, and no quarantine can win it back.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from bench.lib.figures import Figure
from bench.lib.poisoned import (
    COPIES,
    FIRST_SEED,
    INTENTS,
    KNOWS,
    LAST,
    POISONED,
    POISONS,
    Poison,
    figure,
    stream,
)
from bench.lib.results import as_usual, write
from journeyman.memory.lessons import lesson
from journeyman.memory.projection import agrees
from journeyman.memory.recall import lesson_stats, recall
from journeyman.store.lessons import AttemptId, LabelledAttempt, LessonStore, LessonUse
from journeyman.types import Lesson, Recall

ALL_INTENTS = 150
"""A thin memory: at the end there are eight cases of each."""
WITHHELD = 0.1
SETTINGS = Recall(kinds=("demonstration", "correction"), withheld=WITHHELD)


@dataclass
class World:
    """A stream worked with one memory, or with one for each worker."""

    rng: random.Random
    intents: Sequence[str]
    memories: Sequence[LessonStore]
    likeness: bool = False
    """Nothing is kept of how recalled lessons came out, so that they are recalled by likeness alone."""
    known_bad: set[str] = field(default_factory=set)
    """Ids of lessons that are not told."""
    place: int = 0

    def work(self, worker: int, prompt: str, answer: str, given: tuple[str, str], by: str) -> bool:
        """Answer a case, and contribute what somebody says of it."""
        memory = self.memories[worker % len(self.memories)]
        self.place += 1
        name = f"case:{self.place}"
        taught = lesson("correction", given[0], given[1], by, (name, f"person:{by}"))
        found = recall(memory, prompt, SETTINGS, lambda one: one.id not in self.known_bad)
        told = {
            one.id: LessonUse(shown=self.rng.random() >= WITHHELD, agreed=agrees(one, taught, None))
            for one in reversed(found)
        }
        shown = [one for one in found if told[one.id].shown]
        copied = bool(shown) and self.rng.random() < COPIES
        correct = shown[-1].text == answer if copied else self.rng.random() < KNOWS
        with memory.changing() as (_, already_unlearned):
            memory.remember(
                LabelledAttempt(
                    attempt=AttemptId("run", name, 1), place=self.place, sources=taught.sources, lesson=taught,
                    score=float(correct), weight=1.0, withheld=WITHHELD, told={} if self.likeness else told,
                )
            )  # fmt: skip
            memory.reached(self.place, already_unlearned)
        return correct


@dataclass(frozen=True)
class Setting:
    workers: int = 1
    shared: bool = True
    poison: Poison | None = None
    spread: bool = False
    """Over all contributors. Else all of it comes from one of their number."""
    intents: int = INTENTS
    likeness: bool = False
    oracle: bool = False


class Came(NamedTuple):
    correct: float
    """Share among the last cases."""
    quarantined: float | None
    """The share of poison that is recalled no more. None: there was none."""
    honest: float
    """The share of what is not poison that is recalled no more."""


def worked(seed: int, setting: Setting) -> Came:
    rng = random.Random(seed)
    cases, known = stream(rng, setting.intents)
    poison = setting.poison
    with tempfile.TemporaryDirectory() as room:
        files = range(1 if setting.shared else setting.workers)
        memories = [LessonStore.open(Path(room) / f"{n}.sqlite", "clinc") for n in files]
        world = World(rng, known, memories, likeness=setting.likeness)
        correct: list[bool] = []
        poisoned: list[Lesson] = []
        for n, (prompt, answer) in enumerate(cases):
            bad = poison is not None and rng.random() < POISONED
            by = "mallory" if bad and not setting.spread else f"person-{rng.randrange(3)}"
            given = poison(rng, prompt, answer, known) if bad and poison else (prompt, answer)
            if bad:
                poisoned.append(lesson("correction", *given, by, (f"case:{n + 1}", f"person:{by}")))
                if setting.oracle:
                    world.known_bad.add(poisoned[-1].id)
            correct.append(world.work(n % setting.workers, prompt, answer, given, by))
        bad_ids = {one.id for one in poisoned}
        out = [gone for memory in memories for gone in left_out(memory, poisoned)]
        honest = [
            gone
            for memory in memories
            for gone in left_out(memory, [one for one in memory.lessons() if one.id not in bad_ids])
        ]
        for memory in memories:
            memory.close()
    return Came(fmean(correct[-LAST:]), fmean(out) if out else None, fmean(honest))


def left_out(memory: LessonStore, lessons: Sequence[Lesson]) -> list[float]:
    known = lesson_stats(lessons, memory.latest())
    return [float(not known[one.id].recalled) for one in lessons]


def settings() -> dict[str, Setting]:
    """All that is worked, by name."""
    alone = {
        "one_worker": Setting(),
        "one_worker_by_likeness": Setting(likeness=True),
        "two_workers_shared": Setting(workers=2),
        "two_workers_apart": Setting(workers=2, shared=False),
        "thin": Setting(intents=ALL_INTENTS),
        "thin_by_likeness": Setting(intents=ALL_INTENTS, likeness=True),
    }
    for name, poison in POISONS.items():
        for spread in (False, True):
            key = f"{name}_{'spread' if spread else 'one'}"
            alone[key] = Setting(poison=poison, spread=spread)
            alone[f"{key}_by_likeness"] = Setting(poison=poison, spread=spread, likeness=True)
            alone[f"{key}_oracle"] = Setting(poison=poison, spread=spread, oracle=True)
    return alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(FIRST_SEED, FIRST_SEED + parser.parse_args().seeds)
    came: dict[str, list[Came]] = {}
    for name, setting in settings().items():
        came[name] = [worked(seed, setting) for seed in seeds]
        print(name, came[name], flush=True)
    write("commons", figures(came), whole=as_usual(parser))


def figures(came: Mapping[str, Sequence[Came]]) -> dict[str, Figure]:
    count = len(came["one_worker"])
    told: dict[str, Figure] = {}
    for name, runs in came.items():
        if name.startswith(("one", "two", "thin")):
            told[name] = figure(
                [run.correct for run in runs], f"of the last {LAST}; {count} seeds, least and most"
            )
        else:
            losses = [
                clean.correct - run.correct
                for clean, run in zip(came["one_worker"], runs, strict=True)
            ]
            told[f"poison_loss_{name}"] = figure(losses, "points", "<= 0.02")
        if f"{name}_oracle" in came:
            shares = [run.quarantined for run in runs if run.quarantined is not None]
            told[f"poison_quarantined_{name}"] = figure(shares, "of poisoned lessons")
            told[f"honest_left_out_{name}"] = figure(
                [run.honest for run in runs], "of honest lessons"
            )
    for name in ("one_worker", "thin"):
        told[f"honest_left_out_{name}"] = figure(
            [run.honest for run in came[name]], "of honest lessons"
        )
    pairs = zip(came["one_worker"], came["two_workers_shared"], strict=True)
    told["commons_loss"] = figure(
        [one.correct - two.correct for one, two in pairs], "points", "<= 0.02"
    )
    return told


if __name__ == "__main__":
    main()
