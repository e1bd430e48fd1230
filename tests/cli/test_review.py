"""`journeyman review` and `backtest` from the command line, for programs and at a terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click
import pytest

from tests.cli.commands import Cli, endpoint, said

CASES = [{"id": f"c{n}", "prompt": f"say {n}"} for n in range(4)]


@pytest.fixture
def waiting(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A workspace with four cases that wait, decided in the order of their names."""
    monkeypatch.chdir(tmp_path)
    assert cli("new", "mail").code == 0
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(case) for case in CASES))
    with endpoint(lambda asked: said("查询 delivery")) as model:
        assert (
            cli("work", "mail", "--cases", "c.jsonl", "--at-once", "1", "--model", model).code == 0
        )
    return cli


def test_programs_read_the_inbox_and_decide(waiting: Cli) -> None:
    items = json.loads(waiting("review", "--json").out)
    assert [item["case"] for item in items] == ["c0", "c1", "c2", "c3"]
    assert items[0]["answer"] == "查询 delivery"
    assert items[0]["why"]
    told = json.loads(
        waiting("review", "--case", "c1", "--edit", "订单", "--by", "mei", "--json").out
    )
    assert told["label"] == {
        "error": True,
        "by": "mei",
        "correction": "订单",
        "note": "",
        "observations": [],
    }
    assert waiting("review", "--case", "c2", "--accept", "--note", "fine").out == "c2: accepted.\n"
    assert waiting("review", "--case", "c3", "--reject").out == "c3: rejected.\n"
    assert [item["case"] for item in json.loads(waiting("review", "--json").out)] == ["c0"]
    shown = waiting("show", "c1").out
    assert "label by mei: wrong; right is: 订单" in shown
    assert "decision: escalated" in shown


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--accept"], "Which case?"),
        (["--case", "c0"], "One decision"),
        (["--case", "c0", "--accept", "--reject"], "One decision"),
        (["--case", "nobody", "--accept"], "no case 'nobody'"),
        (["--run", "x"], "No such option"),
        (["elsewhere"], "no run 'elsewhere'"),
    ],
)
def test_mistakes_are_named(waiting: Cli, given: list[str], says: str) -> None:
    ended = waiting("review", *given)
    assert ended.code == 2
    assert says in ended.err


def test_one_key_each_at_a_terminal(waiting: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter("xaerq")
    monkeypatch.setattr(click, "getchar", lambda: next(keys))
    monkeypatch.setattr(click, "edit", lambda text: f"{text} 2")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    ended = waiting("review")
    assert "c0: accepted." in ended.out
    assert "c1: corrected." in ended.out
    assert "c2: rejected." in ended.out
    assert "3 reviewed, 1 still wait." in ended.out
    assert "say 0" in ended.out


def test_away_from_a_terminal_it_lists(waiting: Cli) -> None:
    ended = waiting("review", "--limit", "2")
    assert ended.out.splitlines()[0].startswith("c0\t")
    assert "2 cases wait" in ended.out


@pytest.mark.slow
def test_a_backtest_says_what_is_proved(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("new", "mail").code == 0
    cases = [{"id": f"c{n}", "prompt": f"sort mail {n}", "target": "delivery"} for n in range(120)]
    (tmp_path / "h.jsonl").write_text("\n".join(json.dumps(case) for case in cases))
    with endpoint(lambda asked: said("delivery")) as model:
        ended = cli(
            "backtest", "mail", "--cases", "h.jsonl", "--model", model, "--allowed-error", "0.2"
        )
        assert ended.code == 0, ended.err
        assert re.search(
            r"This worker may do (9\d|100) % alone at 20 % error, with 95 % confidence", ended.out
        )
        again = json.loads(
            cli(
                "backtest",
                "mail",
                "--cases",
                "h.jsonl",
                "--model",
                model,
                "--allowed-error",
                "0.2",
                "--json",
            ).out
        )
        assert (again["labelled"], again["learned_from"]) == (120, 60)
        more = [{"id": f"d{n}", "prompt": f"sort mail {n}"} for n in range(500, 520)]
        (tmp_path / "d.jsonl").write_text("\n".join(json.dumps(case) for case in more))
        worked = cli(
            "work",
            "mail",
            "--cases",
            "d.jsonl",
            "--model",
            model,
            "--allowed-error",
            "0.2",
            "--json",
        )
        trust = json.loads(worked.out)["trust"]
        assert trust["delivered"]["count"] >= 15
        assert trust["reviewed"]["count"] < 15
        few = cli("backtest", "mail", "--limit", "3", "--model", model)
        assert few.code == 2
        assert "at least 40" in few.err


def test_what_can_not_be_judged_is_said_with_one_key_and_not_asked_again(
    waiting: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(
        waiting("review", "--case", "c3", "--cannot-judge", "--by", "mei", "--json").out
    )
    assert told == {"case": "c3", "cannot_judge": "mei"}
    ended = waiting("review", "--case", "c3", "--cannot-judge", "--accept")
    assert (ended.code, "One decision" in ended.err) == (2, True)
    keys = iter("cq")
    monkeypatch.setattr(click, "getchar", lambda: next(keys))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    ended = waiting("review", "--by", "mei")
    assert "c0: mei can't judge it." in ended.out
    assert "0 reviewed, 2 still wait." in ended.out
    assert [
        item["case"] for item in json.loads(waiting("review", "--by", "mei", "--json").out)
    ] == [
        "c1",
        "c2",
    ]
    assert len(json.loads(waiting("review", "--by", "jan", "--json").out)) == 4
    assert "mei can't judge it" in waiting("show", "c0").out


def test_a_job_is_stopped_and_resumed_with_one_command_each(waiting: Cli) -> None:
    assert waiting("stop", "mail").out == "mail is stopped: everything goes to a person.\n"
    assert waiting("stop", "mail").out == "mail was stopped already.\n"
    assert "Stopped: everything goes to a person." in waiting("review").out
    assert "journeyman stop mail --resume" in " ".join(waiting("report").out.split())
    assert json.loads(waiting("report", "--json").out)["hold"]["held"] == "stopped"
    told = json.loads(waiting("stop", "mail", "--resume", "--by", "mei", "--json").out)
    assert told == {"job": "mail", "stopped": False, "changed": True}
    assert waiting("stop", "mail", "--resume").out == "mail was not stopped.\n"
    assert "Stopped" not in waiting("review").out
    assert waiting("stop", "nobody").code == 2
