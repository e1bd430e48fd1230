"""`journeyman rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from journeyman.app.finding import run_of_worker
from journeyman.app.workspace import DEFAULT_WORKSPACE, existing_journal
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.improve.versions import roll_back

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's name, as `journeyman work` tells it.")],
    version: Annotated[
        int | None, typer.Argument(min=1, help="Its number. Left out: the one before.")
    ] = None,
    name: Annotated[str, typer.Option(help="The worker's name.")] = "ada",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Let an earlier version work again. One row is written; the version is bit for bit what it was."""
    with existing_journal(workspace) as journal:
        latest = run_of_worker(journal, job, name)
        now = roll_back(journal, latest.job, name, latest.config_hash, version)
    if as_json:
        print_json(now.model_dump(mode="json"))
    else:
        say(f"{now.label} works from now on.")
