"""Opening the journal's database, and turning its errors into ours."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.pool import StaticPool

from journeyman.errors import StoreError

SQLITE_VERSION = sqlite3.sqlite_version

BUSY_SECONDS = 20.0
"""How long to wait for another process's transaction; ours take milliseconds."""


def connect(path: Path, *, writes: bool, threads: bool = False) -> Connection:
    """A connection with write-ahead log and full sync; one that writes takes the write lock when a transaction begins.

    Taking it later, after a read, could fail halfway when another process wrote in between. With `threads`, other
    threads may use it too; the caller sees that one does at a time.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        connect_args={
            "timeout": BUSY_SECONDS,
            "isolation_level": None,
            "check_same_thread": not threads,
        },
    )

    def pragmas(connection: Any, _: object) -> None:
        try:
            _into_wal(connection)
            for pragma in ("synchronous=FULL", "temp_store=MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()  # nobody else knows of it yet
            raise

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", pragmas)
    event.listen(engine, "begin", begin)
    return engine.connect()


def _into_wal(connection: Any) -> None:
    """Turning a new database into WAL does not heed the time-out: of processes that start together, one is first."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return


def sync_fully(connection: Connection, fully: bool) -> None:
    """Whether the next transactions wait for the disk.

    Those that don't wait outlive this process, but perhaps not a power cut; the next one that waits takes them along.
    """
    if connection.info.get("fully", True) != fully:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute(f"PRAGMA synchronous={'FULL' if fully else 'NORMAL'}")
        connection.info["fully"] = fully


@contextmanager
def store_errors(workspace: Path | None = None) -> Iterator[None]:
    """Raise StoreError, with the mend, for what the database or the disk refuses."""
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, DatabaseError, sqlite3.Error, OSError) as error:
        raise _explain(error, workspace) from error


def _explain(error: Exception, workspace: Path | None) -> StoreError:
    where = f"workspace {str(workspace)!r}" if workspace else "workspace"
    said = str(getattr(error, "orig", None) or error)
    low = said.lower()
    if "locked" in low or "busy" in low:
        return StoreError(
            f"The {where} stayed locked by another process for {BUSY_SECONDS:g} s.",
            "End that process, then try again.",
        )
    if "full" in low or "no space" in low:
        return StoreError(
            f"The disk of the {where} is full; what was written before is safe.",
            "Free some space, then run it again.",
        )
    if "not a database" in low or "malformed" in low:
        return StoreError(
            f"The journal of the {where} is damaged: {said}.",
            "Restore it, or choose another workspace.",
        )
    if "readonly" in low or "read-only" in low or "permission" in low or "unable to open" in low:
        return StoreError(
            f"The {where} can't be written: {said}.", "Choose one that can with --workspace."
        )
    return StoreError(
        f"The {where} failed: {said}.", "Check the disk and the folder, then try again."
    )
