"""The statements that every case needs, built once for each kind of database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Delete,
    ScalarSelect,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from journeyman.store.journal import schema
from journeyman.store.journal.rows import EVENT_COLUMNS
from journeyman.store.statements import Statement

BATCH = 500
"""Rows a page, and cases a transaction."""

events = schema.events
cases = schema.cases
queue = schema.pending
emitted = schema.emitted

EMITTED = 0.0
"""The `wake_at` of a case whose name was emitted: long past."""


# The values that statements are given, by the names in `HotStatements`.
RUN: BindParameter[Any] = bindparam("run")
CASE: BindParameter[Any] = bindparam("case")
NUMBER: BindParameter[Any] = bindparam("number")
LAST: BindParameter[Any] = bindparam("last")
CALL: BindParameter[Any] = bindparam("call")
NOW: BindParameter[Any] = bindparam("now")
ME: BindParameter[Any] = bindparam("me")
UNTIL: BindParameter[Any] = bindparam("until")
DEAD: BindParameter[Any] = bindparam("dead")
TRY: BindParameter[Any] = bindparam("try")
NAMED: BindParameter[Any] = bindparam("name")
JOB: BindParameter[Any] = bindparam("job")

PAGE: ColumnElement[int] = literal_column(str(BATCH))
ONE: ColumnElement[int] = literal_column("1")
LABELLED: ColumnElement[str] = literal_column("'labelled'")
REPLIED: ColumnElement[str] = literal_column("'replied'")


class HotStatements:
    """One for one kind of database: each `Statement` keeps the text that it was built to."""

    def __init__(self) -> None:
        self.add_event = Statement(events.insert(), *EVENT_COLUMNS)
        self.events = Statement(_events_of_case(), "run", "case")
        self.attempt = Statement(_events_of_attempt(), "run", "case", "number")
        self.labels = Statement(_labels(), "run", "case", "number")
        self.replies = Statement(_page_of_replies(), "last")
        self.reply = Statement(_first_reply(), "call")
        self.case = Statement(_case_body(), "run", "case")
        self.cases = Statement(_page_of_cases(), "run", "last")
        self.next_seq = Statement(_next_seq(), "run")
        self.add_case = Statement(cases.insert(), "run_id", "case_id", "seq", "body", "added_at")
        self.enqueue = Statement(queue.insert(), "run_id", "seq", "case_id", "attempt")
        self.next = Statement(next_case(), "run", "now")
        self.holders = Statement(_holders(), "run", "me")
        self.next_held = Statement(next_held(), "run", "dead")
        self.take = Statement(_take(), "run", "number", "me", "until")
        self.renew = Statement(_renew(), "me", "until")
        self.release = Statement(_release(), "run", "number", "me")
        self.close = Statement(_close(), "run", "number", "try")
        self.remaining = Statement(_remaining(), "run")
        self.suspend = Statement(_suspend(), "run", "number", "try", "name", "until", "now")
        self.wake = Statement(_wake(), "name")
        self.emitted = Statement(_emitted(), "name")
        self.waiting = Statement(_waiting(), "run", "now")
        self.next_wake = Statement(_next_wake(), "run")
        self.news = cache(_news)
        self.marks = Statement(_marks(), "job")


# --- events


def _event_columns() -> list[ColumnElement[Any]]:
    return [events.c[name] for name in EVENT_COLUMNS]


def _of_case() -> ColumnElement[bool]:
    of_run = events.c.run_id == RUN
    of_case = events.c.case_id == CASE
    return and_(of_run, of_case)


def _events_of_case() -> Select[Any]:
    columns = _event_columns()
    found = select(*columns).where(_of_case())
    return found.order_by(events.c.attempt, events.c.path, events.c.seq)


def _events_of_attempt() -> Select[Any]:
    of_attempt = events.c.attempt == NUMBER
    return _events_of_case().where(of_attempt)


def _with_position() -> Select[Any]:
    columns = _event_columns()
    return select(events.c.id, *columns)


def _labels() -> Select[Any]:
    of_attempt = events.c.attempt == NUMBER
    labelled = events.c.kind == LABELLED
    found = _with_position()
    found = found.where(_of_case(), of_attempt, labelled)
    return found.order_by(events.c.seq)


def _page_of_replies() -> Select[Any]:
    of_calls = events.c.key.is_not(None)
    later = events.c.id > LAST
    page = _with_position().where(of_calls, later)
    page = page.order_by(events.c.id)
    return page.limit(PAGE)


def _first_reply() -> Select[Any]:
    named = events.c.key == CALL
    replied = events.c.kind == REPLIED
    found = _with_position().where(named, replied)
    found = found.order_by(events.c.id)
    return found.limit(ONE)


def _news(runs: int, kinds: int, followed: bool) -> Statement:
    """Of so many runs and kinds: a page from behind a position on. `followed`: all kinds are of `schema.FOLLOWED`."""
    run_names = [f"run{n}" for n in range(runs)]
    kind_names = [f"kind{n}" for n in range(kinds)]
    of_runs = _among(events.c.run_id, run_names)
    of_kinds = _among(events.c.kind, kind_names)
    later = events.c.id > LAST
    page = _with_position().where(of_runs, of_kinds, later)
    if followed:
        page = page.where(text(schema.IS_FOLLOWED))
    page = page.order_by(events.c.id)
    return Statement(page.limit(PAGE), *run_names, *kind_names, "last")


def _among(column: ColumnElement[str], names: Sequence[str]) -> ColumnElement[bool]:
    """Whether it is one of the values of these names."""
    values: list[BindParameter[Any]] = [bindparam(name) for name in names]
    return column.in_(values)


def _marks() -> Select[Any]:
    """How many changes and runs a job has, and the last position of what is followed in its runs."""
    changes = _count_of_job(schema.changes)
    runs = _count_of_job(schema.runs)
    of_run = events.c.run_id == schema.runs.c.id
    last_of_run = select(func.max(events.c.id))
    last_of_run = last_of_run.where(of_run, text(schema.IS_FOLLOWED))
    last = func.max(last_of_run.scalar_subquery())
    of_job = schema.runs.c.job == JOB
    last_of_job = select(last).where(of_job)
    return select(changes, runs, last_of_job.scalar_subquery())


def _count_of_job(table: Table) -> ScalarSelect[int]:
    of_job = table.c.job == JOB
    counted = select(func.count())
    counted = counted.select_from(table)
    return counted.where(of_job).scalar_subquery()


# --- cases


def _case_body() -> Select[Any]:
    of_run = cases.c.run_id == RUN
    one = cases.c.case_id == CASE
    found = select(cases.c.body, cases.c.seq)
    return found.where(of_run, one)


def _next_seq() -> Select[Any]:
    last = func.max(cases.c.seq)
    after = func.coalesce(last + 1, 0)
    of_run = cases.c.run_id == RUN
    return select(after).where(of_run)


def _page_of_cases() -> Select[Any]:
    of_run = cases.c.run_id == RUN
    later = cases.c.seq > LAST
    page = select(cases.c.seq, cases.c.body)
    page = page.where(of_run, later)
    page = page.order_by(cases.c.seq)
    return page.limit(PAGE)


# --- the queue

ROW = (queue.c.seq, queue.c.case_id, queue.c.attempt, queue.c.awaiting)


def _mine() -> ColumnElement[bool]:
    return queue.c.run_id == RUN


def _row() -> ColumnElement[bool]:
    return and_(_mine(), queue.c.seq == NUMBER)


def _unheld() -> ColumnElement[bool]:
    nobody = queue.c.holder.is_(None)
    expired = queue.c.expires_at < NOW
    return or_(nobody, expired)


def next_case() -> Select[Any]:
    """The row to take next: one whose wait is over, else the first that does not wait. Locked, where rows can be."""
    due = queue.c.wake_at <= NOW
    woken = select(*ROW).where(_mine(), schema.waits, due, _unheld())
    woken = woken.order_by(queue.c.wake_at).limit(ONE)
    first = woken.with_for_update(skip_locked=True).cte("woken")
    some = exists(select(ONE).select_from(first))
    free = select(*ROW).where(_mine(), schema.free, _unheld(), ~some)
    free = free.order_by(queue.c.seq).limit(ONE)
    second = free.with_for_update(skip_locked=True).cte("free")
    both = union_all(select(first), select(second))
    return select(both.subquery("next"))


def next_held() -> Select[Any]:
    """The first row that a dead process holds."""
    of_dead = queue.c.holder == DEAD
    held = select(*ROW).where(_mine(), of_dead)
    held = held.order_by(queue.c.seq)
    first = held.limit(ONE)
    return first.with_for_update(skip_locked=True)


def _holders() -> Select[Any]:
    others = queue.c.holder != ME
    held = select(queue.c.holder)
    held = held.where(_mine(), others)
    return held.distinct()


def _take() -> Update:
    row = update(queue).where(_row())
    return row.values(holder=ME, expires_at=UNTIL)


def _renew() -> Update:
    held = queue.c.holder == ME
    mine = update(queue).where(held)
    return mine.values(expires_at=UNTIL)


def _release() -> Update:
    held = queue.c.holder == ME
    row = update(queue).where(_row(), held)
    return row.values(holder=null(), expires_at=null())


def _close() -> Delete:
    of_attempt = queue.c.attempt == TRY
    return delete(queue).where(_row(), of_attempt)


def _remaining() -> Select[Any]:
    counted = select(func.count())
    counted = counted.select_from(queue)
    return counted.where(_mine())


# --- waiting


def _suspend() -> Update:
    named = emitted.c.name == NAMED
    known = exists(select(emitted.c.name).where(named))
    of_attempt = queue.c.attempt == TRY
    row = update(queue).where(_row(), of_attempt)
    return row.values(
        holder=null(),
        expires_at=null(),
        awaiting=NAMED,
        wake_at=case((known, literal(EMITTED)), else_=UNTIL),
        waiting_since=NOW,
    )


def _wake() -> Update:
    waiting = queue.c.awaiting == NAMED
    rows = update(queue).where(waiting)
    return rows.values(wake_at=EMITTED)


def _emitted() -> Select[Any]:
    named = emitted.c.name == NAMED
    found = select(emitted.c.payload, emitted.c.at)
    return found.where(named)


def _waiting() -> Select[Any]:
    never = queue.c.wake_at.is_(None)
    later = queue.c.wake_at > NOW
    asleep = or_(never, later)
    nobody = queue.c.holder.is_(None)
    case_id, name = queue.c.case_id, queue.c.awaiting
    found = select(case_id, name, queue.c.wake_at, queue.c.waiting_since)
    found = found.where(_mine(), schema.waits, asleep, nobody)
    return found.order_by(queue.c.seq)


def _next_wake() -> Select[Any]:
    nobody = queue.c.holder.is_(None)
    first = func.min(queue.c.wake_at)
    found = select(first)
    return found.where(_mine(), schema.waits, nobody)
