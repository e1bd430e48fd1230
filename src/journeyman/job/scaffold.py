"""The files of a new job: small, complete, and passing `check` as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from journeyman.errors import InputError
from journeyman.gym import family_of

CASES: dict[str, list[dict[str, Any]]] = {
    "single_turn": [
        {
            "prompt": "Where is order A-17? It should have come on Monday.",
            "target": "delivery",
            "slice": "plain",
        },
        {"prompt": "You charged me twice this month.", "target": "billing", "slice": "plain"},
        {"prompt": "我想退掉上周买的鞋子。", "target": "returns", "slice": "chinese"},
    ],
    "tools": [
        {"prompt": "How many pieces of A-17 are in stock?", "target": "4", "slice": "lookup"},
        {"prompt": "How many pieces of B-20 are in stock?", "target": "0", "slice": "lookup"},
        {
            "prompt": "How many pieces of A-17 and B-20 are in stock together?",
            "target": "4",
            "slice": "sum",
        },
    ],
    "sql": [
        {
            "prompt": "How many books are there?",
            "target": {"sql": "SELECT COUNT(*) FROM books"},
            "slice": "count",
        },
        {
            "prompt": "Which book is the oldest? Give its title.",
            "target": {"sql": "SELECT title FROM books ORDER BY year LIMIT 1"},
            "slice": "order",
        },
        {
            "prompt": "How many books came out after 1960?",
            "target": {"sql": "SELECT COUNT(*) FROM books WHERE year > 1960"},
            "slice": "filter",
        },
    ],
}

INSTRUCTIONS = {
    "single_turn": "You sort a shop's mail. Reply with one word: delivery, billing or returns.\n",
    "tools": "You answer questions about the stock. Look numbers up with the tool. Reply with the number alone.\n",
    "sql": "You answer questions about a library with one SQL query.\n",
}

ENVIRONMENT = {
    "single_turn": 'kind = "single_turn"',
    "tools": 'kind = "tools"\nfunctions = ["stock"]        # defined in job.py',
    "sql": 'kind = "sql"\ndatabase = "library.sqlite"  # made by prepare() in job.py',
}

VERIFIER = {
    "single_turn": 'kind = "exact"',
    "tools": 'kind = "number"',
    "sql": 'kind = "sql_result"',
}

CODE = {
    "tools": '''"""The job's tools: plain functions; types and docstring are what the model sees."""

STOCK = {"A-17": 4, "B-20": 0}


def stock(number: str) -> int:
    """How many pieces of an article are in stock.

    Args:
        number: The article's number, such as A-17.
    """
    return STOCK[number]
''',
    "sql": '''"""Makes the job's database."""

import sqlite3
from pathlib import Path


def prepare(data: Path) -> None:
    """Called with the folder that the database is to be put in."""
    file = data / "library.sqlite"
    file.unlink(missing_ok=True)
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE books (title TEXT, year INTEGER)")
        connection.executemany("INSERT INTO books VALUES (?, ?)", [("红楼梦", 1791), ("Dune", 1965), ("Emma", 1815)])
    connection.close()
''',
}

KINDS = tuple(CASES)


def files_for(kind: str, name: str) -> dict[str, str]:
    """Name and text of each file of a new job. Raises InputError for an unknown kind."""
    if kind not in KINDS:
        raise InputError(f"There is no kind {kind!r}.", f"It is one of: {', '.join(KINDS)}.")
    job = re.sub(r"[^A-Za-z0-9_\\-]+", "-", name).strip("-") or "job"
    settings = f"""\
name = "{job}"
description = "What this role does, in one sentence."
instructions = "instructions.md"
allowed_error = 0.10         # the share of wrong answers allowed among those delivered

[cases]
file = "cases.jsonl"

[environment]
{ENVIRONMENT[kind]}

[[verifier]]
{VERIFIER[kind]}

[budget]
steps = 6
tokens = 16000
seconds = 120
"""
    files = {
        "job.toml": settings,
        "instructions.md": INSTRUCTIONS[kind],
        "cases.jsonl": _cases_file(kind),
    }
    if kind in CODE:
        files["job.py"] = CODE[kind]
    return files


def _cases_file(kind: str) -> str:
    lines: list[str] = []
    for number, case in enumerate(CASES[kind], start=1):
        row = {"id": f"case-{number}", **case}
        line = json.dumps(row, ensure_ascii=False)
        lines.append(f"{line}\n")
    return "".join(lines)


PUZZLES = """\
You solve puzzles. Think in a few short lines where you need to.
Then write `Answer:` and after it the answer alone, without words or units.
"""
GAMES = """\
You play games by text commands. Mind the goal, explore what you have not seen, and don't repeat what changed nothing.
"""

EACH = {"textworld": 20, "scienceworld": 10}
"""Cases of every task, where the others have 100: TextWorld takes seconds to make one, ScienceWorld has few."""


def _is_puzzle(task: str) -> bool:
    family, _ = family_of(task)
    return family.is_puzzle


def gym_files(tasks: Sequence[str]) -> dict[str, str]:
    """Name and text of each file of a job over generated tasks. Raises InputError for a name that is no FAMILY:TASK."""
    games = not all(map(_is_puzzle, tasks))
    name = re.sub(r"[^A-Za-z0-9_]+", "-", "-".join(tasks))
    job = name[:64].strip("-")
    kind, _, _ = tasks[0].partition(":")
    settings = f"""\
name = "{job}"
description = "Generated tasks."
instructions = "instructions.md"
allowed_error = 0.10

[cases]
gym = {json.dumps(list(tasks))}
each = {EACH.get(kind, 100)}
first_seed = 0

[environment]
kind = "gym"

[[verifier]]
kind = "gym"

[budget]
steps = {60 if games else 1}
tokens = {200_000 if games else 6_000}
seconds = {1_200 if games else 300}

[sampling]
max_tokens = {96 if games else 512}
"""
    return {"job.toml": settings, "instructions.md": GAMES if games else PUZZLES}
