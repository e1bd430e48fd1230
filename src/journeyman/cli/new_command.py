"""`journeyman new`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from journeyman.cli.terminal import AsJson, new_app, print_json, say
from journeyman.errors import InputError
from journeyman.job.scaffold import KINDS, files_for

app = new_app()


@app.command()
def main(
    folder: Annotated[
        Path, typer.Argument(help="The folder to make; its name becomes the job's name.")
    ],
    kind: Annotated[
        str, typer.Option(help=f"The job's environment: {', '.join(KINDS)}.")
    ] = "single_turn",
    as_json: AsJson = False,
) -> None:
    """Make a job's folder to start from: settings, instructions and three cases, which `check` proves as they are."""
    write_job(folder, files_for(kind, folder.resolve().name), as_json=as_json)


def write_job(folder: Path, files: Mapping[str, str], *, as_json: bool) -> None:
    """Make the folder, and say what to do with it. Raises InputError where something is there already."""
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{str(folder)!r} is there already and not empty.", "Choose another folder."
        )
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        raise InputError(
            f"{str(folder)!r} can't be written: {error.strerror}.", "Choose another folder."
        ) from None
    if as_json:
        print_json({"folder": str(folder), "files": sorted(files)})
        return
    for name in files:
        say(f"{folder / name}")
    say(f"\nProve it: journeyman check {folder}\nWork it:  journeyman work {folder}")
