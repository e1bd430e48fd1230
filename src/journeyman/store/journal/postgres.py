"""A journal in a PostgreSQL database, shared by as many machines as reach it.

Cases are taken with `FOR UPDATE SKIP LOCKED`, so that nobody waits for another's claim. What others follow (decisions,
labels, closings) is written under one advisory lock that is held to the commit: so positions come in the order of
commits, and who has read up to one misses nothing. Whoever waits for work hears of it by `LISTEN`.

Three connections: two whose single statements are transactions of their own, of which one waits for the disk, and one
for transactions that read before they write. A transaction of several statements that only write is sent in one go.
"""

from __future__ import annotations

import hashlib
import logging
import os
import selectors
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import psycopg
from sqlalchemy import Connection, bindparam, create_engine, exc, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from journeyman.errors import InputError, StoreError
from journeyman.store.journal import schema
from journeyman.store.journal.blobs import BlobFolder, Blobs, BlobTable
from journeyman.store.journal.hot import HotStatements, next_case, next_held
from journeyman.store.journal.migrations import MIGRATIONS
from journeyman.store.journal.places import place_of
from journeyman.store.journal.rows import EVENT_COLUMNS
from journeyman.store.journal.sql import EVERY_RUN, PlaceTakenError, QueueRow, SqlJournal, Write
from journeyman.store.migrations import migrate
from journeyman.store.statements import Statement

CHANNEL = "journeyman"
CONNECT_SECONDS = 10

EVENTS_AT_ONCE = 16
"""In one statement."""

MIGRATE = "migrate"

logging.getLogger("psycopg").addHandler(logging.NullHandler())
"""It tells of every transaction that another process was faster than; we raise that as an error."""


class PostgresStatements(HotStatements):
    """With those that only PostgreSQL has."""

    def __init__(self) -> None:
        super().__init__()
        self.add_events = cache(_adding)
        self.claim = Statement(_taking(next_case()), "run", "now", "me", "until")
        self.claim_of_dead = Statement(_taking(next_held()), "run", "dead", "me", "until")
        self.add_blob = Statement(insert(schema.blobs).on_conflict_do_nothing(), "digest", "data")
        found = select(schema.blobs.c.data).where(schema.blobs.c.digest == bindparam("name"))
        self.blob = Statement(found, "name")
        self.hold = Statement(select(func.pg_advisory_xact_lock(bindparam("number"))), "number")
        told = func.pg_notify(bindparam("channel"), bindparam("run"))
        self.tell = Statement(select(told), "channel", "run")


def _adding(count: int) -> Statement:
    """So many events in one statement."""
    names: list[str] = []
    rows: list[dict[str, Any]] = []
    for n in range(count):
        row = {name: f"{name}_{n}" for name in EVENT_COLUMNS}
        names.extend(row.values())
        rows.append({name: bindparam(own) for name, own in row.items()})
    return Statement(insert(schema.events).values(rows), *names)


def _taking(found: Any) -> Any:
    """Hold the row that is found, in the statement that finds it."""
    row = found.cte("row")
    queue = schema.pending
    cases = schema.cases
    of_queue = (queue.c.run_id == bindparam("run"), queue.c.seq == row.c.seq)
    of_case = (cases.c.run_id == queue.c.run_id, cases.c.case_id == queue.c.case_id)
    taken = queue.update().where(*of_queue, *of_case)
    held = taken.values(holder=bindparam("me"), expires_at=bindparam("until"))
    return held.returning(queue.c.seq, queue.c.attempt, queue.c.awaiting, cases.c.body)


HOT = PostgresStatements()


class PostgresJournal(SqlJournal):
    """In a database of its own, or in a schema by `?options=-csearch_path%3Dname`."""

    hot: PostgresStatements

    def __init__(self, url: URL, workspace: Path, blobs: Path | None) -> None:
        self.url = url
        self.direct = _connect(url, autocommit=True)
        try:
            self.careful = _connect(url, autocommit=False)
        except BaseException:
            _end(self.direct)
            raise
        super().__init__(workspace, self._blobs(blobs), HOT)
        self.ears: dict[str, Ear] = {}
        self.ears_lock = threading.Lock()

    @cached_property
    def durable(self) -> Connection:
        """Whose single statements are transactions that wait for the disk."""
        return _connect(self.url, autocommit=True, waits=True)

    @classmethod
    def open(cls, url: URL, workspace: Path) -> Self:
        """Open the journal of a database, or make one in an empty database.

        Raises StoreError when it can't be reached, was written by a newer version, or can't be written.
        """
        folder = url.query.get("blobs")
        if isinstance(folder, tuple):
            raise InputError("The workspace's URL names `blobs` twice.", "Name one folder.")
        plain = url.difference_update_query(["blobs"])
        journal = cls(plain, workspace, None if folder is None else Path(folder))
        try:
            with journal.transaction(MIGRATE) as connection:
                migrate(connection, MIGRATIONS)
        except BaseException:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        self.wake()
        with self.lock, self.ears_lock:
            for ear in self.ears.values():
                ear.close()
            if "durable" in self.__dict__:
                _end(self.durable)
            _end(self.careful)
            _end(self.direct)

    def _blobs(self, folder: Path | None) -> Blobs:
        if folder is not None:
            return BlobFolder(folder)

        def add(digest: str, data: bytes) -> None:
            self.apply([(HOT.add_blob, [(digest, data)])], fully=False)

        def find(digest: str) -> bytes | None:
            rows = self._rows(HOT.blob, digest)
            return bytes(rows[0][0]) if rows else None

        return BlobTable(add, find)

    @contextmanager
    def transaction(self, lock: str, *, tells: str | None = None) -> Iterator[Connection]:
        with self.lock, _errors(self.url), self.careful.begin():
            HOT.hold.tuples(self.careful, (lock_number(lock),))
            yield self.careful
            if tells is not None:
                HOT.tell.tuples(self.careful, (CHANNEL, tells))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.lock, _errors(self.url):
            yield self.direct

    def apply(
        self,
        writes: Sequence[Write],
        *,
        fully: bool,
        locks: Sequence[str] = (),
        tells: str | None = None,
    ) -> None:
        every: list[Write] = [(HOT.hold, [(lock_number(lock),)]) for lock in locks]
        every.extend(writes)
        if tells is not None:
            every.append((HOT.tell, [(CHANNEL, tells)]))
        with self.lock, _errors(self.url):
            if len(every) == 1:
                self._alone(every[0], fully=fully)
            else:
                self._send(every, fully=fully)

    def _alone(self, write: Write, *, fully: bool) -> None:
        """One statement needs neither a beginning nor an end."""
        statement, values = _joined(write)
        if len(values) > 1:
            self._send([write], fully=fully)
            return
        connection = self.durable if fully else self.direct
        sql = statement.text(connection)
        try:
            _driver(connection).execute(sql, statement.parameters(values[0]))
        except psycopg.errors.UniqueViolation:
            raise PlaceTakenError from None

    def _send(self, writes: Sequence[Write], *, fully: bool) -> None:
        """All in one go, without waiting for the answers between."""
        driver = _driver(self.direct)
        try:
            with driver.pipeline():
                driver.execute("BEGIN")
                if fully:
                    driver.execute("SET LOCAL synchronous_commit = on")
                for statement, rows in map(_joined, writes):
                    sql = statement.text(self.direct)
                    for row in rows:
                        driver.execute(sql, statement.parameters(row))
                driver.execute("COMMIT")
        except psycopg.errors.UniqueViolation:
            driver.rollback()
            raise PlaceTakenError from None
        except BaseException:
            if not driver.closed:
                driver.rollback()
            raise

    def take(
        self, run_id: str, holder: str, until: float, *, of_dead: str | None
    ) -> QueueRow | None:
        with self.lock, _errors(self.url):
            if of_dead is None:
                values: tuple[Any, ...] = (run_id, time.time(), holder, until)
                rows = HOT.claim.tuples(self.direct, values)
            else:
                values = (run_id, of_dead, holder, until)
                rows = HOT.claim_of_dead.tuples(self.direct, values)
        if not rows:
            return None
        seq, attempt, awaited, body = rows[0]
        return seq, attempt, awaited, body

    # --- listening

    def listen(self, run_id: str, seconds: float) -> None:
        with self.ears_lock:
            ear = self.ears.get(run_id)
            if ear is None:
                with _errors(self.url):
                    self.ears[run_id] = Ear(self.url, run_id)
                return
        with _errors(self.url):
            ear.listen(seconds)

    def wake(self) -> None:
        with self.ears_lock:
            for ear in self.ears.values():
                ear.wake()

    def check(self) -> str:
        """PostgreSQL checks its own pages; this only asks whether it answers."""
        self._read(text("SELECT 1"))
        return "ok"


class Ear:
    """A connection that listens to one run."""

    def __init__(self, url: URL, run_id: str) -> None:
        self.connection = _connect(url, autocommit=True)
        self.run_id = run_id
        self.busy = threading.Lock()
        self.woken, self.waker = os.pipe()
        self.driver = _driver(self.connection)
        self.driver.execute(f"LISTEN {CHANNEL}")

    def listen(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self.busy, selectors.DefaultSelector() as selector:
            selector.register(self.driver.fileno(), selectors.EVENT_READ)
            selector.register(self.woken, selectors.EVENT_READ)
            while not self._heard() and (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    if key.fd == self.woken:
                        os.read(self.woken, 4096)
                        return

    def _heard(self) -> bool:
        """Whether any of what came concerns this run. All of it is taken in."""
        told = [notice.payload for notice in self.driver.notifies(timeout=0)]
        return self.run_id in told or EVERY_RUN in told

    def wake(self) -> None:
        os.write(self.waker, b".")

    def close(self) -> None:
        with self.busy:
            _end(self.connection)
            os.close(self.woken)
            os.close(self.waker)


def _joined(write: Write) -> Write:
    """Several events as one row of values for one statement."""
    statement, rows = write
    if statement is not HOT.add_event or not 1 < len(rows) <= EVENTS_AT_ONCE:
        return write
    values = [value for row in rows for value in row]
    return HOT.add_events(len(rows)), [values]


def lock_number(name: str) -> int:
    """An advisory lock's number; the same name has the same one everywhere."""
    digest = hashlib.sha256(f"journeyman\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _connect(url: URL, *, autocommit: bool, waits: bool = False) -> Connection:
    options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "application_name": "journeyman"}
    level = "AUTOCOMMIT" if autocommit else "READ COMMITTED"
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        isolation_level=level,
        connect_args=options,
    )
    with _errors(url):
        connection = engine.connect()
        if autocommit and not waits:
            connection.exec_driver_sql("SET synchronous_commit = off")
    return connection


@contextmanager
def _errors(url: URL) -> Iterator[None]:
    """Raise StoreError, with the hint, for what the database refuses."""
    try:
        yield
    except (psycopg.Error, exc.DBAPIError) as error:
        cause = getattr(error, "orig", None) or error
        raise _explained(cause, url) from None


def _explained(error: BaseException, url: URL) -> StoreError:
    said = " ".join(str(error).split())
    if url.password:
        said = said.replace(str(url.password), "***")
    if isinstance(error, psycopg.OperationalError):
        hint = "Check that it runs, its address and the password (PGPASSWORD or ~/.pgpass)."
    else:
        hint = "Check the database, then try again."
    return StoreError(f"The workspace {place_of(url)!r} failed: {said}.", hint)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _end(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()
