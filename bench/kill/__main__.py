"""`kill -9` at random moments over two concurrent workers, thousands of times; and at every registered boundary.

A scripted model plans calls of every kind of effect; the world outside counts what really happened, and is compared
with the journal at the end (`bench/lib/crash.py`).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.lib.crash import Verdict, die_at, kill_worlds, spawn, verdict, wait_for
from bench.lib.figures import Figure
from bench.lib.results import as_usual, write
from journeyman.store.faults import POINTS

AT_EACH = 6
"""Cases of each small world that is killed at a boundary."""

CASES = 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=2000)
    arguments = parser.parse_args()
    totals = dict.fromkeys(
        ("lost", "doubled", "stuck", "unsurfaced", "undecided", "faults", "in_doubt", "cases"), 0
    )
    killed = boundaries = 0

    def add(seen: Verdict) -> None:
        for name in totals:
            value = getattr(seen, name)
            totals[name] += len(value) if isinstance(value, tuple) else value

    for point in POINTS:
        with tempfile.TemporaryDirectory() as room:
            status = wait_for(spawn(Path(room), AT_EACH, die_at(point, 1)), 30)
            boundaries += status not in {0, None}
            add(verdict(Path(room), AT_EACH, seconds=120))
    with tempfile.TemporaryDirectory() as room:
        for more, seen in kill_worlds(Path(room), kills=arguments.kills, cases=CASES, seconds=1800):
            killed += more
            add(seen)
            print(f"{killed} kills, {totals}", flush=True)
    figures = {
        "kills": Figure(value=killed, unit="at random moments", goal=">= 2000"),
        "boundaries": Figure(value=boundaries, unit=f"of {len(POINTS)} registered, killed at each"),
        "lost": Figure(value=totals["lost"], unit=f"of {totals['cases']} cases", goal="0"),
        "doubled": Figure(value=totals["doubled"], unit="effects and paid calls", goal="0"),
        "stuck": Figure(value=totals["stuck"] + totals["faults"], unit="processes", goal="0"),
        "unsurfaced": Figure(value=totals["unsurfaced"], unit="unknown outcomes", goal="0"),
        "undecided": Figure(
            value=totals["undecided"], unit="decisions missing, or made otherwise again", goal="0"
        ),
        "in_doubt": Figure(value=totals["in_doubt"], unit="cases, surfaced for a person"),
    }
    write("kill", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
