"""Writes a run's report: a self-contained HTML page, CSV files, and PNGs where matplotlib is installed.

Every figure is folded from the journal's events (`metrics.py`, `learning.py`); nothing is kept from the work itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from journeyman.errors import StoreError
from journeyman.reports.csv import passed_through, write_learned, write_slices
from journeyman.reports.html.page import LISTED_CASES, html_page
from journeyman.reports.learning import Learned, learned
from journeyman.reports.metrics import RunMetrics, fold_metrics, with_hold
from journeyman.reports.png import write_learning_png, write_slices_png
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseResult, Record, Run


class Written(Record):
    """Where the report lies, and the figures that it tells."""

    figures: RunMetrics
    learned: Learned | None
    """None: there is but one version, and nothing is remembered."""
    html: Path
    csv: tuple[Path, ...]
    png: Path | None
    """The slices."""
    why_no_png: str | None = None
    learning_png: Path | None = None
    """The learning curve. None: there is none, or no matplotlib."""


def write_report(journal: Journal, run: Run, folder: Path) -> Written:
    """Write `report.html`, `slices.csv`, `cases.csv` and `slices.png` into a folder, made where missing.

    Where there was something to learn from, `versions.csv`, `learning.csv`, `slices_lost.csv` and `learning.png` too.
    Raises StoreError when the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write(journal, run, folder)
    except OSError as error:
        raise StoreError(
            f"The report can't be written to {folder}: {error.strerror}.",
            "Choose another folder with --out, or free some space.",
        ) from None


def _write(journal: Journal, run: Run, folder: Path) -> Written:
    cases = folder / "cases.csv"
    slices = folder / "slices.csv"
    page = folder / "report.html"
    slices_png = folder / "slices.png"
    learning_png = folder / "learning.png"
    listed: list[CaseResult] = []
    results = passed_through(outcomes(journal, run), cases)
    folded = fold_metrics(run, _first_kept(results, listed))
    figures = with_hold(folded, journal, run)
    write_slices(figures.slices, slices)
    gained = learned(journal, run)
    files = [slices, cases]
    if gained is not None:
        files += write_learned(gained, folder)
    html = html_page(figures, listed, gained)
    page.write_text(html, encoding="utf-8")
    why_no_png = write_slices_png(figures, slices_png)
    has_curve = write_learning_png(gained, learning_png)
    return Written(
        figures=figures,
        learned=gained,
        html=page,
        csv=tuple(files),
        png=slices_png if why_no_png is None else None,
        why_no_png=why_no_png,
        learning_png=learning_png if has_curve else None,
    )


def _first_kept(results: Iterable[CaseResult], listed: list[CaseResult]) -> Iterator[CaseResult]:
    """The same results; the first ones are kept for the page."""
    for result in results:
        if len(listed) < LISTED_CASES:
            listed.append(result)
        yield result
