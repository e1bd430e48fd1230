"""Accuracy of the embedded model before any learning: the shipped jobs' exam splits, and real benchmark data.

Runs are durable: stopped, it goes on where it was; `--fresh` begins anew. `--only analyst,defog` runs some of them.
Takes about an hour and a half on two cores. Nothing was tuned on the splits that are measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from bench.lib import datasets
from bench.lib.figures import Figure, of_share
from bench.lib.places import JOBS, WORK
from bench.lib.results import write
from journeyman.assess.stats import percent, proportion
from journeyman.job.job import Job
from journeyman.job.load import load_job
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model
from journeyman.reports.metrics import RunMetrics, run_metrics
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import Journal, open_journal
from journeyman.types import CaseResult

ROOM = WORK / "quality"
AT_ONCE = 1
OWN_FAULTS = {"fault", "diverged", "environment", "verifier", "store"}
"""Failures that would be ours, not the model's or the case's."""

SETS: dict[str, Callable[[], Job | None]] = {
    "analyst": lambda: load_job(JOBS / "analyst", data=ROOM / "data" / "analyst"),
    "clerk": lambda: load_job(JOBS / "clerk", data=ROOM / "data" / "clerk"),
    "defog": lambda: _real(lambda data: datasets.defog_job(data, ROOM / "data" / "defog")),
    "bfcl": lambda: _real(datasets.bfcl_job),
    "clinc150": lambda: _real(datasets.clinc_job),
    "gsm8k": lambda: _real(datasets.gsm8k_job),
}


def _real(make: Callable[[Path], Job]) -> Job | None:
    data = datasets.folder()
    return None if data is None else make(data)


def measure(job: Job, model: Model, journal: Journal, holder: LeaseOwner) -> RunMetrics:
    """Work the job's exam cases, as far as they are not done yet."""
    run = open_run(journal, job, model)
    add_cases(journal, run, (case for case in job.cases() if case.split == "exam"))
    done = 0

    def told(outcome: CaseResult) -> None:
        nonlocal done
        done += 1
        print(
            f"{job.name} {done}: {outcome.case_id} {outcome.correct} {outcome.trajectory.seconds:.1f} s",
            flush=True,
        )

    shift = Runner.open(journal, holder, job, model, run, at_once=AT_ONCE, on_case_closed=told)
    asyncio.run(work(shift))
    return run_metrics(journal, run)


def told_figures(seen: dict[str, RunMetrics]) -> dict[str, Figure]:
    """Everything under the keys that docs and tests use."""
    found: dict[str, Figure] = {}
    keys = {"analyst": "analyst_exam_accuracy", "clerk": "clerk_exam_accuracy"}
    goals = {"analyst": "0.35 to 0.65 expected"}
    for name, one in seen.items():
        found[keys.get(name, f"{name}_accuracy")] = of_share(one.correct, goals.get(name, ""))
        for group in one.slices if len(one.slices) > 1 else ():
            found[f"{name}_{group.slice}_accuracy"] = of_share(group.correct)
        found[f"{name}_seconds_per_case"] = Figure(value=one.seconds.median, unit="s, median")
    calling = [one for name, one in seen.items() if name in {"analyst", "defog"}]
    if calling:
        good, tried = (
            sum(one.well_formed.count for one in calling),
            sum(one.well_formed.total for one in calling),
        )
        found["well_formed_calls_share"] = of_share(proportion(good, tried), ">= 0.95")
    failed = sum(
        f.count for one in seen.values() for f in one.failures if f.failure.kind in OWN_FAULTS
    )
    found["failed_for_our_own_fault"] = Figure(value=failed, unit="cases", goal="0")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(SETS), help="some of: " + ", ".join(SETS))
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    arguments = parser.parse_args()
    if arguments.fresh:
        shutil.rmtree(ROOM, ignore_errors=True)
    seen: dict[str, RunMetrics] = {}
    model = open_model(DEFAULT_MODEL, at_once=AT_ONCE)
    with open_journal(ROOM) as journal, LeaseOwner.enter(ROOM) as holder:
        for name in arguments.only.split(","):
            job = SETS[name]()
            if job is None:
                print(f"{name}: skipped, its data is not here; set JOURNEYMAN_DATA")
                continue
            seen[name] = measure(job, model, journal, holder)
            print(f"{name}: {percent(seen[name].correct)}", flush=True)
    asyncio.run(model.aclose())
    write("quality", told_figures(seen), whole=set(seen) == set(SETS))


if __name__ == "__main__":
    main()
