"""A journal in one SQLite file, with a folder of blobs beside it.

Whatever an effect or a promise rests on waits for the disk (`synchronous=FULL`): cases, intents, results of effects,
outcomes. A model's reply, and what a pure tool said, are committed without waiting: `kill -9` can't take them, and a
power cut can at most make that call be paid again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    Connection,
    Executable,
    Select,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from journeyman.errors import InputError
from journeyman.store.connect import connect, store_errors, sync_fully
from journeyman.store.faults import reach
from journeyman.store.journal import codec, schema, upcast
from journeyman.store.journal.blobs import Blobs
from journeyman.store.journal.migrations import migrate
from journeyman.store.journal.protocol import LeaseLostError
from journeyman.types import (
    Case,
    Change,
    Event,
    EventKind,
    Json,
    Label,
    Labelled,
    Lease,
    Replied,
    Reply,
    Run,
)

BATCH = 500


class SqliteJournal:
    """A journal in a file of a folder. Its promises stand in `protocol.py`."""

    def __init__(
        self, workspace: Path, writer: Connection, reader: Connection, blobs: Blobs
    ) -> None:
        self.workspace = workspace
        self.writer = writer
        self.reader = reader
        self.blobs = blobs
        self.lock = threading.RLock()

    @classmethod
    def open(cls, workspace: Path) -> Self:
        """Open or make the journal of a workspace folder.

        Raises StoreError when it is locked, damaged, written by a newer version, or can't be written.
        """
        with store_errors(workspace):
            workspace.mkdir(parents=True, exist_ok=True)
            path = workspace / "journal.sqlite"
            writer = connect(path, writes=True, threads=True)
            try:
                with writer.begin():
                    migrate(writer)
            except BaseException:
                _end(writer)
                raise
            reader = connect(path, writes=False, threads=True)
        return cls(workspace, writer, reader, Blobs(workspace / "blobs"))

    def close(self) -> None:
        with self.lock:
            _end(self.reader)
            _end(self.writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- minds

    def changes(self, job: str, *, worker: str | None = None) -> list[Change]:
        """What happened to the minds of a job's workers, or of one, oldest first."""
        return [_change(row) for row in self._read(_changes_of(job, worker))]

    def change(
        self, make: Callable[[Sequence[Change], Sequence[Run]], Sequence[Change]], *, job: str
    ) -> list[Change]:
        """Add what `make` says, given all changes and runs of the job so far, in one transaction.

        So two processes that promote at once do it one after the other, and the second sees what the first did.
        """
        reach("change.before")
        added: list[Change] = []
        with store_errors(), self._writing(True):
            insert = schema.changes.insert().returning(schema.changes.c.id)
            for change in make(self._changes_so_far(job), self._runs_of(job)):
                row = {
                    **change.model_dump(mode="json", exclude={"position"}),
                    "body": codec.dumps(change.body),
                }
                added.append(
                    change.model_copy(
                        update={"position": self.writer.execute(insert, row).scalar_one()}
                    )
                )
        reach("change.after")
        return added

    def _changes_so_far(self, job: str) -> list[Change]:
        """Within the writer's transaction, oldest first."""
        return [
            _change(dict(row)) for row in self.writer.execute(_changes_of(job, None)).mappings()
        ]

    def _runs_of(self, job: str) -> list[Run]:
        """Within the writer's transaction, oldest first."""
        query = (
            select(schema.runs).where(schema.runs.c.job == job).order_by(schema.runs.c.opened_at)
        )
        return [_run(dict(row)) for row in self.writer.execute(query).mappings()]

    # --- runs and cases

    def runs(self, *, job: str | None = None) -> list[Run]:
        """All runs, or those of one job, oldest first."""
        query = select(schema.runs).order_by(schema.runs.c.opened_at, schema.runs.c.id)
        if job is not None:
            query = query.where(schema.runs.c.job == job)
        return [_run(row) for row in self._read(query)]

    def open_run(self, make: Callable[[Sequence[Run], Sequence[Change]], Run], *, job: str) -> Run:
        """The run that `make` chooses, given the job's runs and changes: one of these, or a new one, which is added.

        One transaction, so that two processes that start together share a run instead of opening two.
        """
        with store_errors(), self._writing(True):
            known = self._runs_of(job)
            run = make(known, self._changes_so_far(job))
            if run not in known:
                row = {**run.model_dump(mode="json"), "spec": codec.dumps(run.spec)}
                self.writer.execute(schema.runs.insert(), row)
        return run

    def add_cases(self, run_id: str, cases: Iterable[Case]) -> int:
        """Add what is not there yet, in transactions of 500; returns how many were new.

        Raises InputError for a case that is there with other content.
        """
        stream, added = iter(cases), 0
        while batch := list(islice(stream, BATCH)):
            folded: dict[str, str] = {}
            for case in batch:
                body = codec.dumps(self.blobs.fold(case.model_dump(mode="json")))
                if folded.setdefault(case.id, body) != body:
                    raise _changed(case.id)
            reach("cases.before_add")
            with store_errors(), self._writing(True):
                added += self._add_batch(run_id, folded)
            reach("cases.after_add")
        return added

    def _add_batch(self, run_id: str, bodies: Mapping[str, str]) -> int:
        table = schema.cases
        query = select(table.c.case_id, table.c.body).where(
            table.c.run_id == run_id, table.c.case_id.in_(list(bodies))
        )
        there = {row.case_id: row.body for row in self.writer.execute(query)}
        for case_id, body in there.items():
            if bodies[case_id] != body:
                raise _changed(case_id)
        next_seq = select(func.coalesce(func.max(table.c.seq) + 1, 0)).where(
            table.c.run_id == run_id
        )
        seq = self.writer.execute(next_seq).scalar_one()
        new = [(case_id, body) for case_id, body in bodies.items() if case_id not in there]
        if new:
            now = time.time()
            rows = [
                {
                    "run_id": run_id,
                    "case_id": case_id,
                    "seq": seq + n,
                    "body": body,
                    "added_at": now,
                }
                for n, (case_id, body) in enumerate(new)
            ]
            self.writer.execute(table.insert(), rows)
            due = [
                {"run_id": run_id, "seq": r["seq"], "case_id": r["case_id"], "attempt": 1}
                for r in rows
            ]
            self.writer.execute(schema.pending.insert(), due)
        return len(new)

    def cases(self, run_id: str) -> Iterator[Case]:
        """All cases of a run, in the order they came."""
        table, last = schema.cases, -1
        query = select(table.c.seq, table.c.body).where(
            table.c.run_id == run_id, table.c.seq > bindparam("last")
        )
        while rows := self._read(query.order_by(table.c.seq).limit(BATCH), {"last": last}):
            for row in rows:
                yield self._case(row["body"])
            last = rows[-1]["seq"]

    def case(self, run_id: str, case_id: str) -> Case | None:
        """One case by its id; None: the run has no such case."""
        table = schema.cases
        rows = self._read(
            select(table.c.body).where(table.c.run_id == run_id, table.c.case_id == case_id)
        )
        return self._case(rows[0]["body"]) if rows else None

    def has_cases(self, run_id: str) -> bool:
        return bool(
            self._read(select(schema.cases.c.seq).where(schema.cases.c.run_id == run_id).limit(1))
        )

    def _case(self, body: str) -> Case:
        return Case.model_validate(self.blobs.unfold(codec.loads(body)))

    def _read(
        self, query: Executable, parameters: Mapping[str, Json] | None = None
    ) -> list[dict[str, Json]]:
        with self.lock, store_errors(), self.reader.begin():
            return [dict(row) for row in self.reader.execute(query, parameters or {}).mappings()]

    # --- who holds what

    def claim(
        self, run_id: str, *, holder: str, seconds: float, is_dead: Callable[[str], bool]
    ) -> Lease | None:
        """The next case that nobody holds, or whose holder let it expire or is dead; None: there is none now.

        `is_dead(holder)` tells whether that process is known to be dead, so that its cases need not wait to expire.
        """
        reach("claim.before")
        table, now = schema.pending, time.time()
        mine = table.c.run_id == run_id
        with store_errors(), self._writing(False):
            free = select(table).where(
                mine, or_(table.c.holder.is_(None), table.c.expires_at < now)
            )
            row = self.writer.execute(free.order_by(table.c.seq).limit(1)).mappings().first()
            if row is None:
                held = select(table.c.holder).where(mine, table.c.holder != holder).distinct()
                dead = [other for other in self.writer.execute(held).scalars() if is_dead(other)]
                if not dead:
                    return None
                of_dead = (
                    select(table)
                    .where(mine, table.c.holder.in_(dead))
                    .order_by(table.c.seq)
                    .limit(1)
                )
                row = self.writer.execute(of_dead).mappings().one()
            take = update(table).where(mine, table.c.seq == row["seq"])
            self.writer.execute(take.values(holder=holder, expires_at=now + seconds))
            where = and_(schema.cases.c.run_id == run_id, schema.cases.c.case_id == row["case_id"])
            body = self.writer.execute(select(schema.cases.c.body).where(where)).scalar_one()
        reach("claim.after")
        return Lease(run_id=run_id, seq=row["seq"], attempt=row["attempt"], case=self._case(body))

    def renew(self, *, holder: str, seconds: float) -> None:
        """Hold everything that `holder` holds for another while."""
        with store_errors(), self._writing(False):
            mine = update(schema.pending).where(schema.pending.c.holder == holder)
            self.writer.execute(mine.values(expires_at=time.time() + seconds))

    def release(self, held: Lease, *, holder: str) -> None:
        """Let a case go unfinished, so that anybody can go on with it."""
        table = schema.pending
        where = and_(
            table.c.run_id == held.run_id, table.c.seq == held.seq, table.c.holder == holder
        )
        with store_errors(), self._writing(False):
            self.writer.execute(update(table).where(where).values(holder=None, expires_at=None))

    def remaining(self, run_id: str) -> int:
        """How many cases are not closed, held or not."""
        rows = self._read(select(func.count().label("n")).where(schema.pending.c.run_id == run_id))
        return int(rows[0]["n"])

    # --- what happened

    def append(
        self, events: Sequence[Event], *, closes: Lease | None = None, fully: bool = True
    ) -> None:
        """Add events in one transaction, which waits for the disk if `fully`; `closes` takes that case off `pending`.

        Raises LeaseLostError, and writes nothing, when another process already wrote at one of these places.
        """
        rows = [self._row(event) for event in events]
        reach("case.before_close" if closes else "events.before_append")
        try:
            with store_errors(), self._writing(fully):
                self.writer.execute(schema.events.insert(), rows)
                if closes is not None:
                    table = schema.pending
                    done = and_(table.c.run_id == closes.run_id, table.c.seq == closes.seq)
                    self.writer.execute(
                        delete(table).where(done, table.c.attempt == closes.attempt)
                    )
        except IntegrityError:
            case_id = events[0].case_id
            raise LeaseLostError(
                f"Another process went on with case {case_id!r}.",
                "Nothing is lost; that process finishes it.",
            ) from None
        reach("case.after_close" if closes else "events.after_append")

    @contextmanager
    def _writing(self, fully: bool) -> Iterator[None]:
        with self.lock:
            sync_fully(self.writer, fully)
            with self.writer.begin():
                yield

    def _row(self, event: Event) -> dict[str, Json]:
        stored, packed = codec.split_tokens(event.kind, codec.stored_body(event.body))
        return {
            **event.model_dump(mode="json", exclude={"body", "path"}),
            "kind": event.kind,
            "body": codec.dumps(self.blobs.fold(stored)),
            "packed": packed,
        }

    def events(self, run_id: str, case_id: str, *, attempt: int | None = None) -> list[Event]:
        """What happened to one case, in order; of one attempt, or of the last one."""
        table = schema.events
        query = select(table).where(table.c.run_id == run_id, table.c.case_id == case_id)
        rows = self._read(query.order_by(table.c.attempt, table.c.seq))
        last = attempt if attempt is not None else max((row["attempt"] for row in rows), default=1)
        return [self._event(row) for row in rows if row["attempt"] == last]

    def labels(self, run_id: str, case_id: str, attempt: int) -> list[tuple[int, Label]]:
        """The labels of one attempt with their places in the journal, in the order given."""
        table = schema.events
        here = and_(
            table.c.run_id == run_id, table.c.case_id == case_id, table.c.attempt == attempt
        )
        query = select(table).where(here, table.c.kind == "labelled").order_by(table.c.seq)
        found: list[tuple[int, Label]] = []
        for row in self._read(query):
            body = self._event(row).body
            if isinstance(body, Labelled):
                found.append((row["id"], body.label))
        return found

    def histories(self, run_id: str) -> Iterator[tuple[Case, list[Event]]]:
        """Each case of a run with what happened to it in its last attempt, in the order the cases came."""
        for case in self.cases(run_id):
            yield case, self.events(run_id, case.id)

    def _event(self, row: Mapping[str, Json]) -> Event:
        stored = self.blobs.unfold(codec.loads(row["body"]))
        body = codec.read_body(row["kind"], codec.join_tokens(stored, row["packed"]))
        rest = {k: v for k, v in row.items() if k not in {"id", "kind", "body", "packed"}}
        return Event(body=body, **rest)

    def news(
        self, runs: str | Sequence[str], kinds: Sequence[EventKind], *, after: int = 0
    ) -> Iterator[tuple[int, Event]]:
        """Events of some kinds in a run, or several, with their places, oldest first, from behind a place on."""
        table, last = schema.events, after
        among = table.c.run_id == runs if isinstance(runs, str) else table.c.run_id.in_(runs)
        query = select(table).where(among, table.c.kind.in_(kinds), table.c.id > bindparam("last"))
        while rows := self._read(query.order_by(table.c.id).limit(BATCH), {"last": last}):
            for row in rows:
                yield row["id"], self._event(row)
            last = rows[-1]["id"]

    def replies(self) -> Iterator[tuple[str, Reply]]:
        """Every model call's key with its reply, oldest first; for `RecordedModel`."""
        table, last = schema.events, 0
        query = select(table).where(table.c.key.is_not(None), table.c.id > bindparam("last"))
        while rows := self._read(query.order_by(table.c.id).limit(BATCH), {"last": last}):
            for row in rows:
                body = self._event(row).body
                if isinstance(body, Replied):
                    yield row["key"], body.reply
            last = rows[-1]["id"]

    def reply(self, key: str) -> Reply | None:
        """The first reply recorded under a call's key. None: there is none."""
        table = schema.events
        rows = self._read(
            select(table)
            .where(table.c.key == key, table.c.kind == "replied")
            .order_by(table.c.id)
            .limit(1)
        )
        body = self._event(rows[0]).body if rows else None
        return body.reply if isinstance(body, Replied) else None

    def position(self) -> int:
        """Of the last event; what comes later has a larger one."""
        return int(
            self._read(select(func.coalesce(func.max(schema.events.c.id), 0).label("last")))[0][
                "last"
            ]
        )

    def retry(self, run_id: str, attempts: Mapping[str, int]) -> None:
        """Make closed cases pending again, each with the attempt number given."""
        table = schema.cases
        with store_errors(), self._writing(True):
            for case_id, attempt in attempts.items():
                where = and_(table.c.run_id == run_id, table.c.case_id == case_id)
                seq = self.writer.execute(select(table.c.seq).where(where)).scalar_one()
                due = {"run_id": run_id, "seq": seq, "case_id": case_id, "attempt": attempt}
                self.writer.execute(schema.pending.insert(), due)

    def check(self) -> str:
        """What the database says of its own integrity; "ok" when sound."""
        rows = self._read(text("PRAGMA quick_check"))
        return str(rows[0]["quick_check"])


def _end(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()


def _run(row: Mapping[str, Json]) -> Run:
    return Run(**{**row, "spec": upcast.run_spec(codec.loads(row["spec"]))})


def _changes_of(job: str, worker: str | None) -> Select[Any]:
    table = schema.changes
    query = select(table).where(table.c.job == job).order_by(table.c.id)
    return query if worker is None else query.where(table.c.worker == worker)


def _change(row: Mapping[str, Json]) -> Change:
    rest = {name: value for name, value in row.items() if name not in {"id", "body"}}
    body = upcast.change_body(row["kind"], codec.loads(row["body"]))
    return Change(**rest, body=body, position=row["id"])


def _changed(case_id: str) -> InputError:
    return InputError(
        f"Case {case_id!r} is already in this run with other content.",
        "Give the new case another id, or begin a new run with --fresh.",
    )
