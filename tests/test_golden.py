"""Stores that an earlier version wrote open today, give the same figures, and can be gone on with.

`tests/golden/v75b6322/` holds the stores and what the code of then said of them; `tests/golden/reading.py` asks today's
code the same.
"""

from __future__ import annotations

import functools
import json
import re
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.golden.desk import Ledger
from tests.golden.going_on import go_on, open_and_close
from tests.golden.reading import Near, differences, read_base, read_journal, read_store

FOLDER = Path(__file__).parent / "golden" / "v75b6322"
STORES = sorted(file.name.removesuffix(".tar.xz") for file in FOLDER.glob("*.tar.xz"))
BROUGHT_UP = ("decided-not", "changes-not", "postings-not", "memory-not")
"""Those of earlier commits, which opening brings up to date."""


def unpacked(name: str, folder: Path) -> Path:
    workspace = folder / name
    with tarfile.open(FOLDER / f"{name}.tar.xz") as archive:
        archive.extractall(workspace, filter="data")
    return workspace


@functools.cache
def expected(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def changed(name: str, workspace: Path) -> list[str]:
    """Every figure that is not what it was; where this machine reckons as the one then did, to the last digit kept."""
    wanted, found = dict(expected(name)), read_store(workspace)
    exactly = wanted.pop("arithmetic") == found.pop("arithmetic")
    return differences(wanted, found, exactly=exactly)


def contents(workspace: Path) -> dict[str, list[str]]:
    """All rows of all databases of a workspace, as SQL."""
    found: dict[str, list[str]] = {}
    for file in sorted(workspace.rglob("*.sqlite")):
        connection = sqlite3.connect(file)
        found[file.name] = list(connection.iterdump())
        connection.close()
    return found


def execute(file: Path, statement: str) -> int:
    connection = sqlite3.connect(file)
    try:
        with connection:
            return connection.execute(statement).rowcount
    finally:
        connection.close()


# --- the figures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORES)
def test_every_figure_is_what_it_was_and_opening_again_changes_nothing(
    name: str, tmp_path: Path
) -> None:
    workspace = unpacked(name, tmp_path)
    assert changed(name, workspace) == []
    once = contents(workspace)
    open_and_close(workspace)
    if name in BROUGHT_UP:
        assert changed(name, workspace) == []
    assert contents(workspace) == once


def test_the_stores_hold_all_that_is_to_be_kept() -> None:
    """What the generator is to cover is there: otherwise equal figures would say little."""
    runs = {run: told for name in STORES for run, told in expected(name)["runs"].items()}
    assert set(expected("desk")["runs"]["desk-1"]["metrics"]["stops"]) == {
        "answered", "failed", "in_doubt", "repeated", "silent", "steps", "tokens",
    }  # fmt: skip
    assert runs["desk-1"]["left_to_do"] == 7
    certificates = {run: told["autonomy"]["certificate"] for run, told in runs.items()}
    assert certificates["shelves-2"]["threshold"] is not None
    assert certificates["storms-1"]["epoch"] == 2
    assert runs["shelves-2"]["metrics"]["trust"]["delivered"]["count"] > 20
    assert len(runs["shelves-2"]["autonomy"]["waiting_for_label"]) > 0
    assert "backtest" in runs["shelves-1"]
    kinds = {
        change["kind"] for job in expected("learning")["jobs"].values() for change in job["changes"]
    }
    assert kinds == {"proposed", "examined", "promoted", "rolled_back", "unlearned"}
    lessons = [
        one for job in expected("learning")["jobs"].values() for one in job["memory"]["lessons"]
    ]
    assert {one["kind"] for one in lessons} == {"correction", "demonstration"}
    assert any(one["retired"] for one in lessons)
    assert any(one["uses"][0] > one["uses"][1] > 0 for one in lessons)
    base = expected("knowledge")["knowledge"]["handbook"]
    assert base["claims"][""]
    assert base["community_reports"][""][0][3] == "The harbour"
    assert base["stats"]["failed"] == 1
    assert base["searches"]["basic | board | 青山书店在哪里"]


def test_no_store_names_a_place_of_the_machine_that_made_it(tmp_path: Path) -> None:
    foreign = re.compile(rb"/(work|tmp|root|home|Users|opt|var|mnt)/")
    for name in STORES:
        texts = [
            file.read_bytes() for file in unpacked(name, tmp_path).rglob("*") if file.is_file()
        ]
        texts.append((FOLDER / f"{name}.json").read_bytes())
        assert not any(foreign.search(text) for text in texts), name


# --- a difference is noticed -----------------------------------------------------------------------------------

FIRST = "UPDATE events SET {} WHERE id = (SELECT min(id) FROM events WHERE {})"
BASE = "knowledge/older.sqlite"
TAMPERED = {
    "a token more": FIRST.format(
        "body = replace(body, 'completion_tokens\":2', 'completion_tokens\":3')",
        "body LIKE '%completion_tokens\":2%'",
    ),
    "an answer": FIRST.format(
        "body = replace(body, '\"1 1\"', '\"1 2\"')", "kind = 'finished' AND body LIKE '%\"1 1\"%'"
    ),
    "a label less": "DELETE FROM events WHERE id = (SELECT max(id) FROM events WHERE kind = 'labelled')",
    "a score": FIRST.format(
        "body = replace(body, '\"value\":1.0', '\"value\":0.0')",
        "kind = 'scored' AND body LIKE '%\"value\":1.0%'",
    ),
    "a moment": FIRST.format("at = at + 1e-6", "kind = 'closed'"),
    "a log-probability": FIRST.format("packed = NULL", "packed IS NOT NULL"),
    "a case to do": "INSERT INTO pending (run_id, seq, case_id, attempt) VALUES ('say-1', 0, 'c000', 2)",
    "a setting": "UPDATE runs SET spec = replace(spec, 'allowed_error\":0.1', 'allowed_error\":0.2')",
    "a title": "UPDATE passages SET body = replace(body, 'Old papers', 'New papers') WHERE place = 1",
    "who may see it": "UPDATE scopes SET labels = '[\"staff\"]' WHERE labels LIKE '%board%'",
}
"""Statements that change one row each."""


@pytest.mark.parametrize("what", TAMPERED)
def test_a_changed_row_is_noticed(what: str, tmp_path: Path) -> None:
    """One row of a store is changed behind the reader's back."""
    workspace = unpacked("postings-not", tmp_path)
    file = BASE if what in {"a title", "who may see it"} else "journal.sqlite"
    assert execute(workspace / file, TAMPERED[what]) == 1
    if file == "journal.sqlite":
        wanted = {
            name: part
            for name, part in expected("postings-not").items()
            if name not in {"arithmetic", "knowledge"}
        }
        found = read_journal(workspace)
    else:
        wanted, found = expected("postings-not")["knowledge"]["older"], read_base(workspace / file)
    assert differences(wanted, found, exactly=False) != []


def test_every_changed_figure_is_told_with_its_place() -> None:
    wanted = {"a": [1, 2.5, None], "b": {"c": True}, "d": "x"}
    assert differences(wanted, json.loads(json.dumps(wanted))) == []
    assert differences(wanted, {"a": [1, 2.5000000001, None], "b": {"c": True}, "d": "x"}) == [
        "/a[1]: 2.5, now 2.5000000001"
    ]
    assert differences(wanted, {"a": [1, 2.5], "b": {"c": 1}, "e": 0}) == [
        "/a: 3 rows, now 2", "/b/c: True, now 1", "/d: missing", "/e: new",
    ]  # fmt: skip
    assert differences([None], [0]) == ["[0]: None, now 0"]
    assert differences([0.5], [Near(0.5001, 1e-3)], exactly=False) == []
    assert differences([0.5], [Near(0.5001, 1e-3)]) == ["[0]: 0.5, now 0.5001"]
    assert differences([0.5], [Near(0.502, 1e-3)], exactly=False) == ["[0]: 0.5, now 0.502"]
    assert differences([0.5], [0.5001], exactly=False) == ["[0]: 0.5, now 0.5001"]
    assert differences([0], [0.0]) == []


# --- going on --------------------------------------------------------------------------------------------------


def test_half_done_cases_are_gone_on_with_and_nothing_is_asked_or_done_twice(
    tmp_path: Path,
) -> None:
    workspace = unpacked("desk", tmp_path)
    ledger = Ledger(booked={"D-43"})  # the world outside: D-43 was booked before the crash
    asked = go_on(workspace, "desk-1", ledger)
    assert asked == {"D-11": 3, "D-40": 1, "D-42": 3, "D-43": 2, "D-45": 5}
    done = [
        deed for deed in ledger.deeds if deed[0] != "look"
    ]  # that one is pure: it is done again to rebuild
    assert done == [
        ("note", "D-11-1"), ("book", "D-11"), ("pay", "D-11"),
        ("note", "D-42-1"), ("book", "D-42"), ("pay", "D-42"),
        ("pay", "D-43"),
        ("note", "D-45-1"), ("book", "D-45"), ("pay", "D-45"),
    ]  # fmt: skip
    found = json.loads(json.dumps(read_journal(workspace)["runs"]["desk-1"]))
    assert found["left_to_do"] == 0
    cases = {case["id"]: case for case in found["cases"]}
    was = {case["id"]: case for case in expected("desk")["runs"]["desk-1"]["cases"]}
    going = {name for name, case in was.items() if not case["closed"]}
    assert going == {"d-11", "d-40", "d-41", "d-42", "d-43", "d-44", "d-45"}
    assert {name: case for name, case in cases.items() if name not in going} == {
        name: case for name, case in was.items() if name not in going
    }
    assert {name: cases[name]["correct"] for name in sorted(going)} == {
        name: None if name == "d-41" else True for name in sorted(going)
    }
    assert cases["d-41"]["trajectory"]["stop"] == "in_doubt"
    assert cases["d-44"]["trajectory"] == was["d-44"]["trajectory"]
    assert cases["d-11"]["earlier_attempts"] == was["d-11"]["earlier_attempts"]
    rows = [
        dict(zip(found["decisions"]["columns"], row, strict=True))
        for row in found["decisions"]["rows"]
    ]
    assert [row["case"] for row in rows[-7:]] == sorted(going)
    assert all(row["probability"] == row["probability_again"] for row in rows[-7:])
    assert all(row["settled"] == row["settled_again"] for row in rows)
