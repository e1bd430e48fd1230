"""What learning without weights brings: sealed cases with memory, without, with the wrong one, with all in context.

    python -m bench.learning --record --only clinc150,analyst --arms memory --cases 150 --minutes 60
    make bench NAME=learning              folds what was recorded; asks no model

Durable: stopped, it goes on where it was. `bench/learning/NAME.csv` has a row for each case and arm: whether the answer
was right, the tokens of the prompt that memory took, all tokens computed and written, seconds, and the signals of
confidence. No question, answer or target is written. What a file has is not worked again, on another machine neither:
to work it anew, delete its rows.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from bench.learning.games import GAMES, HISTORY, game, taught
from bench.lib.arms import ARMS, SEED, lessons_of, recorded_right, rows_of, worker_for
from bench.lib.figures import Figure, mean_of, of_share
from bench.lib.places import RECORDED_STREAMS, WORK
from bench.lib.recorded import RECALLED, SHOWN, Part, crossed_scores, sealed_scores
from bench.lib.replays import LENGTH, begun, recorded, replay
from bench.lib.results import write
from bench.lib.streams import STREAMS
from journeyman.assess.confidence import SIGNALS
from journeyman.assess.evidence import evidence_of
from journeyman.assess.exam import ExamPlan, Pair, alpha_for, sit
from journeyman.assess.rule import Rule
from journeyman.assess.selective import ceiling
from journeyman.assess.stats import Proportion, proportion
from journeyman.improve.exams import BUDGET
from journeyman.job.job import Job
from journeyman.memory.context import cost_of
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases
from journeyman.store.journal import Journal, open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseResult, Run

REPLAYS = 60
FEWEST = 20
"""Cases that a stream must have to be told of."""
CERTIFIED = 120
"""Cases that a stream must have for a certificate."""
UNTAUGHT = ("history", "stateless")
"""Arms that only games have; of the streams there is a recording of the worker without memory already."""
EXPERIENCED = ("clinc150", "analyst", "clerk", "bfcl")
"""Streams whose memory holds more than five hundred cases."""
EXAMS, EXAM_CASES = 200, 150
OWN = tuple(name for name in SIGNALS if name not in RECALLED + SHOWN)

ROOM = WORK / "learning"
RECORDED = Path(__file__).parent


def run_of(journal: Journal, job: Job, arm: str, model: Model) -> Run:
    """One run for each arm of each stream."""
    run = Run(
        id=f"{job.name}-{arm}", job=job.name, worker="ada@1", model=model.name, fingerprint=arm,
        spec={"purpose": "bench", "salt": arm, "worker_spec": {"recall": {"withheld": 0.0}}}, opened_at=time.time(),
    )  # fmt: skip
    return journal.open_run(
        lambda runs, _: next((known for known in runs if known.id == run.id), run), job=job.name
    )


async def record(
    journal: Journal,
    holder: LeaseOwner,
    model: Model,
    name: str,
    arm: str,
    count: int,
    until: float,
) -> None:
    """Work the first sealed cases of a stream with an arm's memory, as far as time allows."""
    job = game(name, ROOM / "data") if name in GAMES else STREAMS[name](ROOM / "data")
    cases = list(job.cases())
    sealed = [case for case in cases if case.split == "exam"]
    if name in GAMES:
        history = [case for case in cases if case.split == "train"][:HISTORY]
        lessons = taught(history, outcomes(journal, run_of(journal, job, "history", model)))
    else:
        history = [case for case in cases if case.split == "calibration"]
        lessons = lessons_of(job, history)
    run = run_of(journal, job, arm, model)
    known = rows_of(name)
    wanted = [
        case
        for case in (history if arm == "history" else sealed[:count])
        if (arm, case.id) not in known
    ]
    wanted.sort(
        key=lambda case: str(case.data.get("database"))
    )  # a schema, most of a prompt, is then computed once
    if not add_cases(journal, run, wanted):
        return
    stop, done = asyncio.Event(), 0

    def told(outcome: CaseResult) -> None:
        nonlocal done
        done += 1
        seconds = outcome.trajectory.seconds
        print(f"{run.id} {done}: {outcome.case_id} {outcome.correct} {seconds:.1f} s", flush=True)
        if time.monotonic() > until:
            stop.set()

    worker = worker_for(arm, job, lessons, sealed, ROOM)
    shift = Runner(
        journal=journal,
        run=run,
        job=job,
        worker=worker,
        model=model,
        owner=holder,
        at_once=1,
        on_case_closed=told,
        stop=stop,
    )
    await work(shift)


COLUMNS = ("arm", "case", "right", "memory_tokens", "computed_tokens", "written_tokens", "seconds")


FIELDS = (*COLUMNS, *SIGNALS)

Row = Mapping[str, object]


def export(journal: Journal) -> None:
    """Write a file for each stream: what it had, and all that the journal has, which wins."""
    by_job: dict[str, list[Run]] = {}
    for run in journal.runs():
        by_job.setdefault(run.job, []).append(run)
    for name, runs in by_job.items():
        found: dict[tuple[str, str], Row] = dict(rows_of(name))
        for run in runs:
            for outcome in outcomes(journal, run):
                if outcome.closed and outcome.correct is not None:
                    found[run.fingerprint, outcome.case_id] = row(run, outcome)
        with (RECORDED / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted(found.values(), key=lambda one: ARMS.index(str(one["arm"]))))


def row(run: Run, outcome: CaseResult) -> Row:
    used, told = outcome.trajectory.usage, outcome.trajectory.recalled
    signals = evidence_of(outcome.trajectory).signals
    return {
        "arm": run.fingerprint, "case": outcome.case_id, "right": int(bool(outcome.correct)),
        "memory_tokens": sum(map(cost_of, told)), "computed_tokens": used.computed_tokens,
        "written_tokens": used.completion_tokens, "seconds": round(outcome.trajectory.seconds, 2),
    } | {name: round(value, 4) for name in SIGNALS if (value := signals.get(name)) is not None}  # fmt: skip


async def recording(arguments: argparse.Namespace) -> None:
    until = time.monotonic() + 60 * arguments.minutes
    model = open_model(DEFAULT_MODEL, at_once=1)
    with open_journal(ROOM) as journal, LeaseOwner.enter(ROOM) as holder:
        for arm in arguments.arms.split(","):
            for name in arguments.only.split(","):
                if time.monotonic() < until and (name in GAMES or arm not in UNTAUGHT):
                    await record(journal, holder, model, name, arm, arguments.cases, until)
        export(journal)
    await model.aclose()


# --- what it came to ------------------------------------------------------------------------------------------


class Done(NamedTuple):
    """One sealed case with one memory."""

    correct: bool
    memory: float
    """Tokens of the prompt that memory took."""
    computed: float
    """Tokens computed and written."""


Arm = dict[str, Done]


def arms_of(name: str) -> dict[str, Arm]:
    """What was recorded of a stream, by arm and case; `stateless` from the recorded streams. Empty: nothing was."""
    found: dict[str, Arm] = {}
    for (arm, case), told in rows_of(name).items():
        spent = float(told["computed_tokens"]) + float(told["written_tokens"])
        found.setdefault(arm, {})[case] = Done(
            told["right"] == "1", float(told["memory_tokens"]), spent
        )
    if not found or name in GAMES:
        return found
    found["stateless"] = {
        case: Done(correct, 0.0, 0.0) for case, correct in recorded_right(name).items()
    }
    return found


def differences(one: Arm, other: Arm) -> list[float]:
    """Of the cases in both, right with the one less right with the other."""
    return [float(one[case].correct) - float(other[case].correct) for case in one if case in other]


def gains(name: str, arms: Mapping[str, Arm]) -> dict[str, Figure]:
    """A stream's figures: what memory gave over none, over all in context, and what the wrong memory gave."""
    memory, plain = arms["memory"], arms["stateless"]
    gained = differences(memory, plain)
    unit = f"{len(gained)} sealed, paired"
    base = fmean(plain[case].correct for case in memory if case in plain)
    gain = mean_of(gained, unit)
    assert gain.value is not None
    told = {
        f"stateless_{name}": Figure(value=base, unit=unit),
        f"gain_{name}": gain,
        f"normalised_gain_{name}": Figure(
            value=gain.value / (1 - base), low=(gain.low or 0) / (1 - base), high=(gain.high or 0) / (1 - base),
            unit="of what there was to gain", goal=">= 0.35",
        ),
        f"memory_tokens_{name}": Figure(value=fmean(done.memory for done in memory.values()), unit="of a prompt"),
    }  # fmt: skip
    if len(arms.get("icl", ())) >= FEWEST:
        over = differences(memory, arms["icl"])
        whole = fmean(done.memory for done in arms["icl"].values())
        told[f"gain_over_icl_{name}"] = mean_of(over, f"{len(over)} sealed, paired")
        told[f"memory_tokens_over_icl_{name}"] = Figure(
            value=fmean(done.memory for done in memory.values()) / whole,
            unit=f"of {whole:,.0f}",
            goal="<= 0.25",
        )
    if len(arms.get("lived", ())) >= FEWEST:
        over = differences(arms["lived"], memory)
        told[f"lived_over_memory_{name}"] = mean_of(over, f"{len(over)} sealed, paired")
        told[f"gain_lived_{name}"] = mean_of(differences(arms["lived"], plain), "sealed, paired")
        told[f"retained_lived_{name}"] = of_share(kept_of(arms["lived"], plain))
    if len(arms.get("shuffled", ())) >= FEWEST:
        wrong = differences(arms["shuffled"], plain)
        told[f"shuffled_gain_{name}"] = mean_of(wrong, f"{len(wrong)} sealed, paired")
    return told


def kept_of(told: Arm, plain: Arm) -> Proportion:
    """Of the cases solved without memory, those solved with it."""
    solved = [done.correct for case, done in told.items() if case in plain and plain[case].correct]
    return proportion(sum(solved), len(solved))


def left_out(arms: Mapping[str, Arm]) -> float:
    """How often an exam of what was recorded lets the worker recall less: it leaves out what only costs.

    Its cases are drawn from those recorded, whose truth is then known. Cases that were told nothing are not touched.
    """
    memory, plain = arms["memory"], arms["stateless"]
    pairs = [
        Pair(job="job", difference=float(plain[case].correct) - float(done.correct) if done.memory else 0.0,
             touched=bool(done.memory))
        for case, done in memory.items()
    ]  # fmt: skip
    terms = ExamPlan(
        target="job", cases={"job": {"": EXAM_CASES}}, level=alpha_for(BUDGET, 1), cheaper=True
    )
    rng = np.random.default_rng(SEED)
    went = [
        sit(terms, [pairs[n] for n in rng.integers(0, len(pairs), EXAM_CASES)]).outcome == "promote"
        for _ in range(EXAMS)
    ]
    return fmean(went)


def retained(streams: Mapping[str, Mapping[str, Arm]]) -> dict[str, Figure]:
    """What was right without memory and stays so: with all that is recalled, and where an exam may leave it out."""
    told: dict[str, Figure] = {}
    every: list[float] = []
    examined: list[float] = []
    long: list[float] = []
    for name, arms in streams.items():
        kept = kept_of(arms["memory"], arms["stateless"])
        told[f"retained_{name}"] = of_share(kept)
        told[f"left_out_{name}"] = Figure(
            value=left_out(arms), unit=f"of {EXAMS} exams of {EXAM_CASES} cases"
        )
        solved = [1.0] * kept.count + [0.0] * (kept.total - kept.count)
        every += solved
        with_exam = [
            value + (1 - value) * (told[f"left_out_{name}"].value or 0.0) for value in solved
        ]
        examined += with_exam
        long += with_exam if name in EXPERIENCED else []
    goal = ">= 0.98"
    told["retained_solved"] = mean_of(every, f"of {len(every)} cases solved without memory", goal)
    told["retained_examined"] = mean_of(
        examined, f"of {len(examined)} cases, where exams leave out what harms", goal
    )
    told["retained_experienced"] = mean_of(long, f"of {len(long)} cases, after more than 500", goal)
    return told


def certified(name: str, cases: Sequence[str]) -> dict[str, Figure]:
    """Certified autonomy on a stream before learning and after: the same cases, the same certificate, other answers.

    Every other case is a labelled history, the rest the pool that streams of 2,000 are drawn from. Confidence goes by
    the signals of the trajectory alone, those of recalled cases among them after learning.
    """
    told: dict[str, Figure] = {}
    for when, file, names in (
        ("before", RECORDED_STREAMS / f"{name}.csv", OWN),
        ("after", RECORDED / f"{name}.csv", OWN + RECALLED),
    ):
        with file.open(encoding="utf-8", newline="") as opened:
            rows = [
                told for told in csv.DictReader(opened) if told.get("arm", "memory") == "memory"
            ]
        found = {row["case"]: row for row in rows}
        known, pool = (part([found[case] for case in cases[n::2]], names) for n in (0, 1))
        scores = (
            (crossed_scores(known, names), ~known.correct),
            (sealed_scores(known, pool, names), ~pool.correct),
        )
        population = recorded(name, *scores)
        for allowed in (0.1, 0.2):
            rng = np.random.default_rng(SEED)
            rule = Rule(allowed_error=allowed)
            shares = []
            for _ in range(REPLAYS):
                start = begun(rule, population.known_scores, population.known_errors)
                shares.append(replay(start, *population.draw(rng, LENGTH), rng).share)
            key = f"autonomy_{when}_{name}_alpha{round(100 * allowed)}"
            low, high = np.quantile(shares, [0.025, 0.975])
            told[key] = Figure(
                value=fmean(shares), low=float(low), high=float(high),
                unit=f"delivered, {REPLAYS} streams; ceiling {ceiling(population.base_error, allowed):.2f}",
            )  # fmt: skip
    return told


def part(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> Part:
    def numbers(row: Mapping[str, str], wanted: Sequence[str]) -> list[float]:
        return [float(row[name]) if row.get(name) else float("nan") for name in wanted]

    return Part(
        cases=tuple(row["case"] for row in rows),
        columns=tuple(names),
        table=np.array([numbers(row, names) for row in rows]),
        correct=np.array([row["right"] == "1" for row in rows]),
        answered=np.array([bool(row["steps"]) for row in rows]),
        seconds=np.array([float(row["seconds"]) for row in rows]),
        check_seconds=np.zeros(len(rows)),
    )


def corrections() -> dict[str, Figure]:
    """How often a planted correction holds for the same question in nearly the same words, and in others."""
    file = RECORDED / "corrections.csv"
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    told: dict[str, Figure] = {}
    for key, form in (
        ("correction_holds_nearly", "nearly"),
        ("correction_transfers", "paraphrase"),
    ):
        shown = [row for row in rows if row["form"] == form and row["told"] == "1"]
        goal = ">= 0.8" if form == "paraphrase" else ""
        told[key] = of_share(
            proportion(sum(row["right"] == "1" for row in shown), len(shown)), goal
        )
        every = [row for row in rows if row["form"] == form]
        told[f"{key}_recalled"] = of_share(proportion(len(shown), len(every)))
    before = [row for row in rows if row["form"] == "asked"]
    told["correction_known_before"] = of_share(
        proportion(sum(row["right"] == "1" for row in before), len(before))
    )
    return told


def figures() -> dict[str, Figure]:
    told: dict[str, Figure] = {}
    streams = {
        name: arms
        for name in (*STREAMS, *GAMES)
        if len((arms := arms_of(name)).get("memory", ())) >= FEWEST
    }
    for name, arms in streams.items():
        told |= gains(name, arms)
        if len(arms["memory"]) >= CERTIFIED:
            told |= certified(
                name, sorted(case for case in arms["memory"] if case in arms["stateless"])
            )
    return told | retained(streams) | corrections()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="work cases with the model first")
    parser.add_argument(
        "--only", default=",".join(STREAMS), help="some of: " + ", ".join((*STREAMS, *GAMES))
    )
    parser.add_argument("--arms", default=",".join(ARMS), help="some of: " + ", ".join(ARMS))
    parser.add_argument("--cases", type=int, default=150, help="of each stream and arm, at most")
    parser.add_argument(
        "--minutes", type=float, default=600, help="then stop after the case in flight"
    )
    arguments = parser.parse_args()
    if arguments.record:
        asyncio.run(recording(arguments))
    else:
        write("learning", figures(), folded=not arguments.record)


if __name__ == "__main__":
    main()
