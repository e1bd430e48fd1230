"""The tables as the first migrations made them. Never edited: later changes are later migrations."""

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
)

metadata = MetaData()

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

pending = Table(
    "pending",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("holder", Text),
    Column("expires_at", Float),
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
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text),
    Column("body", Text, nullable=False),
    Column("packed", LargeBinary),
    Column("at", Float, nullable=False),
    UniqueConstraint("run_id", "case_id", "attempt", "seq"),
)

Index(
    "events_by_key",
    events.c.key,
    sqlite_where=events.c.key.is_not(None),
    postgresql_where=events.c.key.is_not(None),
)
