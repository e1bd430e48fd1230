"""`journeyman diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from journeyman.app.finding import chosen_run
from journeyman.app.workspace import DEFAULT_WORKSPACE, existing_journal
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.errors import InputError
from journeyman.improve.versions import difference
from journeyman.runtime.versions import versions

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's name, as `journeyman work` tells it.")],
    one: Annotated[int, typer.Argument(min=1, help="A version's number.")],
    other: Annotated[int, typer.Argument(min=1, help="Another one.")],
    name: Annotated[str, typer.Option(help="The worker's name.")] = "ada",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions' minds: instructions, rules, and what is recalled."""
    with existing_journal(workspace) as journal:
        latest = chosen_run(journal, job)
        known = versions(journal.changes(latest.job), journal.runs(job=latest.job), name)
    for number in (one, other):
        if number not in known:
            raise InputError(
                f"There is no version {number} of {name!r}.", f"It has: {sorted(known)}."
            )
    lines = difference(known[one], known[other])
    if as_json:
        print_json(lines)
    else:
        say("\n".join(lines) or f"{known[one].label} and {known[other].label} have the same mind.")
