"""The journal in a PostgreSQL cluster of its own: `kill -9` at random moments, cases a second, and DBOS beside it.

A case is added, claimed, given six events in four transactions, and closed (`bench/pg/load.py`). DBOS does a workflow
of four durable steps (`bench/pg/peers/dbos_peer.py`), in an environment of its own, on the same cluster. The kill loop
is that of `bench/lib/crash.py` with four processes. The rounds alternate, so that a drifting machine hits all alike.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from statistics import median

import psycopg

from bench.lib.cluster import cluster
from bench.lib.crash import Verdict, kill_worlds
from bench.lib.figures import Figure
from bench.lib.places import ROOT, WORK
from bench.lib.results import as_usual, write

PEER = WORK / "peers" / "dbos"
CASES = 150
"""Of each small world in which processes are killed."""
KILL_SECONDS = 1800
DBOS_CASES = 200
NAMES = count()


def new_database(url: str) -> str:
    """The URL of an empty database of the cluster."""
    name = f"bench_{next(NAMES)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.rpartition("/")[0] + f"/{name}"


def rate(workspace: str, processes: int, seconds: float) -> float:
    """Cases a second of so many processes together."""
    workers: list[subprocess.Popen[str]] = []
    for n in range(processes):
        command = [sys.executable, "-m", "bench.pg.load", workspace, f"p{n}", str(seconds)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        workers.append(subprocess.Popen(command, text=True, cwd=ROOT, **pipes))  # type: ignore[call-overload]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    done = [worker.communicate("go\n", timeout=seconds + 60)[0] for worker in workers]
    return sum(map(int, done)) / seconds


def dbos_python() -> Path | None:
    """DBOS's own Python, set up if need be. None: it can't be had."""
    python = PEER / "bin" / "python"
    if not (PEER / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        packages = ["dbos", "psycopg[binary]"]
        command = [str(python), "-m", "pip", "install", "-q", *packages]
        if subprocess.run(command, check=False).returncode:
            return None
        (PEER / "ready").touch()
    return python


def dbos_rate(python: Path, url: str) -> float:
    """Its workflows a second, one process, one after the other."""
    script = ROOT / "bench" / "pg" / "peers" / "dbos_peer.py"
    command = [str(python), str(script), url, str(DBOS_CASES)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return DBOS_CASES / float(done.stdout.split()[-1])


def rates(url: str, rounds: int, seconds: float) -> dict[str, Figure]:
    """Cases a second, ours with 1, 2 and 4 processes on both databases, and DBOS's."""
    found: dict[str, list[float]] = {}
    peer = dbos_python()
    for _ in range(rounds):
        for processes in (1, 2, 4):
            ours = rate(new_database(url), processes, seconds)
            found.setdefault(f"cases_per_s_{processes}", []).append(ours)
            with tempfile.TemporaryDirectory() as room:
                beside = rate(room, processes, seconds)
            found.setdefault(f"sqlite_cases_per_s_{processes}", []).append(beside)
        if peer is not None:
            theirs = dbos_rate(peer, new_database(url))
            found.setdefault("dbos_workflows_per_s", []).append(theirs)
            ratio = found["cases_per_s_1"][-1] / theirs
            found.setdefault("ratio_to_dbos", []).append(ratio)
        print(
            {name: [round(value, 1) for value in values] for name, values in found.items()},
            flush=True,
        )
    return {name: _figure(name, values) for name, values in found.items()}


def _figure(name: str, values: Sequence[float]) -> Figure:
    unit = "cases/s, median of rounds; least and most"
    goal = ""
    if name == "ratio_to_dbos":
        unit = "ours / DBOS, one process, the same round"
        goal = ">= 10"
    return Figure(value=median(values), low=min(values), high=max(values), unit=unit, goal=goal)


def kills(url: str, wanted: int) -> dict[str, Figure]:
    """Four processes in small worlds, one killed after the other."""
    verdicts: list[Verdict] = []
    killed = 0
    with tempfile.TemporaryDirectory() as room:
        os.environ["JOURNEYMAN_FOLDER"] = str(Path(room) / "beside")
        worlds = kill_worlds(
            Path(room),
            kills=wanted,
            cases=CASES,
            seconds=KILL_SECONDS,
            processes=4,
            database=lambda _: new_database(url),
        )
        for more, seen in worlds:
            killed += more
            verdicts.append(seen)
            print(killed, seen, flush=True)
    cases = sum(seen.cases for seen in verdicts)
    stuck = sum(seen.stuck + len(seen.faults) for seen in verdicts)
    return {
        "kills": Figure(value=killed, unit="at random moments, 4 processes", goal=">= 2000"),
        "lost": _sum(verdicts, "lost", f"of {cases} cases"),
        "doubled": _sum(verdicts, "doubled", "effects and paid calls"),
        "stuck": Figure(value=stuck, unit="processes", goal="0"),
        "unsurfaced": _sum(verdicts, "unsurfaced", "unknown outcomes"),
        "undecided": _sum(verdicts, "undecided", "decisions missing, or made otherwise again"),
    }


def _sum(verdicts: Sequence[Verdict], name: str, unit: str) -> Figure:
    total = sum(getattr(seen, name) for seen in verdicts)
    return Figure(value=total, unit=unit, goal="0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    figures: dict[str, Figure] = {}
    with cluster() as url:
        if arguments.rounds:
            figures |= rates(url, arguments.rounds, arguments.seconds)
        if arguments.kills:
            figures |= kills(url, arguments.kills)
    write("pg", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
