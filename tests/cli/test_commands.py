"""What a user does from a shell, start to end."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
import typer

from journeyman.cli.main import COMMANDS
from journeyman.cli.text import duration, shorten
from tests.cli.commands import Cli, endpoint, hands_in, library, said, sorts_mail


def test_a_new_job_is_proved_worked_shown_and_reported(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "mail").code == 0
    proved = cli("check", "mail")
    assert proved.code == 0
    assert "3 cases, 3 proved" in proved.out
    with endpoint(sorts_mail) as model:
        worked = cli("work", "mail", "--model", model)
        again = cli("work", "mail", "--model", model, "--json")
    assert worked.code == 0
    assert "2/3 right" in worked.out
    assert "Report: " in worked.out
    assert again.json["correct"]["count"] == 2
    assert again.json["model_calls"] == 3  # nothing was done twice
    listed = cli("show")
    assert "case-3" in listed.out
    shown = cli("show", "case-3")
    assert "我想退掉上周买的鞋子。" in shown.out
    assert "target:  returns" in shown.out
    assert cli("show", "case-3", "--json").json["outcome"]["trajectory"]["answer"] == "delivery"
    reported = cli("report", "--json")
    page = Path(reported.json["files"]["html"]).read_text(encoding="utf-8")
    assert "<svg" in page
    assert "2 of 3 judged" in page
    text = Path(reported.json["files"]["csv"][1]).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["correct"] for row in rows] == ["True", "True", "False"]


@pytest.mark.parametrize("kind", ["single_turn", "tools", "sql"])
def test_each_kind_of_new_job_is_proved_as_it_stands(cli: Cli, kind: str) -> None:
    assert cli("new", "工作", "--kind", kind).code == 0
    ended = cli("check", "工作", "--json")
    assert (ended.code, ended.json["proved"], ended.json["findings"]) == (0, 3, [])


def test_the_users_own_database_and_cases_without_targets(cli: Cli, tmp_path: Path) -> None:
    library(tmp_path / "theirs.sqlite")
    (tmp_path / "theirs.jsonl").write_text(
        '{"prompt": "How many books?"}\n{"prompt": "哪本书最老？"}\n', encoding="utf-8"
    )
    with endpoint(hands_in("SELECT COUNT(*) FROM books")) as model:
        ended = cli(
            "work",
            "analyst",
            "--database",
            "theirs.sqlite",
            "--cases",
            "theirs.jsonl",
            "--model",
            model,
        )
    assert ended.code == 0
    assert "Nothing was scored: no case has a target." in ended.out
    assert "line-1" in cli("show").out
    assert "books" in cli("show", "line-1").out
    assert (
        "Nothing was scored"
        in Path("..", tmp_path, ".journeyman/reports/analyst-1/report.html").read_text()
    )


def test_a_split_and_a_limit_choose_cases(cli: Cli) -> None:
    with endpoint(lambda _: said('{"request": "order"}')) as model:
        ended = cli("work", "clerk", "--split", "exam", "--limit", 3, "--model", model, "--json")
    assert ended.json["cases"] == 3
    assert [row["slice"] for row in ended.json["splits"]] == ["exam"]


def test_a_failed_case_does_not_stop_the_stream_and_can_be_tried_again(cli: Cli) -> None:
    cli("new", "mail")
    broken = True
    asked: list[str] = []

    def script(request: object) -> object:
        text = request.json["messages"][-1]["content"]  # type: ignore[attr-defined]
        asked.append(text)
        if broken and "charged" in text:
            return said("").__class__(status=404, body=b'{"error": {"message": "gone"}}')
        return said("delivery")

    with endpoint(script) as model:  # type: ignore[arg-type]
        first = cli("work", "mail", "--model", model)
        assert first.code == 0
        assert "1 × model_refused" in first.out
        assert "case-2" in cli("show", "--open").out
        assert "case-1" not in cli("show", "--open").out
        broken = False
        count = len(asked)
        second = cli("work", "mail", "--model", model, "--retry-failed", "--json")
    assert len(asked) == count + 1
    assert second.json["failures"] == []
    assert second.json["closed"] == 3


@pytest.mark.slow
def test_ctrl_c_stops_at_the_next_step_and_the_rest_is_done_later(cli: Cli, tmp_path: Path) -> None:
    cli("new", "mail")
    with endpoint(
        lambda _: said("delivery").__class__(
            200, said("delivery").body, said("delivery").headers, wait=0.4
        )
    ) as model:
        command = [
            sys.executable,
            "-m",
            "journeyman",
            "work",
            "mail",
            "--model",
            model,
            "--at-once",
            "1",
        ]
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert "works 3 cases" in process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        assert "Stopping at the next step" in out
        done = cli("report", "--json").json["closed"]
        assert done < 3
        rest = cli("work", "mail", "--model", model, "--json")
    assert (rest.json["closed"], rest.json["model_calls"]) == (3, 3)


@pytest.mark.parametrize("arguments", [["--help"], ["work", "--help"]], ids=str)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "journeyman", *arguments]
    imports = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "journeyman" in imports.stdout
    heavy = {"pydantic", "sqlalchemy", "rich", "typer", "openai", "xllamacpp"}
    loaded = {line.rsplit("|", 1)[-1].strip() for line in imports.stderr.splitlines()}
    assert not heavy & loaded


def test_help_names_every_command(cli: Cli) -> None:
    assert all(f"  {name} " in cli("--help").out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_tells_all_its_parameters(cli: Cli, name: str) -> None:
    """If this fails: python -m tools.help_texts"""
    ended = cli(name, "--help")
    assert ended.code == 0
    told = " ".join(ended.out.split())
    command = typer.main.get_command(import_module(f"journeyman.cli.{name}_command").app)
    for parameter in command.params:
        if parameter.name != "help":
            assert all(option in told for option in parameter.opts if option.startswith("-"))
            assert " ".join(str(getattr(parameter, "help", "")).split()) in told
    assert " ".join(str(command.help).split()) in told
    assert "--json" in told


def test_version_models_and_doctor(cli: Cli) -> None:
    assert cli("version").out.startswith("journeyman 0.")
    assert cli("--version").out == cli("version").out
    listed = {entry["name"] for entry in cli("models", "--json").json}
    assert listed == {"qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m"}
    found = cli("doctor", "--json").json
    assert {"Python", "memory", "journal"} <= {one["what"] for one in found}


def test_nothing_is_printed_into_a_closed_pipe(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "journeyman", "models"],
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert b"Traceback" not in ended.stderr


@pytest.mark.slow
def test_a_report_leaves_nothing_behind(cli: Cli, tmp_path: Path) -> None:
    cli("new", "mail")
    with endpoint(sorts_mail) as model:
        cli("work", "mail", "--model", model)
    room = tmp_path / "temporary"
    room.mkdir()
    known = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    command = [sys.executable, "-m", "journeyman", "report", "mail"]
    subprocess.run(command, env=known | {"TMPDIR": str(room)}, capture_output=True, check=True)
    assert list(Path(".journeyman/reports").rglob("*.png"))
    assert list(room.iterdir()) == []


def test_text_is_cut_by_columns_not_characters() -> None:
    assert shorten("红楼梦\n是一部小说", 8) == "红楼梦…"
    assert shorten("short", 8) == "short"
    assert [duration(s) for s in (4.21, 185, 7800)] == ["4.2 s", "3 min 05 s", "2 h 10 min"]


def test_json_is_all_that_is_printed(cli: Cli) -> None:
    cli("new", "mail")
    with endpoint(sorts_mail) as model:
        ended = cli("work", "mail", "--model", model, "--json")
    assert json.loads(ended.out)["job"] == "mail"
    assert ended.err == ""


def test_emit_holds_the_first_and_refuses_what_is_not_json(cli: Cli) -> None:
    assert cli("new", "mail").code == 0
    with endpoint(sorts_mail) as model:
        assert cli("work", "mail", "--model", model).code == 0
    assert cli("emit", "approve:1", '"yes"', "--json").json == {"name": "approve:1", "first": True}
    assert not cli("emit", "approve:1", "--json").json["first"]
    assert cli("emit", "approve:2", "yes").code == 2
    assert cli("emit", " ").code == 2
