"""Full-text search against a plain model of it: random changes, hostile queries, rollbacks and crashes."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from math import log1p
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from journeyman.errors import InputError, StoreError
from journeyman.store.connect import connect
from journeyman.store.fulltext import postings, ranking, stored
from journeyman.store.fulltext.index import FullText
from journeyman.store.fulltext.postings import TERMS
from journeyman.store.fulltext.ranking import K1, B, Hit
from journeyman.store.fulltext.segments import IndexedText
from journeyman.store.fulltext.terms import terms


def expected(
    entries: Mapping[int, IndexedText],
    query: str,
    k: int = 8,
    *,
    scopes: Collection[int] | None = None,
    up_to: int | None = None,
) -> list[Hit]:
    """BM25 as in the books, over all texts."""
    held = {entry.id: Counter(terms(entry.text)) for entry in entries.values()}
    if not held:
        return []
    lengths = {key: sum(words.values()) for key, words in held.items()}
    mean = max(sum(lengths.values()), 1) / len(held)
    found = {word: sum(word in words for words in held.values()) for word in terms(query)}
    again = {word: sum(words[word] > 1 for words in held.values()) for word in found}
    asked = sorted(Counter(terms(query)).items(), key=lambda pair: (found[pair[0]], pair[0]))
    lists = [(found[word] - again[word], n, False) for n, (word, _) in enumerate(asked)]
    lists += [(again[word], n, True) for n, (word, _) in enumerate(asked)]
    scores: dict[int, float] = {}
    for _, n, often in sorted(lists):
        word, times = asked[n]
        weight = times * log1p((len(held) - found[word] + 0.5) / (found[word] + 0.5)) * (K1 + 1)
        for key, words in held.items():
            if word in words and (words[word] > 1) == often:
                norm = lengths[key] * (K1 * B / mean) + K1 * (1 - B)
                scores[key] = scores.get(key, 0.0) + weight * words[word] / (words[word] + norm)
    allowed = [
        Hit(key, score)
        for key, score in scores.items()
        if (scopes is None or entries[key].scope in scopes)
        and (up_to is None or entries[key].place <= up_to)
    ]
    return sorted(allowed, key=lambda hit: (-hit.score, hit.id))[:k]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    yield from opened(tmp_path / "index.sqlite")


def opened(path: Path) -> Iterator[Connection]:
    connection = connect(path, writes=True)
    yield connection
    connection.close()
    connection.engine.dispose()


@pytest.fixture
def index(connection: Connection) -> FullText:
    made = FullText("lessons")
    with connection.begin():
        made.create(connection)
    return made


def put(index: FullText, connection: Connection, *texts: str) -> None:
    with connection.begin():
        index.put(connection, [IndexedText(id=n, text=text) for n, text in enumerate(texts)])


def ids(index: FullText, connection: Connection, query: str, k: int = 8) -> list[int]:
    with connection.begin():
        return [hit.id for hit in index.search(connection, query, k=k)]


# --- against the model

WORDS = ["a", "b", "c", "d", "e-1", "f", "猫", "黑猫", "北京大学", "x_y"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
ENTRIES = st.builds(
    IndexedText,
    id=st.integers(-3, 12),
    text=TEXTS,
    scope=st.integers(0, 2),
    place=st.integers(-5, 20),
)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(ENTRIES, max_size=6)),
        st.tuples(st.just("undo"), st.lists(ENTRIES, max_size=6)),
        st.tuples(st.just("remove"), st.lists(st.integers(-4, 13), max_size=4)),
        st.tuples(st.just("search"), st.tuples(TEXTS, st.integers(1, 5), st.none() | st.sets(st.integers(0, 3)),
                                               st.none() | st.integers(-6, 21))),
    ),
    max_size=25,
)  # fmt: skip


@given(CHANGES, st.integers(0, 5), st.booleans())
@settings(deadline=None, max_examples=40)
def test_any_changes_give_what_the_model_gives(
    changes: list[tuple[str, Any]], few: int, small: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "FAN", 2)
        patch.setattr(stored, "LARGEST", 4 if small else 8)
        patch.setattr(ranking, "FEW", few)
        patch.setattr(ranking, "WATCHED", 3)
        patch.setattr(ranking, "SHORT", 2 * few)
        patch.setattr(ranking, "LEADERS", few)
        patch.setattr(postings, "LONG", few)
        for connection in opened(Path(":memory:")):
            index, known = FullText(), dict[int, IndexedText]()
            with connection.begin():
                index.create(connection)
            for kind, what in changes:
                _do(index, connection, known, kind, what)
            with connection.begin():
                assert index.count(connection) == len(known)
                for word in WORDS:
                    assert index.search(connection, word, k=20) == expected(known, word, 20)


def _do(
    index: FullText, connection: Connection, known: dict[int, IndexedText], kind: str, what: Any
) -> None:
    if kind == "search":
        query, k, scopes, up_to = what
        with connection.begin():
            found = index.search(connection, query, k=k, scopes=scopes, up_to=up_to)
        assert found == expected(known, query, k, scopes=scopes, up_to=up_to)
    elif kind == "undo":
        undone = connection.begin()
        index.put(connection, what)
        index.search(connection, "a b 黑猫")
        undone.rollback()
    elif kind == "put":
        with connection.begin():
            changed = index.put(connection, what)
            assert index.put(connection, what) in {0, *range(changed)}
        known |= {entry.id: entry for entry in what}
    else:
        with connection.begin():
            removed = index.remove(connection, what)
        assert removed == len({key for key in what if known.pop(key, None)})


@pytest.mark.slow
@pytest.mark.parametrize(("shortest", "longest", "long"), [(3, 30, 8), (1, 200, 64)])
def test_larger_texts_by_zipf_give_what_the_model_gives(
    index: FullText,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    shortest: int,
    longest: int,
    long: int,
) -> None:
    monkeypatch.setattr(postings, "LONG", long)
    monkeypatch.setattr(ranking, "SHORT", 100)
    draw = random.Random(4)
    words = [f"w{n}" for n in range(300)]
    weights = [1 / (n + 1) for n in range(300)]
    known = {
        n: IndexedText(
            id=n,
            text=" ".join(draw.choices(words, weights, k=draw.randint(shortest, longest))),
            place=n,
        )
        for n in range(3000)
    }
    with connection.begin():
        for start in range(0, 3000, 100):
            index.put(connection, [known[n] for n in range(start, start + 100)])
        index.remove(connection, range(0, 3000, 7))
    known = {n: entry for n, entry in known.items() if n % 7}
    with connection.begin():
        for _ in range(20):
            query = " ".join(draw.choices(words, weights, k=draw.randint(1, 40)))
            assert index.search(connection, query, k=8) == expected(known, query, 8)
            up_to = draw.randint(0, 3000)
            assert index.search(connection, query, k=3, up_to=up_to) == expected(
                known, query, 3, up_to=up_to
            )


def test_scopes_asked_for_again_are_in_line_with_what_was_put_and_removed(
    index: FullText, connection: Connection
) -> None:
    def found(*scopes: int) -> list[int]:
        with connection.begin():
            return [hit.id for hit in index.search(connection, "a", scopes=scopes)]

    for n in range(12):
        with connection.begin():
            index.put(connection, [IndexedText(id=n, text="a", scope=n % 3)])
        assert found(0, 1) == [m for m in range(n + 1) if m % 3 < 2][:8]
        assert found(2) == [m for m in range(n + 1) if m % 3 == 2]
    with connection.begin():
        index.put(connection, [IndexedText(id=0, text="a", scope=2)])
        index.remove(connection, [1, 2])
    assert found(0, 1) == [3, 4, 6, 7, 9, 10]
    assert found(2) == [0, 5, 8, 11]


# --- any string is a query

HOSTILE = [
    "", " ", '"', "'", "*", "NEAR(a b)", "a AND b OR NOT c", "a NEAR/3 b", "text:a", "^a", "a*", "-a", "(((",
    "{a b}: c", "\x00", "a\x00b", "\ud800", "%", "_", "'; DROP TABLE lessons_texts; --", "🦊🦊", "a" * 1_000_000,
    "a b " * 250_000, "猫狗" * 500_000, " ".join(f"w{n}" for n in range(100_000)),
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_no_query_does_harm(index: FullText, connection: Connection, query: str) -> None:
    put(index, connection, "near and or not a b", "猫狗 a*", "text w7")
    begun = time.process_time()
    found = ids(index, connection, query)
    assert time.process_time() - begun < 2
    assert set(found) <= {0, 1, 2}
    assert ids(index, connection, "near") == [0]


LAST = len(HOSTILE) - 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, marks=pytest.mark.slow if n == LAST else ())
        for n, text in enumerate(HOSTILE)
    ],
    ids=range(len(HOSTILE)),
)
def test_no_text_does_harm(index: FullText, connection: Connection, text: str) -> None:
    put(index, connection, "good", text)
    assert ids(index, connection, "good") == [0]
    with connection.begin():
        assert index.count(connection) == 2
        assert index.remove(connection, [1]) == 1
        assert index.count(connection) == 1


def test_operators_are_words(index: FullText, connection: Connection) -> None:
    put(index, connection, "either or", "neither nor", "near miss")
    assert ids(index, connection, "NEAR") == [2]
    assert ids(index, connection, "neither NOT") == [1]
    assert ids(index, connection, '"either or" nor') == [0, 1]


# --- order, identity, both languages


def test_equal_scores_come_by_id(index: FullText, connection: Connection) -> None:
    with connection.begin():
        index.put(connection, [IndexedText(id=key, text="the same") for key in (5, -2, 9, 0, 7)])
    assert ids(index, connection, "same", k=3) == [-2, 0, 5]


def test_the_history_of_an_index_does_not_show(tmp_path: Path) -> None:
    """What was added, replaced and removed in between, and in which portions, changes no score by a single bit."""
    texts = {
        n: IndexedText(id=n, text=f"case {n % 7} of {n % 3} 退款问题{n % 5}", place=n)
        for n in range(90)
    }
    found = []
    for name, portion in (("one", 90), ("two", 1)):
        for connection in opened(tmp_path / name):
            index = FullText()
            with connection.begin():
                index.create(connection)
                if portion == 1:
                    index.put(
                        connection,
                        [
                            IndexedText(id=n, text=f"secret {n} case of 退款")
                            for n in range(40, 160)
                        ],
                    )
                    index.remove(connection, range(90, 160))
                for start in range(0, 90, portion):
                    index.put(connection, [texts[n] for n in range(start, start + portion)])
                assert index.search(connection, "secret") == []
                found.append(
                    [
                        index.search(connection, q, k=50)
                        for q in ("case 3", "退款问题2", "of 1 问题", "5 6")
                    ]
                )
    assert found[0] == found[1]


def test_a_removed_texts_own_words_leave_the_database(
    index: FullText, connection: Connection
) -> None:
    put(index, connection, "the customer is called Zanzibarius", "the customer waits")
    with connection.begin():
        index.remove(connection, [0])
    with connection.begin():
        kept = connection.execute(select(index.tables.terms.c.term)).scalars().all()
        assert sorted(kept) == ["customer", "the", "waits"]
        for key in connection.execute(select(index.tables.postings.c.key)).scalars():
            assert key % TERMS in set(connection.execute(select(index.tables.terms.c.id)).scalars())
        left = {1: IndexedText(id=1, text="the customer waits")}
        found = index.search(connection, "customer zanzibarius")
        assert found == expected(left, "customer zanzibarius")


def test_putting_the_same_again_changes_nothing(index: FullText, connection: Connection) -> None:
    entries = [IndexedText(id=n, text=f"text {n} 文本", place=n) for n in range(20)]
    with connection.begin():
        assert index.put(connection, entries) == 20
        assert index.put(connection, entries) == 0
        assert index.put(connection, [IndexedText(id=3, text="text 3 文本", place=4)]) == 1
        assert index.count(connection) == 20


def test_chinese_and_english_in_one_index(index: FullText, connection: Connection) -> None:
    put(
        index,
        connection,
        "客户要求退款，订单号A-17",
        "客户询问发票",
        "refund for order A-17",
        "invoice ＡＢＣ",
    )
    assert ids(index, connection, "退款") == [0]
    assert ids(index, connection, "Order a-17") == [2, 0]
    assert ids(index, connection, "abc") == [3]
    assert sorted(ids(index, connection, "客户")) == [0, 1]


def test_a_name_that_is_no_name_and_an_index_never_made_are_told(connection: Connection) -> None:
    with pytest.raises(InputError, match="'a; b'"):
        FullText("a; b")
    index = FullText("absent")
    with connection.begin():
        index.metadata.create_all(connection)
    with connection.begin(), pytest.raises(StoreError, match="'absent'"):
        index.search(connection, "a")


# --- several connections, and the end of a process


def test_another_connection_sees_what_is_committed(
    index: FullText, connection: Connection, tmp_path: Path
) -> None:
    other = FullText("lessons")
    for reader in opened(tmp_path / "index.sqlite"):
        for n in range(30):
            with connection.begin():
                index.put(connection, [IndexedText(id=n % 11, text=f"word w{n}")])
                if n % 3 == 0:
                    index.remove(connection, [(n + 5) % 11])
            for word in ("word", f"w{n}"):
                assert ids(other, reader, word, k=20) == ids(index, connection, word, k=20)


KILLED = """
import sys
from pathlib import Path
from journeyman.store.connect import connect
from journeyman.store.fulltext.index import FullText
from journeyman.store.fulltext.segments import IndexedText
connection, index = connect(Path(sys.argv[1]), writes=True), FullText("lessons")
for n in range(1_000_000):
    with connection.begin():
        index.put(connection, [IndexedText(id=n, text=f"case w{n} of {n % 10}")])
        index.put(connection, [IndexedText(id=-1, text=f"last w{n}")])
        print(n, flush=True)
"""


@pytest.mark.slow
def test_a_killed_process_leaves_whole_transactions(
    index: FullText, connection: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "index.sqlite"
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        seen = [next(process.stdout) for _ in range(20 + os.getpid() % 7)]
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with connection.begin():
            total = index.count(connection) - 1
            assert total >= len(seen) - 1
            last = index.search(connection, "last")[0]
            assert last.id == -1
            assert {hit.id for hit in index.search(connection, f"w{total - 1}")} == {-1, total - 1}
            assert len(index.search(connection, "case", k=10_000)) == total
            assert index.search(connection, f"w{total}") == []
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


def test_a_segment_rewritten_and_passed_over_in_one_change_takes_no_removals_of_others(
    index: FullText, connection: Connection
) -> None:
    texts = [IndexedText(id=n, text=f"common word{n}") for n in range(200)]

    def said(first: int, last: int) -> list[IndexedText]:
        return texts[first:last]

    for first, last in ((0, 30), (30, 60)):  # two segments
        with connection.begin():
            index.put(connection, said(first, last))
    replaced = [IndexedText(id=n, text=f"common other{n}") for n in range(30, 46)]
    with (
        connection.begin()
    ):  # rewrites the second, whose first text goes, and puts it together with its neighbours
        index.put(connection, [*replaced, *said(60, 80)])
    for gone in (70, 0):  # the one beside it, then one of the first: its segment is read anew
        with connection.begin():
            assert index.remove(connection, [gone]) == 1
        found = ids(index, connection, "common", k=200)
    assert set(found) == set(range(80)) - {70, 0}
