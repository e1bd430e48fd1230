"""What workers share: two workers on two halves of a stream against one on all of it, and poisoned contributions.

    make bench NAME=commons

Real prompts (CLINC150), the product's own memory and its own random withholding; only the reader is simulated, so
that thousands of cases can be worked: it gives the answer of the best recalled lesson with probability .9, and knows
the answer by itself in three cases of ten. A quarter of the contributions is poison: other answers at random, the
answers of the most confusable intent, or examples that fit everything; from one contributor, or spread over all.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench import datasets
from bench.results import Figure, write
from journeyman.learn.lessons import lesson
from journeyman.memory.recollection import harmful, recalled_from, worths
from journeyman.store.memories import Attempted, Memories, Remembered
from journeyman.types import Lesson, Recall

CASES = 1_200
INTENTS = 30
"""With all 150 there are eight cases of each: what is recalled is then wrong more often than the reader by itself, and
shutting everybody out is right."""
LAST = 400
"""Of these the share right is told."""
COPIES, KNOWS = 0.9, 0.3
"""The simulated reader."""
POISONED = 0.25
WITHHELD = 0.1
SETTINGS = Recall(kinds=("demonstration", "correction"), withheld=WITHHELD)

Poison = Callable[[random.Random, str, str, Sequence[str]], tuple[str, str]]
"""From a prompt and its answer to what is contributed instead."""


def at_random(rng: random.Random, prompt: str, answer: str, intents: Sequence[str]) -> tuple[str, str]:
    return prompt, rng.choice(intents)


def confusable(rng: random.Random, prompt: str, answer: str, intents: Sequence[str]) -> tuple[str, str]:
    """The intent whose name shares most words, always the same one."""
    words = set(answer.split("_"))
    return prompt, max((i for i in intents if i != answer), key=lambda i: (len(words & set(i.split("_"))), i))


def everywhere(rng: random.Random, prompt: str, answer: str, intents: Sequence[str]) -> tuple[str, str]:
    """A prompt of the words that stand in most prompts: it is recalled for nearly everything."""
    return f"what is my the to i a can you how do me for of on {rng.randrange(10_000)}", intents[0]


POISONS: dict[str, Poison] = {"random": at_random, "confusable": confusable, "everywhere": everywhere}


@dataclass
class World:
    """A stream worked with one memory, or with one for each worker."""

    rng: random.Random
    intents: Sequence[str]
    memories: Sequence[Memories]
    place: int = 0

    def work(self, worker: int, prompt: str, answer: str, given: tuple[str, str], by: str) -> bool:
        """Answer a case, and contribute what somebody says of it."""
        memory = self.memories[worker % len(self.memories)]
        found = recalled_from(memory, prompt, SETTINGS, lambda _: True)
        told = {one.id: self.rng.random() >= WITHHELD for one in found}
        shown = [one for one in found if told[one.id]]
        copied = bool(shown) and self.rng.random() < COPIES
        right = shown[-1].text == answer if copied else self.rng.random() < KNOWS
        self.place += 1
        name = f"case:{self.place}"
        taught = lesson("correction", given[0], given[1], by, (name, f"person:{by}"))
        with memory.changing() as (_, heeded):
            memory.remember(
                Remembered(
                    attempt=Attempted("run", name, 1), place=self.place, sources=taught.sources, lesson=taught,
                    score=float(right), weight=1.0, withheld=WITHHELD, told=told,
                )
            )  # fmt: skip
            memory.reached(self.place, heeded)
        return right


def stream(rng: random.Random, count: int) -> tuple[list[tuple[str, str]], list[str]]:
    data = datasets.folder()
    if data is None:
        raise SystemExit("The benchmark data is not here; set JOURNEYMAN_DATA to its folder.")
    whole = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    chosen = set(rng.sample(sorted({label for _, label in whole["train"]}), count))
    cases = [(text, label) for text, label in whole["train"] if label in chosen]
    rng.shuffle(cases)
    return cases[:CASES], sorted(chosen)


def worked(
    room: Path, seed: int, *, workers: int = 1, shared: bool = True, poison: Poison | None = None, spread: bool = False,
    intents: int = INTENTS,
) -> tuple[float, float | None]:
    """The share right among the last cases, and the share of poison that is recalled no more. None: there was none."""
    rng = random.Random(seed)
    cases, known = stream(rng, intents)
    room.mkdir(parents=True)
    memories = [Memories.open(room / f"{n}.sqlite", "clinc") for n in range(1 if shared else workers)]
    world = World(rng, known, memories)
    right: list[bool] = []
    poisoned: list[Lesson] = []
    for n, (prompt, answer) in enumerate(cases):
        bad = poison is not None and rng.random() < POISONED
        by = "mallory" if bad and not spread else f"person-{rng.randrange(3)}"
        given = poison(rng, prompt, answer, known) if bad and poison else (prompt, answer)
        if bad:
            poisoned.append(lesson("correction", *given, by, (f"case:{n + 1}", f"person:{by}")))
        right.append(world.work(n % workers, prompt, answer, given, by))
    out = [one for memory in memories for one in quarantined(memory, poisoned)]
    for memory in memories:
        memory.close()
    return fmean(right[-LAST:]), fmean(out) if out else None


def quarantined(memory: Memories, poisoned: Sequence[Lesson]) -> Iterator[float]:
    if not poisoned:
        return
    latest = memory.latest()
    known, shut_out = worths(memory, poisoned, latest), harmful(memory, {one.by for one in poisoned}, latest)
    yield from (float(known[one.id].retired or one.by in shut_out) for one in poisoned)


def figure(values: Sequence[float], unit: str, goal: str = "") -> Figure:
    """Mean over seeds, with the least and the most."""
    return Figure(value=fmean(values), low=min(values), high=max(values), unit=unit, goal=goal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    told: dict[str, Figure] = {}
    unit = f"of the last {LAST}; {len(seeds)} seeds, least and most"
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        clean = [worked(room / f"one-{s}", s)[0] for s in seeds]
        told["one_worker"] = figure(clean, unit)
        both = [worked(room / f"two-{s}", s, workers=2)[0] for s in seeds]
        told["two_workers_shared"] = figure(both, unit)
        told["two_workers_apart"] = figure(
            [worked(room / f"apart-{s}", s, workers=2, shared=False)[0] for s in seeds], unit
        )
        told["commons_loss"] = figure([a - b for a, b in zip(clean, both, strict=True)], "points", "<= 0.02")
        for name, poison in POISONS.items():
            for spread in (False, True):
                key = f"{name}_{'spread' if spread else 'one'}"
                runs = [worked(room / f"{key}-{s}", s, poison=poison, spread=spread) for s in seeds]
                losses = [a - b for a, (b, _) in zip(clean, runs, strict=True)]
                told[f"poison_loss_{key}"] = figure(losses, "points", "<= 0.02")
                shares = [share for _, share in runs if share is not None]
                told[f"poison_quarantined_{key}"] = figure(shares, "of poisoned lessons")
    write("commons", told)


if __name__ == "__main__":
    main()
