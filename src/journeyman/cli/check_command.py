"""`journeyman check`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from journeyman.app.workspace import DEFAULT_WORKSPACE, open_job
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.cli.text import shorten
from journeyman.job.check import CaseProof, check
from journeyman.job.job import Job

app = new_app()

SHOWN = 20
"""Findings that are printed; --json has all."""


@app.command()
def main(
    job: Annotated[
        str,
        typer.Argument(help="A job's folder, the name of a shipped job, or a task FAMILY:TASK."),
    ],
    database: Annotated[
        Path | None, typer.Option(help="SQLite file instead of the job's own database.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Prove a job without a model: the reference answers score 1, silence and nonsense 0.

    Exit code 1 when a verifier says otherwise of any case, or when no case could be proved.
    """
    loaded = open_job(job, workspace, database=database)
    checked = asyncio.run(_all(loaded))
    findings = [finding for one in checked for finding in one.findings]
    proved = sum(one.proved for one in checked)
    if as_json:
        told = {"job": loaded.name, "cases": len(checked), "proved": proved}
        print_json({**told, "findings": [finding.model_dump(mode="json") for finding in findings]})
    else:
        say(
            f"{loaded.name}: {len(checked)} cases, {proved} proved, {len(checked) - proved} without a reference answer."
        )
        for finding in findings[:SHOWN]:
            value = "not judged" if finding.value is None else f"{finding.value:g}"
            say(
                f"  {finding.case_id}: {finding.verifier} gives {finding.given} {value}, not {finding.expected:g}."
            )
            say(f"    {shorten(finding.reason, 110)}")
        if len(findings) > SHOWN:
            say(f"  … and {len(findings) - SHOWN} more; --json has all.")
        if not findings and proved:
            say("Reference answers score 1; silence and nonsense score 0.")
    if findings or not proved:
        raise typer.Exit(1)


async def _all(job: Job) -> list[CaseProof]:
    return [one async for one in check(job)]
