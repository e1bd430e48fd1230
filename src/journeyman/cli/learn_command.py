"""`journeyman learn`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from journeyman.cases import read_cases
from journeyman.cli.exam_command import sit, tell
from journeyman.cli.opening import open_job
from journeyman.cli.progress import board_for
from journeyman.cli.terminal import DEFAULT_WORKSPACE, AsJson, Workspace, new_app, print_json, say
from journeyman.cli.work_command import ModelName
from journeyman.errors import InputError
from journeyman.improve.exams import Examined, Room
from journeyman.improve.learning import LearningBudget, champion_of, learn
from journeyman.job.job import Job
from journeyman.learn.ablation import Ablation
from journeyman.learn.demonstrations import Demonstrations
from journeyman.learn.instructions import Instructions
from journeyman.learn.rules import Rules
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Learner, Model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.versions import Version, config_hash_of
from journeyman.store.journal import open_journal

app = new_app()

LEARNERS = ("demonstrations", "rules", "instructions", "ablation")


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
    workspace: Workspace = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Learn from judged cases: propose a new version, and examine it against the champion on sealed cases."""
    loaded = open_job(job, workspace)
    learner = _learner(by, loaded)
    sealed = list(loaded.cases() if cases is None else read_cases(cases))
    with (
        open_journal(workspace) as journal,
        LeaseOwner.enter(journal.workspace) as holder,
        board_for(as_json=as_json) as board,
    ):
        opened = open_model(model, at_once=1, progress=board.fetching)
        asked = None if teacher is None else open_model(teacher, at_once=1, progress=board.fetching)
        room = Room(journal=journal, owner=holder, job=loaded, model=opened)
        now = champion_of(journal, loaded.name, config_hash_of(loaded, opened, name), name)

        async def doing() -> tuple[Version, Examined] | None:
            budget = LearningBudget(tokens=tokens, seconds=seconds)
            try:
                found = await learn(room, learner, name=name, teacher=asked, budget=budget)
                return (
                    None
                    if found is None
                    else (found, await sit(room, now, found, sealed, quiet=as_json))
                )
            finally:
                await _close(opened, asked)

        done = asyncio.run(doing())
    if done is None:
        print_json({"proposed": None}) if as_json else say(
            f"The learner {by!r} has nothing to propose for {now.label}."
        )
        return
    if not as_json:
        say(
            f"{done[0].label}: {done[0].why} It took {done[0].cost['tokens']:,} tokens, {done[0].cost['seconds']} s."
        )
    tell(done[0], done[1], as_json=as_json)


def _learner(by: str, job: Job) -> Learner:
    known: dict[str, Learner] = {
        "demonstrations": Demonstrations(), "rules": Rules(), "instructions": Instructions(job.instructions),
        "ablation": Ablation(),
    }  # fmt: skip
    if by not in known:
        raise InputError(f"There is no learner {by!r}.", f"It is one of {', '.join(LEARNERS)}.")
    return known[by]


async def _close(*models: Model | None) -> None:
    for model in models:
        if model is not None:
            await model.aclose()
