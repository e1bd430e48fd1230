"""The journal: what is written can be read again, places are unique, and what can't be used is refused untouched."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.errors import InputError, StoreError
from journeyman.store import connect
from journeyman.store.journal import Journal, LeaseLostError, open_journal
from journeyman.store.journal.blobs import INLINE_CHARACTERS, Blobs
from journeyman.store.journal.codec import join_tokens, split_tokens
from journeyman.types import (
    Case,
    Change,
    Closed,
    Event,
    EventBody,
    Message,
    Replied,
    Reply,
    Resulted,
    Run,
    TokenLogprob,
    Usage,
)

RUN = Run(
    id="r-1",
    job="j",
    worker="ada@1",
    model="m",
    fingerprint="f",
    spec={"a": [1, None]},
    opened_at=1.0,
)


def choose(known: Sequence[Run], _: Sequence[Change]) -> Run:
    return known[0] if known else RUN


def nobody_is_gone(_: str) -> bool:
    return False


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path / "w") as opened:
        opened.open_run(choose, job="j")
        yield opened


def said(text: str = "你好") -> Resulted:
    return Resulted(message=Message(role="user", content=text))


def event(seq: int, body: EventBody | None = None, **more: Any) -> Event:
    place = {"run_id": "r-1", "case_id": "a", "attempt": 1, "at": 2.5}
    return Event(seq=seq, body=body or said(), **{**place, **more})


def test_a_run_is_opened_once_and_read_again(journal: Journal) -> None:
    assert journal.open_run(choose, job="j") == RUN
    assert journal.runs() == [RUN]
    assert journal.runs(job="other") == []


def test_cases_come_back_in_their_order_and_are_added_once(journal: Journal) -> None:
    cases = [Case(id=f"c{n}", prompt="问" * n, target={"n": n}) for n in range(1200)]
    assert journal.add_cases("r-1", cases) == 1200
    assert journal.add_cases("r-1", cases) == 0
    assert list(journal.cases("r-1")) == cases
    assert journal.case("r-1", "c7") == cases[7]
    assert journal.case("r-1", "none") is None


def test_a_case_with_other_content_is_refused_and_nothing_added(journal: Journal) -> None:
    journal.add_cases("r-1", [Case(id="a", prompt="one")])
    with pytest.raises(InputError, match="'a' is already in this run with other content"):
        journal.add_cases("r-1", [Case(id="b", prompt="new"), Case(id="a", prompt="two")])
    assert [case.id for case in journal.cases("r-1")] == ["a"]


def test_events_come_back_as_they_were(journal: Journal) -> None:
    reply = Reply(
        message=Message(role="assistant", content="SELECT '中文'"),
        usage=Usage(prompt_tokens=3, completion_tokens=1),
        logprobs=(TokenLogprob(token="你", logprob=-0.25, top=(("你", -0.25), ("您", -1.5))),),
    )
    written = [event(0), event(1, Replied(reply=reply), key="k1")]
    journal.append(written)
    read = journal.events("r-1", "a")
    assert read == written
    assert [key for key, _ in journal.replies()] == ["k1"]


LOGPROBS = (TokenLogprob(token="你", logprob=-0.25, top=(("你", -0.25), ("您", -1.5))),)


@pytest.mark.parametrize("logprobs", [None, LOGPROBS], ids=["no logprobs", "logprobs"])
@pytest.mark.parametrize("token_ids", [None, (108386, 0)], ids=["no ids", "ids"])
@pytest.mark.parametrize("raw", [None, "```json\n{}```"], ids=["no raw", "raw"])
def test_a_reply_comes_back_with_all_that_the_engine_said_of_it(
    journal: Journal,
    logprobs: tuple[TokenLogprob, ...] | None,
    token_ids: tuple[int, ...] | None,
    raw: str | None,
) -> None:
    reply = Reply(
        message=Message(role="assistant", content="x"),
        usage=Usage(prompt_tokens=None, completion_tokens=2),
        logprobs=logprobs,
        finish=None,
        token_ids=token_ids,
        raw=raw,
    )
    journal.append([event(0, Replied(reply=reply), key="k1")])
    assert journal.events("r-1", "a")[0].body == Replied(reply=reply)


def test_a_reply_stored_before_token_ids_were_kept_has_none(journal: Journal) -> None:
    body = {
        "message": {"role": "assistant", "content": "x"},
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    columns = [["x"], [-0.5], [[["x", -0.5]]]]
    packed = zlib.compress(json.dumps(columns).encode())
    reply = Reply.model_validate(join_tokens({**body, "logprobs": None}, packed))
    assert reply.logprobs == (TokenLogprob(token="x", logprob=-0.5, top=(("x", -0.5),)),)
    assert (reply.token_ids, reply.raw) == (None, None)


def test_what_is_not_known_of_a_reply_takes_no_room() -> None:
    reply = Reply(
        message=Message(role="assistant", content="x"),
        usage=Usage(prompt_tokens=1, completion_tokens=1),
    )
    body, packed = split_tokens("replied", reply.model_dump(mode="json"))
    assert packed is None
    assert not {"raw", "token_ids"} & set(body)


def test_a_place_can_be_written_once_and_a_lost_race_writes_nothing(journal: Journal) -> None:
    journal.append([event(0)])
    with pytest.raises(LeaseLostError, match="'a'"):
        journal.append([event(1), event(0)])
    assert [e.seq for e in journal.events("r-1", "a")] == [0]


def test_each_case_has_one_holder_until_released_expired_or_dead(journal: Journal) -> None:
    journal.add_cases("r-1", [Case(id="a", prompt="p"), Case(id="b", prompt="p")])

    def claim(
        holder: str, seconds: float = 60, gone: Callable[[str], bool] = nobody_is_gone
    ) -> str | None:
        held = journal.claim("r-1", holder=holder, seconds=seconds, is_dead=gone)
        return held.case.id if held else None

    assert (claim("x"), claim("y"), claim("z")) == ("a", "b", None)
    assert claim("z", gone=lambda other: other == "y") == "b"
    journal.renew(holder="x", seconds=-1)
    assert claim("y") == "a"


def test_closing_takes_a_case_off_and_retry_puts_it_back_with_a_new_attempt(
    journal: Journal,
) -> None:
    journal.add_cases("r-1", [Case(id="a", prompt="p")])
    held = journal.claim("r-1", holder="x", seconds=60, is_dead=nobody_is_gone)
    assert held is not None
    journal.append([event(0, Closed(correct=None))], closes=held)
    assert journal.remaining("r-1") == 0
    journal.retry("r-1", {"a": 2})
    again = journal.claim("r-1", holder="x", seconds=60, is_dead=nobody_is_gone)
    assert again is not None
    assert again.attempt == 2
    journal.append([event(0, attempt=2)])
    assert [e.attempt for e in journal.events("r-1", "a")] == [2]
    assert [e.attempt for e in journal.events("r-1", "a", attempt=1)] == [1]


def test_large_texts_are_kept_once_outside_the_rows(journal: Journal) -> None:
    schema = "CREATE TABLE 订单 …" * 500
    before = sum(1 for _ in journal.blobs.folder.rglob("*")) if journal.blobs.folder.exists() else 0
    journal.append([event(n, body=said(schema)) for n in range(20)])
    files = [path for path in journal.blobs.folder.rglob("*") if path.is_file()]
    assert before == 0
    assert len(files) == 1
    assert all(e.body == said(schema) for e in journal.events("r-1", "a"))


def test_a_changed_blob_is_noticed(journal: Journal) -> None:
    journal.append([event(0, body=said("x" * (INLINE_CHARACTERS + 1)))])
    (file,) = [path for path in journal.blobs.folder.rglob("*") if path.is_file()]
    file.write_text("something else")
    with pytest.raises(StoreError, match="does not hold what its name says"):
        journal.events("r-1", "a")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.just("$blob"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=JSON, filler=st.integers(0, 3))
def test_folding_large_texts_away_can_always_be_undone(
    tmp_path_factory: pytest.TempPathFactory, value: Any, filler: int
) -> None:
    blobs = Blobs(tmp_path_factory.mktemp("blobs"))
    whole = {"value": value, "large": "字" * (filler * INLINE_CHARACTERS)}
    assert blobs.unfold(blobs.fold(whole)) == whole


def test_a_newer_store_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as raw:
        raw.execute("INSERT INTO migrations VALUES ('999_future', 1.0)")
    raw.close()
    with pytest.raises(StoreError, match="newer version: it has migration '999_future'"):
        open_journal(tmp_path)


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as raw:
        raw.execute("CREATE TABLE invoices (n INTEGER)")
    raw.close()
    with pytest.raises(StoreError, match="invoices"):
        open_journal(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"\x89PNG\r\n" + bytes(range(256)) * 20)
    with pytest.raises(StoreError, match="damaged"):
        open_journal(tmp_path)


def test_a_locked_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.05)
    open_journal(tmp_path).close()
    other = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match="stayed locked by another process"):
            open_journal(tmp_path)
    finally:
        other.close()


@pytest.mark.slow
def test_two_processes_that_start_together_make_one_store(tmp_path: Path) -> None:
    imports = "from pathlib import Path; from journeyman.store.journal import Journal"
    code = f"{imports}; open_journal(Path({str(tmp_path)!r}))"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    deadline = time.monotonic() + 60
    assert [process.wait(timeout=deadline - time.monotonic()) for process in started] == [0] * 4
    with open_journal(tmp_path) as journal:
        assert journal.check() == "ok"
