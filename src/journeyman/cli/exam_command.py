"""`journeyman exam`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from journeyman.assess.exam import Exam
from journeyman.cases import read_cases
from journeyman.cli.opening import open_job
from journeyman.cli.progress import board_for
from journeyman.cli.terminal import DEFAULT_WORKSPACE, AsJson, Workspace, new_app, print_json, say
from journeyman.cli.work_command import ModelName
from journeyman.errors import InputError
from journeyman.improve.exams import Examined, Room, examine
from journeyman.improve.learning import champion_of
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.versions import Version, config_hash_of, versions
from journeyman.store.journal import open_journal
from journeyman.types import Case

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
    workspace: Workspace = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Examine a version against the champion on sealed cases; where it passes, it is the champion from then on."""
    loaded = open_job(job, workspace)
    sealed = list(loaded.cases() if cases is None else read_cases(cases))
    with (
        open_journal(workspace) as journal,
        LeaseOwner.enter(journal.workspace) as holder,
        board_for(as_json=as_json) as board,
    ):
        opened = open_model(model, at_once=1, progress=board.fetching)
        config_hash = config_hash_of(loaded, opened, name)
        known = versions(journal.changes(loaded.name), journal.runs(job=loaded.name), name)
        if version not in known or known[version].config_hash != config_hash:
            raise InputError(
                f"There is no version {version} of {name!r} for this job and model.",
                "See: journeyman versions",
            )
        room = Room(journal=journal, owner=holder, job=loaded, model=opened)
        now = champion_of(journal, loaded.name, config_hash, name)

        async def doing() -> Examined:
            try:
                return await sit(room, now, known[version], sealed, quiet=as_json)
            finally:
                await opened.aclose()

        examined = asyncio.run(doing())
    tell(known[version], examined, as_json=as_json)


async def sit(
    room: Room, now: Version, challenger: Version, sealed: Sequence[Case], *, quiet: bool
) -> Examined:
    """The exam, with a line for each pair."""

    def told(exam: Exam) -> None:
        last = exam.pairs[-1]
        what = {None: "not judged", 0.0: "equal"}.get(last.difference, f"{last.difference or 0:+g}")
        say(f"  pair {len(exam.pairs)}: {what}{'' if last.touched else ', the same prompt'}")

    return await examine(room if quiet else replace(room, on_pair=told), now, challenger, sealed)


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
