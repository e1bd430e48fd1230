"""`journeyman stop`."""

from __future__ import annotations

from typing import Annotated

import typer

from journeyman.app.finding import user
from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's name, as `journeyman work` tells it.")],
    resume: Annotated[bool, typer.Option("--resume", help="Deliver again what is proved.")] = False,
    by: Annotated[
        str | None, typer.Option(help="Who says so. Left out: the user of this machine.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Stop a job's workers from delivering: everything is escalated from the next decision on."""
    person = by or user()
    with Workspace.open(workspace, new=False) as room:
        name = room.chosen_run(job).job
        changed = room.resume(name, person) if resume else room.stop(name, person)
    if as_json:
        print_json({"job": name, "stopped": not resume, "changed": changed})
        return
    if resume:
        now = "delivers again what is proved" if changed else "was not stopped"
    else:
        now = "is stopped: everything goes to a person" if changed else "was stopped already"
    say(f"{name} {now}.")
