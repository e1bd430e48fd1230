"""A journal in one SQLite file, with a folder of blobs beside it.

Whatever an effect or a promise rests on waits for the disk (`synchronous=FULL`): cases, intents, results of effects,
outcomes. A model's reply, and what a pure tool said, are committed without waiting: `kill -9` can't take them, and a
power cut can at most make that call be paid again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, text

from journeyman.store.connect import connect, store_errors, sync_fully
from journeyman.store.journal.blobs import BlobFolder, Blobs
from journeyman.store.journal.hot import HotStatements
from journeyman.store.journal.migrations import MIGRATIONS
from journeyman.store.journal.sql import EVERY_RUN, PlaceTakenError, QueueRow, SqlJournal, Write
from journeyman.store.migrations import migrate

HOT = HotStatements()

LOOK_SECONDS = 0.05
"""How often `listen` looks whether another process wrote."""


class SqliteJournal(SqlJournal):
    """A file of a folder. A transaction takes SQLite's write lock when it begins, so no other lock is needed."""

    def __init__(
        self, workspace: Path, writer: Connection, reader: Connection, blobs: Blobs
    ) -> None:
        super().__init__(workspace, blobs, HOT)
        self.writer = writer
        self.reader = reader
        self.told = threading.Condition()
        self.writes: Counter[str] = Counter()
        """By run: how often this process told of something."""
        self.heard: dict[str, tuple[int, ...]] = {}
        """By run: what had been told when the last `listen` returned."""

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
                    migrate(writer, MIGRATIONS)
            except BaseException:
                _end(writer)
                raise
            reader = connect(path, writes=False, threads=True)
        return cls(workspace, writer, reader, BlobFolder(workspace / "blobs"))

    def close(self) -> None:
        with self.lock:
            _end(self.reader)
            _end(self.writer)

    @contextmanager
    def transaction(self, lock: str, *, tells: str | None = None) -> Iterator[Connection]:
        with self.lock, store_errors():
            sync_fully(self.writer, True)
            with self.writer.begin():
                yield self.writer
        self._tell(tells)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.lock, store_errors(), self.reader.begin():
            yield self.reader

    def apply(
        self,
        writes: Sequence[Write],
        *,
        fully: bool,
        locks: Sequence[str] = (),
        tells: str | None = None,
    ) -> None:
        with self.lock, store_errors():
            sync_fully(self.writer, fully)
            with _begun(_driver(self.writer)) as driver:
                for statement, values in writes:
                    sql = statement.text(self.writer)
                    driver.executemany(sql, [statement.parameters(row) for row in values])
        self._tell(tells)

    def take(
        self, run_id: str, holder: str, until: float, *, of_dead: str | None
    ) -> QueueRow | None:
        with self.lock, store_errors():
            sync_fully(self.writer, False)
            with _begun(_driver(self.writer)):
                if of_dead is None:
                    found = self.hot.next.tuples(self.writer, (run_id, time.time()))
                else:
                    found = self.hot.next_held.tuples(self.writer, (run_id, of_dead))
                if not found:
                    return None
                seq, case_id, attempt, awaited = found[0]
                self.hot.take.tuples(self.writer, (run_id, seq, holder, until))
                body = self.hot.case.tuples(self.writer, (run_id, case_id))[0][0]
        return seq, attempt, awaited, body

    # --- listening

    def listen(self, run_id: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self.told:
            before = self.heard.get(run_id)
            now = self._state(run_id)
            while now == before and (left := deadline - time.monotonic()) > 0:
                self.told.wait(min(left, LOOK_SECONDS))
                now = self._state(run_id)
            self.heard[run_id] = now

    def wake(self) -> None:
        self._tell(EVERY_RUN)

    def _tell(self, run_id: str | None) -> None:
        if run_id is not None:
            with self.told:
                self.writes[run_id] += 1
                self.told.notify_all()

    def _state(self, run_id: str) -> tuple[int, ...]:
        """Changes with whatever may concern those that listen to this run."""
        with self.lock, store_errors():
            (version,) = _driver(self.reader).execute("PRAGMA data_version").fetchone()
        return self.writes[run_id], self.writes[EVERY_RUN], version

    def check(self) -> str:
        rows = self._read(text("PRAGMA quick_check"))
        return str(rows[0]["quick_check"])


def _driver(connection: Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver


@contextmanager
def _begun(driver: Any) -> Iterator[Any]:
    """A transaction without SQLAlchemy's share, for what happens several times a case."""
    driver.execute("BEGIN IMMEDIATE")
    try:
        yield driver
        driver.execute("COMMIT")
    except BaseException as error:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        if isinstance(error, sqlite3.IntegrityError):
            raise PlaceTakenError from None
        raise


def _end(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()
