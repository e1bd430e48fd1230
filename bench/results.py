"""What every benchmark prints and writes: a table, and `bench/results/NAME.json`.

{"name", "date", "machine", "figures": {KEY: {"value", "low", "high", "unit", "goal"}}}
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from journeyman.assess.stats import Proportion
from journeyman.types import Record

RESULTS = Path(__file__).parent / "results"


class Figure(Record):
    """One measured figure; `low` and `high` bound its 95 % interval, None where it has none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    goal: str = ""
    """What was aimed at, such as "<= 1"; empty: nothing."""


def of_share(share: Proportion, goal: str = "") -> Figure:
    return Figure(
        value=share.value, low=share.low, high=share.high, unit=f"share of {share.total}", goal=goal
    )


def machine() -> str:
    """Cores, memory, processor: nothing that names the machine."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in _lines("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        "",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    processor = model or platform.machine()
    counted = "1 core" if cores == 1 else f"{cores} cores"
    return f"{counted}, {memory:.0f} GiB, {processor}, Python {platform.python_version()}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def write(name: str, figures: Mapping[str, Figure]) -> Path:
    """Print the table and write the file."""
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
    RESULTS.mkdir(exist_ok=True)
    told = {
        "name": name,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "figures": {key: figure.model_dump() for key, figure in figures.items()},
    }
    file = RESULTS / f"{name}.json"
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return file
