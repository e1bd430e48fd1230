"""Reads somebody else's SQLite database under limits: no writing, attaching, loading, or endless queries.

The authorizer allows reading and nothing else; a progress handler ends what takes too long; SQLite's own limits bound a
single value, and a running sum bounds the result, so that no query can fill the memory.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from journeyman.errors import InputError
from journeyman.types import Record

Value = int | float | str | bytes | None

ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}

FORBIDDEN_FUNCTIONS = {
    "load_extension",
    "readfile",
    "writefile",
    "edit",
    "fts3_tokenizer",
    "zeroblob",
    "randomblob",
}

SQLITE_HEAD = b"SQLite format 3\x00"
"""What every file of SQLite begins with, but an empty one."""

TABLES_AND_VIEWS = """
SELECT type, name, sql FROM sqlite_schema
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'
"""

STEPS_BETWEEN_LOOKS = 5_000
"""Virtual machine steps between two looks at the clock: well under a millisecond."""


class QueryLimits(Record):
    rows: int = 200
    """Rows kept; more are counted as cut."""
    characters: int = 1_000_000
    """Of all values together, and of any one."""
    seconds: float = 5.0


class Rows(Record):
    """What a query gave."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    cut: bool
    """Whether there were more than the limit allows."""


class QueryError(Exception):
    """The query can't be carried out; the text says why, in words that help to mend it."""


class ReadOnlyDatabase:
    """A database file. Each query has a connection of its own, so that threads may ask at once (about 0.3 ms)."""

    def __init__(self, path: Path, limits: QueryLimits = QueryLimits()) -> None:
        """Raises InputError for what is missing or no SQLite database."""
        self.path = path
        self.limits = limits
        if not path.is_file():
            raise InputError(f"There is no database {str(path)!r}.", "Correct its path.")
        if _head_of(path) not in {b"", SQLITE_HEAD}:
            raise InputError(
                f"{path} is not an SQLite database, or is encrypted.", "Give a plain SQLite file."
            )

    def understands(self, sql: str) -> bool:
        """Whether it is a query of tables and columns that are here. Nothing is carried out."""
        connection = self._connect()
        try:
            connection.set_authorizer(_authorize)
            connection.execute(f"EXPLAIN {sql}")
        except (sqlite3.Error, sqlite3.Warning, ValueError):
            return False
        else:
            return True
        finally:
            connection.close()

    def query(self, sql: str) -> Rows:
        """Raises QueryError for whatever is wrong with the query, InputError when the file itself can't be read."""
        connection = self._connect()
        deadline = time.monotonic() + self.limits.seconds

        def is_over() -> bool:
            return time.monotonic() > deadline

        connection.set_progress_handler(is_over, STEPS_BETWEEN_LOOKS)
        try:
            connection.set_authorizer(_authorize)
            cursor = connection.execute(sql)
            if cursor.description is None:
                raise QueryError("this is no query; write one SELECT")
            return self._collect(cursor)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _explained(error, self.path, self.limits) from None
        except (MemoryError, OverflowError, UnicodeError) as error:
            raise QueryError(f"a value is too large or no text: {error}") from None
        finally:
            connection.close()

    def _collect(self, cursor: sqlite3.Cursor) -> Rows:
        limits = self.limits
        rows: list[tuple[Value, ...]] = []
        size = 0
        cut = False
        for row in cursor:
            if len(rows) == limits.rows:
                cut = True
                break
            size += sum(map(_size_of, row))
            if size > limits.characters:
                raise QueryError(
                    f"the result is larger than {limits.characters:,} characters; select less"
                )
            rows.append(row)
        columns = tuple(column[0] for column in cursor.description)
        return Rows(columns=columns, rows=tuple(rows), cut=cut)

    def _connect(self) -> sqlite3.Connection:
        uri = self.path.resolve().as_uri()
        connection = None
        try:
            connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=self.limits.seconds)
            connection.text_factory = _text
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA temp_store=FILE")
            connection.execute("PRAGMA cache_size=-8192")
            connection.execute("SELECT name FROM sqlite_schema LIMIT 1").fetchone()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise InputError(
                f"{self.path} can't be read: {error}.", "Give a sound, unlocked SQLite file."
            ) from None
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self.limits.characters)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000)
        connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        return connection

    def schema_text(self, *, samples: int = 0) -> str:
        """Tables and views as CREATE statements on one line each; with `samples`, that many first rows below each."""
        connection = self._connect()
        try:
            found: Sequence[tuple[str, str, str | None]]
            found = connection.execute(TABLES_AND_VIEWS).fetchall()
            lines: list[str] = []
            for kind, name, sql in found:
                words = (sql or name).split()
                lines.append(" ".join(words) + ";")
                if samples and kind == "table":
                    lines += _first_rows(connection, name, samples)
            return "\n".join(lines)
        finally:
            connection.close()


def _head_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE_HEAD))
    except OSError as error:
        raise InputError(
            f"{path} can't be read: {error.strerror}.", "Check its permissions."
        ) from None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _size_of(value: Value) -> int:
    """In characters; a number counts as eight."""
    if isinstance(value, str | bytes):
        return len(value)
    return 8


def _first_rows(connection: sqlite3.Connection, table: str, count: int) -> list[str]:
    """The first rows of a table, each as a comment of at most 200 characters."""
    quoted = table.replace('"', '""')
    query = f'SELECT * FROM "{quoted}" LIMIT ?'  # noqa: S608 - a quoted name of the schema's own
    comments: list[str] = []
    for row in connection.execute(query, (count,)):
        comment = f"-- {row!r}"
        comments.append(comment[:200])
    return comments


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action not in ALLOWED:
        return sqlite3.SQLITE_DENY
    function = (second or "").lower()
    if action == sqlite3.SQLITE_FUNCTION and function in FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _explained(error: Exception, path: Path, limits: QueryLimits) -> Exception:
    reason = str(error)
    if "interrupted" in reason:
        return QueryError(
            f"the query took longer than {limits.seconds:g} s and was stopped; make it simpler"
        )
    if "not authorized" in reason or "prohibited" in reason or "readonly" in reason:
        return QueryError(f"only reading is allowed here ({reason})")
    if "one statement at a time" in reason:
        return QueryError("one statement only")
    if "not a database" in reason or "malformed" in reason:
        return InputError(f"{path} is damaged: {reason}.", "Give a sound SQLite file.")
    return QueryError(reason)
