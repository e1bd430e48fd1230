"""`journeyman versions`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypedDict

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from journeyman.app.finding import run_of_worker
from journeyman.app.workspace import DEFAULT_WORKSPACE, existing_journal
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json
from journeyman.cli.text import shorten
from journeyman.improve.exams import Examined
from journeyman.runtime.versions import Version, champion, versions
from journeyman.types import Change

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's name, as `journeyman work` tells it.")],
    name: Annotated[str, typer.Option(help="The worker's name.")] = "ada",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """List a worker's versions: where each came from, what its exam said, and which one works now."""
    with existing_journal(workspace) as journal:
        latest = run_of_worker(journal, job, name)
        changes, runs = journal.changes(latest.job), journal.runs(job=latest.job)
    known = versions(changes, runs, name)
    now = champion(changes, known, name, latest.config_hash)
    rows = [_row(version, changes, now) for version in known.values()]
    if as_json:
        print_json(
            [
                {**version.model_dump(mode="json"), **row}
                for version, row in zip(known.values(), rows, strict=True)
            ]
        )
        return
    table = Table(
        "version", "since", "from", "by", "what", "exam", title=f"{latest.job}", box=SIMPLE_HEAD
    )
    for version, row in zip(known.values(), rows, strict=True):
        mark = " ◀ works now" if row["champion"] else ""
        parent = "" if version.parent is None else f"@{version.parent}"
        table.add_row(
            f"{version.label}{mark}",
            row["since"],
            parent,
            version.by,
            escape(shorten(version.why, 60)),
            row["exam"],
        )
    Console(highlight=False).print(table)


class Row(TypedDict):
    champion: bool
    exam: str
    since: str


def _row(version: Version, changes: list[Change], now: Version) -> Row:
    exams = [
        Examined.model_validate(change.body) for change in changes if change.kind == "examined"
    ]
    mine = [exam for exam in exams if exam.version == version.number]
    said = (
        ""
        if not mine
        else f"{mine[-1].verdict.outcome}: {mine[-1].verdict.claim or 'nothing proved'}"
    )
    at = [
        change.at
        for change in changes
        if change.kind == "proposed" and change.body["number"] == version.number
    ]
    since = f"{datetime.fromtimestamp(at[0]).astimezone():%Y-%m-%d %H:%M}" if at else ""
    return {"champion": version.number == now.number, "exam": said, "since": since}
