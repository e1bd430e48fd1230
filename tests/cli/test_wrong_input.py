"""What users get wrong, and what their machines do: a clear error with the value and the mend, and nothing lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from journeyman.store.journal import open_journal
from tests.cli.commands import Cli, endpoint, hands_in, library, said, sorts_mail
from tests.loopback import Answer, as_json, free_port

TOML = """\
name = "job"
[environment]
kind = "single_turn"
[[verifier]]
kind = "exact"
[cases]
file = "cases.jsonl"
"""
CASE = '{"prompt": "p", "target": "t"}\n'


def job(folder: Path, toml: str = TOML, cases: str | bytes = CASE, **files: str) -> Path:
    """A job's folder with these files."""
    folder.mkdir(exist_ok=True)
    (folder / "job.toml").write_text(toml, encoding="utf-8")
    (folder / "cases.jsonl").write_bytes(cases if isinstance(cases, bytes) else cases.encode())
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


Arguments = tuple[object, ...]


def with_toml(*changes: tuple[str, str]) -> Callable[[Path], Arguments]:
    def make(here: Path) -> Arguments:
        toml = TOML
        for old, new in changes:
            toml = toml.replace(old, new)
        return ("check", job(here / "job", toml))

    return make


def with_cases(cases: str | bytes, name: str = "c.jsonl") -> Callable[[Path], Arguments]:
    def make(here: Path) -> Arguments:
        (here / name).write_bytes(cases if isinstance(cases, bytes) else cases.encode())
        return ("work", job(here / "job"), "--cases", name, "--model", "http://127.0.0.1:9/v1#m")

    return make


def with_code(code: str, *changes: tuple[str, str]) -> Callable[[Path], Arguments]:
    def make(here: Path) -> Arguments:
        arguments = with_toml(*changes)(here)
        (here / "job" / "job.py").write_text(code)
        return arguments

    return make


def simply(*arguments: object) -> Callable[[Path], Arguments]:
    return lambda _: arguments


SQL = ('kind = "single_turn"', 'kind = "sql"\ndatabase = "d.sqlite"')
TOOLS = ('kind = "single_turn"', 'kind = "tools"\nfunctions = ["f"]')

GIVEN: dict[str, tuple[Callable[[Path], Arguments], str]] = {
    "unknown command": (simply("wrok"), "Did you mean 'work'?"),
    "unknown option": (simply("work", "analyst", "--modle", "x"), "--modle"),
    "missing argument": (simply("check"), "Missing argument"),
    "no such job": (simply("check", "nojob"), "There is no job 'nojob'"),
    "folder without a job": (simply("check", "."), "has no job.toml"),
    "bad TOML": (with_toml(('name = "job"', "name = ")), "is not TOML"),
    "TOML that is no UTF-8": (
        lambda here: (
            job(here / "job"),
            (here / "job/job.toml").write_bytes(b'name = "\xff"'),
            ("check", "job"),
        )[2],
        "is not TOML",
    ),
    "unknown key": (
        with_toml(('name = "job"', 'name = "job"\ncolour = 1')),
        "unknown key 'colour'",
    ),
    "missing key": (with_toml(('name = "job"\n', "")), "'name'"),
    "unknown environment": (with_toml(("single_turn", "browser")), "'environment'"),
    "unknown verifier": (with_toml(("exact", "vibes")), "'verifier.0'"),
    "error out of range": (
        with_toml(('name = "job"', 'name = "job"\nallowed_error = 7')),
        "allowed_error",
    ),
    "budget of nothing": (
        lambda here: ("check", job(here / "job", TOML + "[budget]\nsteps = 0\n")),
        "budget.steps",
    ),
    "missing instructions": (
        with_toml(('name = "job"', 'name = "job"\ninstructions = "gone.md"')),
        "gone.md",
    ),
    "missing case file": (with_toml(("cases.jsonl", "gone.jsonl")), "gone.jsonl"),
    "missing database": (with_toml(SQL), "d.sqlite"),
    "missing schema": (
        lambda here: ("check", job(here / "job", TOML + '[sampling]\njson_schema = "s.json"\n')),
        "s.json",
    ),
    "schema that is no JSON": (
        lambda here: (
            "check",
            job(here / "job", TOML + '[sampling]\njson_schema = "s.json"\n', s_json="{"),
        ),
        "s.json",
    ),
    "code that does not run": (with_code("1 / 0"), "ZeroDivisionError"),
    "code that is no Python": (with_code("def"), "job.py does not run"),
    "prepare that breaks": (
        with_code("def prepare(data):\n    raise ValueError('no luck')"),
        "no luck",
    ),
    "cases() that breaks": (
        with_code(
            "def cases():\n    raise ValueError('no cases')",
            ('[cases]\nfile = "cases.jsonl"\n', ""),
        ),
        "no cases",
    ),
    "missing function": (with_code("g = 1", TOOLS), "'f'"),
    "database for another kind": (
        lambda here: ("check", job(here / "job"), "--database", "x"),
        "--database",
    ),
    "user's database missing": (
        simply("check", "analyst", "--database", "gone.sqlite"),
        "gone.sqlite",
    ),
    "user's database is a picture": (
        lambda here: (
            (here / "p.sqlite").write_bytes(b"\x89PNG" + bytes(500)),
            ("check", "analyst", "--database", "p.sqlite"),
        )[1],
        "not an SQLite database",
    ),
    "cases missing": (simply("work", "analyst", "--cases", "gone.jsonl"), "gone.jsonl"),
    "cases of another kind": (with_cases("x", "c.xlsx"), "neither .jsonl nor .csv"),
    "cases that are no JSON": (with_cases(CASE + "{oops\n"), "line 2: not JSON"),
    "a case that is no object": (with_cases("[1]\n"), "line 1: not an object"),
    "a case without a prompt": (with_cases('{"target": 1}\n'), "'prompt'"),
    "a case with an unknown field": (
        with_cases('{"prompt": "p", "answer": 1}\n'),
        "unknown field 'answer'",
    ),
    "a case with an unknown split": (with_cases('{"prompt": "p", "split": "test"}\n'), "'split'"),
    "a row of nine million characters": (
        with_cases('{"prompt": "' + "x" * 9_000_000 + '"}\n'),
        "line 1: longer than",
    ),
    "cases that are no UTF-8": (with_cases('{"prompt": "书"}\n'.encode("gbk")), "not UTF-8"),
    "a binary file as cases": (with_cases(bytes(range(256)) * 9), "c.jsonl"),
    "a CSV with too many cells": (with_cases("prompt,target\na,b,c\n", "c.csv"), "more cells"),
    "two cases of one id": (
        with_cases('{"id": "a", "prompt": "p"}\n{"id": "a", "prompt": "q"}\n'),
        "'a' is already in this run",
    ),
    "no cases at all": (with_cases("\n\n"), "no cases to work"),
    "an unknown split": (simply("work", "analyst", "--split", "test"), "no split 'test'"),
    "a limit of nothing": (simply("work", "analyst", "--limit", "0"), "--limit"),
    "unknown model": (simply("work", "analyst", "--model", "gpt-9"), "There is no model 'gpt-9'"),
    "endpoint without a model": (
        simply("work", "analyst", "--model", "http://127.0.0.1:9/v1"),
        "URL#MODEL",
    ),
    "model file missing": (simply("work", "analyst", "--model", "gone.gguf"), "gone.gguf"),
    "unknown model to fetch": (simply("models", "fetch", "gpt-9"), "gpt-9"),
    "unknown action": (simply("models", "eat"), "eat"),
    "no journal to show": (simply("show"), "There is no journal"),
    "no journal to report": (simply("report", "--workspace", "elsewhere"), "elsewhere"),
    "folder not empty": (lambda here: (job(here / "full"), ("new", "full"))[1], "not empty"),
    "unknown kind of job": (simply("new", "x", "--kind", "magic"), "magic"),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_users_mistake_is_told_and_ends_with_2(cli: Cli, tmp_path: Path, name: str) -> None:
    make, said_of_it = GIVEN[name]
    ended = cli(*make(tmp_path))
    assert said_of_it in ended.err
    assert ended.code == 2
    assert "Traceback" not in ended.err + ended.out


def test_a_mistake_is_json_where_json_is_asked_for(cli: Cli) -> None:
    ended = cli("check", "nojob", "--json")
    assert ended.code == 2
    assert ended.json["error"]["kind"] == "input"
    assert ended.json["error"]["hint"]


def test_unknown_runs_and_cases_are_named_with_what_there_is(cli: Cli) -> None:
    cli("new", "mail")
    with endpoint(sorts_mail) as model:
        cli("work", "mail", "--model", model)
    assert "no run 'x'" in cli("show", "--run", "x").err
    assert "mail-1" in cli("report", "x").err
    assert "no case 'y'" in cli("show", "y").err


def test_a_verifier_that_is_wrong_fails_the_check(cli: Cli, tmp_path: Path) -> None:
    toml = TOML.replace('kind = "exact"', 'kind = "python"\nfunction = "f"')
    ended = cli(
        "check", job(tmp_path / "job", toml, job_py="def f(case, answer):\n    return True\n")
    )
    assert ended.code == 1
    assert "gives silence 1, not 0" in ended.out


# --- the model -------------------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Answer, str]] = {
    "401": (as_json({"error": {"message": "bad key"}}, status=401), "model_refused"),
    "404": (as_json({"error": {"message": "no such model"}}, status=404), "model_refused"),
    "429 for long": (as_json({"error": "slow"}, status=429, retry_after="999"), "model_busy"),
    "invalid JSON": (Answer(body=b"<html>"), "model_reply"),
    "cut": (Answer(body=b'{"choices": [', promise=999), "model_reply"),
    "too long": (
        as_json({"error": {"message": "maximum context length is 9"}}, status=400),
        "context_overflow",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_models_fault_is_a_typed_failure_of_the_case(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("journeyman.models.endpoint.LONGEST_WAIT_SECONDS", 0.01)
    answer, kind = FAULTS[name]
    cli("new", "mail")
    with endpoint(lambda _: answer) as model:
        ended = cli("work", "mail", "--model", model, "--json")
    assert ended.code == 0
    assert [(one["failure"]["kind"], one["count"]) for one in ended.json["failures"]] == [(kind, 3)]
    assert all(one["failure"]["hint"] for one in ended.json["failures"])
    assert ended.json["closed"] == 3


def test_an_endpoint_that_is_down(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journeyman.models.endpoint.LONGEST_WAIT_SECONDS", 0.01)
    cli("new", "mail")
    ended = cli("work", "mail", "--model", f"http://127.0.0.1:{free_port()}/v1#m")
    assert "3 × model_unreachable" in ended.out
    assert "No connection" in ended.out


@pytest.mark.parametrize(
    ("sql", "said_of_it"),
    [
        ("DELETE FROM books", "only reading is allowed"),
        (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT COUNT(*) FROM n",
            "longer than",
        ),
        ("SELECT * FROM nowhere", "no such table"),
    ],
)
def test_a_query_that_writes_or_never_ends_is_told_to_the_worker(
    cli: Cli, tmp_path: Path, sql: str, said_of_it: str
) -> None:
    folder = tmp_path / "lib"
    cli("new", folder, "--kind", "sql")
    settings = (folder / "job.toml").read_text()
    limited = settings.replace("[[verifier]]", "limits = {seconds = 0.2}\n\n[[verifier]]").replace(
        "steps = 6", "steps = 2"
    )
    (folder / "job.toml").write_text(limited)
    library(tmp_path / "d.sqlite")
    before = (tmp_path / "d.sqlite").read_bytes()
    with endpoint(hands_in(sql)) as model:
        ended = cli("work", folder, "--database", "d.sqlite", "--limit", 1, "--model", model)
    assert ended.code == 0
    assert said_of_it in cli("show", "case-1").out.replace("\n", " ")
    assert (tmp_path / "d.sqlite").read_bytes() == before


# --- the workspace ---------------------------------------------------------------------------------------------


def test_a_store_of_a_newer_version_is_refused_untouched(cli: Cli, tmp_path: Path) -> None:
    cli("new", "mail")
    with endpoint(sorts_mail) as model:
        cli("work", "mail", "--model", model)
    path = tmp_path / ".journeyman" / "journal.sqlite"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO migrations VALUES ('999_future', 0)")
    connection.close()
    ended = cli("show")
    assert ended.code == 3
    assert "newer version" in ended.err
    assert "999_future" in ended.err


@pytest.mark.parametrize("data", [b"\x00" * 5000, b"not a database at all, " * 300])
def test_a_journal_that_is_none(cli: Cli, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "journal.sqlite").write_bytes(data)
    ended = cli("show", "--workspace", "w")
    assert ended.code == 3
    assert "Restore it" in ended.err or "damaged" in ended.err
    assert (tmp_path / "w" / "journal.sqlite").read_bytes() == data


def test_somebody_elses_database_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    library(tmp_path / "w" / "journal.sqlite")
    ended = cli("show", "--workspace", "w")
    assert ended.code == 3
    assert "not a journal's: books" in ended.err


@pytest.mark.slow
def test_a_locked_store_is_told(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("new", "mail")
    with endpoint(sorts_mail) as model:
        cli("work", "mail", "--model", model)
        monkeypatch.setattr("journeyman.store.connect.BUSY_SECONDS", 0.2)
        connection = sqlite3.connect(
            tmp_path / ".journeyman" / "journal.sqlite", isolation_level=None
        )
        connection.execute("BEGIN IMMEDIATE")
        ended = cli("work", "mail", "--model", model)
        connection.execute("ROLLBACK")
        connection.close()
        assert ended.code == 3
        assert "locked" in ended.err
        assert cli("work", "mail", "--model", model).code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir(mode=0o500)
    cli("new", "mail")
    assert cli("work", "mail", "--workspace", "w", "--model", "http://127.0.0.1:9/v1#m").code == 3


def test_a_workspace_that_is_a_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "w").write_text("x")
    cli("new", "mail")
    ended = cli("work", "mail", "--workspace", "w", "--model", "http://127.0.0.1:9/v1#m")
    assert ended.code in {2, 3}
    assert "'w'" in ended.err


@pytest.mark.slow
def test_a_full_disk_stops_the_work_and_loses_nothing(cli: Cli, tmp_path: Path) -> None:
    room = tmp_path / "small"
    room.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(room)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("a small tmpfs can't be mounted here")
    try:
        long = "x" * 1500
        cases = "".join(f'{{"id": "c{n}", "prompt": "{long}", "target": "t"}}\n' for n in range(80))
        folder = job(tmp_path / "job", cases=cases)
        with endpoint(lambda _: said("y" * 1900)) as model:
            ended = cli("work", folder, "--workspace", room / "w", "--model", model)
            assert ended.code == 3
            assert "full" in ended.err
            assert "Free some space" in ended.err
            with open_journal(room / "w") as journal:
                assert journal.check() == "ok"
            subprocess.run(["mount", "-o", "remount,size=20m", str(room)], check=True)
            rest = cli("work", folder, "--workspace", room / "w", "--model", model, "--json")
        assert (rest.code, rest.json["closed"]) == (0, 80)
    finally:
        subprocess.run(["umount", str(room)], check=True)


def test_a_wrong_model_file_is_deleted_and_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNEYMAN_HOME", str(tmp_path))
    missing = cli("models", "verify", "smollm2-135m")
    assert missing.code == 4
    assert "not there" in missing.err
    file = tmp_path / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    file.parent.mkdir()
    file.write_bytes(b"GGUF wrong")
    ended = cli("models", "verify", "smollm2-135m")
    assert ended.code == 4
    assert "was deleted" in ended.err
    assert not file.exists()


def test_a_file_that_is_no_model(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the embedded engine is an optional extra")
    cli("new", "mail")
    (tmp_path / "picture.gguf").write_bytes(b"\x89PNG" * 99)
    ended = cli("work", "mail", "--model", "picture.gguf")
    assert ended.code == 4
    assert "no GGUF model file" in ended.err


def test_no_traceback_even_without_the_embedded_engine(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(99))
    hide = "import sys; sys.modules['xllamacpp'] = None; sys.argv[1:] = 'work clerk --model m.gguf'.split()\n"
    code = hide + "from journeyman.cli.main import run; run()"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "pip install 'journeyman[local]'" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
