"""Unlearning 200 random sources, each held against a workspace that never saw it; rolling back, held against before.

    make bench NAME=unlearning

Small worlds, each with other cases, people and labels from its seed: cases are worked, people label them, correct
themselves and each other, and the champion has rules that rest on cases and people. Compared is all that a worker goes
by: what is remembered with its sources and scores, what is recalled for every kind of question, and the champion's
rules. Numbers of rows and places are left out: they depend on what else was written. The labels come after the work,
since a worker that never saw a source would have gone on otherwise, by chance as well as by what it knew.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import select

from bench.lib.figures import Figure, of_share
from bench.lib.results import as_usual, write
from journeyman.assess.stats import proportion
from journeyman.environments import SingleTurn
from journeyman.improve.learning import champion_of
from journeyman.improve.unlearning import unlearn
from journeyman.improve.versions import propose, roll_back
from journeyman.job.job import Job
from journeyman.memory.lessons import lesson
from journeyman.memory.projection import LessonProjection
from journeyman.models.scripted import ScriptedModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.review import review
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.runtime.versions import Version, config_hash_of
from journeyman.store import lesson_tables as tables
from journeyman.store.journal import Journal, open_journal
from journeyman.types import Case, Label, Lesson, Message, Proposal, Run, ToolSpec, WorkerSpec
from journeyman.verifiers import Exact

WORLDS = 8
CASES = 36
ARTICLES = 9
RULES = 6
PEOPLE = ("mei", "jan", "kim", "王芳", "olu", "ana")
KINDS = ("demonstration", "correction")
NAME = "prices"


def by_example(messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> str:
    """Knows nothing but what an example with the same article says."""
    article = messages[-1].text.split()[-1]
    for asked, answered in reversed(list(pairwise(messages))):
        if asked.role == "user" and answered.role == "assistant" and article in asked.text:
            return answered.text
    return "unknown"


MODEL = ScriptedModel(by_example)


class Given(NamedTuple):
    """What somebody says of a case."""

    case: str
    label: Label


class World(NamedTuple):
    """All that happens, by its seed."""

    cases: tuple[Case, ...]
    given: tuple[Given, ...]
    rules: tuple[Lesson, ...]

    @property
    def sources(self) -> list[str]:
        """What can be unlearned: each case that is a source of anything, and each person."""
        told = {f"case:{one.case}" for one in self.given} | {
            f"person:{one.label.by}" for one in self.given
        }
        return sorted(told | {source for rule in self.rules for source in rule.sources})


def world(seed: int) -> World:
    rng = random.Random(seed)
    cases = [
        Case(
            id=f"c{n:04d}",
            prompt=f"{rng.choice(('price of', 'what costs', '请问价格'))} A-{rng.randrange(ARTICLES)}",
            split="train",
        )
        for n in range(CASES)
    ]
    given: list[Given] = []
    for case in cases:
        for _ in range(rng.choice((0, 1, 1, 1, 2))):
            error = rng.random() < 0.7
            correction = f"{rng.randrange(ARTICLES)} euro" if error and rng.random() < 0.9 else None
            given.append(
                Given(case.id, Label(error=error, by=rng.choice(PEOPLE), correction=correction))
            )
    rules = [
        lesson(
            "rule", "", f"Rule {n}: round to {rng.randrange(5)}.", "ada",
            (f"case:{rng.choice(cases).id}", f"person:{rng.choice(PEOPLE)}"),
        )
        for n in range(RULES)
    ]  # fmt: skip
    return World(tuple(cases), tuple(given), tuple(rules))


def job(cases: Sequence[Case] = ()) -> Job:
    return Job(name=NAME, environment=SingleTurn(), verifiers=(Exact(),), cases=lambda: cases)


def lived(room: Path, told: World) -> Run:
    """The cases are worked."""
    doing = job(told.cases)
    with open_journal(room) as journal, LeaseOwner.enter(room) as holder:
        run = open_run(journal, doing, MODEL)
        add_cases(journal, run, told.cases)
        asyncio.run(
            asyncio.wait_for(work(Runner.open(journal, holder, doing, MODEL, run, at_once=1)), 120)
        )
    return run


def taught(room: Path, run: Run, told: World, *, without: str | None = None) -> None:
    """What people say, and the rules; with `without`, nothing that rests on that source."""
    with open_journal(room) as journal:
        for case, label in told.given:
            if without not in {f"case:{case}", f"person:{label.by}"}:
                review(journal, run, case, label)
        rules = tuple(rule for rule in told.rules if without not in rule.sources)
        promote(journal, WorkerSpec(playbook=rules), "rules")


def promote(journal: Journal, worker_spec: WorkerSpec, why: str) -> Version:
    """A person's choice: proposed, and made the champion."""
    new = propose(
        journal,
        NAME,
        champion(journal),
        Proposal(worker_spec=worker_spec, why=why),
        by="person",
        cost={},
    )
    return roll_back(journal, NAME, "ada", new.config_hash, number=new.number)


def champion(journal: Journal) -> Version:
    return champion_of(journal, NAME, config_hash_of(job(), MODEL, "ada"), "ada")


def state(room: Path) -> list[object]:
    """All that a worker goes by."""
    with open_journal(room) as journal:
        experience = LessonProjection(journal, NAME)
        memories = experience.advance()
        rows: list[object] = []
        with memories.connection.begin():
            a, s = tables.attempts, tables.sources
            for row in memories.connection.execute(select(a).order_by(a.c.place)):
                rests = memories.connection.execute(
                    select(s.c.source).where(s.c.place == row.place)
                )
                rests_on = sorted(rests.scalars())
                rows.append((row.case_id, row.attempt, row.score, row.weight, row.lesson, rests_on))
        asked = [f"{words} A-{n}" for n in range(ARTICLES) for words in ("price of", "请问价格")]
        found = [
            [known.lesson.id for known in memories.search(query, kinds=KINDS, k=50)]
            for query in asked
        ]
        experience.close()
        return [*rows, found, champion(journal).worker_spec]


def differs(worked: Path, room: Path, told: World, run: Run, source: str) -> bool:
    """Whether a workspace that unlearned the source differs from one that never saw it; `worked` has the cases alone,
    `room` all that was said too."""
    with tempfile.TemporaryDirectory() as other:
        forgot, never = Path(other) / "forgot", Path(other) / "never"
        shutil.copytree(room, forgot)
        with open_journal(forgot) as journal:
            unlearn(journal, NAME, source)
        shutil.copytree(worked, never)
        taught(never, run, told, without=source)
        after = state(forgot)
        (forgot / "memory.sqlite").unlink()
        return not after == state(forgot) == state(never)


def rolled_back(room: Path, moves: int) -> tuple[int, list[float]]:
    """How often rolling back after another promotion left another state, and the seconds each took."""
    different, seconds = 0, []
    for n in range(moves):
        before = state(room)
        with open_journal(room) as journal:
            old = champion(journal)
            promote(
                journal,
                WorkerSpec(
                    playbook=(lesson("rule", "", f"Another: {n}.", "ada", ("case:c0000",)),)
                ),
                "other",
            )
        changed = state(room) != before
        with open_journal(room) as journal:
            began = time.perf_counter()
            roll_back(journal, NAME, "ada", old.config_hash, number=old.number)
            seconds.append(time.perf_counter() - began)
        different += not changed or state(room) != before
    return different, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=200)
    arguments = parser.parse_args()
    each = -(-arguments.sources // WORLDS)
    different, asked, wrong_back, seconds = 0, 0, 0, list[float]()
    for seed in range(WORLDS):
        told = world(seed)
        chosen = random.Random(seed).sample(told.sources, min(each, len(told.sources)))
        with tempfile.TemporaryDirectory() as folder:
            worked, room = Path(folder) / "worked", Path(folder) / "room"
            run = lived(worked, told)
            shutil.copytree(worked, room)
            taught(room, run, told)
            state(room)
            for source in chosen[: arguments.sources - asked]:
                different += differs(worked, room, told, run, source)
                asked += 1
            wrong, took = rolled_back(room, 5)
            wrong_back, seconds = wrong_back + wrong, seconds + took
        print(
            f"{asked} sources, {different} different; {len(seconds)} times rolled back, {wrong_back} wrong",
            flush=True,
        )
    figures = {
        "unlearned": of_share(proportion(asked - different, asked), "1"),
        "rolled_back": of_share(proportion(len(seconds) - wrong_back, len(seconds)), "1"),
        "rollback_s": Figure(value=float(np.max(seconds)), unit="s, the slowest", goal="<= 1"),
    }
    write("unlearning", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
