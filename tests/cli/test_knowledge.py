"""Documents on the command line: a base, a search, a question with cited sentences, a job that goes by documents."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Cli, endpoint, said
from tests.loopback import Answer, Asked

LEASE = "# Lease\n\n## Rent\n\nThe rent is 900 EUR a month, due on the first.\n\n## Pets\n\nTwo cats are allowed.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    (made / "lease.md").write_text(LEASE, encoding="utf-8")
    (made / "退款.txt").write_bytes("退款在七天内到账，逾期请联系客服。".encode("gb18030"))
    return made


def reader(asked: Asked) -> Answer:
    """Says what it reads of the rent; of anything else, one thing that stands nowhere."""
    messages = asked.json["messages"]
    before = messages[-2]["content"]
    if "due on the first" in before:
        return said("The rent is 900 EUR a month. The landlord lives in Rome.")
    return said("The documents do not say.")


def test_a_base_from_adding_to_removing(cli: Cli, folder: Path) -> None:
    added = cli("knowledge", "add", "docs", "--embedder", "hashed", "--json")
    assert added.code == 0, added.err
    assert len(added.json["read"]) == 2
    again = cli("knowledge", "add", "docs", "--embedder", "hashed")
    assert again.out.startswith("0 read, 2 unchanged, 0 gone")
    (first, *_) = cli("knowledge", "search", "多久退款到账", "--embedder", "hashed", "--json").json
    assert first["text"].startswith("退款在七天内")
    assert (
        "1. lease.md  docs/lease.md"
        in cli("knowledge", "search", "the rent", "--embedder", "hashed").out
    )
    assert "lease.md" in cli("knowledge", "show", "--embedder", "hashed").out
    assert "Two cats" in cli("knowledge", "show", "docs/lease.md", "--embedder", "hashed").out
    assert cli("knowledge", "stats", "--embedder", "hashed", "--json").json["documents"] == 2
    assert (
        cli("knowledge", "remove", "docs/lease.md", "--embedder", "hashed").out
        == "removed: docs/lease.md\n"
    )
    assert cli("knowledge", "stats", "--embedder", "hashed", "--json").json["documents"] == 1
    assert (folder / "lease.md").exists()


def test_who_holds_no_label_sees_nothing(cli: Cli, folder: Path) -> None:
    assert cli("knowledge", "add", "docs", "--label", "board", "--embedder", "none").code == 0
    assert cli("knowledge", "search", "rent", "--embedder", "none", "--json").json == []
    assert (
        len(
            cli(
                "knowledge", "search", "rent", "--label", "board", "--embedder", "none", "--json"
            ).json
        )
        >= 1
    )


def test_an_answer_names_its_passages_and_marks_what_stands_nowhere(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(reader) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        asked = cli("ask", "docs", "What is the rent?", "--embedder", "hashed")
        assert asked.code == 0, asked.err
        assert "The rent is 900 EUR a month. [" in asked.out
        assert "The landlord lives in Rome.   ← in no passage" in asked.out
        assert "] lease.md  docs/lease.md" in asked.out
        told = cli("ask", "docs", "What is the rent?", "--embedder", "hashed", "--json").json
        assert [claim["supported"] for claim in told["claims"]] == [True, False]
        number = told["claims"][0]["found"][0]
        assert told["passages"][number - 1]["text"].startswith("Lease")
        assert told["seconds"]["indexing"] >= 0
        inbox = cli("review", "ask", "--json").json
        assert [item["prompt"] for item in inbox] == ["What is the rent?"] * 2
        labelled = cli("review", "ask", "--case", inbox[0]["case"], "--edit", "900 EUR")
        assert labelled.code == 0, labelled.err


def test_what_was_said_with_a_label_is_told_to_nobody_without_it(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []

    def spy(asked: Asked) -> Answer:
        prompts.append(json.dumps(asked.json["messages"], ensure_ascii=False))
        return reader(asked)

    assert cli("knowledge", "add", "docs", "--embedder", "none").code == 0
    asking = ("ask", "What is the rent?", "--embedder", "none", "--json")
    with endpoint(spy) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        case = cli(*asking, "--label", "board").json["case"]
        assert (
            cli("review", "ask-board", "--case", case, "--edit", "The rent will be 2000 EUR.").code
            == 0
        )
        for _ in range(6):  # each time it is withheld with a chance of one in ten
            cli(*asking, "--label", "board")
        told_to_the_board = ["2000" in prompt for prompt in prompts]
        prompts.clear()
        cli(*asking)
    assert any(told_to_the_board)
    assert not any("2000" in prompt for prompt in prompts)
    assert cli("memory", "ask", "--json").json == []
    assert [lesson["text"] for lesson in cli("memory", "ask-board", "--json").json] == [
        "The rent will be 2000 EUR."
    ]


def test_an_answer_that_is_none_is_no_claim(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(reader) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        told = cli("ask", "docs/退款.txt", "谁是房东？", "--embedder", "hashed", "--json").json
        assert told["abstains"] is True
        assert told["claims"] == []


def test_questions_by_standard_input(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is the rent?\n\nAre cats allowed?\n"))
    with endpoint(reader) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        ended = cli("ask", "docs", "--embedder", "hashed", "--json")
        assert [json.loads(line)["abstains"] for line in ended.out.splitlines()] == [False, False]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["ask", "nowhere", "What?"], "no file or folder 'nowhere'"),
        (["ask", "What is the rent?"], "no knowledge base 'main'"),
        (["ask", "docs", " "], "question is empty"),
        (["knowledge", "add"], "Nothing was named"),
        (["knowledge", "add", "nowhere", "--embedder", "none"], "no file or folder 'nowhere'"),
        (["knowledge", "search"], "Nothing was given"),
        (["knowledge", "stats"], "no knowledge base 'main'"),
        (["knowledge", "add", "docs", "--base", "../out"], "can't name a base"),
        (["knowledge", "add", "docs", "--template", "poem"], "no chunk template 'poem'"),
        (["knowledge", "add", "docs", "--embedder", "bert"], "no embedder 'bert'"),
    ],
)
def test_mistakes_are_named(cli: Cli, folder: Path, given: list[str], says: str) -> None:
    ended = cli(*given)
    assert ended.code == 2
    assert says in ended.err


def test_another_embedder_is_refused(cli: Cli, folder: Path) -> None:
    assert cli("knowledge", "add", "docs", "--embedder", "hashed").code == 0
    ended = cli("knowledge", "search", "rent", "--embedder", "none")
    assert ended.code == 2
    assert "embedder" in ended.err


def test_a_job_goes_by_documents(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("new", "tenants").code == 0
    job = Path("tenants/job.toml")
    settings = job.read_text(encoding="utf-8")
    job.write_text(
        f'{settings}\n[knowledge]\npaths = ["{folder}"]\nembedder = "hashed"\n', encoding="utf-8"
    )
    Path("tenants/cases.jsonl").write_text(
        '{"id": "1", "prompt": "What is the rent?"}\n', encoding="utf-8"
    )
    prompts: list[str] = []

    def spy(asked: Asked) -> Answer:
        prompts.append("\n".join(message["content"] for message in asked.json["messages"]))
        return reader(asked)

    with endpoint(spy) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        assert cli("work", "tenants", "--json").code == 0
    assert "] lease.md\nLease" in prompts[0]
    job.write_text(f'{settings}\n[knowledge]\nembedder = "hashed"\n', encoding="utf-8")
    ended = cli("work", "tenants")
    assert ended.code == 2
    assert "paths" in ended.err


def test_claims_and_reports_are_written_as_far_as_the_tokens_go(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(
        "graspologic_native", reason="an optional extra: pip install 'journeyman[graph]'"
    )
    for n in range(3):
        (folder / f"minutes{n}.txt").write_text(
            f"Mei Lin met 王芳 of Port Royal, meeting {n}.", encoding="utf-8"
        )
    given = ("--embedder", "none")
    assert cli("knowledge", "add", "docs", *given).code == 0
    assert cli("knowledge", "claims", *given).out.startswith("There are no claims yet")

    def writer(asked: Asked) -> Answer:
        system = asked.json["messages"][0]["content"]
        return said(
            "Mei Lin | met | 王芳"
            if "facts" in system and "title" not in system
            else "Meetings\nThey met."
        )

    with endpoint(writer) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        told = cli("knowledge", "claims", "王芳", "--tokens", "100000", "--json", *given).json
        assert told["reading"]["left"] == 0
        assert [claim["object"] for claim in told["claims"]] == ["王芳"] * 3
        written = cli("knowledge", "reports", "--tokens", "100000", "--json", *given).json
    assert [report["title"] for report in written["reports"]] == ["Meetings"]
    assert "Mei Lin — met — 王芳" in cli("knowledge", "claims", *given).out
    assert "They met." in cli("knowledge", "reports", *given).out
    assert cli("knowledge", "claims", "nobody", *given).out == "Nothing names it.\n"


def test_a_base_for_millions_from_adding_to_asking(cli: Cli, folder: Path) -> None:
    pytest.importorskip("lancedb", reason="an optional extra: pip install 'journeyman[lancedb]'")
    add = ("knowledge", "add", "docs", "--embedder", "hashed")
    assert cli(*add, "--index", "lance").code == 0
    assert cli(*add).out.startswith("0 read, 2 unchanged, 0 gone")
    search = ("knowledge", "search", "the rent", "--embedder", "hashed")
    assert "900 EUR" in cli(*search).out
    by_graph = cli(*search, "--mode", "local")
    assert (by_graph.code, "which knows no graph" in by_graph.err) == (2, True)
    other = cli(*add, "--index", "sqlite")
    assert (other.code, "made with the index 'lance'" in other.err) == (2, True)
    missing = cli("knowledge", "stats", "--base", "other")
    assert "There are: main." in missing.err
    assert cli("knowledge", "remove", "docs/lease.md", "--embedder", "hashed").code == 0
    kept = b"".join(path.read_bytes() for path in Path().rglob("main.lance/**/*") if path.is_file())
    assert b"due on the first" not in kept


def test_lance_in_a_job_that_searches_the_graph_is_refused(cli: Cli, folder: Path) -> None:
    job = Path("job")
    job.mkdir()
    (job / "job.toml").write_text(
        'name = "job"\n[environment]\nkind = "single_turn"\n'
        '[knowledge]\npaths = ["../docs"]\nindex = "lance"\nmode = "local"\n'
    )
    refused = cli("work", "job")
    assert refused.code == 2
    assert "the index 'lance' knows no mode 'local'" in refused.err
