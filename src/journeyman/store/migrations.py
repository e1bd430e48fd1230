"""Migrations of stores: one policy for all of them.

What holds the truth (the journal, a base's passages) is *migrated*: named functions, in order, each run once and
recorded by its name. What is only derived from it (lessons, full-text lists) carries a *format*, a number, and is
made anew where the number differs. A released migration is never edited, its name never reused.

Both work inside the caller's transaction: a change is there whole or not at all, and of two processes that open a
store at once, the second finds it done.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Column, Connection, Float, MetaData, Table, Text, inspect, select

from journeyman.errors import StoreError

Migration = tuple[str, Callable[[Connection], None]]
Migrations = tuple[Migration, ...]
"""Names with their functions, in order."""

applied = Table(
    "migrations",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("applied_at", Float, nullable=False),
)


def migrate(
    connection: Connection,
    migrations: Migrations,
    *,
    store: str = "journal",
    place: str = "workspace",
) -> None:
    """Bring a store of truth up to date.

    `store` says what it is, `place` what a person would choose instead, both for error messages.
    Raises StoreError, and changes nothing, for a store of a newer version or a database that is somebody else's.
    """
    _own(connection, store, place)
    query = select(applied.c.name)
    done = set(connection.execute(query).scalars())
    known = {name for name, _ in migrations}
    unknown = sorted(done - known)
    if unknown:
        raise StoreError(
            f"The {place} was written by a newer version: it has migration {unknown[0]!r}.",
            f"Upgrade journeyman, or choose another {place}.",
        )
    for name, change in migrations:
        if name not in done:
            change(connection)
            record = applied.insert().values(name=name, applied_at=time.time())
            connection.execute(record)


def _own(connection: Connection, store: str, place: str) -> None:
    """Make the record of migrations in an empty database. Raises StoreError where others' tables are."""
    tables = sorted(inspect(connection).get_table_names())
    if applied.name in tables:
        return
    if tables:
        some = ", ".join(tables[:5])
        raise StoreError(
            f"The database holds tables that are not a {store}'s: {some}.",
            f"Choose another {place}.",
        )
    applied.create(connection)


def keep_derived(
    connection: Connection, number: int, make_anew: Callable[[Connection], None]
) -> None:
    """Where what is derived was written in another format, older or newer, make it anew and note the format.

    An SQLite file has one such number (`user_version`); 0 in a new file. `make_anew` takes out the old itself.
    """
    found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if found == number:
        return
    make_anew(connection)
    connection.exec_driver_sql(f"PRAGMA user_version={number:d}")


def drop_all_tables(connection: Connection) -> None:
    """Take out every table of a file that holds nothing but what is derived."""
    preparer = connection.dialect.identifier_preparer
    for table in inspect(connection).get_table_names():
        quoted = preparer.quote(table)
        connection.exec_driver_sql(f"DROP TABLE {quoted}")
