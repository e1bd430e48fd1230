"""`journeyman models`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from journeyman.cli.progress import board_for
from journeyman.cli.terminal import AsJson, new_app, print_json, say
from journeyman.cli.text import duration
from journeyman.errors import InputError, ModelFileError
from journeyman.models import DEFAULT_MODEL
from journeyman.models.catalogue import CATALOGUE, CatalogueEntry
from journeyman.models.fetching import fetch, models_folder, stamped, verify

app = new_app()


class ModelsAction(StrEnum):
    LIST = "list"
    FETCH = "fetch"
    VERIFY = "verify"


@app.command()
def main(
    action: Annotated[ModelsAction, typer.Argument(help="What to do.")] = ModelsAction.LIST,
    name: Annotated[str, typer.Argument(help="A model's name from the list.")] = DEFAULT_MODEL,
    again: Annotated[
        bool, typer.Option("--again", help="Fetch: look at the hash of what is there already.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List, fetch and verify the models that can be embedded.

    `fetch` takes the first mirror that answers, goes on where it stopped, and verifies the file by its sha256. `verify`
    looks at the hash of what is there; a wrong file is deleted and named, with exit code 4.
    """
    if action is ModelsAction.LIST:
        _list(as_json=as_json)
        return
    if name not in CATALOGUE:
        raise InputError(f"There is no model {name!r}.", f"It is one of {', '.join(CATALOGUE)}.")
    if action is ModelsAction.VERIFY:
        _verify(CATALOGUE[name], as_json=as_json)
    else:
        _fetch(CATALOGUE[name], again=again, as_json=as_json)


def _list(*, as_json: bool) -> None:
    folder = models_folder()
    here = {name: stamped(entry, folder) for name, entry in CATALOGUE.items()}
    if as_json:
        print_json(
            [
                {**e.model_dump(mode="json"), "here": here[n], "default": n == DEFAULT_MODEL}
                for n, e in CATALOGUE.items()
            ]
        )
        return
    table = Table(
        "model",
        "size",
        "licence",
        "here",
        "what it is",
        title=f"Models in {folder}",
        title_justify="left",
    )
    for name, entry in CATALOGUE.items():
        size = f"{entry.size / 1e6:,.0f} MB"
        table.add_row(name, size, entry.licence, "yes" if here[name] else "no", entry.description)
    Console(highlight=False).print(table)
    say(
        "Fetch one with: journeyman models fetch NAME. `work --model` takes a .gguf file or URL#MODEL as well."
    )


def _fetch(entry: CatalogueEntry, *, again: bool, as_json: bool) -> None:
    with board_for(as_json=as_json) as board:
        fetched = fetch(entry, folder=models_folder(), progress=board.fetching, again=again)
    if as_json:
        print_json({"name": entry.name, **fetched.model_dump(mode="json"), "sha256": entry.sha256})
    elif fetched.mirror is None:
        say(f"{entry.name} is here already, verified: {fetched.path}")
    else:
        for reason in fetched.passed_over:
            say(f"Passed over {reason}")
        say(
            f"{entry.name} fetched from {fetched.mirror} in {duration(fetched.seconds)}, sha256 verified:"
        )
        say(str(fetched.path))


def _verify(entry: CatalogueEntry, *, as_json: bool) -> None:
    path = models_folder() / entry.file
    if not path.exists():
        raise ModelFileError(
            f"{path} is not there.", f"Fetch it with: journeyman models fetch {entry.name}"
        )
    if not verify(entry, models_folder()):
        raise ModelFileError(
            f"{path} did not have the sha256 {entry.sha256} and was deleted.",
            f"Fetch it with: journeyman models fetch {entry.name}",
        )
    if as_json:
        print_json({"name": entry.name, "path": str(path), "sha256": entry.sha256})
    else:
        say(f"{path}: sha256 {entry.sha256} verified")
