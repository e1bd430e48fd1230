"""The one writer of results: what every bench prints, and `bench/results/NAME.json`.

{"name", "date", "took_s", "machine": {"processor", "cores", "memory_gib", "python"}, "sources", "figures": {KEY:
{"value", "low", "high", "unit", "goal"}}}

`sources` is the digest of what was measured (`bench/lib/sources.py`). None: that is not known, or not all of the
figures were measured at once.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.lib.figures import Figure
from bench.lib.machine import Machine, this_machine
from bench.lib.places import RESULTS, WORK
from bench.lib.sources import digest_of_bench
from journeyman.types import Record

BEGAN = time.monotonic()


class Result(Record):
    """What a bench found, when, on what, and of which sources."""

    name: str
    date: str
    took_s: float | None
    """About how long the bench ran. None: it was not noted."""
    machine: Machine
    sources: str | None
    figures: Mapping[str, Figure]


def result_of(name: str) -> Result | None:
    """The last result. None: there is none."""
    file = RESULTS / f"{name}.json"
    return Result.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else None


def as_usual(parser: argparse.ArgumentParser) -> bool:
    """Whether a bench was called in its own size, without any option."""
    return parser.parse_args() == parser.parse_args([])


def write(
    name: str,
    figures: Mapping[str, Figure],
    *,
    whole: bool = True,
    keep: bool = False,
    folded: bool = False,
) -> Path:
    """Print the table and write the file.

    `whole` is False for a smaller size than the bench's own: that is a try, and goes to `bench/.work/tried`.
    `keep` leaves earlier figures that were not measured this time; while any is left, the sources are not known.
    `folded` means that recordings were folded again: their times are still those of the machine before.
    """
    earlier = result_of(name)
    kept = _others(earlier, figures) if keep and earlier else {}
    _print(name, figures)
    result = Result(
        name=name,
        date=datetime.now(UTC).date().isoformat(),
        took_s=round(time.monotonic() - BEGAN, 1),
        machine=earlier.machine if folded and earlier else this_machine(),
        sources=None if kept else digest_of_bench(name),
        figures={**kept, **figures},
    )
    folder = RESULTS if whole else WORK / "tried"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(result.model_dump(), indent=2) + "\n", encoding="utf-8")
    return file


def _others(earlier: Result, figures: Mapping[str, Figure]) -> dict[str, Figure]:
    return {key: figure for key, figure in earlier.figures.items() if key not in figures}


def _print(name: str, figures: Mapping[str, Figure]) -> None:
    table = Table(title=name, title_justify="left")
    table.add_column("figure", no_wrap=True)
    for column in ("value", "95 %", "unit", "goal"):
        table.add_column(column, justify="right")
    for key, figure in figures.items():
        between = (
            ""
            if figure.low is None or figure.high is None
            else f"{figure.low:.3g} – {figure.high:.3g}"
        )
        shown = "–" if figure.value is None else f"{figure.value:,.4g}"
        table.add_row(key, shown, between, figure.unit, figure.goal)
    Console(width=120).print(table)
