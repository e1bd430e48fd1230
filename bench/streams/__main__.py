"""Records what the embedded model does on the six streams, for replays that need no model: `bench/streams/NAME.csv`.

    make bench NAME=streams                       works all streams as far as they go (many hours), then writes
    python -m bench.streams --only analyst,clerk --cases 400 --minutes 60
    python -m bench.streams --minutes 0     writes what was recorded so far

Durable: stopped, it goes on where it was. A row is a case: id, slice and split, whether the answer was right, seconds,
seconds that the questions to the model about its own answer took, and every signal (empty: the trajectory does not have
it); the nearest past cases are those of the calibration split, for its own cases all others. Cases without an answer
have no signals. No question, answer or target is written.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import dataclasses
import itertools
import time

import numpy as np

from bench.lib.places import RECORDED_STREAMS, WORK
from bench.lib.streams import STREAMS
from journeyman.assess.confidence import SIGNALS
from journeyman.assess.evidence import evidence_of
from journeyman.assess.neighbours import NAMES, Neighbours, PastTexts
from journeyman.job.job import Job
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import Journal, open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseResult, Run

ROOM = WORK / "streams"

SAID = ("said_right", "said_flaw")
COLUMNS = ("case", "slice", "split", "right", "seconds", "check_seconds", *SIGNALS, *SAID, *NAMES)


async def record(
    job: Job,
    model: Model,
    journal: Journal,
    holder: LeaseOwner,
    *,
    cases: int,
    at_once: int,
    until: float,
) -> None:
    """Work the stream's first cases, as far as they are not done and time allows."""
    run = open_run(journal, job, model)
    add_cases(journal, run, itertools.islice(job.cases(), cases))
    stop = asyncio.Event()
    done = 0

    def told(outcome: CaseResult) -> None:
        nonlocal done
        done += 1
        spent = sum(check.usage.seconds for check in outcome.trajectory.checks)
        print(
            f"{job.name} {done}: {outcome.case_id} {outcome.correct} {outcome.trajectory.seconds:.1f} + {spent:.1f} s",
            flush=True,
        )
        if time.monotonic() > until:
            stop.set()

    shift = dataclasses.replace(
        Runner.open(journal, holder, job, model, run, at_once=at_once, on_case_closed=told),
        stop=stop,
    )
    await work(shift)


def export(journal: Journal, run: Run) -> int:
    """Write the stream's file anew from all that was recorded; returns how many cases it has. 0: too few to write."""
    done = [o for o in outcomes(journal, run) if o.closed and o.correct is not None]
    evidence = {o.case_id: evidence_of(o.trajectory) for o in done}
    answered = [o for o in done if evidence[o.case_id].answer is not None]
    known = [o for o in answered if o.split == "calibration"]
    sealed = [o for o in answered if o.split != "calibration"]
    if not known or not sealed:
        return 0
    texts = PastTexts.of([evidence[o.case_id] for o in known])
    correct = np.array([bool(o.correct) for o in known], dtype=np.float64)
    near = Neighbours.of(correct, np.ones(len(known)), texts)
    of_sealed = near.signals(PastTexts.of([evidence[o.case_id] for o in sealed]))
    nearest = dict(zip([o.case_id for o in known], near.own_signals(), strict=True))
    nearest |= dict(zip([o.case_id for o in sealed], of_sealed, strict=True))
    with (RECORDED_STREAMS / f"{run.job}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for o in done:
            spent = sum(check.usage.seconds for check in o.trajectory.checks)
            row = [
                o.case_id,
                o.slice,
                o.split,
                int(bool(o.correct)),
                round(o.trajectory.seconds, 2),
                round(spent, 2),
            ]
            told = evidence[o.case_id].signals if o.case_id in nearest else {}
            numbers = [told.get(name) for name in (*SIGNALS, *SAID)] + list(
                nearest.get(o.case_id, [None] * len(NAMES))
            )
            writer.writerow(
                row + [None if value is None else round(float(value), 4) for value in numbers]
            )
    return len(done)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(STREAMS), help="some of: " + ", ".join(STREAMS))
    parser.add_argument("--cases", type=int, default=4000, help="of each stream, at most")
    parser.add_argument(
        "--minutes", type=float, default=600, help="then stop after the cases in flight"
    )
    parser.add_argument("--at-once", type=int, default=1, help="cases in flight")
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    model = open_model(DEFAULT_MODEL, at_once=arguments.at_once)
    with open_journal(ROOM) as journal, LeaseOwner.enter(ROOM) as holder:
        for name in arguments.only.split(","):
            if time.monotonic() < until:
                job = STREAMS[name](ROOM / "data")
                await record(
                    job,
                    model,
                    journal,
                    holder,
                    cases=arguments.cases,
                    at_once=arguments.at_once,
                    until=until,
                )
        for run in {run.job: run for run in journal.runs()}.values():
            print(f"{run.job}: {export(journal, run)} cases")
    await model.aclose()


if __name__ == "__main__":
    asyncio.run(main())
