"""Ten thousand scripted cases in one run: what the store, the memory and a case's time do as the journal grows.

    make bench NAME=growth
    python -m bench.growth --large        and a hundred thousand; their figures end in `_100k`

Two arms, each in a process of its own (`arm.py`): with assessor, certificate and memory, and without; the figures of
the second end in `_off`. A case's time is CPU time of all threads, so that others on the machine don't count. Drifts
compare the second half with the first, and the last tenth with the first. The memory's slope is fitted over the last
three quarters. The journal is durable throughout.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from statistics import fmean, linear_regression, median

from bench.growth.arm import ARMS, TENTHS, Measured
from bench.lib.figures import Figure
from bench.lib.places import ROOT
from bench.lib.results import as_usual, write

CASES = 10_000
LARGE = 100_000


def worked(arm: str, count: int) -> Measured:
    """What an arm measured in a fresh process."""
    command = [sys.executable, "-m", "bench.growth.arm", arm, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    return Measured(**json.loads(done.stdout))


def figures_of(arm: str, told: Measured, count: int) -> dict[str, Figure]:
    """An arm's figures; the ends of their names are put on by the caller."""
    check(arm, told, count)
    half, tenth = len(told.case_ms) // 2, len(told.case_ms) // TENTHS
    first, second = median(told.case_ms[:half]), median(told.case_ms[half:])
    early, late = told.case_ms[:tenth], told.case_ms[-tenth:]
    by_half = [told.bytes_stored[TENTHS // 2 - 1], told.bytes_stored[-1]]
    later = [(n, mb) for n, mb in told.resident if n >= count / 4]
    slope = linear_regression([n for n, _ in later], [mb for _, mb in later]).slope * 10_000
    return {
        "bytes_per_case": Figure(value=by_half[1] / count, unit="bytes"),
        "bytes_per_case_drift": Figure(
            value=by_half[1] / by_half[0] - 2, unit="share", goal="-0.05 to 0.05"
        ),
        "rss_mb_per_10k_cases": Figure(value=slope, unit="MB", goal="<= 2"),
        "rss_mb": Figure(value=told.resident[-1][1], unit="MB"),
        "case_cost_drift": Figure(
            value=second / first - 1, unit="share, of the median CPU time", goal="-0.05 to 0.05"
        ),
        "case_ms": Figure(value=second, unit="ms of CPU, median"),
        "case_ms_first_tenth": Figure(value=median(early), unit="ms of CPU, median"),
        "case_ms_last_tenth": Figure(value=median(late), unit="ms of CPU, median"),
        "case_mean_ms_first_tenth": Figure(
            value=fmean(early), unit="ms of CPU, mean, fits and merges included"
        ),
        "case_mean_ms_last_tenth": Figure(
            value=fmean(late), unit="ms of CPU, mean, fits and merges included"
        ),
        "going_on_ms": Figure(
            value=told.opening_ms[-1], unit="ms of CPU, to go on with nine tenths done"
        ),
    }


def check(arm: str, told: Measured, count: int) -> None:
    """An arm did what it says: otherwise a figure would be of something else."""
    if arm == "off":
        assert (told.labelled, told.recalled, told.delivered, told.scored) == (0, 0, 0, 0)
        return
    assert told.labelled >= count / 20, f"only {told.labelled} of {count} cases were labelled"
    assert told.recalled >= count / 2, f"only {told.recalled} of {count} cases recalled something"
    assert told.scored >= count / 2, f"only {told.scored} of {count} cases had a confidence"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--large", action="store_true", help=f"and with {LARGE:,} cases")
    arguments = parser.parse_args()
    figures: dict[str, Figure] = {}
    whole = as_usual(parser) or (arguments.large and arguments.cases == CASES)
    for count in (arguments.cases, LARGE) if arguments.large else (arguments.cases,):
        size = "_100k" if count == LARGE else ""
        for arm in ARMS:
            end = f"{size}_off" if arm == "off" else size
            told = figures_of(arm, worked(arm, count), count)
            figures |= {f"{key}{end}": figure for key, figure in told.items()}
        write("growth", figures, whole=whole)


if __name__ == "__main__":
    main()
