"""One story with its journal in a PostgreSQL database, by the commands and by the library; no password is ever told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from journeyman import ScriptedModel, Worker, Workspace
from journeyman.errors import InputError, StoreError
from tests.app.test_workspace import cases, shelf
from tests.cli.commands import Cli, Ended, endpoint, said
from tests.loopback import Answer, Asked

pytest.importorskip("psycopg", reason="an optional extra: pip install 'journeyman[postgres]'")

SECRET = "s3cr3t-word"


@pytest.fixture
def url(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, by a URL that has a password."""
    monkeypatch.setenv("JOURNEYMAN_FOLDER", str(tmp_path / "beside"))
    return make_url(database).set(password=SECRET).render_as_string(hide_password=False)


@pytest.fixture
def on_postgres(cli: Cli, url: str) -> Cli:
    """`cli`, with the database as the workspace."""

    def command(*arguments: object) -> Ended:
        ended = cli(*arguments, "--workspace", url)
        assert SECRET not in ended.out + ended.err, arguments
        return ended

    return command


def written(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


def test_a_story_by_the_commands(on_postgres: Cli, cli: Cli, tmp_path: Path) -> None:
    told: list[str] = []

    def script(asked: Asked) -> Answer:
        text = json.dumps(asked.json["messages"], ensure_ascii=False)
        told.append(text)
        return said("returns" if "退货" in text else "delivery")

    assert cli("new", "mail").code == 0
    early = {"id": "early", "prompt": "我想退掉上周买的鞋子。"}
    late = [{"id": f"late-{n}", "prompt": f"我想退掉上周买的帽子 {n}。"} for n in range(8)]
    (tmp_path / "early.jsonl").write_text(json.dumps(early), encoding="utf-8")
    (tmp_path / "late.jsonl").write_text("\n".join(map(json.dumps, late)), encoding="utf-8")
    with endpoint(script) as model:
        worked = on_postgres("work", "mail", "--cases", "early.jsonl", "--model", model)
        assert worked.code == 0, worked.err
        (item,) = on_postgres("review", "--json").json
        assert (item["case"], item["answer"]) == ("early", "delivery")
        reviewed = on_postgres(
            "review", "--case", "early", "--edit", "returns", "--by", "mei", "--note", "退货"
        )
        assert reviewed.code == 0, reviewed.err
        again = on_postgres("work", "mail", "--cases", "late.jsonl", "--model", model)
        assert again.code == 0, again.err
    assert "鞋子" in told[0]
    later = [text for text in told if "帽子" in text]
    assert any("鞋子" in text for text in later)  # told the lesson, unless chance withheld it
    shown = on_postgres("show", "early")
    assert "label by mei: wrong; right is: returns" in shown.out
    (lesson,) = on_postgres("memory", "mail", "--json").json
    assert (lesson["kind"], lesson["by"]) == ("correction", "mei")
    first = on_postgres("emit", "approve:1", '"yes"', "--json")
    assert first.json == {"name": "approve:1", "first": True}
    reported = on_postgres("report", "--json")
    assert reported.code == 0, reported.err
    assert Path(reported.json["files"]["html"]).is_relative_to(tmp_path / "beside")
    with endpoint(script) as model:
        learned = on_postgres("learn", "mail", "--model", model)
    assert learned.code in {0, 2}, learned.err
    assert on_postgres("versions", "mail").code == 0
    assert on_postgres("doctor").out
    assert not any(SECRET.encode() in content for content in written(tmp_path))


def test_a_story_by_the_library(url: str, tmp_path: Path) -> None:
    model = ScriptedModel(shelf)
    ada = Worker("shelves", model=model, workspace=url)
    assert SECRET not in repr(ada) + repr(ada.settings)
    done = ada.do("Where is article 7", id="odd")
    assert done.answer == "not known"
    assert SECRET not in repr(done)
    assert done.correct("shelf 0", by="mei").record.labels[-1].correction == "shelf 0"
    later = [ada.do(f"Where is article {n}") for n in range(9, 25, 2)]
    assert any(one.right is None and one.answer != "not known" for one in later)
    assert any(one.trajectory.recalled for one in later)  # unless chance withheld it
    summary = ada.work(cases(range(0, 20, 2), "train"))
    assert (summary.closed, summary.correct.count) == (10, 10)
    ada.close()
    with Workspace.open(url) as room:
        assert SECRET not in repr(room)
        run = room.chosen_run("shelves")
        assert room.metrics(run).closed == 19
        found = room.result(run, "odd")
        assert found is not None
        assert found.labels[-1].by == "mei"
        assert room.report(run).html.is_relative_to(tmp_path / "beside")


@pytest.mark.parametrize(
    ("where", "code"),
    [
        (f"postgresql://ada:{SECRET}@127.0.0.1:1/none", 3),
        (f"postgresql://ada:{SECRET}@127.0.0.1:port/none", 2),
        (f"mysql://ada:{SECRET}@127.0.0.1:1/none", 2),
        (f"postgresql://127.0.0.1:1/none?password={SECRET}&user=ada", 3),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ("work", "mail", "--model", "http://127.0.0.1:1/v1#fake"),
        ("show",),
        ("report",),
        ("review",),
        ("memory", "mail"),
        ("learn", "mail"),
        ("emit", "a"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_no_command_tells_the_password_of_a_database_that_it_can_not_reach(
    cli: Cli, command: tuple[str, ...], where: str, code: int
) -> None:
    assert cli("new", "mail").code == 0
    ended = cli(*command, "--workspace", where)
    assert ended.code == (ended.code if command == ("doctor",) else code)
    assert ended.err or ended.out
    assert SECRET not in ended.out + ended.err


@pytest.mark.parametrize("where", ["postgresql", "mysql"])
def test_no_error_of_the_library_tells_the_password(where: str) -> None:
    place = f"{where}://ada:{SECRET}@127.0.0.1:1/none"
    ada = Worker("shelves", model=ScriptedModel(shelf), workspace=place)
    with pytest.raises((StoreError, InputError)) as raised:
        ada.do("Where is article 7")
    assert SECRET not in f"{raised.value} {raised.value!r}"
