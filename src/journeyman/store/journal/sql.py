"""What the journals in SQLite and PostgreSQL share: the same tables, the same statements, the same order of writing."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Executable, Select, and_, func, select

from journeyman.errors import InputError
from journeyman.store.faults import reach
from journeyman.store.journal import codec, rows, schema, upcast
from journeyman.store.journal.blobs import Blobs
from journeyman.store.journal.hot import BATCH, HotStatements
from journeyman.store.journal.protocol import ChooseRun, JobMarks, LeaseLostError, MakeChanges
from journeyman.store.statements import Statement, Values
from journeyman.types import (
    Case,
    Change,
    Emitted,
    Event,
    EventKind,
    Json,
    Label,
    Labelled,
    Lease,
    Replied,
    Reply,
    Run,
    WaitingCase,
)

Write = tuple[Statement, Sequence[Values]]
"""A statement and the rows of values to carry it out for."""

QueueRow = tuple[int, int, str | None, str]
"""Number, attempt, awaited name, and the case's body."""

ORDERED = frozenset({"decided", "labelled", "closed"})
"""Kinds whose positions come in the order of commits: others follow them."""

ORDER = "order"
EVERY_RUN = ""


class PlaceTakenError(Exception):
    """A row is there already."""


class SqlJournal(ABC):
    """A journal in a database. Its promises stand in `protocol.py`; what is abstract, each database does in its way."""

    def __init__(self, workspace: Path, blobs: Blobs, hot: HotStatements) -> None:
        self.workspace = workspace
        self.blobs = blobs
        self.hot = hot
        self.lock = threading.RLock()

    @abstractmethod
    def transaction(
        self, lock: str, *, tells: str | None = None
    ) -> AbstractContextManager[Connection]:
        """A transaction that waits for the disk, alone among those that name the same lock. `tells`: as in `apply`."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """For statements that only read."""

    @abstractmethod
    def apply(
        self,
        writes: Sequence[Write],
        *,
        fully: bool,
        locks: Sequence[str] = (),
        tells: str | None = None,
    ) -> None:
        """Carry the writes out in one transaction, which waits for the disk if `fully`.

        It is alone among those with one of the same locks. Those that listen to the run `tells` hear of it, or all of
        them if it is EVERY_RUN. Raises PlaceTakenError, and writes nothing, when a row is there already.
        """

    @abstractmethod
    def take(
        self, run_id: str, holder: str, until: float, *, of_dead: str | None
    ) -> QueueRow | None:
        """Hold the next row of the queue that is free, or that a dead process holds. None: there is none."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, statement: Statement, *values: Any) -> list[tuple[Any, ...]]:
        with self.reading() as connection:
            return statement.tuples(connection, values)

    def _read(self, query: Executable) -> list[dict[str, Any]]:
        with self.reading() as connection:
            result = connection.execute(query)
            found = result.mappings()
            return [dict(row) for row in found]

    # --- workers

    def changes(self, job: str, *, worker: str | None = None) -> list[Change]:
        query = _changes_of(job, worker)
        found = self._read(query)
        return [rows.change_of(row) for row in found]

    def change(self, make: MakeChanges, *, job: str) -> list[Change]:
        reach("change.before")
        added: list[Change] = []
        insert = schema.changes.insert().returning(schema.changes.c.id)
        with self.transaction(f"job:{job}") as connection:
            for change in make(_changes_so_far(connection, job), _runs_so_far(connection, job)):
                position = connection.execute(insert, rows.change_values(change)).scalar_one()
                added.append(change.model_copy(update={"position": position}))
        reach("change.after")
        return added

    def marks(self, job: str) -> JobMarks:
        (row,) = self._rows(self.hot.marks, job)
        changes, runs, last = row
        return JobMarks(changes, runs, last or 0)

    # --- runs and cases

    def runs(self, *, job: str | None = None) -> list[Run]:
        query = _runs_of(job)
        found = self._read(query)
        return [rows.run_of(row) for row in found]

    def open_run(self, make: ChooseRun, *, job: str) -> Run:
        with self.transaction(f"job:{job}") as connection:
            known = _runs_so_far(connection, job)
            run = make(known, _changes_so_far(connection, job))
            if run not in known:
                connection.execute(schema.runs.insert(), rows.run_values(run))
        return run

    def add_cases(self, run_id: str, cases: Iterable[Case]) -> int:
        stream, added = iter(cases), 0
        while batch := list(islice(stream, BATCH)):
            bodies: dict[str, str] = {}
            for case in batch:
                body = rows.case_body(case, self.blobs)
                if bodies.setdefault(case.id, body) != body:
                    raise _changed(case.id)
            reach("cases.before_add")
            added += self._add_batch(run_id, bodies)
            reach("cases.after_add")
        return added

    def _add_batch(self, run_id: str, bodies: Mapping[str, str]) -> int:
        """As if all were new; only if that fails, look what is there. Returns how many were new."""
        lock = f"run:{run_id}"
        first = self._rows(self.hot.next_seq, run_id)[0][0]
        added, queued = _new_rows(run_id, bodies, first)
        writes = [(self.hot.add_case, added), (self.hot.enqueue, queued)]
        try:
            self.apply(writes, fully=True, locks=[lock], tells=run_id)
        except PlaceTakenError:
            with self.transaction(lock, tells=run_id) as connection:
                return self._add_missing(connection, run_id, bodies)
        return len(added)

    def _add_missing(self, connection: Connection, run_id: str, bodies: Mapping[str, str]) -> int:
        table = schema.cases
        mine = and_(table.c.run_id == run_id, table.c.case_id.in_(list(bodies)))
        found = connection.execute(select(table.c.case_id, table.c.body).where(mine))
        there = {row.case_id: row.body for row in found}
        for case_id, body in there.items():
            if bodies[case_id] != body:
                raise _changed(case_id)
        new = {case_id: body for case_id, body in bodies.items() if case_id not in there}
        first = self.hot.next_seq.tuples(connection, (run_id,))[0][0]
        added, queued = _new_rows(run_id, new, first)
        self.hot.add_case.run(connection, added)
        self.hot.enqueue.run(connection, queued)
        return len(added)

    def cases(self, run_id: str) -> Iterator[Case]:
        last = -1
        while page := self._rows(self.hot.cases, run_id, last):
            for _, body in page:
                yield rows.case_of(body, self.blobs)
            last = page[-1][0]

    def case(self, run_id: str, case_id: str) -> Case | None:
        found = self._rows(self.hot.case, run_id, case_id)
        if not found:
            return None
        body = found[0][0]
        return rows.case_of(body, self.blobs)

    def has_cases(self, run_id: str) -> bool:
        query = select(schema.cases.c.seq).where(schema.cases.c.run_id == run_id).limit(1)
        return bool(self._read(query))

    # --- who holds what

    def claim(
        self, run_id: str, *, holder: str, seconds: float, is_dead: Callable[[str], bool]
    ) -> Lease | None:
        reach("claim.before")
        until = time.time() + seconds
        row = self.take(run_id, holder, until, of_dead=None)
        if row is None:
            row = self._take_of_dead(run_id, holder, until, is_dead)
        if row is None:
            return None
        seq, attempt, awaited, body = row
        reach("claim.after")
        case = rows.case_of(body, self.blobs)
        return Lease(run_id=run_id, seq=seq, attempt=attempt, case=case, woken=awaited is not None)

    def _take_of_dead(
        self, run_id: str, holder: str, until: float, is_dead: Callable[[str], bool]
    ) -> QueueRow | None:
        for (other,) in self._rows(self.hot.holders, run_id, holder):
            if is_dead(other):
                row = self.take(run_id, holder, until, of_dead=other)
                if row is not None:
                    return row
        return None

    def renew(self, *, holder: str, seconds: float) -> None:
        until = time.time() + seconds
        write = (self.hot.renew, [(holder, until)])
        self.apply([write], fully=False)

    def release(self, lease: Lease, *, holder: str) -> None:
        values = (lease.run_id, lease.seq, holder)
        write = (self.hot.release, [values])
        self.apply([write], fully=False, tells=lease.run_id)

    def remaining(self, run_id: str) -> int:
        found = self._rows(self.hot.remaining, run_id)
        return int(found[0][0])

    def retry(self, run_id: str, attempts: Mapping[str, int]) -> None:
        with self.transaction(f"run:{run_id}", tells=run_id) as connection:
            for case_id, attempt in attempts.items():
                found = self.hot.case.tuples(connection, (run_id, case_id))
                _, seq = found[0]
                due = (run_id, seq, case_id, attempt)
                self.hot.enqueue.run(connection, [due])

    # --- waiting

    def suspend(
        self, lease: Lease, events: Sequence[Event], *, name: str, until: float | None
    ) -> None:
        reach("wait.before")
        row = (lease.run_id, lease.seq, lease.attempt, name, until, time.time())
        writes: list[Write] = [(self.hot.add_event, self._values(events))]
        writes.append((self.hot.suspend, [row]))
        with _lease_of(lease.case.id):
            self.apply(writes, fully=True, locks=[f"name:{name}"], tells=lease.run_id)
        reach("wait.after")

    def emit(self, name: str, payload: Json) -> bool:
        reach("emit.before")
        body = codec.dumps(self.blobs.fold(payload))
        row = {"name": name, "payload": body, "at": time.time()}
        with self.transaction(f"name:{name}", tells=EVERY_RUN) as connection:
            known = self.hot.emitted.tuples(connection, (name,))
            if not known:
                connection.execute(schema.emitted.insert(), row)
                self.hot.wake.run(connection, [(name,)])
        reach("emit.after")
        return not known

    def emitted(self, name: str) -> Emitted | None:
        found = self._rows(self.hot.emitted, name)
        if not found:
            return None
        payload, at = found[0]
        return Emitted(name=name, payload=self.blobs.unfold(codec.loads(payload)), at=at)

    def waiting(self, run_id: str) -> list[WaitingCase]:
        found = self._rows(self.hot.waiting, run_id, time.time())
        return [
            WaitingCase(case_id=case_id, name=name, until=until, since=since)
            for case_id, name, until, since in found
        ]

    def next_wake(self, run_id: str) -> float | None:
        found = self._rows(self.hot.next_wake, run_id)
        moment: float | None = found[0][0]
        return moment

    # --- what happened

    def append(
        self, events: Sequence[Event], *, closes: Lease | None = None, fully: bool = True
    ) -> None:
        writes: list[Write] = [(self.hot.add_event, self._values(events))]
        if closes is not None:
            row = (closes.run_id, closes.seq, closes.attempt)
            writes.append((self.hot.close, [row]))
        ordered = any(event.kind in ORDERED for event in events)
        reach("case.before_close" if closes else "events.before_append")
        with _lease_of(events[0].case_id):
            self.apply(writes, fully=fully, locks=[ORDER] if ordered else [])
        reach("case.after_close" if closes else "events.after_append")

    def _values(self, events: Sequence[Event]) -> list[Values]:
        return [rows.event_values(event, self.blobs) for event in events]

    def events(self, run_id: str, case_id: str, *, attempt: int | None = None) -> list[Event]:
        if attempt is None:
            found = self._rows(self.hot.events, run_id, case_id)
        else:
            found = self._rows(self.hot.attempt, run_id, case_id, attempt)
        every = [self._event(row) for row in found]
        last = every[-1].attempt if every else 1
        of_last = [event for event in every if event.attempt == last]
        return upcast.case_events(of_last)

    def labels(self, run_id: str, case_id: str, attempt: int) -> list[tuple[int, Label]]:
        found: list[tuple[int, Label]] = []
        for position, *row in self._rows(self.hot.labels, run_id, case_id, attempt):
            body = self._event(row).body
            if isinstance(body, Labelled) and body.label is not None:
                found.append((position, body.label))
        return found

    def histories(self, run_id: str) -> Iterator[tuple[Case, list[Event]]]:
        for case in self.cases(run_id):
            yield case, self.events(run_id, case.id)

    def _event(self, row: Sequence[Any]) -> Event:
        return rows.event_of(row, self.blobs)

    def news(
        self, runs: str | Sequence[str], kinds: Sequence[EventKind], *, after: int = 0
    ) -> Iterator[tuple[int, Event]]:
        among = [runs] if isinstance(runs, str) else list(runs)
        if not among:
            return
        followed = set(kinds) <= set(schema.FOLLOWED)
        statement = self.hot.news(len(among), len(kinds), followed)
        last = after
        while page := self._rows(statement, *among, *kinds, last):
            for position, *row in page:
                yield position, self._event(row)
            last = page[-1][0]

    def replies(self) -> Iterator[tuple[str, Reply]]:
        last = 0
        while page := self._rows(self.hot.replies, last):
            for _, *row in page:
                event = self._event(row)
                if isinstance(event.body, Replied) and event.key is not None:
                    yield event.key, event.body.reply
            last = page[-1][0]

    def reply(self, key: str) -> Reply | None:
        found = self._rows(self.hot.reply, key)
        if not found:
            return None
        _, *row = found[0]
        body = self._event(row).body
        return body.reply if isinstance(body, Replied) else None

    def position(self) -> int:
        last = func.coalesce(func.max(schema.events.c.id), 0)
        with self.transaction(ORDER) as connection:
            return int(connection.execute(select(last)).scalar_one())


class _lease_of:  # noqa: N801 - used as a function
    """Turns PlaceTakenError into LeaseLostError for a case."""

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, PlaceTakenError):
            raise LeaseLostError(
                f"Another process went on with case {self.case_id!r}.",
                "Nothing is lost; that process finishes it.",
            ) from None


def _new_rows(
    run_id: str, bodies: Mapping[str, str], first: int
) -> tuple[list[Values], list[Values]]:
    """For the table of cases and for the queue, numbered from `first` on."""
    now = time.time()
    added: list[Values] = []
    queued: list[Values] = []
    for seq, (case_id, body) in enumerate(bodies.items(), first):
        added.append((run_id, case_id, seq, body, now))
        queued.append((run_id, seq, case_id, 1))
    return added, queued


def _changes_of(job: str, worker: str | None) -> Select[Any]:
    table = schema.changes
    query = select(table).order_by(table.c.id)
    query = query.where(table.c.job == job)
    if worker is None:
        return query
    return query.where(table.c.worker == worker)


def _runs_of(job: str | None) -> Select[Any]:
    table = schema.runs
    query = select(table)
    query = query.order_by(table.c.opened_at, table.c.id)
    if job is None:
        return query
    return query.where(table.c.job == job)


def _changes_so_far(connection: Connection, job: str) -> list[Change]:
    found = connection.execute(_changes_of(job, None)).mappings()
    return [rows.change_of(dict(row)) for row in found]


def _runs_so_far(connection: Connection, job: str) -> list[Run]:
    found = connection.execute(_runs_of(job)).mappings()
    return [rows.run_of(dict(row)) for row in found]


def _changed(case_id: str) -> InputError:
    return InputError(
        f"Case {case_id!r} is already in this run with other content.",
        "Give the new case another id, or begin a new run with --fresh.",
    )
