"""The graph: passages that others lead to, communities, and that it knows nothing that one may not see."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from journeyman.errors import InputError, MissingExtraError
from journeyman.knowledge.graph.communities import Community, communities
from journeyman.knowledge.graph.graph import Graph
from journeyman.knowledge.graph.links import RETURN, Links
from journeyman.knowledge.index import SqliteIndex
from journeyman.models.embedding import HashedEmbedder
from tests.knowledge.indexes import found, put, run


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    opened = Graph(SqliteIndex.open(tmp_path / "k", HashedEmbedder(64)))
    yield opened
    opened.close()


def county(graph: Graph) -> None:
    put(graph, "township", "Van Hook Township lies in Mountrail County.", title="Van Hook Township")
    put(graph, "county", "The seat of Mountrail County is Stanley.")
    for n in range(30):
        text = f"What is the seat of Union{n}? Town{n} is, where the township is."
        put(graph, f"noise {n}", text, title=f"Town{n}")


def test_a_passage_that_another_leads_to_comes_before_those_that_share_only_words(
    graph: Graph,
) -> None:
    county(graph)
    query = "What is the seat of the county where Van Hook Township is?"
    plain = [passage.document for passage in run(graph.index.search(query, k=5))]
    linked = [passage.document for passage in run(graph.search(query, k=5))]
    assert set(plain[:2]) != {"township", "county"}
    assert set(linked[:2]) == {"township", "county"}


def test_chinese_passages_lead_to_each_other(graph: Graph) -> None:
    put(graph, "甲", "跑跑卡丁车由盛大游戏运营。跑跑卡丁车是一款网络游戏。", title="跑跑卡丁车")
    put(graph, "乙", "公司总部位于浦东。", title="盛大游戏")
    put(graph, "甲二", "这款产品由「盛大游戏」发行。", title="跑跑卡丁车")
    for n in range(30):
        put(graph, f"杂{n}", f"第{n}家公司的运营总部位于别处。", title=f"公司{n}")
    assert "公司总部位于浦东。" in found(graph, "跑跑卡丁车的运营公司总部在哪里？", k=5)


def test_what_one_may_not_see_links_nothing(graph: Graph) -> None:
    county(graph)
    put(
        graph,
        "township",
        "Van Hook Township lies in Mountrail County.",
        title="Van Hook Township",
        labels=["secret"],
    )
    query = "What is the seat of the county where Van Hook Township is?"
    assert "Van Hook Township lies in Mountrail County." in found(
        graph, query, k=2, labels=["secret"]
    )
    without = found(graph, query, k=2)
    run(graph.remove("township"))
    assert found(graph, query, k=2) == without
    put(
        graph,
        "township",
        "Van Hook Township lies in Mountrail County.",
        title="Van Hook Township",
        labels=["secret"],
    )
    with pytest.raises(InputError, match="Van Hook Township"):
        graph.neighbourhood("Van Hook Township")
    assert (
        graph.neighbourhood("Van Hook Township", labels=["secret"]).neighbours[0].name
        == "mountrail county"
    )
    assert not any("mountrail county" in group.entities for group in graph.communities())


def test_a_removed_document_leaves_no_name_behind(graph: Graph) -> None:
    county(graph)
    assert found(graph, "Van Hook Township", k=1)
    run(graph.remove("township"))
    found(graph, "Van Hook Township", k=1)
    with graph.index.store.reading():
        links = graph.copy.follow(graph.index.store, [0])
    assert "van hook township" not in links.names
    assert "mountrail county" in links.number
    assert len(links.places) == 31


def test_the_walk_agrees_with_solving_for_it(graph: Graph) -> None:
    county(graph)
    with graph.index.store.reading():
        links = graph.copy.follow(graph.index.store, [0])
    start = links.number["van hook township"]
    walked = links.walk({start: 1.0}, {})
    rows, columns = len(links.places), len(links.names)
    step = np.zeros((rows + columns, rows + columns))
    step[:rows, rows:] = links.to_passages.todense()
    step[rows:, :rows] = links.to_entities.todense()
    begin = np.zeros(rows + columns)
    begin[rows + start] = 1.0
    exact = np.linalg.solve(np.eye(rows + columns) - (1 - RETURN) * step, RETURN * begin)
    assert walked == pytest.approx(exact[:rows], abs=1e-3)
    assert exact.sum() == pytest.approx(1.0)


def test_communities_are_a_hierarchy_of_what_is_mentioned_together(graph: Graph) -> None:
    assert graph.communities() == ()
    for n in range(6):
        put(graph, f"sea {n}", f"The Anchor and the Mast met Captain{n % 3} near Harbour{n % 2}.")
        put(graph, f"farm {n}", f"The Tractor and the Plough met Farmer{n % 3} near Barn{n % 2}.")
    groups = graph.communities()
    assert groups == Graph(graph.index).communities()  # the same when it is found anew
    tops = [set(group.entities) for group in groups if group.parent is None]
    assert len(tops) == 2
    assert {"anchor", "mast", "captain0"} <= next(top for top in tops if "mast" in top)
    assert {"tractor", "plough", "farmer0"} <= next(top for top in tops if "plough" in top)
    known = {group.id for group in groups}
    assert all(group.parent is None or group.parent in known for group in groups)


def test_an_overview_draws_from_each_community(graph: Graph) -> None:
    for n in range(6):
        put(graph, f"sea {n}", f"The Anchor and the Mast met Captain{n % 3}: the work report {n}.")
    for n in range(2):
        put(
            graph,
            f"farm {n}",
            f"The Tractor and the Plough met Farmer{n}: something of a work report {n}, and more.",
        )
    plain = [p.document.split()[0] for p in run(graph.index.search("work report", k=2))]
    wide = [p.document.split()[0] for p in run(graph.overview("work report", k=2))]
    assert plain == ["sea", "sea"]
    assert sorted(wide) == ["farm", "sea"]


def test_communities_are_found_once_for_the_same_passages(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Links] = []

    def counted(links: Links) -> tuple[Community, ...]:
        found.append(links)
        return communities(links)

    monkeypatch.setattr("journeyman.knowledge.graph.graph.communities", counted)
    county(graph)
    run(graph.overview("the seat", k=2))
    run(graph.drift("the seat", k=2))
    assert len(found) == 1
    put(graph, "new", "Van Hook Township lies far from Stanley.")
    run(graph.overview("the seat", k=2))
    assert len(found) == 2


def test_a_neighbourhood_is_drawn_with_every_name_as_text(graph: Graph) -> None:
    put(graph, "a", "The Anchor saw “<b>&x” and the Mast.", title="Anchor")
    seen = graph.neighbourhood("ANCHOR")
    assert [each.name for each in seen.neighbours] == ["b x", "mast"]
    drawn = ET.fromstring(seen.svg())
    words = [node.text for node in drawn.iter() if node.text]
    assert {"anchor", "mast", "b x"} <= set(words)
    assert seen.model_copy(update={"name": "<script>"}).html().count("<script>") == 0


def test_without_its_extra_the_graph_says_what_to_install(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(graph, "a", "The Anchor.")
    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"journeyman\[graph\]"):
        found(graph, "anchor")
