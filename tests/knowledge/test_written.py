"""What a model writes of a base: claims and reports, on request, within a budget, and gone with what they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from journeyman.knowledge.graph.claims import claims, extract, parsed
from journeyman.knowledge.graph.graph import Graph
from journeyman.knowledge.graph.reports import reports
from journeyman.knowledge.index import SqliteIndex
from journeyman.models.embedding import HashedEmbedder
from journeyman.models.scripted import ScriptedModel
from journeyman.types import Message, ToolSpec
from tests.knowledge.indexes import found, put, run


@pytest.fixture
def index(tmp_path: Path) -> Iterator[SqliteIndex]:
    opened = SqliteIndex.open(tmp_path / "k", HashedEmbedder(64))
    yield opened
    opened.close()


def reads(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    text = messages[-1].text
    if "xyzzy" in text:
        return "vault | opens by | xyzzy42"
    return "Mei | works at | Acme\n- Acme | lies in | Utrecht\nMei | owns | a boat that nobody wrote of"


def titled(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    return f"Title: The harbour\nIt has {messages[-1].text.count('[')} passages. xyzzy42 is said."


def test_only_claims_whose_names_stand_in_the_text_are_kept() -> None:
    kept = "李明｜创办｜青山书店。\n李明 | 创办 | 青山书店"
    reply = f"1\nA | b\nLi Ming | founded | Bookshop\n{kept}\n | x | y\n李明 | 是 | 国王"
    assert list(parsed(reply, "李明 创办了青山书店。")) == [("李明", "创办", "青山书店")]


def test_claims_are_read_within_the_budget_and_no_passage_twice(index: SqliteIndex) -> None:
    for n in range(4):
        put(index, f"d{n}", f"Mei works at Acme in Utrecht, room {n}.")
    model = ScriptedModel(reads)
    one = run(extract(index, model, tokens=1))
    assert (one.passages, one.claims, one.left) == (1, 2, 3)
    rest = run(extract(index, model, tokens=100_000))
    assert (rest.passages, rest.left, len(model.calls)) == (3, 0, 4)
    assert run(extract(index, model, tokens=100_000)).passages == 0
    assert [(c.subject, c.object, c.document) for c in claims(index, about="utrecht")] == [
        ("Acme", "Utrecht", f"d{n}") for n in range(4)
    ]


def test_what_a_claim_names_links_its_passage(index: SqliteIndex) -> None:
    put(index, "a", "mei works at acme.")
    put(index, "b", "acme lies in utrecht, near mei.")
    graph = Graph(index)
    with index.store.reading():
        assert "acme" not in graph.copy.follow(index.store, index.store.visible(())).number
    run(extract(index, ScriptedModel(lambda *_: "mei | works at | acme"), tokens=10_000))
    with index.store.reading():
        assert "acme" in graph.copy.follow(index.store, index.store.visible(())).number
    assert found(graph, "acme")


def test_the_links_follow_though_one_reading_goes_as_another_comes(index: SqliteIndex) -> None:
    put(index, "a", "mei works at acme.")
    put(index, "b", "acme lies in utrecht.")
    graph = Graph(index)
    run(extract(index, ScriptedModel(lambda *_: "mei | works at | acme"), tokens=1))
    with index.store.reading():
        assert "mei" in graph.copy.follow(index.store, index.store.visible(())).number
    run(index.remove("a"))
    run(extract(index, ScriptedModel(lambda *_: "acme | lies in | utrecht"), tokens=1))
    with index.store.reading():
        assert set(graph.copy.follow(index.store, index.store.visible(())).number) == {
            "acme",
            "utrecht",
        }


def test_claims_are_seen_and_read_only_by_those_who_may_see_the_passage(index: SqliteIndex) -> None:
    put(index, "open", "Mei works at Acme in Utrecht.")
    put(index, "closed", "the vault opens by xyzzy42", labels=["board"])
    assert run(extract(index, ScriptedModel(reads), tokens=10_000)).passages == 1
    run(extract(index, ScriptedModel(reads), tokens=10_000, labels=["board"]))
    assert {claim.document for claim in claims(index)} == {"open"}
    assert {claim.document for claim in claims(index, labels=["board"])} == {"open", "closed"}


def town(index: SqliteIndex) -> None:
    for n in range(3):
        put(
            index, f"d{n}", f"Mei Lin met Jan Smit at Port Royal, meeting {n}. The word is xyzzy42."
        )


def test_a_report_is_written_once_within_the_budget(index: SqliteIndex) -> None:
    town(index)
    graph, model = Graph(index), ScriptedModel(titled)
    unwritten, spent = run(reports(graph))
    assert spent == 0
    assert [report.title for report in unwritten] == [None]
    assert run(reports(graph, model, tokens=0))[0] == unwritten
    (report,), spent = run(reports(graph, model, tokens=10_000))
    assert spent > 0
    assert (report.title, report.text) == ("The harbour", "It has 3 passages. xyzzy42 is said.")
    assert run(reports(graph, model, tokens=10_000)) == ([report], 0)
    assert len(model.calls) == 1


def test_a_report_goes_with_a_document_that_it_rests_on(index: SqliteIndex, tmp_path: Path) -> None:
    town(index)
    graph = Graph(index)
    run(extract(index, ScriptedModel(lambda *_: "Mei Lin | said | xyzzy42"), tokens=10_000))
    run(reports(graph, ScriptedModel(titled), tokens=10_000))
    run(index.remove("d1"))
    assert [report.title for report in run(reports(graph))[0]] == [None]
    assert {claim.document for claim in claims(index)} == {"d0", "d2"}
    for name in ("d0", "d2"):
        run(index.remove(name))
    index.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"xyzzy42" not in kept


def test_a_report_on_what_one_may_not_see_is_not_served(index: SqliteIndex) -> None:
    town(index)
    put(index, "d1", "Mei Lin met Jan Smit at Port Royal. The word is xyzzy42.", labels=["board"])
    graph = Graph(index)
    run(reports(graph, ScriptedModel(titled), tokens=10_000, labels=["board"]))
    assert run(reports(graph, labels=["board"]))[0][0].title is not None
    assert [report.title for report in run(reports(graph))[0]] == [None]
