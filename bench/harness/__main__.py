"""Time per turn against an instant loopback server: ours, with the journal durable, beside four others.

Each peer is installed into a throw-away environment (`bench/.work/peers`). A case is ten tool turns and an answer; the
five take turns, round by round, so that a drifting machine hits all alike. A ratio is of the same round.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.lib.figures import Figure
from bench.lib.places import ROOT, WORK
from bench.lib.results import as_usual, write
from journeyman.environments import Tools
from journeyman.flow.holder import Holder
from journeyman.flow.work import enrol, open_run, staff, work
from journeyman.job import Job
from journeyman.models.endpoint import EndpointModel
from journeyman.store.journal import Journal
from journeyman.types import Budget, Case, Outcome
from journeyman.verifiers import Exact

PEERS = WORK / "peers"
TURNS = 10

PACKAGES = {
    "agno": ("agno", "openai"),
    "openai-agents": ("openai-agents",),
    "pydantic-ai-slim": ("pydantic-ai-slim[openai]",),
    "mini-swe-agent": ("mini-swe-agent", "mcp"),
}
SCRIPTS = {"pydantic-ai-slim": "pydantic_ai"}


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


def installed(peer: str) -> Path | None:
    """The peer's Python, set up if need be; None where it can't be had."""
    python = PEERS / peer / "bin" / "python"
    ready = PEERS / peer / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS / peer)], check=True)
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES[peer]], check=False)
        if done.returncode != 0:
            return None
        ready.touch()
    return python


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


def ours(url: str, cases: int) -> float:
    """Seconds for so many cases, after a warm-up of two."""
    room = Path(tempfile.mkdtemp(prefix="journeyman-harness-"))
    job = Job(
        name="harness",
        environment=Tools(functions=(look,)),
        verifiers=(Exact(),),
        cases=lambda: [Case(id=f"c{n}", prompt=f"case {n}", target="done") for n in range(cases + 2)],
        budget=Budget(steps=200, tokens=10**9),
    )
    closings: list[float] = []

    def told(outcome: Outcome) -> None:
        assert outcome.right
        assert len(outcome.trajectory.steps) == TURNS + 1
        closings.append(time.perf_counter())

    async def run() -> None:
        model = EndpointModel(url, "m")
        with Journal.open(room) as journal, Holder.enter(room) as holder:
            opened = open_run(journal, job, model)
            enrol(journal, opened, job.cases())
            await work(staff(journal, holder, job, model, opened, at_once=1, told=told))
        await model.aclose()

    asyncio.run(run())
    shutil.rmtree(room)
    return closings[-1] - closings[1]


def theirs(python: Path, peer: str, url: str, cases: int) -> float:
    script = Path(__file__).parent / "peers" / f"{SCRIPTS.get(peer, peer).replace('-', '_')}_peer.py"
    done = subprocess.run(
        [str(python), str(script), url, str(cases)], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{peer}: {done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    pythons = {peer: python for peer in PACKAGES if (python := installed(peer)) is not None}
    taken: dict[str, list[float]] = {name: [] for name in ("journeyman", *pythons)}
    with server(TURNS) as url:
        for round_ in range(arguments.rounds):
            taken["journeyman"].append(ours(url, arguments.cases))
            for peer, python in pythons.items():
                taken[peer].append(theirs(python, peer, url, arguments.cases))
            print(
                f"round {round_ + 1}: " + ", ".join(f"{name} {seconds[-1]:.2f} s" for name, seconds in taken.items()),
                flush=True,
            )
    turns = arguments.cases * (TURNS + 1)
    figures: dict[str, Figure] = {}
    for name, seconds in taken.items():
        each = sorted(1000 * s / turns for s in seconds)
        key = "turn_ms" if name == "journeyman" else f"{name.replace('-', '_')}_turn_ms"
        figures[key] = Figure(value=median(each), low=each[0], high=each[-1], unit="ms, median; least and most")
    for peer in pythons:
        ratios = sorted(a / b for a, b in zip(taken["journeyman"], taken[peer], strict=True))
        goal = "<= 1" if peer == "agno" else ""
        key = f"turn_ratio_to_{SCRIPTS.get(peer, peer).replace('-', '_')}"
        figures[key] = Figure(
            value=median(ratios), low=ratios[0], high=ratios[-1], unit="ratio, median; least and most", goal=goal
        )
    write("harness", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
