"""Shared by all subcommands: common flags, printing, and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from journeyman.errors import JourneymanError

INTERRUPTED = 130
BROKEN_PIPE = 141

WorkspaceOption = Annotated[
    str,
    typer.Option(
        "--workspace",
        envvar="JOURNEYMAN_WORKSPACE",
        help="The folder that holds the journal, made where missing; or the URL of a PostgreSQL database.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]


def new_app() -> typer.Typer:
    """A subcommand, plain and without typer's own tracebacks."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def run_command(app: typer.Typer, name: str, arguments: Sequence[str]) -> int:
    """Run a subcommand; a user's mistake ends in a clear message and its exit code, never in a traceback."""
    try:
        code = app(args=list(arguments), prog_name=f"journeyman {name}", standalone_mode=True)
    except SystemExit as ended:
        code = ended.code
    except JourneymanError as error:
        return complain(error, as_json="--json" in arguments)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the interpreter flushes it once more at exit
        return BROKEN_PIPE
    return code if isinstance(code, int) else 0


def complain(error: JourneymanError, *, as_json: bool) -> int:
    """Say what is wrong and what mends it; returns the exit code."""
    if as_json:
        print_json({"error": {"kind": error.kind, "message": error.message, "hint": error.hint}})
    else:
        sys.stderr.write(f"Error: {error.message}\n{error.hint}\n")
    return error.exit_code


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def say(text: str) -> None:
    """A plain line for people."""
    sys.stdout.write(text + "\n")
