"""Time per turn against an instant loopback server: ours, with all that it does, beside four others.

Ours writes a durable journal, asks for log-probabilities, scores and decides every case, takes labels, calibrates its
confidence and recalls past cases; the peers do none of that. Each peer is installed into a throw-away environment
(`bench/.work/peers`). A case is ten tool turns and an answer. The five take turns, round by round, so that a drifting
machine hits all alike. A ratio is of the same round; intervals are over rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.lib.figures import Figure, median_of
from bench.lib.peers import PACKAGES, installed
from bench.lib.places import ROOT
from bench.lib.results import as_usual, write
from journeyman.environments import Tools
from journeyman.job.job import Job
from journeyman.models.endpoint import EndpointModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal
from journeyman.types import Budget, Case, CaseResult
from journeyman.verifiers import Exact

TURNS = 10
WARM = 2
"""Cases that are not timed, of every library. Our answers to them are wrong, so that corrections can be recalled."""

OURS = "journeyman"


@contextmanager
def server(turns: int) -> Iterator[str]:
    """The URL of an instant server in a process of its own."""
    command = [sys.executable, "-m", "bench.lib.instant_server", str(turns)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.terminate()
        process.wait(10)


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


def case_number(n: int) -> Case:
    return Case(id=f"c{n}", prompt=f"case {n}", target="corrected" if n < WARM else "done")


def ours(url: str, cases: int) -> float:
    """Seconds for so many cases, after a warm-up."""
    room = Path(tempfile.mkdtemp(prefix="journeyman-harness-"))
    job = Job(
        name="harness",
        environment=Tools(functions=(look,)),
        verifiers=(Exact(),),
        cases=lambda: [case_number(n) for n in range(cases + WARM)],
        budget=Budget(steps=200, tokens=10**9),
    )
    closings: list[float] = []
    last: list[CaseResult] = []

    def told(outcome: CaseResult) -> None:
        assert outcome.correct == (len(closings) >= WARM)
        assert len(outcome.trajectory.steps) == TURNS + 1
        closings.append(time.perf_counter())
        last[:] = [outcome]

    async def run() -> None:
        model = EndpointModel(url, "m")
        with open_journal(room) as journal, LeaseOwner.enter(room) as holder:
            opened = open_run(journal, job, model)
            add_cases(journal, opened, job.cases())
            await work(
                Runner.open(journal, holder, job, model, opened, at_once=1, on_case_closed=told)
            )
        await model.aclose()

    asyncio.run(run())
    shutil.rmtree(room)
    everything_on(last[0])
    return closings[-1] - closings[WARM - 1]


def everything_on(outcome: CaseResult) -> None:
    """A late case was recalled for, was worked with log-probabilities, and was decided by a confidence."""
    assert outcome.trajectory.recalled
    assert outcome.trajectory.steps[-1].reply.logprobs
    assert outcome.confidence is not None


def theirs(python: Path, peer: str, url: str, cases: int) -> float:
    script = Path(__file__).parent / "peers" / f"{key_of(peer)}_peer.py"
    done = subprocess.run(
        [str(python), str(script), url, str(cases)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{peer}: {done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def figures_of(taken: Mapping[str, Sequence[float]], turns: int) -> dict[str, Figure]:
    """Medians over rounds: milliseconds of a turn, and ours as a share of theirs."""
    figures: dict[str, Figure] = {}
    for name, seconds in taken.items():
        key = "turn_ms" if name == OURS else f"{key_of(name)}_turn_ms"
        figures[key] = median_of([1000 * each / turns for each in seconds], "ms, median of rounds")
    for name, seconds in taken.items():
        if name == OURS:
            continue
        ratios = [a / b for a, b in zip(taken[OURS], seconds, strict=True)]
        goal = "<= 0.9" if name == "agno" else ""
        figures[f"turn_ratio_to_{key_of(name)}"] = median_of(
            ratios, "ratio, median of rounds", goal
        )
    return figures


def key_of(peer: str) -> str:
    return peer.removesuffix("-slim").replace("-", "_")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    pythons = {peer: python for peer in PACKAGES if (python := installed(peer)) is not None}
    taken: dict[str, list[float]] = {name: [] for name in (OURS, *pythons)}
    with server(TURNS) as url:
        for round_ in range(arguments.rounds):
            taken[OURS].append(ours(url, arguments.cases))
            for peer, python in pythons.items():
                taken[peer].append(theirs(python, peer, url, arguments.cases))
            print(
                f"round {round_ + 1}: "
                + ", ".join(f"{name} {seconds[-1]:.2f} s" for name, seconds in taken.items()),
                flush=True,
            )
    figures = figures_of(taken, arguments.cases * (TURNS + 1))
    write("harness", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
