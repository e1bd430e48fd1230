"""The tables of the lessons' file, and its frequent queries."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    func,
    select,
)

from journeyman.store.fulltext.index import FullText
from journeyman.store.migrations import drop_all_tables
from journeyman.store.statements import Statement

FORMAT = 7
"""Of the file; one more with every change of its tables."""

LATEST = 1_600
"""Judged cases of a job that its memory still reckons with: what was long ago says little of now."""
LATEST_USES = 400
"""Of a lesson, or of a contributor's, that are looked at."""

metadata = MetaData()

followed = Table(
    "followed",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("job", Text, nullable=False, unique=True),
    Column("place", Integer, nullable=False),
    Column("unlearned", Text, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("place", Integer, primary_key=True),
    Column("job", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("weight", Float, nullable=False),
    Column("kind", Text),
    Column("lesson_id", Text),
    Column("contributor", Text),
    Column("lesson", Text),
)
Index(
    "attempts_by_case",
    attempts.c.job,
    attempts.c.run,
    attempts.c.case_id,
    attempts.c.attempt,
    unique=True,
)
Index("attempts_by_lesson", attempts.c.job, attempts.c.lesson_id, attempts.c.contributor)
Index("attempts_by_place", attempts.c.job, attempts.c.place, attempts.c.score, attempts.c.weight)

sources = Table(
    "sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    sqlite_with_rowid=False,
)
Index("sources_by_attempt", sources.c.place)

uses = Table(
    "uses",
    metadata,
    Column("job", Text, primary_key=True),
    Column("lesson_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("contributor", Text),  # of the lesson, as long as it is remembered
    Column("rank", Integer, nullable=False),  # among those recalled with it, from 1
    Column("agreed", Integer, nullable=False),  # -1: not known
    Column("shown", Integer, nullable=False),
    Column("withheld", Float, nullable=False),
    Column("score", Float, nullable=False),  # of the attempt, as its weight
    Column("weight", Float, nullable=False),
    sqlite_with_rowid=False,
)
USE_COLUMNS = (
    uses.c.place,
    uses.c.rank,
    uses.c.agreed,
    uses.c.shown,
    uses.c.withheld,
    uses.c.score,
    uses.c.weight,
)
"""What is known of one use."""
Index("uses_by_attempt", uses.c.job, uses.c.place, uses.c.rank, uses.c.agreed, uses.c.contributor)
Index("uses_by_contributor", uses.c.job, uses.c.contributor, *USE_COLUMNS)


AGREED = (
    select(uses.c.rank, func.avg(uses.c.agreed))
    .where(
        uses.c.place.between(bindparam("first"), bindparam("last")), uses.c.job == bindparam("of")
    )
    .where(uses.c.contributor.is_not(None), uses.c.agreed >= 0)
    .group_by(uses.c.rank)
)
"""How often lessons recalled at each rank agreed with what proved right, in a job's cases between two places."""

_NEWEST = (
    select(*USE_COLUMNS)
    .where(
        uses.c.job == bindparam("of"), uses.c.place.between(bindparam("first"), bindparam("last"))
    )
    .where(uses.c.contributor == bindparam("by"))
    .order_by(uses.c.place.desc())
    .limit(LATEST_USES)
)
SCORES = (attempts.c.place, attempts.c.score, attempts.c.weight)
_JUDGED = (
    select(*SCORES)
    .where(attempts.c.job == bindparam("of"), attempts.c.place <= bindparam("until"))
    .order_by(attempts.c.place.desc())
    .limit(LATEST)
)


def newest_uses() -> Statement:
    """The newest uses of a contributor's lessons, in a job's cases between two places."""
    return Statement(_NEWEST, "of", "first", "last", "by")


def judged_cases() -> Statement:
    """A job's newest judged cases up to a place: `SCORES` of each."""
    return Statement(_JUDGED, "of", "until")


def prompts() -> FullText:
    """The index of what lessons are about."""
    return FullText("prompts")


def make_anew(connection: Connection) -> None:
    """All tables, empty; whatever the file held is dropped."""
    drop_all_tables(connection)
    metadata.create_all(connection)
    prompts().create(connection)
