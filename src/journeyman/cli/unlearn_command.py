"""`journeyman unlearn`."""

from __future__ import annotations

from typing import Annotated

import typer

from journeyman.app.finding import chosen_run
from journeyman.app.workspace import DEFAULT_WORKSPACE, existing_journal
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.improve.unlearning import unlearn

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's name, as `journeyman work` tells it.")],
    source: Annotated[str, typer.Option(help="case:ID, person:NAME or worker:NAME.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Take a source out of everything that was learned: what is left is what would be there without it."""
    with existing_journal(workspace) as journal:
        run = chosen_run(journal, job)
        gone = unlearn(journal, run.job, source)
    if as_json:
        print_json(gone.model_dump(mode="json"))
        return
    say(f"{source}: {gone.cases} cases and {gone.rules} rules rested on it, and are unlearned.")
    if gone.champion is not None:
        say(f"{gone.champion} works from now on: the champion without it.")
