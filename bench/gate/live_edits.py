"""Live edits for the gate: nine minds of one worker, each worked on the same sealed cases; every two are an edit.

    python -m bench.gate.live_edits --record --minutes 60     works cases with the smaller embedded model, SmolLM2-135M
    make bench NAME=gate                                 folds what was recorded, beside the simulated edits

Real sentences (CLINC150, fifteen intents), a real model, the product's own memory and prompts. Half of the sealed cases
are the exam's, half say what the edit truly does. What runs are recorded, a mind at a time, is durable; prompts that
two minds have in common are worked once. `bench/gate/edits.csv` has a row for each mind and case: right or not, a
key of the prompt, the tokens that the mind may put into a prompt. No text is written.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from statistics import fmean

from bench.gate.edits import Kind, pair
from bench.lib import datasets
from bench.lib.figures import Figure, of_share
from bench.lib.places import WORK
from journeyman.assess.exam import Exam, ExamPlan, Pair, sit
from journeyman.assess.stats import proportion
from journeyman.environments import SingleTurn
from journeyman.improve.exams import prompt_cost
from journeyman.job.job import Job
from journeyman.memory.lessons import lesson
from journeyman.models import open_model
from journeyman.protocols import Model
from journeyman.runtime.internal import internal_runner, open_internal_run
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.runtime.versions import Version, config_hash_of
from journeyman.store.journal import Journal, open_journal
from journeyman.types import (
    Budget,
    Case,
    CaseResult,
    Lesson,
    Message,
    Recall,
    RunSpec,
    Sampling,
    WorkerSpec,
)
from journeyman.verifiers import Exact

ROOM = WORK / "edits"
FILE = Path(__file__).parent / "edits.csv"
MODEL = "smollm2-135m"
SEED = 5
INTENTS = 15
HISTORY = 16
"""Labelled cases of each intent."""
SEALED = 12
"""Sealed cases of each intent, half of them the exam's."""
MEANS = 0.05
"""An edit that changes the accuracy by less than this does neither good nor harm."""
COLUMNS = ("mind", "case", "right", "opening", "cost")


def rule(text: str) -> Lesson:
    return lesson("rule", "", text, "person", ("person:bench",))


def minds(intents: Sequence[str]) -> dict[str, WorkerSpec]:
    """What a worker may come to be: more or less is recalled, rules that help, mislead, or say nothing, other words."""

    def recall(k: int) -> Recall:
        return Recall(k=k, withheld=0.0)

    plain = Recall(k=0, kinds=(), withheld=0.0)
    listed = ", ".join(intents)
    return {
        "plain": WorkerSpec(recall=plain),
        "one": WorkerSpec(recall=recall(1)),
        "two": WorkerSpec(recall=recall(2)),
        "four": WorkerSpec(recall=recall(4)),
        "polite": WorkerSpec(recall=recall(4), playbook=(rule("Customers are to be treated with respect."),)),
        "reworded": WorkerSpec(recall=recall(4), instructions=f"Name the user's intent. It is one of:\n{listed}"),
        "misled": WorkerSpec(recall=recall(4), playbook=(rule(f"Whatever is asked, the intent is {intents[0]}."),)),
        "doubted": WorkerSpec(recall=recall(4), playbook=(rule("Never give the intent of an example."),)),
        "misled_plain": WorkerSpec(
            recall=plain, playbook=(rule(f"Whatever is asked, the intent is {intents[0]}."),)
        ),
    }  # fmt: skip


def stream(data: Path) -> tuple[Job, list[str]]:
    """Fifteen intents, their labelled history and their sealed cases, each in a random order."""
    whole = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    chance = random.Random(SEED)
    intents = sorted(chance.sample(sorted({label for _, label in whole["train"]}), INTENTS))
    cases: list[Case] = []
    for part, split, each in (("train", "train", HISTORY), ("test", "exam", SEALED)):
        for intent in intents:
            texts = [text for text, label in whole[part] if label == intent]
            cases += [
                Case.model_validate(
                    {"id": f"{part}-{intent}-{n}", "prompt": text, "target": intent, "split": split}
                )
                for n, text in enumerate(chance.sample(texts, each))
            ]  # fmt: skip
    chance.shuffle(cases)
    job = Job(
        name="intents",
        environment=SingleTurn(),
        verifiers=(Exact(),),
        cases=lambda: iter(cases),
        instructions="Reply with the intent of the user's sentence, one of:\n" + ", ".join(intents),
        budget=Budget(steps=1, tokens=8_000, seconds=60),
        sampling=Sampling(max_tokens=16, json_schema={"enum": intents}),
        fingerprint="intents-1",
    )
    return job, intents


async def record(until: float) -> None:
    data = datasets.folder()
    if data is None:
        raise SystemExit("The benchmark data is not here; set JOURNEYMAN_DATA to its folder.")
    job, intents = stream(data)
    cases = list(job.cases())
    model = open_model(MODEL, at_once=1)
    rows: list[tuple[object, ...]] = []
    with open_journal(ROOM) as journal, LeaseOwner.enter(ROOM) as holder:
        run = open_run(journal, job, model)
        if add_cases(journal, run, [case for case in cases if case.split == "train"]):
            await work(Runner.open(journal, holder, job, model, run, at_once=1))
        for name, worker_spec in minds(intents).items():
            if time.monotonic() > until:
                break
            rows += await worked(
                journal,
                holder,
                job,
                model,
                name,
                worker_spec,
                [c for c in cases if c.split == "exam"],
            )
            print(
                f"{name}: {fmean(bool(row[2]) for row in rows if row[0] == name):.3f} right",
                flush=True,
            )
    await model.aclose()
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


async def worked(
    journal: Journal,
    holder: LeaseOwner,
    job: Job,
    model: Model,
    name: str,
    worker_spec: WorkerSpec,
    cases: Sequence[Case],
) -> list[tuple[object, ...]]:
    """All sealed cases with one mind, as an exam would work them."""
    number = 100 + list(minds(["any"] * INTENTS)).index(name)
    version = Version(
        worker="ada",
        number=number,
        config_hash=config_hash_of(job, model, "ada"),
        worker_spec=worker_spec,
    )
    spec = RunSpec(purpose="exam", salt=name, until=journal.position())
    run = open_internal_run(journal, job, model, version, name=f"{job.name}-{name}", spec=spec)
    async with internal_runner(journal, holder, job, model, run) as runner:
        outcomes = [await runner.submit(case) for case in cases]
    cost = prompt_cost(worker_spec, job)
    return [(name, one.case_id, int(bool(one.correct)), opening_of(one), cost) for one in outcomes]


def opening_of(outcome: CaseResult) -> str:
    """A key of what the model was shown."""
    told: Sequence[Message] = outcome.trajectory.opening
    return hashlib.sha256(
        "\0".join(message.model_dump_json() for message in told).encode()
    ).hexdigest()[:12]


# --- what it came to ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """A mind on a case."""

    correct: bool
    opening: str


@dataclass(frozen=True)
class LiveEdit:
    """One mind in the place of another."""

    kind: Kind
    effect: float
    cheaper: bool
    """Whether it costs at most what the champion does: else it must prove that it helps."""
    exam: Exam


def edits(level: float) -> list[LiveEdit]:
    """Every mind in every other's place: examined on one half of the cases, its truth told by the other half."""
    found: dict[str, dict[str, Seen]] = {}
    cost: dict[str, int] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["mind"], {})[row["case"]] = Seen(
                row["right"] == "1", row["opening"]
            )
            cost[row["mind"]] = int(row["cost"])
    cases = sorted(next(iter(found.values())))
    random.Random(SEED).shuffle(cases)
    examined, kept = cases[::2], cases[1::2]
    made: list[LiveEdit] = []
    for champion, challenger in permutations(found, 2):
        before, after = found[champion], found[challenger]
        effect = fmean(after[case].correct - before[case].correct for case in kept)
        kind: Kind = "helpful" if effect >= MEANS else "harmful" if effect <= -MEANS else "neutral"
        order = random.Random(f"{champion}-{challenger}").sample(examined, len(examined))
        cheaper = cost[challenger] <= cost[champion]
        made.append(
            LiveEdit(kind, effect, cheaper, sat(before, after, order, level, cheaper=cheaper))
        )
    return made


def sat(
    before: Mapping[str, Seen],
    after: Mapping[str, Seen],
    order: Sequence[str],
    level: float,
    *,
    cheaper: bool,
) -> Exam:
    """The product's exam over recorded outcomes, up to its verdict."""
    terms = ExamPlan(target="job", cases={"job": {"": len(order)}}, level=level, cheaper=cheaper)
    return sit(terms, (compared(before[case], after[case]) for case in order))


def compared(before: Seen, after: Seen) -> Pair:
    difference = float(after.correct) - float(before.correct)
    return pair(difference, touched=before.opening != after.opening)


def figures(level: float) -> dict[str, Figure]:
    """Empty: nothing was recorded."""
    if not FILE.exists():
        return {}
    made = edits(level)
    told = {
        "live_edits": Figure(value=float(len(made)), unit="every two of the minds", goal=">= 30")
    }
    for kind, goal in (("harmful", "<= 0.01"), ("helpful", ">= 0.70")):
        went = [edit.exam.outcome == "promote" for edit in made if edit.kind == kind]
        told[f"live_{kind}_promoted"] = of_share(proportion(sum(went), len(went)), goal)
    neutral = [edit for edit in made if edit.kind == "neutral"]
    for key, cheaper, goal in (
        ("live_neutral_held", True, "<= 0.20"),
        ("live_neutral_dearer_held", False, ""),
    ):
        held = [edit.exam.outcome != "promote" for edit in neutral if edit.cheaper == cheaper]
        told[key] = of_share(proportion(sum(held), len(held)), goal)
    pairs = sorted(len(edit.exam.pairs) - edit.exam.untouched for edit in made)
    told["live_median_paired_cases"] = Figure(
        value=float(pairs[len(pairs) // 2]), unit="worked by both, to the verdict", goal="<= 60"
    )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="work cases with the model first")
    parser.add_argument(
        "--minutes", type=float, default=120, help="then stop after the mind in hand"
    )
    arguments = parser.parse_args()
    if arguments.record:
        asyncio.run(record(time.monotonic() + 60 * arguments.minutes))
    for key, figure in figures(0.05).items():
        print(key, figure.value, figure.low, figure.high)


if __name__ == "__main__":
    main()
