"""The `journeyman` command: help, and on to the subcommand, whose module is imported only when it is called.

Help must be instant, so that this module imports nothing but the standard library.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from pathlib import Path

COMMANDS = {
    "new": "Make a job's folder to start from.",
    "check": "Prove a job without a model: the reference answers score 1, silence and nonsense 0.",
    "work": "Work a job's cases with a model. Run it again to go on where it stopped.",
    "backtest": "Work a labelled history, and say what the worker may do alone from day one.",
    "review": "Review what was escalated or drawn for an audit: accept, edit or reject with one key each.",
    "stop": "Stop a job's workers from delivering: everything is escalated from the next decision on.",
    "emit": "Emit an event: the cases that wait for it go on.",
    "learn": "Learn from judged cases: propose a new version, and examine it against the champion on sealed cases.",
    "exam": "Examine a version against the champion on sealed cases.",
    "versions": "List a worker's versions, what their exams said, and which one works now.",
    "diff": "Show what differs between two versions.",
    "rollback": "Let an earlier version work again.",
    "memory": "List what a job's workers remember, with what each lesson has proved to be worth.",
    "playbook": "Write out a worker's rules as an Agent Skill, or read an edited one as a new version.",
    "unlearn": "Take a source out of everything that was learned.",
    "ask": "Ask documents a question; every sentence of the answer names the passage that it stands in.",
    "knowledge": "Keep a base of documents: add, remove, search, show, stats.",
    "show": "Show a case's run step by step, or list the cases of a run.",
    "report": "Write a report of a run: HTML, CSV and PNG.",
    "gym": "List, check and use generated tasks: puzzles, text worlds, experiments, grids.",
    "models": "List, fetch and verify the models that can be embedded.",
    "doctor": "Look whether this machine has what is needed.",
    "version": "Print the version.",
}
"""Every subcommand, in the order of the help; each is `app` in `journeyman.cli.NAME_command`."""

USAGE_ERROR = 2

HELP = Path(__file__).parent / "help"
"""Each subcommand's help as `tools/help_texts.py` writes it: importing the command would take half a second."""


def help_text() -> str:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
    return (
        "Usage: journeyman COMMAND [OPTIONS] ...\n\n"
        "AI workers that learn on the job and know when they are right.\n\n"
        f"Commands:\n{listed}\n\n"
        "`journeyman COMMAND --help` tells more. Exit codes: 0 done, 1 a fault of ours or something not proved,\n"
        "2 a mistake in what was given, 3 the workspace, 4 the model, 130 stopped by Ctrl-C.\n"
    )


def run() -> None:
    """The entry point."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in {"--help", "-h", "help"}:
        sys.stdout.write(help_text())
        return
    name = "version" if name == "--version" else name
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "`journeyman --help` lists all."
        sys.stderr.write(f"Error: there is no command {name!r}.\n{hint}\n")
        sys.exit(USAGE_ERROR)
    if "--help" in sys.argv[2:]:
        sys.stdout.write((HELP / f"{name}.txt").read_text(encoding="utf-8"))
        return
    terminal = importlib.import_module("journeyman.cli.terminal")
    command = importlib.import_module(f"journeyman.cli.{name}_command")
    sys.exit(terminal.run_command(command.app, name, sys.argv[2:]))
