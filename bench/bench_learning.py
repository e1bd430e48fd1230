"""What learning without weights brings: sealed cases with memory, without, with the wrong one, with all in context.

    python -m bench.bench_learning --record --only clinc150,analyst --arms memory --cases 150 --minutes 60
    make bench NAME=learning              folds what was recorded; asks no model

Durable: stopped, it goes on where it was. `bench/learning/NAME.csv` has a row for each case and arm: whether the answer
was right, the tokens of the prompt that memory took, all tokens computed and written, seconds, and the signals of
confidence. No question, answer or target is written.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import time
from pathlib import Path

from bench.learning import ARMS, lessons_of, worker_for
from bench.streams import STREAMS
from journeyman.assess.evidence import evidence_of
from journeyman.flow.history import outcomes
from journeyman.flow.holder import Holder
from journeyman.flow.work import Shift, enrol, work
from journeyman.job import Job
from journeyman.memory.context import cost_of
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model
from journeyman.store.journal import Journal
from journeyman.types import Outcome, Run

ROOM = Path(__file__).parent / ".work" / "learning"
RECORDED = Path(__file__).parent / "learning"


def run_of(journal: Journal, job: Job, arm: str, model: Model) -> Run:
    """One run for each arm of each stream."""
    run = Run(
        id=f"{job.name}-{arm}", job=job.name, worker="ada@1", model=model.name, fingerprint=arm,
        spec={"purpose": "bench", "salt": arm, "mind": {"recall": {"withheld": 0.0}}}, opened_at=time.time(),
    )  # fmt: skip
    return journal.open_run(lambda runs, _: next((known for known in runs if known.id == run.id), run), job=job.name)


async def record(journal: Journal, holder: Holder, model: Model, name: str, arm: str, count: int, until: float) -> None:
    """Work the first sealed cases of a stream with an arm's memory, as far as time allows."""
    job = STREAMS[name](ROOM / "data")
    cases = list(job.cases())
    sealed = [case for case in cases if case.split == "exam"]
    lessons = lessons_of(job, [case for case in cases if case.split == "calibration"])
    run = run_of(journal, job, arm, model)
    if not enrol(journal, run, sealed[:count]):
        return
    stop, done = asyncio.Event(), 0

    def told(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        seconds = outcome.trajectory.seconds
        print(f"{run.id} {done}: {outcome.case_id} {outcome.right} {seconds:.1f} s", flush=True)
        if time.monotonic() > until:
            stop.set()

    worker = worker_for(arm, job, lessons, sealed, ROOM)
    shift = Shift(
        journal=journal, run=run, job=job, worker=worker, model=model, holder=holder, at_once=1, told=told, stop=stop
    )
    await work(shift)


COLUMNS = ("arm", "case", "right", "memory_tokens", "computed_tokens", "written_tokens", "seconds")


def export(journal: Journal) -> None:
    """Write all that was recorded, a file for each stream."""
    RECORDED.mkdir(exist_ok=True)
    by_job: dict[str, list[Run]] = {}
    for run in journal.runs():
        by_job.setdefault(run.job, []).append(run)
    for name, runs in by_job.items():
        with (RECORDED / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            signals: tuple[str, ...] = ()
            for run in runs:
                for outcome in outcomes(journal, run):
                    if not outcome.closed or outcome.right is None:
                        continue
                    known = evidence_of(outcome.trajectory).signals
                    if not signals:
                        signals = tuple(name for name in known if not name.startswith("said_"))
                        writer.writerow((*COLUMNS, *signals))
                    values = [known.get(name) for name in signals]
                    writer.writerow((*row(run, outcome), *("" if v is None else round(v, 4) for v in values)))


def row(run: Run, outcome: Outcome) -> tuple[object, ...]:
    used, told = outcome.trajectory.usage, outcome.trajectory.recalled
    memory = sum(map(cost_of, told))
    return (
        run.fingerprint, outcome.case_id, int(bool(outcome.right)), memory,
        used.prompt_tokens - (used.cached_tokens or 0), used.completion_tokens, round(outcome.trajectory.seconds, 2),
    )  # fmt: skip


async def recording(arguments: argparse.Namespace) -> None:
    until = time.monotonic() + 60 * arguments.minutes
    model = open_model(DEFAULT_MODEL, at_once=1)
    with Journal.open(ROOM) as journal, Holder.enter(ROOM) as holder:
        for arm in arguments.arms.split(","):
            for name in arguments.only.split(","):
                if time.monotonic() < until:
                    await record(journal, holder, model, name, arm, arguments.cases, until)
        export(journal)
    await model.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="work cases with the model first")
    parser.add_argument("--only", default=",".join(STREAMS), help="some of: " + ", ".join(STREAMS))
    parser.add_argument("--arms", default=",".join(ARMS), help="some of: " + ", ".join(ARMS))
    parser.add_argument("--cases", type=int, default=150, help="of each stream and arm, at most")
    parser.add_argument("--minutes", type=float, default=600, help="then stop after the case in flight")
    arguments = parser.parse_args()
    if arguments.record:
        asyncio.run(recording(arguments))


if __name__ == "__main__":
    main()
