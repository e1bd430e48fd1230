"""What counts as an entity, in English and in Chinese, and which of them a question names."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.knowledge.graph.entities import LONGEST, MOST, entities, key, mentioned


@pytest.mark.parametrize(
    ("title", "text", "wanted"),
    [
        ("", "The Mountrail County Courthouse in Stanley, North Dakota was built in 1914.",
         {"mountrail county courthouse in stanley", "mountrail county courthouse", "stanley", "north dakota"}),
        ("Rush (band)", "They toured.", {"rush"}),
        ("", "He wrote Romeo and Juliet for the Lord Chamberlain's Men.",
         {"romeo and juliet for the lord chamberlain s men", "romeo", "juliet", "lord chamberlain s men"}),
        ("", 'The song "nobody\'s hero" was a hit.', {"nobody s hero"}),
        ("", "After the war, however, it grew. In 1914 it stopped.", set()),
        ("", "Émile Zola met Ørsted at the University of Zürich.", {"émile zola", "ørsted", "university of zürich"}),
        ("上海市", "他写了《红楼梦》，又写了「西厢记」。", {"上海市", "红楼梦", "西厢记"}),
        ("", "跑跑卡丁车由盛大运营。后来跑跑卡丁车停运，盛大退出。", {"跑跑卡丁车", "盛大"}),
        ("", "ＮＡＴＯ met in Ｂｒｕｓｓｅｌｓ.", {"nato", "brussels"}),
        ("", "", set()),
    ],
)  # fmt: skip
def test_names_are_found(title: str, text: str, wanted: set[str]) -> None:
    assert set(entities(title, text)) == wanted


def test_more_mentions_count_more_and_a_title_most() -> None:
    found = entities("Stanley", "Dakota, in Dakota.")
    assert list(found.items()) == [("stanley", 3), ("dakota", 2)]


@pytest.mark.parametrize(
    ("query", "known", "named"),
    [
        ("What is the seat of the county where Van Hook Township is located?", {"van hook township", "hook", "county"},
         ["van hook township", "county"]),
        ("who sang nobody's hero", {"nobody s hero"}, ["nobody s hero"]),
        ("跑跑卡丁车由谁运营？", {"跑跑卡丁车", "卡丁", "运营"}, ["跑跑卡丁车", "运营"]),
        ("where is it", {"where", "it"}, []),
        ("", {"x"}, []),
    ],
)  # fmt: skip
def test_what_a_question_names(query: str, known: set[str], named: list[str]) -> None:
    assert mentioned(query, known) == named


@given(st.text(), st.text())
def test_any_text_has_few_short_keys_that_are_their_own_key(title: str, text: str) -> None:
    found = entities(title, text)
    assert len(found) <= MOST
    for name, count in found.items():
        assert key(name) == name
        assert count > 0
        assert name in mentioned(name, {name})


@pytest.mark.parametrize(
    "text", ["A " * 50_000, "啊" * 100_000, "“" * 100_000, "Aa of the " * 30_000, "A-" * 60_000]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    entities(text, text)
    mentioned(text, {"x" * LONGEST})
    assert time.process_time() - began < 2
