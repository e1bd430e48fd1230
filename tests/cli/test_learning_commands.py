"""The commands of learning, from a correction to a rollback, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from journeyman.memory.recall import LessonStats
from journeyman.memory.worth import Worth
from tests.cli.commands import Cli, endpoint, runner, said
from tests.loopback import Answer, Asked


def parrot(asked: Asked) -> Answer:
    """Says what the nearest example says; of own knowledge it has none but "delivery"."""
    messages = asked.json["messages"]
    wanted = set(messages[-1]["content"].split())
    told = [
        (len(wanted & set(question["content"].split())), reply["content"])
        for question, reply in pairwise(messages)
        if (question["role"], reply["role"]) == ("user", "assistant")
    ]
    return said(max(told)[1] if told else "delivery")


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    monkeypatch.chdir(tmp_path)
    run = runner(monkeypatch, capsys)
    assert run("new", "mail").code == 0
    kinds = ("delivery", "billing", "returns")
    rows = [
        {
            "id": f"{split}-{n}",
            "prompt": f"{kinds[n % 3]} matter number {n}",
            "target": kinds[n % 3],
            "split": split,
        }
        for split, count in (("train", 24), ("exam", 45))
        for n in range(count)
    ]
    Path("mail/cases.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    with endpoint(parrot) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        yield run


@pytest.mark.parametrize(
    ("shut_out", "retired", "sound", "said"),
    [(True, True, 0.1, "shut out"), (False, True, 0.1, "retired"), (False, False, 0.1, "unsound")],
)
def test_what_is_not_told_says_why(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    shut_out: bool,
    retired: bool,
    sound: float,
    said: str,
) -> None:
    worth = Worth(uses=40, shown=36, value=-0.2, low=-0.3, high=-0.1, shrunk=-0.1, retired=retired)
    standing = LessonStats(worth=worth, sound=sound, shut_out=shut_out)
    monkeypatch.setattr(
        "journeyman.cli.memory_command.lesson_stats",
        lambda lessons, latest: {one.id: standing for one in lessons},
    )
    assert cli("work", "mail", "--split", "train", "--limit", 1).code == 0
    told = cli("memory", "mail")
    assert f" {said}" in told.out
    assert "10%" in told.out
    assert [one["recalled"] for one in cli("memory", "mail", "--json").json] == [False]


def test_from_work_to_a_promoted_version_and_back(cli: Cli) -> None:
    assert cli("work", "mail", "--split", "train", "--at-once", 1).code == 0
    remembered = cli("memory", "mail", "--json").json
    assert len(remembered) == 24
    assert {one["kind"] for one in remembered} == {"demonstration", "correction"}
    assert all(one["recalled"] or one["worth"]["uses"] for one in remembered)
    unsound = [one for one in remembered if one["sound"] <= 0.5]
    assert len(unsound) <= 3  # what is withheld is drawn: one that never agreed may be left out
    learned = cli("learn", "mail", "--json")
    assert learned.code == 0, learned.err
    assert learned.json["version"] == 2
    listed = cli("versions", "mail", "--json").json
    assert [row["number"] for row in listed] == [1, 2]
    assert [row["champion"] for row in listed] == [
        not learned.json["promoted"],
        learned.json["promoted"],
    ]
    assert "recall" in cli("diff", "mail", 1, 2).out
    assert "works" in cli("rollback", "mail", 2).out
    assert [row["champion"] for row in cli("versions", "mail", "--json").json] == [False, True]
    assert cli("rollback", "mail").out == "ada@1 works from now on.\n"
    assert "nothing to propose" not in cli("versions", "mail").out


def test_a_playbook_goes_out_and_comes_back_as_a_version(cli: Cli) -> None:
    cli("work", "mail", "--split", "train", "--limit", 3, "--at-once", 1)
    assert "0 rules" in cli("playbook", "mail", "--out", "SKILL.md").out
    with Path("SKILL.md").open("a", encoding="utf-8") as file:
        file.write("- **退货:** answer returns\n")
    told = cli("playbook", "mail", "--edited", "SKILL.md", "--by", "mei").out
    assert "ada@2" in told
    assert "journeyman exam mail 2" in told
    examined = cli("exam", "mail", 2)
    assert examined.code == 0, examined.err
    assert "pairs" in examined.out
    assert "+ rule: answer returns" in cli("diff", "mail", 1, 2).out


def test_what_a_person_said_can_be_unlearned(cli: Cli) -> None:
    Path("new.jsonl").write_text('{"id": "a", "prompt": "where is it?"}\n', encoding="utf-8")
    cli("work", "mail", "--cases", "new.jsonl")
    assert cli("review", "mail", "--case", "a", "--edit", "billing", "--by", "mei").code == 0
    assert len(cli("memory", "mail", "--json").json) == 1
    assert cli("unlearn", "mail", "--source", "person:mei").code == 0
    assert cli("memory", "mail", "--json").json == []
    assert "Nothing is remembered" in cli("memory", "mail").out


@pytest.mark.parametrize(
    ("arguments", "said_so"),
    [
        (("learn", "mail", "--by", "magic"), "magic"),
        (("learn", "mail"), "no judged case"),
        (("exam", "mail", "7"), "version 7"),
        (("memory", "mail"), "no journal"),
        (("unlearn", "mail", "--source", "person:x"), "no journal"),
    ],
)
def test_mistakes_are_told_with_their_mend(
    cli: Cli, arguments: tuple[str, ...], said_so: str
) -> None:
    ended = cli(*arguments)
    assert ended.code == 2
    assert said_so in ended.err


@pytest.mark.parametrize(
    ("arguments", "said_so"),
    [
        (("rollback", "mail", "9"), "version 9"),
        (("rollback", "mail", "--name", "bo"), "bo"),
        (("diff", "mail", "1", "5"), "version 5"),
        (("unlearn", "mail", "--source", "person:x"), "person:x"),
        (("playbook", "mail", "--edited", "mail/instructions.md"), "no head"),
        (("playbook", "mail", "--edited", "gone.md"), "gone.md"),
        (("versions", "nothing"), "nothing"),
    ],
)
def test_mistakes_after_work_too(cli: Cli, arguments: tuple[str, ...], said_so: str) -> None:
    cli("work", "mail", "--split", "train", "--limit", 1)
    ended = cli(*arguments)
    assert ended.code == 2
    assert said_so in ended.err
