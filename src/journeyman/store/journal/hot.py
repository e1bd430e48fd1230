"""The statements that every case needs, built once for each kind of database."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    Delete,
    Select,
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
    union_all,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

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


# --- events


def _event_columns() -> list[ColumnElement[Any]]:
    return [events.c[name] for name in EVENT_COLUMNS]


def _of_case() -> ColumnElement[bool]:
    run = events.c.run_id == bindparam("run")
    return and_(run, events.c.case_id == bindparam("case"))


def _events_of_case() -> Select[Any]:
    found = select(*_event_columns()).where(_of_case())
    return found.order_by(events.c.attempt, events.c.path, events.c.seq)


def _events_of_attempt() -> Select[Any]:
    return _events_of_case().where(events.c.attempt == bindparam("number"))


def _with_position() -> Select[Any]:
    return select(events.c.id, *_event_columns())


def _labels() -> Select[Any]:
    found = _with_position().where(_of_case(), events.c.attempt == bindparam("number"))
    return found.where(events.c.kind == literal_column("'labelled'")).order_by(events.c.seq)


def _page_of_replies() -> Select[Any]:
    later = and_(events.c.key.is_not(None), events.c.id > bindparam("last"))
    return _with_position().where(later).order_by(events.c.id).limit(literal_column(str(BATCH)))


def _first_reply() -> Select[Any]:
    named = _with_position().where(events.c.key == bindparam("call"))
    replied = named.where(events.c.kind == literal_column("'replied'"))
    return replied.order_by(events.c.id).limit(literal_column("1"))


def _news(runs: int, kinds: int) -> Statement:
    """Of so many runs and kinds: a page from behind a position on."""
    run_names = [f"run{n}" for n in range(runs)]
    kind_names = [f"kind{n}" for n in range(kinds)]
    of_runs = events.c.run_id.in_([bindparam(name) for name in run_names])
    of_kinds = events.c.kind.in_([bindparam(name) for name in kind_names])
    query = _with_position().where(of_runs, of_kinds, events.c.id > bindparam("last"))
    page = query.order_by(events.c.id).limit(literal_column(str(BATCH)))
    return Statement(page, *run_names, *kind_names, "last")


# --- cases


def _case_body() -> Select[Any]:
    mine = and_(cases.c.run_id == bindparam("run"), cases.c.case_id == bindparam("case"))
    return select(cases.c.body, cases.c.seq).where(mine)


def _page_of_cases() -> Select[Any]:
    mine = and_(cases.c.run_id == bindparam("run"), cases.c.seq > bindparam("last"))
    page = select(cases.c.seq, cases.c.body).where(mine)
    return page.order_by(cases.c.seq).limit(literal_column(str(BATCH)))


# --- the queue

ROW = (queue.c.seq, queue.c.case_id, queue.c.attempt, queue.c.awaiting)


def _mine() -> ColumnElement[bool]:
    return queue.c.run_id == bindparam("run")


def _row() -> ColumnElement[bool]:
    return and_(_mine(), queue.c.seq == bindparam("number"))


def _unheld() -> ColumnElement[bool]:
    return or_(queue.c.holder.is_(None), queue.c.expires_at < bindparam("now"))


def next_case() -> Select[Any]:
    """The row to take next: one whose wait is over, else the first that does not wait. Locked, where rows can be."""
    one: ColumnElement[int] = literal_column("1")
    woken = select(*ROW).where(_mine(), schema.waits, queue.c.wake_at <= bindparam("now"))
    woken = woken.where(_unheld()).order_by(queue.c.wake_at).limit(one)
    first = woken.with_for_update(skip_locked=True).cte("woken")
    free = select(*ROW).where(_mine(), schema.free, _unheld())
    free = free.where(~exists(select(one).select_from(first))).order_by(queue.c.seq).limit(one)
    second = free.with_for_update(skip_locked=True).cte("free")
    return select(union_all(select(first), select(second)).subquery("next"))


def next_held() -> Select[Any]:
    """The first row that a dead process holds."""
    dead = select(*ROW).where(_mine(), queue.c.holder == bindparam("dead"))
    return dead.order_by(queue.c.seq).limit(literal_column("1")).with_for_update(skip_locked=True)


def _holders() -> Select[Any]:
    return select(queue.c.holder).where(_mine(), queue.c.holder != bindparam("me")).distinct()


def _take() -> Update:
    return update(queue).where(_row()).values(holder=bindparam("me"), expires_at=bindparam("until"))


def _renew() -> Update:
    held = queue.c.holder == bindparam("me")
    return update(queue).where(held).values(expires_at=bindparam("until"))


def _release() -> Update:
    held = and_(_row(), queue.c.holder == bindparam("me"))
    return update(queue).where(held).values(holder=null(), expires_at=null())


def _close() -> Delete:
    return delete(queue).where(_row(), queue.c.attempt == bindparam("try"))


def _remaining() -> Select[Any]:
    return select(func.count()).select_from(queue).where(_mine())


# --- waiting


def _suspend() -> Update:
    known = exists(select(emitted.c.name).where(emitted.c.name == bindparam("name")))
    wake_at = case((known, literal(EMITTED)), else_=bindparam("until"))
    row = update(queue).where(_row(), queue.c.attempt == bindparam("try"))
    return row.values(
        holder=null(),
        expires_at=null(),
        awaiting=bindparam("name"),
        wake_at=wake_at,
        waiting_since=bindparam("now"),
    )


def _wake() -> Update:
    return update(queue).where(queue.c.awaiting == bindparam("name")).values(wake_at=EMITTED)


def _emitted() -> Select[Any]:
    return select(emitted.c.payload, emitted.c.at).where(emitted.c.name == bindparam("name"))


def _waiting() -> Select[Any]:
    asleep = or_(queue.c.wake_at.is_(None), queue.c.wake_at > bindparam("now"))
    told = (queue.c.case_id, queue.c.awaiting, queue.c.wake_at, queue.c.waiting_since)
    found = select(*told).where(_mine(), schema.waits, asleep, queue.c.holder.is_(None))
    return found.order_by(queue.c.seq)


def _next_wake() -> Select[Any]:
    unheld = and_(_mine(), schema.waits, queue.c.holder.is_(None))
    return select(func.min(queue.c.wake_at)).where(unheld)
