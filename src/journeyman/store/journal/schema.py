"""The journal's tables today. `migrations.py` brings older ones to this form.

Rows are only ever added, but for `pending`: the queue, which says who holds what is still to do, and what waits.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

NAME = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that sorts by its bytes in every database."""

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("opened_at", Float, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

Index("cases_in_order", cases.c.run_id, cases.c.seq, unique=True)

pending = Table(
    "pending",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("holder", Text),
    Column("expires_at", Float),
    Column("awaiting", NAME),
    Column("wake_at", Float),
    Column("waiting_since", Float),
    sqlite_with_rowid=False,
)
"""A row with a name in `awaiting` is off the queue until `wake_at`, which is set to 0 when that name is emitted."""

waits = pending.c.awaiting.is_not(None)
free = pending.c.awaiting.is_(None)

Index("pending_free", pending.c.run_id, pending.c.awaiting, pending.c.seq)
Index(
    "pending_waking",
    pending.c.run_id,
    pending.c.wake_at,
    sqlite_where=waits,
    postgresql_where=waits,
)
Index("pending_awaiting", pending.c.awaiting, sqlite_where=waits, postgresql_where=waits)

emitted = Table(
    "emitted",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("payload", Text, nullable=False),
    Column("at", Float, nullable=False),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("run_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("path", NAME, nullable=False, server_default=""),
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text),
    Column("body", Text, nullable=False),
    Column("packed", LargeBinary),
    Column("at", Float, nullable=False),
    Column("version", Integer),
    UniqueConstraint("run_id", "case_id", "attempt", "path", "seq"),
)

FOLLOWED = ("decided", "labelled", "closed")
"""Kinds of events that trackers and projections follow, event by event."""

IS_FOLLOWED = "kind IN ('decided', 'labelled', 'closed')"
"""As it stands in the index; a query that is to use it says the same, word for word."""

Index(
    "events_followed",
    events.c.run_id,
    events.c.id,
    sqlite_where=text(IS_FOLLOWED),
    postgresql_where=text(IS_FOLLOWED),
)

changes = Table(
    "changes",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("job", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Float, nullable=False),
)

Index("changes_by_job", changes.c.job, changes.c.id)

Index(
    "events_by_key",
    events.c.key,
    sqlite_where=events.c.key.is_not(None),
    postgresql_where=events.c.key.is_not(None),
)

blobs = Table(
    "blobs",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""Empty where blobs are files."""
