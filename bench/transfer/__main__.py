"""Forgetting and transfer: six streams learned one after the other with one memory, every stream tested at every stage.

    python -m bench.transfer --record --cases 16 --minutes 60    works cases with the embedded model
    python -m bench.transfer --record --minutes 0                writes what was recorded so far as files
    make bench NAME=transfer                                           folds these files; asks no model

Durable: stopped, it goes on where it was; a few cases of every stream are worked with every memory before the next few,
so that what is there at any time makes whole matrices. Decoding is deterministic, and a prompt holds nothing of the
stage but the lessons recalled: a case for which two memories recall the same lessons in the same order is worked once.

`bench/transfer/STREAM.csv` has a row for each case and memory: whether the answer was right (empty: not judged), a key
of the recalled lessons (empty: none), how many there were and how many of the stream itself, their tokens, all tokens
computed and written, seconds. Cases that failed have none. No question, answer or target is written. What is folded of
it: `transfers.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from bench.lib.figures import Figure, mean_of
from bench.lib.places import WORK
from bench.lib.results import write
from bench.transfer import transfers
from bench.transfer.sequence import (
    NONE,
    SEQUENCE,
    SETTINGS,
    Shelf,
    Shelved,
    Stream,
    after,
    only,
    plan,
    stream,
)
from bench.transfer.transfers import Array, interval
from journeyman.memory.context import cost_of, usable_in
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, new_worker, work
from journeyman.runtime.runs import add_cases
from journeyman.store.journal import Journal, open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import Case, CaseResult, Lesson, Run

ROOM = WORK / "transfer"
RECORDED = Path(__file__).parent

FEWEST = 4
"""Complete cases that every stream must have for the matrix, and a pair of streams to be counted."""

EXAMS = 40

Key = tuple[str, str, tuple[str, ...]]
"""A stream, a case, the ids of what was recalled for it: what an answer depends on."""


# --- recording -------------------------------------------------------------------------------------------------


@dataclass
class Recording:
    """What is worked, and what is known of it."""

    journal: Journal
    holder: LeaseOwner
    model: Model
    shelf: Shelf
    until: float = float("inf")
    known: dict[Key, CaseResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for run in self.journal.runs():
            for outcome in outcomes(self.journal, run):
                self._note(run.job, outcome)

    def _note(self, name: str, outcome: CaseResult) -> None:
        """What failed, perhaps before anything was recalled, says nothing of its key."""
        if outcome.closed and outcome.trajectory.failure is None:
            told = tuple(lesson.id for lesson in outcome.trajectory.recalled)
            self.known[name, outcome.case_id, told] = outcome

    def key(self, one: Stream, memory: str, case: Case) -> Key:
        return one.name, case.id, tuple(lesson.id for lesson in self.told(one, memory, case))

    def told(self, one: Stream, memory: str, case: Case) -> tuple[Lesson, ...]:
        """What a memory tells a case, as the worker's own loop asks for it."""
        environment = one.job.environment(case.input)
        return self.shelf.recalled(
            memory, case.prompt, lambda lesson: usable_in(lesson, environment)
        )

    async def do(self, one: Stream, memory: str, cases: Sequence[Case]) -> None:
        """Work those of these cases whose answer is not known from another memory that recalls the same."""
        wanted = [case for case in cases if self.key(one, memory, case) not in self.known]
        if not wanted:
            return
        journal, run = self.journal, self._run(one, memory)
        add_cases(journal, run, wanted)
        stop = asyncio.Event()

        def told(outcome: CaseResult) -> None:
            self._note(one.name, outcome)
            print(
                f"{run.id} {outcome.case_id} {outcome.correct} {outcome.trajectory.seconds:.1f} s",
                flush=True,
            )
            if time.monotonic() > self.until:
                stop.set()

        worker = new_worker(one.job, memory=Shelved(self.shelf, memory))
        await work(
            Runner(
                journal=journal, run=run, job=one.job, worker=worker, model=self.model, owner=self.holder, at_once=1,
                on_case_closed=told, stop=stop,
            )
        )  # fmt: skip

    def _run(self, one: Stream, memory: str) -> Run:
        run = Run(
            id=f"{one.name}-{memory}", job=one.name, worker="ada@1", model=self.model.name, fingerprint=memory,
            spec={"purpose": "bench", "salt": memory, "worker_spec": {"recall": SETTINGS.model_dump(mode="json")}},
            opened_at=time.time(),
        )  # fmt: skip
        return self.journal.open_run(
            lambda runs, _: next((r for r in runs if r.id == run.id), run), job=one.name
        )


async def record(recording: Recording, cases: int) -> None:
    """The first sealed cases of every stream with every memory, as far as time allows."""
    for one, memory, batch in plan(recording.shelf.streams, cases):
        if time.monotonic() > recording.until:
            return
        await recording.do(one, memory, batch)


# --- what was recorded, as files -------------------------------------------------------------------------------

COLUMNS = (
    "memory", "case", "right", "key", "lessons", "own_lessons",
    "memory_tokens", "computed_tokens", "written_tokens", "seconds",
)  # fmt: skip


def export(recording: Recording, cases: int, folder: Path) -> None:
    """Write all that is known, a file for each stream: a row for each case and memory, worked for it or for another."""
    folder.mkdir(exist_ok=True)
    rows: dict[str, list[Sequence[object]]] = {}
    for one, memory, batch in plan(recording.shelf.streams, cases):
        own = {lesson.id for lesson in one.lessons}
        for case in batch:
            told = recording.told(one, memory, case)
            outcome = recording.known.get(recording.key(one, memory, case))
            if outcome is not None:
                of_own = sum(lesson.id in own for lesson in told)
                rows.setdefault(one.name, []).append(row(memory, outcome, told, of_own))
    for name, listed in rows.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(listed)


def row(memory: str, outcome: CaseResult, told: Sequence[Lesson], own: int) -> Sequence[object]:
    used = outcome.trajectory.usage
    ids = "\0".join(lesson.id for lesson in told)
    return (
        memory, outcome.case_id, "" if outcome.correct is None else int(outcome.correct),
        hashlib.sha256(ids.encode()).hexdigest()[:12] if told else "", len(told), own, sum(map(cost_of, told)),
        used.computed_tokens, used.completion_tokens, round(outcome.trajectory.seconds, 2),
    )  # fmt: skip


# --- what it came to -------------------------------------------------------------------------------------------

Rights = Mapping[str, Mapping[str, float]]
"""Of one stream: by memory and case, 1 where the answer was right. Cases that were not judged are not among them."""


def read(folder: Path, names: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """The rows of each stream; of one that was not recorded, none."""
    found: dict[str, list[dict[str, str]]] = {}
    for name in names:
        file = folder / f"{name}.csv"
        if file.exists():
            with file.open(encoding="utf-8", newline="") as opened:
                found[name] = list(csv.DictReader(opened))
    return found


def rights(rows: Sequence[Mapping[str, str]]) -> Rights:
    found: dict[str, dict[str, float]] = {}
    for told in rows:
        if told["right"]:
            found.setdefault(told["memory"], {})[told["case"]] = float(told["right"])
    return found


def complete(known: Rights, stages: int) -> Array:
    """The cases that were judged at every stage: a row is a case, a column a stage, the first without memory."""
    by_stage = [known.get(after(t), {}) for t in range(stages + 1)]
    cases = [case for case in by_stage[0] if all(case in stage for stage in by_stage)]
    return np.array([[stage[case] for stage in by_stage] for case in cases]).reshape(
        len(cases), stages + 1
    )


def matrix_figures(names: Sequence[str], known: Mapping[str, Rights]) -> dict[str, Figure]:
    """The accuracy matrix and what is made of it. Empty: not every stream has enough complete cases."""
    results = [complete(known.get(name, {}), len(names)) for name in names]
    if len(names) < 2 or min(map(len, results)) < FEWEST:
        return {}
    a, drawn = transfers.matrix(results), transfers.resampled(results)
    told: dict[str, Figure] = {}
    for key, measure in (
        ("forgetting", transfers.forgetting),
        ("backward_transfer", transfers.backward_transfer),
        ("forward_transfer", transfers.forward_transfer),
    ):
        value = float(measure(a))
        low, high = transfers.around(value, measure(drawn))
        unit = f"points of 1; {sum(map(len, results))} cases of {len(names)} streams"
        told[key] = Figure(value=value, low=low, high=high, unit=unit)
    none_lost = transfers.forgetting(transfers.shuffled(results))
    low, high = interval(none_lost)
    told["forgetting_by_chance"] = Figure(
        value=float(none_lost.mean()), low=low, high=high, unit="the same, were nothing forgotten"
    )
    for stage, (k, name) in product(range(len(names) + 1), enumerate(names)):
        low, high = interval(drawn[:, stage, k])
        told[f"accuracy_{stage}_{name}"] = Figure(
            value=float(a[stage, k]), low=low, high=high, unit=f"{len(results[k])} sealed"
        )
    return told


def gained(known: Rights, memory: str) -> list[float]:
    """Case by case: right with that memory, less right without any."""
    plain, told = known.get(NONE, {}), known.get(memory, {})
    return [told[case] - plain[case] for case in told if case in plain]


def transfer_figures(names: Sequence[str], known: Mapping[str, Rights]) -> dict[str, Figure]:
    """What lessons of one stream alone do to another, and which of these changes the gate lets through."""
    told: dict[str, Figure] = {}
    pairs: list[list[float]] = []
    for source, target in product(names, names):
        gains = gained(known.get(target, {}), only(names, source))
        if len(gains) < FEWEST:
            continue
        told[f"transfer_{source}_{target}"] = mean_of(gains, f"{len(gains)} sealed, paired")
        if source != target:
            pairs.append(gains)
    return told | (gate_figures(pairs) if pairs else {})


def gate_figures(pairs: Sequence[Sequence[float]]) -> dict[str, Figure]:
    """How many pairs of streams do harm, or good, beyond chance, and how many of them an exam promotes."""
    told: dict[str, Figure] = {}
    for key, wanted in (("negative_pairs", -1), ("positive_pairs", 1)):
        found = [pair for pair in pairs if transfers.sign(pair) == wanted]
        by_chance = f"chance alone: {transfers.SURE * len(pairs):.1f} at most"
        told[f"{key}_ungated"] = Figure(value=len(found), unit=f"of {len(pairs)}; {by_chance}")
        for suffix, order, cases in (
            ("gated", transfers.reordered, "the same cases"),
            ("gated_redrawn", transfers.redrawn, f"{transfers.EXAM_CASES} cases drawn from them"),
        ):
            passed = transfers.promoted(found, order, EXAMS)
            told[f"{key}_{suffix}"] = Figure(
                value=float(np.mean(passed)), low=min(passed), high=max(passed),
                unit=f"of {len(found)}; {cases}, {EXAMS} exams, least and most",
            )  # fmt: skip
    return told


def reuse(rows: Mapping[str, Sequence[Mapping[str, str]]]) -> Figure:
    """Results that cost nothing, for another memory had recalled the same."""
    every = [(name, told["case"], told["key"]) for name, listed in rows.items() for told in listed]
    return Figure(value=len(every) - len(set(every)), unit=f"of {len(every)} results")


def own_lessons(
    names: Sequence[str], rows: Mapping[str, Sequence[Mapping[str, str]]]
) -> Iterator[tuple[str, Figure]]:
    """How much of what the fullest memory puts into a stream's prompts is of the stream itself."""
    for name, listed in rows.items():
        last = [told for told in listed if told["memory"] == after(len(names))]
        lessons = sum(int(told["lessons"]) for told in last)
        if lessons:
            own = sum(int(told["own_lessons"]) for told in last) / lessons
            yield (
                f"own_lessons_{name}",
                Figure(value=own, unit=f"of {lessons} recalled after the last stage"),
            )


def figures(folder: Path = RECORDED, names: Sequence[str] = SEQUENCE) -> dict[str, Figure]:
    """Empty: nothing was recorded."""
    rows = read(folder, names)
    if not rows:
        return {}
    known = {name: rights(listed) for name, listed in rows.items()}
    told = matrix_figures(names, known) | transfer_figures(names, known)
    return told | {"reused": reuse(rows)} | dict(own_lessons(names, rows))


async def recording_of(arguments: argparse.Namespace) -> None:
    until = time.monotonic() + 60 * arguments.minutes
    shelf = Shelf([stream(name, ROOM / "data") for name in SEQUENCE], ROOM)
    model = open_model(DEFAULT_MODEL, at_once=1)
    with open_journal(ROOM) as journal, LeaseOwner.enter(ROOM) as holder:
        recording = Recording(journal, holder, model, shelf, until)
        await record(recording, arguments.cases)
        export(recording, arguments.cases, RECORDED)
    shelf.close()
    await model.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="work cases with the model first")
    parser.add_argument(
        "--cases", type=int, default=16, help="sealed cases of each stream, at most"
    )
    parser.add_argument(
        "--minutes", type=float, default=600, help="then stop after the case in flight"
    )
    arguments = parser.parse_args()
    if arguments.record:
        asyncio.run(recording_of(arguments))
        return
    told = figures()
    if not told:
        raise SystemExit("Nothing was recorded yet: python -m bench.transfer --record")
    write("transfer", told, folded=not arguments.record)


if __name__ == "__main__":
    main()
