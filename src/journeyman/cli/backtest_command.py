"""`journeyman backtest`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from journeyman.app.assignment import Assignment
from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace, cases_of, with_rule
from journeyman.assess.stats import percent
from journeyman.autonomy.backtest import Backtest, Outlook, history_cases
from journeyman.cli.progress import board_for
from journeyman.cli.terminal import (
    INTERRUPTED,
    AsJson,
    WorkspaceOption,
    new_app,
    print_json,
    say,
)
from journeyman.cli.work_command import ModelName, work_through
from journeyman.models import DEFAULT_MODEL, open_model

app = new_app()


@app.command()
def main(
    job: Annotated[
        str,
        typer.Argument(help="A job's folder, the name of a shipped job, or a task FAMILY:TASK."),
    ],
    cases: Annotated[
        Path | None, typer.Option(help="JSONL or CSV with cases whose targets are known.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(help="SQLite file instead of the job's own database.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many cases.")] = None,
    allowed_error: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="Instead of the job's own allowed error."),
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Cases in flight at once.")] = 2,
    model: ModelName = DEFAULT_MODEL,
    name: Annotated[str, typer.Option(help="The worker's name.")] = "ada",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin a new backtest instead of going on.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Work a labelled history, and say what the worker may do alone from day one."""
    with Workspace.open(workspace) as room, board_for(as_json=as_json) as board:
        loaded = with_rule(room.job(job, database=database), allowed_error)
        history = history_cases(islice(cases_of(loaded, cases), limit))
        opened = open_model(model, at_once=at_once, progress=board.fetching)
        given = Assignment(loaded, opened, name, at_once)
        run = room.open_backtest(given, history, fresh=fresh)
        work = room.stream(given, run, history, on_case_closed=board.closed)
        if work_through(work, board):
            raise typer.Exit(INTERRUPTED)
        found = room.outlook(run)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        tell(found)


def tell(found: Backtest) -> None:
    """The sentence that matters, and a table."""
    asked = found.asked
    allowed = f"{100 * asked.allowed_error:g} %"
    if asked.threshold is None:
        say(
            f"This worker may do nothing alone yet at {allowed} error: the history does not prove it."
        )
        say("More labelled cases, a larger allowed error, or a better worker can change that.")
    else:
        say(
            f"This worker may do {100 * (asked.alone.value or 0):.0f} % alone at {allowed} error, "
            f"with {100 * found.confidence:g} % confidence: answers with a confidence of {asked.threshold:.2f} or more."
        )
    table = Table("allowed", title=f"Run {found.run}", title_justify="left", box=SIMPLE_HEAD)
    for column in (
        "threshold",
        "alone (95 %)",
        "wrong of these",
        "ceiling",
        "η",
        "labels",
        "limit",
    ):
        table.add_column(column, justify="right")
    for one in sorted((asked, *found.others), key=lambda one: one.allowed_error):
        table.add_row(*_row(one))
    Console(highlight=False).print(table)
    say(
        f"{found.labelled} labelled cases, {percent(found.correct)} right: {found.learned_from} to learn from, "
        f"{found.labelled - found.learned_from} to prove it. A new run of `journeyman work` begins with this."
    )


def _row(one: Outlook) -> list[str]:
    return [
        f"{100 * one.allowed_error:g} %",
        "–" if one.threshold is None else f"{one.threshold:.2f}",
        percent(one.alone) if one.threshold is not None else "0 %",
        percent(one.error_alone),
        f"{100 * one.ceiling:.0f} %",
        "–" if one.efficiency is None else f"{100 * one.efficiency:.0f} %",
        "–" if one.labels_used is None else str(one.labels_used),
        "–" if one.labels_needed is None else f"{one.labels_needed:.0f}",
    ]
