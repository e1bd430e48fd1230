"""`journeyman emit`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.errors import InputError
from journeyman.types import Json

app = new_app()


@app.command()
def main(
    name: Annotated[
        str, typer.Argument(help="What cases wait for, as `journeyman work` tells it.")
    ],
    payload: Annotated[
        str | None, typer.Argument(help="What they are told, as JSON. Left out: nothing.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Emit an event: the cases that wait for it go on. The first emit of a name holds."""
    value = None if payload is None else _parsed(payload)
    with Workspace.open(workspace, new=False) as room:
        first = room.emit(name, value)
    if as_json:
        print_json({"name": name, "first": first})
    elif first:
        say(f"{name!r} is emitted. Run `journeyman work` again, and its cases go on.")
    else:
        say(f"{name!r} was emitted before; what was said then holds.")


def _parsed(payload: str) -> Json:
    try:
        return json.loads(payload)
    except json.JSONDecodeError as error:
        raise InputError(
            f"The payload {payload[:80]!r} is not JSON: {error.msg}.",
            "Put text in quotes: '\"yes\"'.",
        ) from None
