"""`journeyman gym`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from journeyman.cli.new_command import write_job
from journeyman.cli.terminal import AsJson, new_app, print_json, say
from journeyman.errors import InputError
from journeyman.gym import FAMILIES, family_of
from journeyman.gym.process import process_for
from journeyman.job.gym_proof import TaskProof, prove
from journeyman.job.scaffold import gym_files

app = new_app()


class GymAction(StrEnum):
    LIST = "list"
    CHECK = "check"
    NEW = "new"


@app.command()
def main(
    action: Annotated[GymAction, typer.Argument(help="What to do.")] = GymAction.LIST,
    names: Annotated[
        list[str] | None, typer.Argument(help="Families, or tasks as FAMILY:TASK; left out: all.")
    ] = None,
    cases: Annotated[int, typer.Option(min=1, max=1000, help="Check: cases of each task.")] = 3,
    folder: Annotated[Path | None, typer.Option(help="New: the folder to make.")] = None,
    as_json: AsJson = False,
) -> None:
    """List, check and use the generated tasks: puzzles, text worlds, experiments, grids.

    `check` proves each task without a model: its oracle (gold answer, walkthrough or expert) scores 1, silence and
    nonsense 0; exit code 1 when one does not. `new` makes a job's folder over the tasks named, to edit. A single task
    needs none: `journeyman work FAMILY:TASK` works it, as do `check` and `backtest`.
    """
    if action is GymAction.NEW:
        _new(names or [], folder, as_json=as_json)
        return
    unknown = [name for name in names or [] if name not in FAMILIES and ":" not in name]
    if unknown:
        raise InputError(
            f"There is no family {unknown[0]!r}.", f"It is one of {', '.join(FAMILIES)}."
        )
    if action is GymAction.LIST:
        _list(names or list(FAMILIES), everything=bool(names), as_json=as_json)
        return
    failed = _check(
        names or [name for name, family in FAMILIES.items() if family.missing is None],
        cases,
        as_json=as_json,
    )
    if failed:
        raise typer.Exit(1)


def _tasks(names: Sequence[str]) -> list[str]:
    """The tasks that families and tasks by name come to. Raises InputError for a family that can't be played here."""
    tasks: list[str] = []
    for name in names:
        if ":" in name:
            family_of(name)
            tasks.append(name)
            continue
        with process_for(FAMILIES[name]) as process:
            tasks += [f"{name}:{task}" for task in process.tasks()]
    return list(dict.fromkeys(tasks))


def _list(names: Sequence[str], *, everything: bool, as_json: bool) -> None:
    families = [
        FAMILIES[family] for family in dict.fromkeys(name.partition(":")[0] for name in names)
    ]
    listed = {family.name: [] if family.missing else _tasks([family.name]) for family in families}
    if as_json:
        print_json(
            [
                {
                    "family": f.name,
                    "extra": f.extra,
                    "missing": f.missing,
                    "tasks": listed[f.name] if not f.missing else None,
                }
                for f in families
            ]
        )
        return
    for family in families:
        tasks = listed[family.name]
        say(f"{family.name}: {family.missing or f'{len(tasks)} tasks'}")
        for task in tasks if everything else tasks[:3]:
            say(f"  {task}")
        if not everything and len(tasks) > 3:
            say(f"  … all of them: journeyman gym list {family.name}")


def _check(names: Sequence[str], cases: int, *, as_json: bool) -> bool:
    """Whether any task failed; each is told as it is done."""
    tasks = _tasks(names)
    if not tasks:
        raise InputError("No family is installed.", "`journeyman gym list` says how to get them.")
    proofs: list[TaskProof] = []
    width = max(map(len, tasks))
    if not as_json:
        say(f"{'task':<{width}}  oracle   null  chance  seconds")
    for task in tasks:
        proof = asyncio.run(prove(task, cases=cases))
        proofs.append(proof)
        if not as_json:
            shares = [
                f"{'–' if share is None else f'{share:.2f}':>6}"
                for share in (proof.oracle, proof.null, proof.chance)
            ]
            say(
                f"{task:<{width}}  {' '.join(shares)}  {proof.seconds:>7.1f}  {proof.failure or ''}".rstrip()
            )
    failed = [proof for proof in proofs if proof.failure]
    if as_json:
        print_json([proof.model_dump() for proof in proofs])
    else:
        say(f"{len(proofs) - len(failed)} of {len(proofs)} tasks are proved on {cases} cases each.")
    return bool(failed)


def _new(names: Sequence[str], folder: Path | None, *, as_json: bool) -> None:
    if not names or folder is None:
        raise InputError(
            "A new job needs tasks and a folder.",
            "journeyman gym new FAMILY:TASK … --folder FOLDER",
        )
    write_job(folder, gym_files(names), as_json=as_json)
