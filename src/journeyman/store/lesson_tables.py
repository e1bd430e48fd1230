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
    select,
)

from journeyman.store.fulltext.index import FullText
from journeyman.store.migrations import drop_all_tables
from journeyman.store.statements import Statement

FORMAT = 8
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
    Column("revision", Integer, nullable=False),  # one more whenever something is not merely added
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
Index("uses_by_attempt", uses.c.job, uses.c.place, uses.c.rank)


_USES = (
    select(uses.c.lesson_id, uses.c.contributor)
    .add_columns(uses.c.place, uses.c.rank, uses.c.agreed, uses.c.shown)
    .add_columns(uses.c.withheld, uses.c.score, uses.c.weight)
    .where(uses.c.job == bindparam("of"))
    .where(uses.c.place.between(bindparam("first"), bindparam("last")))
    .order_by(uses.c.place, uses.c.rank)
)
_JUDGED = (
    select(attempts.c.place, attempts.c.score, attempts.c.weight)
    .where(attempts.c.job == bindparam("of"))
    .where(attempts.c.place > bindparam("after"), attempts.c.place <= bindparam("until"))
    .order_by(attempts.c.place.desc())
    .limit(LATEST)
)
_FOLLOWED = select(followed.c.place, followed.c.unlearned, followed.c.revision).where(
    followed.c.number == bindparam("of")
)
_LESSON = select(attempts.c.lesson).where(attempts.c.place == bindparam("at"))


def uses_between() -> Statement:
    """Uses in a job's cases between two places, in their order: who taught the lesson, then what is stored of it."""
    return Statement(_USES, "of", "first", "last")


def judged_cases() -> Statement:
    """A job's newest judged cases behind one place and up to another, with score and weight; the newest first."""
    return Statement(_JUDGED, "of", "after", "until")


def job_followed() -> Statement:
    """How far a job's journal was followed, which sources are unlearned, and the revision of what is kept."""
    return Statement(_FOLLOWED, "of")


def lesson_at() -> Statement:
    """The lesson of the attempt at a place."""
    return Statement(_LESSON, "at")


def prompts() -> FullText:
    """The index of what lessons are about."""
    return FullText("prompts")


def make_anew(connection: Connection) -> None:
    """All tables, empty; whatever the file held is dropped."""
    drop_all_tables(connection)
    metadata.create_all(connection)
    prompts().create(connection)
