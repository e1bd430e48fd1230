"""Named migrations: each a function, run once, in one transaction with its own record.

A store that has a migration this version doesn't know was written by a newer one, and is refused untouched.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, select
from sqlalchemy.schema import CreateColumn, CreateTable

from journeyman.store.journal import first_shapes, schema
from journeyman.store.migrations import Migrations


def m001_journal(connection: Connection) -> None:
    """Runs, cases, what is pending, and events."""
    schema.runs.create(connection)
    first_shapes.metadata.create_all(connection, checkfirst=False)


def m002_changes(connection: Connection) -> None:
    """What became of a worker's mind: proposed, examined, promoted, unlearned."""
    schema.metadata.create_all(connection, tables=[schema.changes], checkfirst=False)


def m003_paths_and_waiting(connection: Connection) -> None:
    """Events have a path within their place, and the version of their form; cases can wait.

    The events are copied into a table with the new constraint, because SQLite can't change one in place.
    They keep their ids.
    """
    for name in ("awaiting", "wake_at", "waiting_since"):
        column = CreateColumn(schema.pending.c[name]).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE pending ADD COLUMN {column}")
    for index in (*schema.pending.indexes, *schema.cases.indexes):
        index.create(connection)
    schema.emitted.create(connection)
    schema.blobs.create(connection)
    old = first_shapes.events
    new = schema.events.to_metadata(MetaData(), name="events_003")
    connection.execute(CreateTable(new))
    kept = [column.name for column in old.columns]
    rows = select(old).order_by(old.c.id)
    connection.execute(new.insert().from_select(kept, rows))
    old.drop(connection)
    connection.exec_driver_sql("ALTER TABLE events_003 RENAME TO events")
    for index in schema.events.indexes:
        index.create(connection)


MIGRATIONS: Migrations = (
    ("001_journal", m001_journal),
    ("002_changes", m002_changes),
    ("003_paths_and_waiting", m003_paths_and_waiting),
)
"""In order. Names are never reused, entries never edited once released."""
