"""The small model on cases that the default model's recorded streams have, and both on some of them, in turn.

    python -m bench.small_model.answers --only analyst,clerk,clinc150 --cases 120 --minutes 30

Durable: what `answers.csv` has is not worked again. A row is a case and a model: whether the answer was right, the
process's CPU seconds, seconds by the clock, and the signals that cost no model call. No question or answer is written.
Each engine has one thread, so that CPU seconds count work and not waiting; one engine computes at a time.
Of clinc150 the worker is the one that recalls examples from the calibration half (`bench/learning`, arm `memory`).
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.lib.arms import lessons_of, rows_of, worker_for
from bench.lib.recorded import CONDUCT, CONTENT, GROUPS, load
from bench.lib.streams import STREAMS
from journeyman.assess.evidence import evidence_of
from journeyman.job.job import Job
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.models.catalogue import QWEN_CODER_HALF
from journeyman.models.embedded import EmbeddedModel
from journeyman.protocols import Model
from journeyman.runtime.runner import new_worker
from journeyman.types import Case, Trajectory
from journeyman.worker import WorkerVersion, rollout

ROOM = Path(__file__).parents[1] / ".work" / "small_model"
FILE = Path(__file__).parent / "answers.csv"
SMALL = QWEN_CODER_HALF.name
SIGNALS = (*GROUPS["logprobs"], *CONDUCT, *CONTENT)
COLUMNS = ("stream", "model", "case", "right", "cpu", "seconds", "cold", *SIGNALS)
"""`cold`: the first case of its stream that an engine worked, with nothing of the prompt computed yet."""
BOTH_EVERY = 8
"""Of so many cases, the default model works one as well."""

LONGEST_SECONDS = 900.0

Row = dict[str, str]


def rows() -> list[Row]:
    if not FILE.exists():
        return []
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def save(told: Sequence[Row]) -> None:
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(told, key=lambda row: (row["stream"], row["model"], row["case"])))


def on_one_core(name: str) -> EmbeddedModel:
    model = open_model(name, at_once=1)
    assert isinstance(model, EmbeddedModel)
    model.engine.load(1)
    return model


def recorded_cases(name: str) -> list[str]:
    """Cases whose outcome with the default model is recorded, half of each split, in the stream's order."""
    if name == "clinc150":
        return [case for arm, case in rows_of(name) if arm == "memory"]
    known, sealed = load(name, "calibration"), load(name, "exam")
    assert known is not None
    assert sealed is not None
    return [case for pair in zip(known.cases, sealed.cases, strict=False) for case in pair]


def worker_of(name: str, job: Job) -> WorkerVersion:
    """The worker that was recorded, but with time enough where the machine is busy."""
    worker = new_worker(job)
    if name == "clinc150":
        history = [case for case in job.cases() if case.split == "calibration"]
        worker = worker_for("memory", job, lessons_of(job, history), [], ROOM)
    return replace(worker, budget=worker.budget.model_copy(update={"seconds": LONGEST_SECONDS}))


async def scored(job: Job, case: Case, done: Trajectory) -> bool:
    scores = [await verifier.score(case, done) for verifier in job.verifiers]
    return done.answer is not None and all(score.value == 1 for score in scores)


async def work(
    name: str, model: Model, job: Job, worker: WorkerVersion, case: Case, *, cold: bool
) -> Row:
    cpu, clock = time.process_time(), time.monotonic()
    done = await rollout(worker, model, job.environment(case.input), case.input)
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    correct = await scored(job, case, done)
    signals = evidence_of(done).signals if done.answer is not None else {}
    row: dict[str, object] = {
        "stream": name,
        "model": model.name,
        "case": case.id,
        "right": int(correct),
    }
    row |= {"cpu": round(cpu, 3), "seconds": round(clock, 3), "cold": int(cold)}
    for signal in SIGNALS:
        value = signals.get(signal)
        row[signal] = "" if value is None else round(float(value), 4)
    return {key: str(value) for key, value in row.items()}


async def record(names: Sequence[str], count: int, until: float) -> None:
    told = rows()
    small, large = on_one_core(SMALL), on_one_core(DEFAULT_MODEL)
    for name in names:
        ROOM.mkdir(parents=True, exist_ok=True)
        job = STREAMS[name](ROOM / "data")
        worker = worker_of(name, job)
        by_id = {case.id: case for case in job.cases()}
        warm: set[str] = set()
        there = {(row["model"], row["case"]) for row in told if row["stream"] == name}
        for n, case_id in enumerate(recorded_cases(name)[:count]):
            turn: list[Model] = [small, large] if n % BOTH_EVERY == 0 else [small]
            for model in reversed(turn) if n % (2 * BOTH_EVERY) == 0 else turn:
                if (model.name, case_id) in there or time.monotonic() > until:
                    continue
                told.append(
                    await work(
                        name, model, job, worker, by_id[case_id], cold=model.name not in warm
                    )
                )
                warm.add(model.name)
                save(told)
                last = told[-1]
                print(name, n, model.name, last["right"], last["cpu"], last["seconds"], flush=True)
    for model in (small, large):
        await model.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="analyst,clerk,clinc150")
    parser.add_argument("--cases", type=int, default=120, help="of each stream, at most")
    parser.add_argument("--minutes", type=float, default=30)
    arguments = parser.parse_args()
    asyncio.run(
        record(
            arguments.only.split(","), arguments.cases, time.monotonic() + 60 * arguments.minutes
        )
    )


if __name__ == "__main__":
    main()
