"""Which results are of other sources than today's, how long each takes, and the command that measures it again.

    make stale

`bench/heavy.txt` lists benches that may be stale until an issue ends: "NAME · how long · why". The reason begins with
`heavy:`, or with `waiting:` for a light one that has not been run yet; that line goes once it has been.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench.lib.places import BENCH, RESULTS
from bench.lib.results import Result, result_of
from bench.lib.sources import bench_named, bench_names, digest_of_bench

HEAVY = BENCH / "heavy.txt"


class Heavy(NamedTuple):
    """A line of heavy.txt."""

    name: str
    takes: str
    why: str

    @property
    def waiting(self) -> bool:
        """A light one that has not been run yet."""
        return self.why.startswith("waiting:")


def heavy(file: Path = HEAVY) -> dict[str, Heavy]:
    """The benches that may be stale. Raises ValueError for a line of another form."""
    found: dict[str, Heavy] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("·", 2)]
        if len(parts) != 3 or not parts[2].startswith(("heavy:", "waiting:")):
            raise ValueError(
                f"{file.name}: {line!r} is not 'NAME · how long · heavy: why' or '… · waiting: why'"
            )
        found[parts[0]] = Heavy(*parts)
    return found


def why_stale(result: Result) -> str | None:
    """None: the result is of today's sources."""
    if result.sources is None:
        return "of sources that were not noted"
    if result.sources != digest_of_bench(result.name):
        return "of other sources"
    return None


def command(name: str) -> str:
    return f"make bench NAME={name}"


def takes(result: Result, listed: Heavy | None) -> str:
    """About how long it runs, by the last run, or as listed."""
    if result.took_s is not None:
        return f"{result.took_s / 60:.1f} min"
    return listed.takes if listed else "not noted"


def results() -> list[Result]:
    found = [result_of(file.stem) for file in sorted(RESULTS.glob("*.json"))]
    return [result for result in found if result is not None]


def main() -> None:
    listed = heavy()
    table = Table(title="Results that are of other sources than today's", title_justify="left")
    for column in ("bench", "is", "last run", "takes", "to measure it again", "note"):
        table.add_column(column)
    fresh: list[str] = []
    for result in results():
        why = why_stale(result)
        if why is None:
            fresh.append(result.name)
            continue
        told = listed.get(result.name)
        note = told.why if told else "light: a page that quotes it fails a test"
        table.add_row(
            result.name, why, result.date, takes(result, told), command(result.name), note
        )
    console = Console(width=160)
    if table.row_count:
        console.print(table)
        console.print("Afterwards: python -m tools.requote, and read the pages again.")
    console.print(f"Of today's sources: {', '.join(fresh) or 'none'}.")
    folds = [name for name in bench_names() if bench_named(name).records]
    console.print(f"Folded from recordings, which are as old as their files: {', '.join(folds)}.")


if __name__ == "__main__":
    main()
