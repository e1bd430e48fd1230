"""`journeyman learn`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from journeyman.app.assignment import Assignment, LearnResult
from journeyman.app.learners import learner_named
from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace, cases_of, close_models
from journeyman.cli.exam_command import pair_told, tell
from journeyman.cli.progress import board_for
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.cli.work_command import ModelName
from journeyman.improve.learning import LearningBudget
from journeyman.models import DEFAULT_MODEL, open_model

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's folder, or the name of a shipped job.")],
    by: Annotated[
        str,
        typer.Option(
            help="How: demonstrations (recall own successes), rules (contrast), instructions (search), "
            "ablation (recall less)."
        ),
    ] = "demonstrations",
    cases: Annotated[
        Path | None, typer.Option(help="JSONL or CSV with the sealed cases, instead of the job's.")
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(help="A model to write rules and instructions. Left out: the worker's own."),
    ] = None,
    tokens: Annotated[
        int, typer.Option(min=0, help="What learning may compute and write.")
    ] = 200_000,
    seconds: Annotated[float, typer.Option(min=0, help="How long learning may take.")] = 1_800.0,
    model: ModelName = DEFAULT_MODEL,
    name: Annotated[str, typer.Option(help="The worker's name.")] = "ada",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Learn from judged cases: propose a new version, and examine it against the champion on sealed cases."""
    with Workspace.open(workspace) as room, board_for(as_json=as_json) as board:
        loaded = room.job(job)
        learner = learner_named(by, loaded)
        sealed = list(cases_of(loaded, cases))
        opened = open_model(model, at_once=1, progress=board.fetching)
        asked = None if teacher is None else open_model(teacher, at_once=1, progress=board.fetching)
        given = Assignment(loaded, opened, name)
        budget = LearningBudget(tokens=tokens, seconds=seconds)

        async def doing() -> LearnResult:
            try:
                return await room.learn(
                    given, learner, sealed, teacher=asked, budget=budget, on_pair=pair_told(as_json)
                )
            finally:
                await close_models(opened, asked)

        done = asyncio.run(doing())
    if done.version is None or done.examined is None:
        print_json({"proposed": None}) if as_json else say(
            f"The learner {by!r} has nothing to propose for {done.before.label}."
        )
        return
    found = done.version
    if not as_json:
        say(
            f"{found.label}: {found.why} It took {found.cost['tokens']:,} tokens, {found.cost['seconds']} s."
        )
    tell(found, done.examined, as_json=as_json)
