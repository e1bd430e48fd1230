"""`journeyman work`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from journeyman.cases import read_cases
from journeyman.cli.opening import open_job
from journeyman.cli.progress import Board, board_for
from journeyman.cli.tables import print_figures
from journeyman.cli.terminal import (
    DEFAULT_WORKSPACE,
    INTERRUPTED,
    AsJson,
    Workspace,
    new_app,
    print_json,
    say,
)
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.models.embedded import EmbeddedModel
from journeyman.protocols import Model
from journeyman.reports.writer import write_report
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal
from journeyman.system.signals import on_interrupt
from journeyman.types import Case, Run

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
    workspace: Workspace = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Work a job's cases with a model. Run it again to go on where it stopped."""
    loaded = with_rule(open_job(job, workspace, database=database), allowed_error)
    stream = islice(_chosen(loaded.cases() if cases is None else read_cases(cases), split), limit)
    with (
        open_journal(workspace) as journal,
        LeaseOwner.enter(journal.workspace) as holder,
        board_for(as_json=as_json) as board,
    ):
        opened = open_model(model, at_once=at_once, progress=board.fetching)
        run = open_run(journal, loaded, opened, name=name, fresh=fresh)
        board.begin(run, total=add_cases(journal, run, stream, retry_failed=retry))
        shift = Runner.open(
            journal, holder, loaded, opened, run, at_once=at_once, on_case_closed=board.closed
        )
        stopped = run_shift(shift, board)
    _sum_up(workspace, run, as_json=as_json)
    if stopped:
        raise typer.Exit(INTERRUPTED)


def _chosen(cases: Iterable[Case], split: str | None) -> Iterator[Case]:
    if split not in {None, "train", "calibration", "exam", "live"}:
        raise InputError(
            f"There is no split {split!r}.", "It is one of train, calibration, exam, live."
        )
    return (case for case in cases if split is None or case.split == split)


def with_rule(job: Job, allowed_error: float | None) -> Job:
    """The job with another allowed error, where one is given."""
    return job if allowed_error is None else replace(job, allowed_error=allowed_error)


def run_shift(shift: Runner, board: Board) -> bool:
    """Work until done; Ctrl-C stops at the next step, a second one at once. Returns whether it was stopped."""
    return asyncio.run(_work(shift, shift.model, board))


async def _work(shift: Runner, model: Model, board: Board) -> bool:
    if isinstance(model, EmbeddedModel):
        await model.load()  # a file that can't be loaded ends the command, not each case
    task = asyncio.ensure_future(work(shift))

    def interrupt() -> None:
        if shift.stop.is_set():
            task.cancel()
        shift.stop.set()
        board.stopping()

    try:
        with on_interrupt(interrupt):
            await task
    except asyncio.CancelledError:
        if not shift.stop.is_set():
            raise
    finally:
        await model.aclose()
    return shift.stop.is_set()


def _sum_up(workspace: str, run: Run, *, as_json: bool) -> None:
    with open_journal(workspace) as journal:
        written = write_report(journal, run, journal.workspace / "reports" / run.id)
    if as_json:
        print_json({**written.figures.model_dump(mode="json"), "report": str(written.html)})
        return
    print_figures(written.figures)
    say(f"Report: {written.html}")
