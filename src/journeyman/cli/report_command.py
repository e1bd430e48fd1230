"""`journeyman report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace
from journeyman.cli.tables import print_figures
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say

app = new_app()


@app.command()
def main(
    run: Annotated[
        str | None, typer.Argument(help="A run, or a job for its latest run. Left out: the latest.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to; in the workspace if left out.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Write a report of a run: HTML, CSV and PNG. Every figure is computed from the journal."""
    with Workspace.open(workspace, new=False) as room:
        written = room.report(room.chosen_run(run), out)
    if as_json:
        files = {
            "html": str(written.html),
            "csv": [str(path) for path in written.csv],
            "png": written.png,
        }
        files["learning_png"] = written.learning_png
        gained = None if written.learned is None else written.learned.model_dump(mode="json")
        print_json({**written.figures.model_dump(mode="json"), "learned": gained, "files": files})
        return
    print_figures(written.figures)
    if written.png is None:
        say(f"No PNG: {written.why_no_png}")
    say(f"Report: {written.html}")
