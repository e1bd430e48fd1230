"""Named migrations: each a function, run once, in one transaction with its own record.

A store that has a migration this version doesn't know was written by a newer one, and is refused untouched.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, inspect, select

from journeyman.errors import StoreError
from journeyman.store.journal import schema


def m001_journal(connection: Connection) -> None:
    """Runs, cases, what is pending, and events."""
    schema.metadata.create_all(
        connection,
        tables=[schema.runs, schema.cases, schema.pending, schema.events],
        checkfirst=False,
    )


def m002_changes(connection: Connection) -> None:
    """What became of a worker's mind: proposed, examined, promoted, unlearned."""
    schema.metadata.create_all(connection, tables=[schema.changes], checkfirst=False)


Migrations = tuple[tuple[str, Callable[[Connection], None]], ...]

MIGRATIONS: Migrations = (("001_journal", m001_journal), ("002_changes", m002_changes))
"""In order. Names are never reused, entries never edited once released."""


def migrate(connection: Connection, migrations: Migrations = MIGRATIONS) -> None:
    """Bring a store up to date, all or nothing; the caller holds the transaction, so that two processes can't both.

    Raises StoreError for a store written by a newer version, or for a database that is somebody else's.
    """
    tables = set(inspect(connection).get_table_names())
    if schema.migrations.name not in tables:
        if tables:
            raise StoreError(
                f"The database holds tables that are not a journal's: {', '.join(sorted(tables)[:5])}.",
                "Choose another workspace.",
            )
        schema.migrations.create(connection)
    applied = set(connection.execute(select(schema.migrations.c.name)).scalars())
    if unknown := sorted(applied - {name for name, _ in migrations}):
        raise StoreError(
            f"The workspace was written by a newer version: it has migration {unknown[0]!r}.",
            "Upgrade journeyman, or choose another workspace.",
        )
    for name, step in migrations:
        if name not in applied:
            step(connection)
            connection.execute(schema.migrations.insert().values(name=name, applied_at=time.time()))
