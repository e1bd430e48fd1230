"""Writes what `journeyman COMMAND --help` prints, so that help need not import a command: src/journeyman/cli/help/*.txt.

    python -m tools.help_texts

A test compares the files with the commands' own parameters.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from typer.testing import CliRunner

from journeyman.cli.main import COMMANDS, HELP


def main() -> None:
    HELP.mkdir(exist_ok=True)
    for name in COMMANDS:
        app = import_module(f"journeyman.cli.{name}_command").app
        shown = CliRunner().invoke(
            app, ["--help"], prog_name=f"journeyman {name}", terminal_width=100
        )
        Path(HELP / f"{name}.txt").write_text(shown.output, encoding="utf-8")


if __name__ == "__main__":
    main()
