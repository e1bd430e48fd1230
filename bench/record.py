"""Signals of recorded trajectories as small CSV files, for replays that need no model: `bench/streams/NAME.csv`.

    python -m bench.record

reads the journal that `bench_quality` leaves behind. A row is a case: id, slice and split, whether the answer was right
(empty: not judged), seconds, and every cheap signal of `assess/confidence.py` (empty: the trajectory does not have it).
No question, answer or target is written.
"""

from __future__ import annotations

import csv
from pathlib import Path

from bench.bench_quality import ROOM
from journeyman.assess.confidence import SIGNALS, signals
from journeyman.flow.history import outcomes
from journeyman.store.journal import Journal

STREAMS = Path(__file__).parent / "streams"

COLUMNS = ("case", "slice", "split", "right", "seconds", *SIGNALS)


def main() -> None:
    STREAMS.mkdir(exist_ok=True)
    with Journal.open(ROOM) as journal:
        for run in journal.runs():
            rows = 0
            with (STREAMS / f"{run.job}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                for outcome in outcomes(journal, run):
                    if not outcome.closed:
                        continue
                    right = None if outcome.right is None else int(outcome.right)
                    found = signals(outcome.trajectory).values()
                    told = [None if value is None else round(value, 5) for value in found]
                    seconds = round(outcome.trajectory.seconds, 2)
                    writer.writerow([outcome.case_id, outcome.slice, outcome.split, right, seconds, *told])
                    rows += 1
            print(f"{run.job}: {rows} cases")


if __name__ == "__main__":
    main()
