"""A run's figures as tables on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from journeyman.assess.stats import Proportion, percent
from journeyman.cli.text import count, duration
from journeyman.reports.html.page import remarks
from journeyman.reports.html.trust import sentence
from journeyman.reports.metrics import Quantiles, RunMetrics
from journeyman.reports.trust import Trust


def print_figures(figures: RunMetrics) -> None:
    """The accuracy per slice with its 95 % interval, then cost, time and failures."""
    console = Console(highlight=False)
    table = Table(
        "slice", title=f"{figures.worker} · {figures.job} · run {figures.run}", title_justify="left"
    )
    table.add_column("cases", justify="right")
    table.add_column("correct", justify="right")
    table.add_column("accuracy (95 %)", justify="right")
    table.add_column("median time", justify="right")
    for row in figures.slices:
        correct = _of_judged(row.correct)
        accuracy = percent(row.correct)
        taken = _median(row.seconds)
        table.add_row(escape(row.slice), str(row.cases), correct, accuracy, taken)
    table.add_section()
    correct = _of_judged(figures.correct)
    accuracy = f"[bold]{percent(figures.correct)}"
    taken = _median(figures.seconds)
    table.add_row("[bold]all", str(figures.closed), correct, accuracy, taken)
    console.print(table)
    for line in notes(figures):
        console.print(line)


def _of_judged(correct: Proportion) -> str:
    if not correct.total:
        return "–"
    return f"{correct.count}/{correct.total}"


def _median(seconds: Quantiles) -> str:
    if seconds.median is None:
        return "–"
    return duration(seconds.median)


def trust_notes(trust: Trust) -> list[str]:
    """What was delivered alone, and what waits for a person."""
    said = [sentence(trust)]
    if trust.delivered.count:
        wrong = percent(trust.error_delivered)
        said.append(
            f"Delivered alone: {percent(trust.delivered)}; wrong among them, where known: {wrong}."
        )
    if trust.waiting:
        cases = "1 case waits" if trust.waiting == 1 else f"{trust.waiting:,} cases wait"
        said.append(f"{cases} for a person: journeyman review")
    return said


def notes(figures: RunMetrics) -> list[str]:
    """What is worth saying below the table."""
    said = [escape(line) for line in remarks(figures)]
    if figures.closed < figures.cases:
        said.append("Run the same command again to go on.")
    for kind in figures.failures:
        said.append(
            f"[yellow]{kind.count} × {kind.failure.kind}[/]: {escape(kind.failure.message)}"
        )
        said.append(f"    {escape(kind.failure.hint)}")
    if figures.trust is not None:
        said += trust_notes(figures.trust)
    cached = ""
    if figures.cached_tokens is not None and figures.prompt_tokens:
        cached = f", {figures.cached_tokens / figures.prompt_tokens:.0%} of it from the prefix cache".replace(
            "%", " %"
        )
    read, written = count(figures.prompt_tokens), count(figures.completion_tokens)
    said.append(f"Tokens: {read} read{cached}, {written} written.")
    if figures.tool_calls:
        well = percent(figures.well_formed)
        said.append(
            f"Calls: {figures.tool_calls} made, {figures.failed_tool_calls} failed; well formed {well}."
        )
    if figures.cases_per_hour is not None:
        said.append(f"Rate: {figures.cases_per_hour:,.0f} cases an hour.")
    return said
