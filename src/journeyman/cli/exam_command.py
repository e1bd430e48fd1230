"""`journeyman exam`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from journeyman.app.assignment import Assignment
from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace, cases_of
from journeyman.assess.exam import Exam
from journeyman.cli.progress import board_for
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.cli.work_command import ModelName
from journeyman.improve.exams import Examined
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.runtime.versions import Version

app = new_app()

SAID = {
    ("promote", "helps"): "it helps, and is the champion now",
    ("promote", "harmless"): "it harms nothing and costs no more, and is the champion now",
    ("reject", "harmful"): "it does harm, and stays out",
    ("futile", None): "nothing could be proved in what is left of the exam; it stays out",
}


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's folder, or the name of a shipped job.")],
    version: Annotated[
        int, typer.Argument(min=1, help="The challenger's number, as in `journeyman versions`.")
    ],
    cases: Annotated[
        Path | None, typer.Option(help="JSONL or CSV with the sealed cases, instead of the job's.")
    ] = None,
    model: ModelName = DEFAULT_MODEL,
    name: Annotated[str, typer.Option(help="The worker's name.")] = "ada",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Examine a version against the champion on sealed cases; where it passes, it is the champion from then on."""
    with Workspace.open(workspace) as room, board_for(as_json=as_json) as board:
        loaded = room.job(job)
        sealed = list(cases_of(loaded, cases))
        opened = open_model(model, at_once=1, progress=board.fetching)
        given = Assignment(loaded, opened, name)
        challenger = room.version(given, version)

        async def doing() -> Examined:
            try:
                return await room.exam(given, challenger, sealed, on_pair=pair_told(as_json))
            finally:
                await opened.aclose()

        examined = asyncio.run(doing())
    tell(challenger, examined, as_json=as_json)


def pair_told(as_json: bool) -> Callable[[Exam], None]:
    """A line for each pair; for programs, none."""

    def told(exam: Exam) -> None:
        if as_json:
            return
        last = exam.pairs[-1]
        what = {None: "not judged", 0.0: "equal"}.get(last.difference, f"{last.difference or 0:+g}")
        say(f"  pair {len(exam.pairs)}: {what}{'' if last.touched else ', the same prompt'}")

    return told


def tell(challenger: Version, examined: Examined, *, as_json: bool) -> None:
    """The verdict in a sentence."""
    verdict = examined.verdict
    if as_json:
        print_json(
            {
                "version": challenger.number,
                "why": challenger.why,
                **examined.model_dump(mode="json"),
            }
        )
        return
    better = sum((pair.difference or 0) > 0 for pair in verdict.pairs)
    worse = sum((pair.difference or 0) < 0 for pair in verdict.pairs)
    said = SAID[verdict.outcome, verdict.claim]
    if verdict.outcome == "promote" and not examined.promoted:
        said = "it passed, but another version was promoted meanwhile; examine it again"
    say(
        f"{challenger.label} after {len(verdict.pairs)} pairs ({better} better, {worse} worse): {said}."
    )
    if examined.retired:
        say(
            f"{len(examined.retired)} exam cases were left out: something that was learned gives them away."
        )
