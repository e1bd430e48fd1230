"""Real benchmark data as jobs. Read in place, from `$JOURNEYMAN_DATA` or `../shared/data`; nothing of it is copied.

Each `*_job` gives a Job with a fixed, seeded sample of cases where the set is large.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.lib.places import ROOT
from journeyman.environments import Functions, SingleTurn, Sql
from journeyman.job.job import Job
from journeyman.types import Budget, Case, Sampling
from journeyman.verifiers import Exact, FunctionCall, Number, SqlResult

SEED = 20261101


def folder() -> Path | None:
    """Where the data lies; None: it is not here."""
    found = Path(os.environ.get("JOURNEYMAN_DATA") or ROOT.parent / "shared" / "data")
    return found if (found / "README.md").exists() else None


# --- defog: text-to-SQL over six databases ---------------------------------------------------------------------

DEFOG_DATABASES = ("academic", "advising", "atis", "geography", "restaurants", "scholar")

ORDERED = re.compile(
    r"\b(order(ed)?|sort(ed)?|arranged?|ascending|descending|ranked)\b", re.IGNORECASE
)
"""A question with one of these asks for an order."""


def defog_job(data: Path, room: Path) -> Job:
    """The 160 questions whose database is given; the databases are rebuilt in `room`."""
    databases = {
        name: defog_database(data / "defog" / "db" / f"{name}.sql", room)
        for name in DEFOG_DATABASES
    }
    return Job(
        name="defog",
        environment=Sql(),
        verifiers=(SqlResult(),),
        cases=lambda: defog_cases(data / "defog" / "questions_gen_sqlite.csv", databases),
        instructions="You answer questions about a database with one SQLite query.\nReturn just the columns asked for.",
        budget=Budget(steps=5, tokens=40_000, seconds=300),
        sampling=Sampling(max_tokens=300),
        fingerprint="defog-1",
    )


def defog_cases(file: Path, databases: dict[str, Path]) -> Iterator[Case]:
    with file.open(encoding="utf-8", newline="") as opened:
        for n, row in enumerate(csv.DictReader(opened)):
            if row["db_name"] not in databases:
                continue
            hint = f"\n{row['instructions']}" if row["instructions"] else ""
            target = {
                "sql": [sql for sql in row["query"].split(";") if sql.strip()],
                "ordered": bool(ORDERED.search(row["question"])),
            }
            yield Case(
                id=f"{row['db_name']}-{n:03d}",
                prompt=row["question"] + hint,
                data={"database": str(databases[row["db_name"]])},
                target=target,
                slice=row["query_category"],
                split="exam",
            )


def defog_database(dump: Path, room: Path) -> Path:
    """A Postgres dump as an SQLite file: casts, schema names and SERIAL are rewritten."""
    room.mkdir(parents=True, exist_ok=True)
    file = room / f"{dump.stem}.sqlite"
    text = dump.read_text(encoding="utf-8")
    text = re.sub(
        r"::(?:character varying|double precision|timestamp without time zone|\w+)(?:\(\d+\))?(?:\[\])?",
        "",
        text,
    )
    text = re.sub(r"\bpublic\.", "", text)
    text = re.sub(r"\b(?:BIG)?SERIAL\b", "INTEGER", text, flags=re.IGNORECASE)
    text = re.sub(r"DEFAULT now\(\)", "DEFAULT CURRENT_TIMESTAMP", text, flags=re.IGNORECASE)
    text = re.sub(r"CURRENT_DATE - INTERVAL '(\d+ years)'", r"DATE('now', '-\1')", text)
    text = re.sub(
        r"^(?:SET|SELECT pg_catalog|COMMENT ON|ALTER TABLE ONLY)\b.*?;\s*$",
        "",
        text,
        flags=re.MULTILINE,
    )
    file.unlink(missing_ok=True)
    connection = sqlite3.connect(file)
    with connection:
        connection.executescript(text)
    connection.close()
    return file


# --- BFCL: function calling ------------------------------------------------------------------------------------

BFCL = ("simple_python", "multiple", "parallel", "irrelevance", "live_simple")


def bfcl_job(data: Path, *, per_category: int | None = 40) -> Job:
    """A seeded sample of each category; None: all."""
    return Job(
        name="bfcl",
        environment=Functions(),
        verifiers=(FunctionCall(),),
        cases=lambda: bfcl_cases(data / "bfcl", per_category),
        instructions="Call the functions that answer the question. If none fits, say so in words.",
        budget=Budget(steps=2, tokens=12_000, seconds=120),
        sampling=Sampling(max_tokens=400),
        fingerprint="bfcl-1",
    )


def bfcl_cases(folder: Path, per_category: int | None) -> Iterator[Case]:
    for category in BFCL:
        questions = _json_lines(folder / f"BFCL_v4_{category}.json")
        answers_file = folder / "possible_answer" / f"BFCL_v4_{category}.json"
        answers = (
            {row["id"]: row["ground_truth"] for row in _json_lines(answers_file)}
            if answers_file.exists()
            else {}
        )
        for row in sample(questions, per_category):
            prompt = "\n\n".join(message["content"] for turn in row["question"] for message in turn)
            functions = {"functions": row["function"]}
            target = answers.get(row["id"], [])
            yield Case(
                id=row["id"],
                prompt=prompt,
                data=functions,
                target=target,
                slice=category,
                split="exam",
            )


# --- CLINC150: intent triage, zero-shot ------------------------------------------------------------------------


def clinc_job(data: Path, *, cases: int = 150) -> Job:
    """The intent of a sentence, out of 150 whose names stand in the instructions."""
    whole = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    intents = sorted({label for _, label in whole["train"]})
    drawn = sample(list(enumerate(whole["test"])), cases)
    return Job(
        name="clinc150",
        environment=SingleTurn(),
        verifiers=(Exact(),),
        cases=lambda: (
            Case(id=f"test-{n:04d}", prompt=text, target=label, slice="test", split="exam")
            for n, (text, label) in drawn
        ),
        instructions="Reply with the intent of the user's sentence, one of:\n" + ", ".join(intents),
        budget=Budget(steps=1, tokens=8_000, seconds=60),
        sampling=Sampling(max_tokens=16, json_schema={"enum": intents}),
        fingerprint="clinc150-1",
    )


# --- GSM8K: grade-school maths ---------------------------------------------------------------------------------


def gsm8k_job(data: Path, *, cases: int = 60) -> Job:
    drawn = sample(list(enumerate(_json_lines(data / "gsm8k" / "test.jsonl"))), cases)
    return Job(
        name="gsm8k",
        environment=SingleTurn(),
        verifiers=(Number(),),
        cases=lambda: (
            Case(
                id=f"test-{n:04d}",
                prompt=row["question"],
                target=row["answer"],
                slice="test",
                split="exam",
            )
            for n, row in drawn
        ),
        instructions="Solve the problem in short steps. End with a line: #### and the number.",
        budget=Budget(steps=1, tokens=4_000, seconds=120),
        sampling=Sampling(max_tokens=400),
        fingerprint="gsm8k-1",
    )


def _json_lines(file: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def sample(items: list[Any], count: int | None) -> list[Any]:
    """A fixed draw, in the order of the set; None: everything."""
    if count is None or count >= len(items):
        return items
    chosen = sorted(random.Random(SEED).sample(range(len(items)), count))
    return [items[index] for index in chosen]
