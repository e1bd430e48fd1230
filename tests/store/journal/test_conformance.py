"""What every journal promises, over SQLite and PostgreSQL: one suite for both."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from journeyman.errors import InputError, StoreError
from journeyman.store.journal import Journal, LeaseLostError, migrations, open_journal
from journeyman.store.journal.codec import join_tokens, split_tokens
from journeyman.types import (
    Case,
    Change,
    Closed,
    Message,
    Replied,
    Reply,
    Run,
    TokenLogprob,
    Usage,
    Waiting,
)
from tests.store.journal.parts import (
    RUN,
    cases,
    choose,
    claim,
    claimed,
    event,
    nobody_is_dead,
    said,
)


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

    def take(
        holder: str, seconds: float = 60, gone: Callable[[str], bool] = nobody_is_dead
    ) -> str | None:
        held = journal.claim("r-1", holder=holder, seconds=seconds, is_dead=gone)
        return held.case.id if held else None

    assert (take("x"), take("y"), take("z")) == ("a", "b", None)
    assert take("z", gone=lambda other: other == "y") == "b"
    journal.renew(holder="x", seconds=-1)
    assert take("y") == "a"


def test_closing_takes_a_case_off_and_retry_puts_it_back_with_a_new_attempt(
    journal: Journal,
) -> None:
    journal.add_cases("r-1", [Case(id="a", prompt="p")])
    held = journal.claim("r-1", holder="x", seconds=60, is_dead=nobody_is_dead)
    assert held is not None
    journal.append([event(0, Closed(correct=None))], closes=held)
    assert journal.remaining("r-1") == 0
    journal.retry("r-1", {"a": 2})
    again = journal.claim("r-1", holder="x", seconds=60, is_dead=nobody_is_dead)
    assert again is not None
    assert again.attempt == 2
    journal.append([event(0, attempt=2)])
    assert [e.attempt for e in journal.events("r-1", "a")] == [2]
    assert [e.attempt for e in journal.events("r-1", "a", attempt=1)] == [1]


def test_the_root_comes_first_then_branch_by_branch(journal: Journal) -> None:
    places = [("b", 0), ("", 0), ("a/2", 1), ("", 1), ("a/2", 0), ("B", 0)]
    for path, seq in places:
        journal.append([event(seq, path=path)])
    read = [(e.path, e.seq) for e in journal.events("r-1", "a")]
    assert read == [("", 0), ("", 1), ("B", 0), ("a/2", 0), ("a/2", 1), ("b", 0)]
    assert [(e.path, e.seq) for e in journal.events("r-1", "a", attempt=1)] == read


def test_branches_count_apart_and_each_place_is_written_once(journal: Journal) -> None:
    journal.append([event(0), event(0, path="draft")])
    with pytest.raises(LeaseLostError):
        journal.append([event(1), event(0, path="draft")])
    assert len(journal.events("r-1", "a")) == 2


def test_a_case_that_waits_is_off_the_queue_but_not_done(journal: Journal) -> None:
    journal.add_cases("r-1", cases("a", "b"))
    lease = claimed(journal)
    waits = event(0, Waiting(name="j:answer", until=None))
    journal.suspend(lease, [waits], name="j:answer", until=None)
    assert claimed(journal).case.id == "b"
    assert claim(journal) is None
    assert journal.remaining("r-1") == 2
    assert [(w.case_id, w.name, w.until) for w in journal.waiting("r-1")] == [
        ("a", "j:answer", None)
    ]
    assert journal.next_wake("r-1") is None
    assert journal.events("r-1", "a") == [waits]


def test_the_first_emit_wins_and_wakes_those_that_wait(journal: Journal) -> None:
    journal.add_cases("r-1", cases("a", "b"))
    journal.suspend(claimed(journal), [event(0)], name="n", until=time.time() + 1000)
    assert journal.emitted("n") is None
    assert journal.emit("n", {"言": [1, None], "large": "字" * 5000})
    assert not journal.emit("n", "second")
    first = journal.emitted("n")
    assert first is not None
    assert first.payload == {"言": [1, None], "large": "字" * 5000}
    assert journal.waiting("r-1") == []
    woken = claimed(journal)
    assert (woken.case.id, woken.woken) == ("a", True)
    assert not claimed(journal).woken


def test_what_was_emitted_before_counts_too(journal: Journal) -> None:
    journal.add_cases("r-1", cases("a"))
    journal.emit("n", 1)
    journal.suspend(claimed(journal), [event(0)], name="n", until=None)
    assert claimed(journal).woken


def test_a_wait_ends_by_itself_when_its_moment_comes(journal: Journal) -> None:
    journal.add_cases("r-1", cases("a", "b"))
    moment = time.time() + 0.3
    journal.suspend(claimed(journal), [event(0)], name="n", until=moment)
    later = event(0, case_id="b")
    journal.suspend(claimed(journal), [later], name="m", until=moment + 1000)
    assert journal.next_wake("r-1") == pytest.approx(moment)
    assert claim(journal) is None
    time.sleep(max(0.0, moment - time.time()) + 0.01)
    assert claimed(journal).woken
    assert journal.next_wake("r-1") == pytest.approx(moment + 1000)
    assert claim(journal) is None


def test_a_woken_case_whose_worker_died_is_still_woken(journal: Journal) -> None:
    journal.add_cases("r-1", cases("a"))
    journal.suspend(claimed(journal), [event(0)], name="n", until=None)
    journal.emit("n", 1)
    assert claimed(journal, "x").woken
    again = journal.claim("r-1", holder="y", seconds=60, is_dead=lambda other: other == "x")
    assert again is not None
    assert again.woken


def test_a_lost_lease_can_not_suspend(journal: Journal) -> None:
    journal.add_cases("r-1", cases("a"))
    lease = claimed(journal)
    journal.append([event(0)])
    with pytest.raises(LeaseLostError):
        journal.suspend(lease, [event(0)], name="n", until=None)
    assert journal.waiting("r-1") == []


@pytest.mark.slow
def test_no_wake_up_is_lost_between_those_that_wait_and_those_that_emit(
    journal: Journal, workspace: str
) -> None:
    names = [f"c{n:03d}" for n in range(100)]
    journal.add_cases("r-1", cases(*names))

    def emit_all() -> None:
        with open_journal(workspace) as other:
            for name in names:
                other.emit(name, name)

    emitting = threading.Thread(target=emit_all)
    emitting.start()
    for _ in names:
        lease = claimed(journal)
        if not lease.woken:
            waits = event(0, case_id=lease.case.id)
            journal.suspend(lease, [waits], name=lease.case.id, until=None)
    emitting.join(timeout=60)
    woken = 0
    while claim(journal) is not None:
        woken += 1
    assert journal.waiting("r-1") == []
    assert woken > 0


def listening(journal: Journal) -> threading.Thread:
    """A thread that listens for at most ten seconds, after what was told before."""
    journal.listen("r-1", 0)
    journal.listen("r-1", 0)
    thread = threading.Thread(target=journal.listen, args=("r-1", 10))
    thread.start()
    time.sleep(0.1)
    assert thread.is_alive()
    return thread


@pytest.mark.parametrize("what", ["emit", "add", "release", "retry", "suspend"])
def test_listening_ends_when_another_process_gives_something_to_do(
    journal: Journal, workspace: str, what: str
) -> None:
    journal.add_cases("r-1", cases("a", "b"))
    lease = claimed(journal)
    done = claimed(journal)
    journal.append([event(0, case_id="b")], closes=done)
    thread = listening(journal)
    with open_journal(workspace) as other:
        if what == "emit":
            other.emit("n", 1)
        elif what == "add":
            other.add_cases("r-1", cases("c"))
        elif what == "release":
            other.release(lease, holder="x")
        elif what == "retry":
            other.retry("r-1", {"b": 2})
        else:
            other.suspend(lease, [event(0)], name="n", until=None)
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_what_came_before_listening_began_is_heard(journal: Journal, workspace: str) -> None:
    journal.listen("r-1", 0)
    journal.listen("r-1", 0)
    with open_journal(workspace) as other:
        other.emit("n", 1)
    began = time.monotonic()
    journal.listen("r-1", 10)
    assert time.monotonic() - began < 5


def test_wake_ends_listening(journal: Journal) -> None:
    thread = listening(journal)
    journal.wake()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_listening_ends_when_its_time_is_over(journal: Journal) -> None:
    journal.listen("r-1", 0)
    began = time.monotonic()
    journal.listen("r-1", 0.2)
    assert 0.15 < time.monotonic() - began < 5


def test_several_threads_use_one_journal(journal: Journal) -> None:
    def write(case_id: str) -> None:
        for seq in range(20):
            journal.append([event(seq, case_id=case_id)])
            assert len(journal.events("r-1", case_id)) == seq + 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, ["a", "b", "c", "d"]))


def test_blobs_are_bytes_by_their_hash(journal: Journal) -> None:
    data = bytes(range(256)) * 100
    digest = journal.blobs.put(data)
    assert journal.blobs.put(data) == digest
    assert journal.blobs.get(digest) == data
    with pytest.raises(StoreError, match="lacks the blob"):
        journal.blobs.get("0" * 64)


def test_those_that_start_together_open_one_run_and_add_each_case_once(workspace: str) -> None:
    names = [f"c{n}" for n in range(50)]

    def start(n: int) -> int:
        with open_journal(workspace) as one:
            mine = RUN.model_copy(update={"id": f"r-{n}"})
            run = one.open_run(lambda known, _: known[0] if known else mine, job="j")
            return one.add_cases(run.id, cases(*names))

    with ThreadPoolExecutor(4) as threads:
        added = list(threads.map(start, range(4)))
    assert sum(added) == len(names)
    with open_journal(workspace) as journal:
        (run,) = journal.runs()
        assert [case.id for case in journal.cases(run.id)] == names


def test_changes_are_made_one_after_the_other(journal: Journal, workspace: str) -> None:
    def propose(known: Sequence[Change], _: Sequence[Run]) -> Sequence[Change]:
        return [Change(job="j", worker="ada", kind="promoted", body={"n": len(known)}, at=1.0)]

    def promote(_: int) -> None:
        with open_journal(workspace) as one:
            one.change(propose, job="j")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(promote, range(12)))
    assert [change.body["n"] for change in journal.changes("j")] == list(range(12))


@pytest.mark.slow
def test_a_follower_misses_nothing_that_four_writers_close(
    journal: Journal, workspace: str
) -> None:
    """Had positions another order than commits, a follower would pass one by before it could be seen."""
    each = 1250

    def write(writer: int) -> None:
        with open_journal(workspace) as one:
            for seq in range(each):
                body = Closed(correct=None) if seq % 2 else said()
                one.append([event(seq, body, case_id=f"w{writer}")], fully=False)

    seen: list[tuple[str, int]] = []
    after = 0
    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write, n) for n in range(4)]
        deadline = time.monotonic() + 120
        over = False
        while not over and time.monotonic() < deadline:
            over = all(future.done() for future in writing)
            for position, found in journal.news("r-1", ("closed",), after=after):
                assert position > after
                after = position
                seen.append((found.case_id, found.seq))
        for future in writing:
            future.result()
    assert len(set(seen)) == len(seen) == 4 * each // 2


def test_what_comes_later_has_a_larger_position(journal: Journal) -> None:
    journal.append([event(0)])
    position = journal.position()
    journal.append([event(1, Closed(correct=True))])
    assert [e.seq for _, e in journal.news("r-1", ("closed",), after=position)] == [1]
    assert journal.position() > position


def test_a_newer_store_is_refused(workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_journal(workspace).close()
    known = migrations.MIGRATIONS[:2]
    for module in ("sqlite", "postgres"):
        monkeypatch.setattr(f"journeyman.store.journal.{module}.MIGRATIONS", known)
    with pytest.raises(StoreError, match="newer version: it has migration '003_paths"):
        open_journal(workspace)


def test_integrity(journal: Journal) -> None:
    assert journal.check() == "ok"
