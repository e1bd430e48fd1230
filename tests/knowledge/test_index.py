"""One suite over all implementations of the index: what must be visible is, nothing else is, in both languages."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.documents import Passage
from journeyman.errors import InputError
from journeyman.knowledge.index import SqliteIndex
from journeyman.knowledge.index.fusion import SEMANTIC, fused, fused_by_rank
from journeyman.models.embedding import HashedEmbedder
from journeyman.protocols import Index
from tests.knowledge.indexes import OPENED, found, passages, put, run, sqlite

Open = Callable[[Path], Index]


@pytest.fixture(
    params=[pytest.param(n, marks=pytest.mark.slow if n == "lance" else ()) for n in OPENED]
)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Index]:
    """Opens the index, again and again in the same place."""
    if request.param == "lance":
        pytest.importorskip(
            "lancedb", reason="an optional extra: pip install 'journeyman[lancedb]'"
        )
    return lambda: OPENED[request.param](tmp_path)


@pytest.fixture
def index(reopen: Callable[[], Index]) -> Iterator[Index]:
    opened = reopen()
    yield opened
    opened.close()


def test_what_was_put_is_found_with_where_it_stands(index: Index) -> None:
    told = Passage(
        document="a.pdf",
        id="7",
        title="Fees",
        text="The late fee is 30 euros.",
        page=3,
        box=(1, 2, 3, 4),
        start=9,
        end=34,
    )
    assert run(index.put("a.pdf", [told]))
    put(index, "b.md", "The bakery opens at seven.", "Bread costs two euros.")
    first, *_ = run(index.search("late fee"))
    assert first.model_copy(update={"score": None}) == told
    assert first.score is not None
    assert first.score > 0


def test_the_title_is_searched_too(index: Index) -> None:
    put(index, "a", "It opens at seven.", title="The bakery")
    assert found(index, "bakery") == ["It opens at seven."]


def test_chinese_is_found_by_parts_of_words(index: Index) -> None:
    put(index, "甲", "黑豹队的防守只丢了 308 分。", "职业碗防守截锋卡万·肖特以11分领先于全队。")
    put(index, "乙", "上海的面包店七点开门。")
    assert found(index, "面包店几点开门？", k=1) == ["上海的面包店七点开门。"]
    assert found(index, "黑豹队丢了多少分", k=1) == ["黑豹队的防守只丢了 308 分。"]


def test_putting_the_same_again_changes_nothing(index: Index) -> None:
    assert put(index, "a", "one text", labels=["x", "y"])
    assert not put(index, "a", "one text", labels=["y", "x"])
    assert put(index, "a", "one text", labels=["x"])
    assert put(index, "a", "another text", labels=["x"])


def test_a_changed_document_shows_only_what_it_says_now(index: Index) -> None:
    put(index, "a", "apples are red", "pears are green")
    put(index, "a", "apples are yellow")
    assert found(index, "apples pears red green") == ["apples are yellow"]


def test_a_removed_document_is_gone_at_the_next_search(index: Index) -> None:
    put(index, "a", "apples are red")
    put(index, "b", "apples are green")
    assert sorted(found(index, "apples")) == ["apples are green", "apples are red"]
    assert run(index.remove("a"))
    assert not run(index.remove("a"))
    assert found(index, "apples red") == ["apples are green"]
    assert dict(index.documents()) == {"b": frozenset()}


def test_labels_are_asked_for_before_anything_is_ranked(index: Index) -> None:
    for n in range(150):
        put(index, f"secret {n}", f"apples apples apples {n}", labels=["secret"])
    put(index, "both", "apples for two", labels=["secret", "board"])
    put(index, "open", "pears, plums, and at the very end also apples")
    assert found(index, "apples", k=3) == ["pears, plums, and at the very end also apples"]
    assert found(index, "apples", k=3, labels=["board"]) == [
        "pears, plums, and at the very end also apples"
    ]
    assert all(
        text.startswith("apples apples") for text in found(index, "apples", k=3, labels=["secret"])
    )
    assert "apples for two" in found(
        index, "apples two", k=200, labels=["board", "secret", "other"]
    )
    assert "apples for two" not in found(index, "apples two", k=200, labels=["secret"])


def test_new_labels_count_at_once(index: Index) -> None:
    put(index, "a", "apples are red")
    put(index, "a", "apples are red", labels=["secret"])
    assert found(index, "apples") == []
    put(index, "a", "apples are red")
    assert found(index, "apples") == ["apples are red"]


def test_another_connection_sees_what_was_committed(
    index: Index, reopen: Callable[[], Index]
) -> None:
    other = reopen()
    put(index, "a", "apples are red")
    assert found(other, "apples") == ["apples are red"]
    put(other, "b", "apples are green")
    run(index.remove("a"))
    assert found(other, "apples") == ["apples are green"]
    assert found(index, "apples") == ["apples are green"]
    other.close()


def test_order_does_not_depend_on_history(index: Index) -> None:
    for n in range(5):
        put(index, f"d{n}", f"apples and pears {n}", "apples apples", f"plums {n}")
    put(index, "d1", "something else")
    run(index.remove("d3"))
    before = found(index, "apples plums pears")
    assert before == found(index, "apples plums pears")
    put(index, "d1", "apples")
    run(index.remove("d1"))
    assert found(index, "apples plums pears") == [
        text for text in before if text != "something else"
    ]


@pytest.mark.parametrize(
    "query",
    ["", " ", "\0", "\ud800", '"', "NEAR(a b)", "a* OR b", "'; DROP TABLE passages", "x " * 30_000],
)
def test_any_string_is_a_query(index: Index, query: str) -> None:
    put(index, "a", "apples")
    run(index.search(query))


def test_any_string_is_a_text(index: Index) -> None:
    texts = ["", " ", "a\0b", "\ud800", "'\"", "😀" * 50]
    put(index, "odd 奇", *texts, title="\ud800")
    assert set(found(index, "😀😀", k=50)) <= set(texts)


def test_wrong_use_is_named(index: Index) -> None:
    with pytest.raises(InputError, match="'b'"):
        run(index.put("a", passages("b", "x")))
    with pytest.raises(InputError, match="id '0'"):
        run(index.put("a", [*passages("a", "x"), *passages("a", "y")]))
    for name in ("", "\ud800"):
        with pytest.raises(InputError, match="can't name"):
            run(index.put(name, []))
    for k in (0, 5_000):
        with pytest.raises(InputError, match=str(k)):
            run(index.search("x", k=k))


def test_an_empty_document_is_known_and_shows_nothing(index: Index) -> None:
    assert put(index, "a", labels=["x"])
    assert dict(index.documents()) == {"a": frozenset({"x"})}
    assert found(index, "a") == []


WORDS = (
    "apple",
    "pear",
    "plum",
    "Fig Bread",
    "milk",
    "苹果",
    "香梨",
    "面包",
    "牛奶",
    "order_id",
    "A-17",
    "late",
    "fee",
)
LABELS = ("red", "blue")


def steps(index: Index, reopen: Callable[[], Index], count: int, seed: int) -> int:
    """Random steps against a dict of what must be visible; how often the two differed."""
    chance, truth, differences = random.Random(seed), dict[str, tuple[list[str], set[str]]](), 0
    for _ in range(count):
        document = f"d{chance.randrange(12)}"
        match chance.randrange(10):
            case 0 | 1 | 2:
                texts = [
                    " ".join(chance.choices(WORDS, k=chance.randint(1, 6)))
                    for _ in range(chance.randint(0, 4))
                ]
                labels = set(chance.sample(LABELS, chance.randint(0, 2)))
                changed = put(index, document, *texts, labels=labels)
                differences += changed != (truth.get(document) != (texts, labels))
                truth[document] = (texts, labels)
            case 3:
                differences += run(index.remove(document)) != (
                    truth.pop(document, None) is not None
                )
            case 4 if chance.random() < 0.05:
                index.close()
                index = reopen()
            case _:
                held, word = set(chance.sample(LABELS, chance.randint(0, 2))), chance.choice(WORDS)
                seen = run(index.search(word, k=100, labels=held))
                shown = {(passage.document, passage.id, passage.text) for passage in seen}
                may = {
                    (name, str(n), text)
                    for name, (texts, labels) in truth.items() if labels <= held
                    for n, text in enumerate(texts)
                }  # fmt: skip
                must = {told for told in may if set(word.split()) <= set(told[2].split())}
                differences += not (must <= shown <= may) or len(seen) > len(shown)
    index.close()
    return differences


def test_random_steps_show_what_a_simple_model_shows(
    index: Index, reopen: Callable[[], Index]
) -> None:
    assert steps(index, reopen, 200, seed=1) == 0


@pytest.mark.slow
def test_ten_thousand_random_steps_show_what_a_simple_model_shows(
    index: Index, reopen: Callable[[], Index]
) -> None:
    assert steps(index, reopen, 10_000, seed=2) == 0


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.05, 0.3])
def test_killed_while_putting_a_document_is_whole_or_not_there(
    index: Index,
    reopen: Callable[[], Index],
    wait: float,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """A child puts documents one after the other until it is killed; each is all there or not at all."""
    put(index, "first", "apples 0")
    index.close()
    command = [
        sys.executable,
        "-m",
        "tests.knowledge.indexes",
        request.node.callspec.params["reopen"],
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(wait)
        finally:
            child.kill()
    again = reopen()
    seen: dict[str, list[str]] = {}
    for passage in run(again.search("apples", k=1000)):
        seen.setdefault(passage.document, []).append(passage.text.split()[1])
    assert seen.pop("first") == ["0"]
    assert all(len(texts) == 20 and len(set(texts)) == 1 for texts in seen.values())
    assert set(again.documents()) == {"first", *seen}
    assert put(again, "last", "apples at last")
    again.close()


# --- of the SQLite index alone --------------------------------------------------------------------------------


def test_another_embedder_is_refused_and_both_are_named(tmp_path: Path) -> None:
    with SqliteIndex.open(tmp_path / "k", HashedEmbedder(64)) as made:
        put(made, "a", "apples")
    with pytest.raises(InputError, match="'hashed-64', not of 'hashed-32'"):
        SqliteIndex.open(tmp_path / "k", HashedEmbedder(32))
    with pytest.raises(InputError, match="'hashed-64', not of None"):
        SqliteIndex.open(tmp_path / "k")


def test_an_unchanged_passage_is_not_embedded_again(tmp_path: Path) -> None:
    asked: list[str] = []

    class Counting(HashedEmbedder):
        async def embed(self, texts, *, kind):  # type: ignore[no-untyped-def]
            asked.extend(texts)
            return await super().embed(texts, kind=kind)

    with SqliteIndex.open(tmp_path / "k", Counting(64)) as index:
        put(index, "a", "apples", "pears", "apples")
        put(index, "a", "plums", "pears")
    assert asked == ["apples", "pears", "plums"]


def test_what_is_gone_is_gone_from_the_file_and_from_memory(tmp_path: Path) -> None:
    with SqliteIndex.open(tmp_path / "k", HashedEmbedder(64)) as index:
        put(index, "a", "the password is xyzzy42", title="Confidential")
        put(index, "b", "apples")
        assert found(index, "password", k=1) == ["the password is xyzzy42"]
        secret = index.vectors.rows[0].copy()
        run(index.remove("a"))
        found(index, "apples")
        assert not any((row == secret).all() for row in index.vectors.rows)
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"apples" in kept
    assert not any(
        word in kept for word in (b"xyzzy42", b"Confidential", b"confidential", b"password")
    )


def test_vectors_agree_with_a_plain_product(tmp_path: Path) -> None:
    chance = random.Random(3)
    texts = [" ".join(chance.choices(WORDS, k=5)) + f" {n}" for n in range(300)]
    with SqliteIndex.open(tmp_path / "k", HashedEmbedder(64)) as index:
        for start in range(0, 300, 30):
            put(index, f"d{start}", *texts[start : start + 30])
        run(index.remove("d60"))
        left = texts[:60] + texts[90:]
        query = run(index.embedded("apple 面包 late"))
        rows = run(HashedEmbedder(64).embed(left, kind="passage"))
        assert query is not None
        best = sorted(zip((rows @ query).tolist(), left, strict=True), key=lambda pair: -pair[0])[
            :20
        ]
        with index.store.reading():
            index.vectors.follow(index.store)
            near = index.vectors.nearest(query, k=20, scopes=[0])
            told = index.store.passages([place for place, _ in near])
        assert [similarity for _, similarity in near] == pytest.approx(
            [score for score, _ in best], abs=2e-3
        )
        assert {told[place].text for place, s in near if s > near[-1][1] + 2e-3} <= {
            text for _, text in best
        }


# --- of the LanceDB index alone -------------------------------------------------------------------------------


@pytest.mark.slow
def test_tidying_changes_no_result_and_wipes_what_was_removed(tmp_path: Path) -> None:
    lance = pytest.importorskip("journeyman.knowledge.index.lance")
    pytest.importorskip("lancedb", reason="an optional extra: pip install 'journeyman[lancedb]'")
    index = lance.LanceIndex.open(tmp_path / "k", HashedEmbedder(64))
    put(index, "a", "the password is xyzzy42")
    put(index, "b", "apples are red", "apples are green", "香梨和苹果")
    run(index.remove("a"))
    before = found(index, "apples 苹果")
    index.tidy()
    assert found(index, "apples 苹果") == before
    put(index, "c", "more apples")
    assert "more apples" in found(index, "apples")
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"xyzzy42" not in kept
    with pytest.raises(InputError, match="'hashed-64', not of 'hashed-32'"):
        lance.LanceIndex.open(tmp_path / "k", HashedEmbedder(32))


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 20), unique=True), st.floats(0.1, 2)), max_size=4)
)
def test_fusion_by_rank_ranks_each_number_once_and_never_by_order_of_rankings(
    rankings: list[tuple[list[int], float]],
) -> None:
    order = fused_by_rank(rankings)
    assert sorted(number for number, _ in order) == sorted(
        {n for ranking, _ in rankings for n in ranking}
    )
    assert [score for _, score in order] == sorted((score for _, score in order), reverse=True)
    backwards = fused_by_rank(rankings[::-1])
    assert dict(backwards) == pytest.approx(dict(order))


SCORES = st.dictionaries(st.integers(0, 20), st.floats(0.01, 30), max_size=8)


@given(SCORES, SCORES)
def test_fusion_by_score_ranks_each_number_once_and_the_unit_of_scores_is_nothing(
    lexical: dict[int, float], semantic: dict[int, float]
) -> None:
    order = fused(lexical, semantic)
    assert sorted(number for number, _ in order) == sorted(lexical.keys() | semantic.keys())
    assert order == sorted(order, key=lambda pair: (-pair[1], pair[0]))
    assert all(0 <= score <= 1 + SEMANTIC for _, score in order)
    scaled = fused(
        {n: 4 * score for n, score in lexical.items()},
        {n: score / 4 for n, score in semantic.items()},
    )
    assert dict(scaled) == pytest.approx(dict(order))


def test_what_words_find_by_far_stays_first_though_ranks_say_otherwise() -> None:
    lexical, semantic = {1: 30.0, 2: 5.0}, {2: 0.52, 3: 0.51, 1: 0.5, 4: 0.1}
    assert fused(lexical, semantic)[0][0] == 1
    assert fused_by_rank([(list(lexical), 1.0), (list(semantic), 1.0)])[0][0] == 2


def test_one_alone_is_the_nearest() -> None:
    assert fused({}, {7: 0.1}) == [(7, SEMANTIC)]
    assert fused({}, {}) == []


def test_an_index_of_before_is_read_anew(tmp_path: Path) -> None:
    index = sqlite(tmp_path)
    put(index, "a", "It opens at seven, at seven sharp.", title="The bakery")
    put(index, "b", "The late fee is 30 euros.")
    index.close()
    with sqlite3.connect(tmp_path / "knowledge.sqlite") as raw:
        raw.execute("DELETE FROM migrations WHERE name = '004_postings'")
        raw.execute("DROP TABLE passages_text_postings")
        raw.execute(
            "CREATE TABLE passages_text_postings (key INTEGER PRIMARY KEY, counts BLOB, numbers BLOB)"
        )
    raw.close()
    index = sqlite(tmp_path)
    assert found(index, "bakery at seven", k=1) == ["It opens at seven, at seven sharp."]
    assert run(index.remove("a"))
    assert "It opens at seven, at seven sharp." not in found(index, "bakery")
    index.close()
