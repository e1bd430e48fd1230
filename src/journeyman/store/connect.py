"""Opens databases, and turns their errors into ours."""

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
    if connection.info.get("fully", True) == fully:
        return
    raw = connection.connection.driver_connection
    assert raw is not None
    mode = "FULL" if fully else "NORMAL"
    raw.execute(f"PRAGMA synchronous={mode}")
    connection.info["fully"] = fully


def end(connection: Connection) -> None:
    """Close a connection, and the engine that was made for it."""
    connection.close()
    connection.engine.dispose()


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
    cause = getattr(error, "orig", None) or error
    reason = str(cause)
    if _says(reason, "locked", "busy"):
        return StoreError(
            f"The {where} stayed locked by another process for {BUSY_SECONDS:g} s.",
            "End that process, then try again.",
        )
    if _says(reason, "full", "no space"):
        return StoreError(
            f"The disk of the {where} is full; what was written before is safe.",
            "Free some space, then run it again.",
        )
    if _says(reason, "not a database", "malformed"):
        return StoreError(
            f"The journal of the {where} is damaged: {reason}.",
            "Restore it, or choose another workspace.",
        )
    if _says(reason, "readonly", "read-only", "permission", "unable to open"):
        return StoreError(
            f"The {where} can't be written: {reason}.", "Choose one that can with --workspace."
        )
    return StoreError(
        f"The {where} failed: {reason}.", "Check the disk and the folder, then try again."
    )


def _says(reason: str, *words: str) -> bool:
    lowered = reason.lower()
    return any(word in lowered for word in words)
