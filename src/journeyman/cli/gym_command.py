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
    chosen = names or []
    if action is GymAction.NEW:
        _new(chosen, folder, as_json=as_json)
        return
    unknown = [name for name in chosen if name not in FAMILIES and ":" not in name]
    if unknown:
        known = ", ".join(FAMILIES)
        raise InputError(f"There is no family {unknown[0]!r}.", f"It is one of {known}.")
    if action is GymAction.LIST:
        _list(chosen or list(FAMILIES), everything=bool(chosen), as_json=as_json)
        return
    installed = [name for name, family in FAMILIES.items() if family.missing is None]
    failed = _check(chosen or installed, cases, as_json=as_json)
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
        family = FAMILIES[name]
        with process_for(family) as process:
            of_family = [f"{name}:{task}" for task in process.tasks()]
        tasks += of_family
    each_once = dict.fromkeys(tasks)
    return list(each_once)


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
            say(_line(proof, width))
    failed = sum(bool(proof.failure) for proof in proofs)
    if as_json:
        rows = [proof.model_dump() for proof in proofs]
        print_json(rows)
    else:
        proved = len(proofs) - failed
        say(f"{proved} of {len(proofs)} tasks are proved on {cases} cases each.")
    return failed > 0


def _line(proof: TaskProof, width: int) -> str:
    """The proof in columns; the task's is so wide."""
    shares: list[str] = []
    for share in (proof.oracle, proof.null, proof.chance):
        figure = "–" if share is None else f"{share:.2f}"
        shares.append(f"{figure:>6}")
    in_columns = " ".join(shares)
    why = proof.failure or ""
    line = f"{proof.task:<{width}}  {in_columns}  {proof.seconds:>7.1f}  {why}"
    return line.rstrip()


def _new(names: Sequence[str], folder: Path | None, *, as_json: bool) -> None:
    if not names or folder is None:
        raise InputError(
            "A new job needs tasks and a folder.",
            "journeyman gym new FAMILY:TASK … --folder FOLDER",
        )
    write_job(folder, gym_files(names), as_json=as_json)
