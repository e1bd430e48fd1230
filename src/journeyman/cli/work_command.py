"""`journeyman work`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from journeyman.app.assignment import Assignment, WorkStream
from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace, cases_of, with_rule
from journeyman.cli.progress import Board, board_for
from journeyman.cli.tables import print_figures
from journeyman.cli.terminal import (
    INTERRUPTED,
    AsJson,
    WorkspaceOption,
    new_app,
    print_json,
    say,
)
from journeyman.errors import InputError
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.system.signals import on_interrupt
from journeyman.types import Case

app = new_app()

ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        envvar="JOURNEYMAN_MODEL",
        help="A name from `journeyman models`, a .gguf file, or an endpoint of the OpenAI kind as URL#MODEL.",
    ),
]


@app.command()
def main(
    job: Annotated[
        str,
        typer.Argument(help="A job's folder, the name of a shipped job, or a task FAMILY:TASK."),
    ],
    cases: Annotated[
        Path | None, typer.Option(help="JSONL or CSV with the cases, instead of the job's own.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(help="SQLite file instead of the job's own database.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Only cases of this split: train, calibration, exam, live.")
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
        bool, typer.Option("--fresh", help="Begin a new run instead of going on with the last.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry-failed", help="Try the run's failed cases again.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Work a job's cases with a model. Run it again to go on where it stopped."""
    with Workspace.open(workspace) as room, board_for(as_json=as_json) as board:
        loaded = with_rule(room.job(job, database=database), allowed_error)
        stream = islice(_chosen(cases_of(loaded, cases), split), limit)
        opened = open_model(model, at_once=at_once, progress=board.fetching)
        given = Assignment(loaded, opened, name, at_once)
        run = room.open_run(given, fresh=fresh)
        work = room.stream(given, run, stream, retry_failed=retry, on_case_closed=board.closed)
        stopped = work_through(work, board)
        written = room.report(run)
        waiting = room.waiting(run)
    if as_json:
        figures = written.figures.model_dump(mode="json")
        names = [case.model_dump(mode="json") for case in waiting]
        print_json({**figures, "waiting_for": names, "report": str(written.html)})
    else:
        print_figures(written.figures)
        for case in waiting:
            say(f"{case.case_id} waits for {case.name!r}.")
        say(f"Report: {written.html}")
    if stopped:
        raise typer.Exit(INTERRUPTED)


def _chosen(cases: Iterable[Case], split: str | None) -> Iterator[Case]:
    if split not in {None, "train", "calibration", "exam", "live"}:
        raise InputError(
            f"There is no split {split!r}.", "It is one of train, calibration, exam, live."
        )
    return (case for case in cases if split is None or case.split == split)


def work_through(work: WorkStream, board: Board) -> bool:
    """Work until done; Ctrl-C stops at the next step, a second one at once. Returns whether it was stopped."""
    board.begin(work.run, total=work.total)
    return asyncio.run(_work(work, board))


async def _work(work: WorkStream, board: Board) -> bool:
    task = asyncio.ensure_future(work.work())

    def interrupt() -> None:
        if work.stopped:
            task.cancel()
        work.stop()
        board.stopping()

    try:
        with on_interrupt(interrupt):
            await task
    except asyncio.CancelledError:
        if not work.stopped:
            raise
    finally:
        await work.runner.model.aclose()
    return work.stopped
