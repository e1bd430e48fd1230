"""What a workspace's workers remember: lessons, what they rest on, and how each use of them came out.

A file beside the journal, made from it, and made again where it is lost: it holds nothing that the journal does not
say. One file for all jobs of a workspace; every row belongs to one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from sqlalchemy import (
    Column,
    Connection,
    Executable,
    Float,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    delete,
    func,
    select,
    update,
)

from journeyman.store import codec
from journeyman.store.connect import connect, store_errors, sync_fully
from journeyman.store.fulltext import FullText
from journeyman.store.segments import Entry
from journeyman.types import Json, Lesson, Record

FORMAT = 3
"""Of the file; one more with every change of its tables."""

LATEST = 3_200
"""Judged cases of a job that its memory still reckons with: what was long ago says little of now."""
LATEST_USES = 400
"""Of a lesson, or of a contributor's, that are looked at."""
MOST_OFTEN = 8
"""Lessons looked up together that may all have been used so often."""

KINDS = ("demonstration", "correction")
"""Of lessons that a case can teach."""

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
Index("attempts_by_case", attempts.c.job, attempts.c.run, attempts.c.case_id, attempts.c.attempt, unique=True)
Index("attempts_by_lesson", attempts.c.lesson_id)
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
    Column("lesson_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("job", Text, nullable=False),
    Column("contributor", Text),  # of the lesson, as long as it is remembered
    Column("shown", Integer, nullable=False),
    Column("withheld", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("uses_by_attempt", uses.c.place)
Index("uses_by_contributor", uses.c.job, uses.c.contributor, uses.c.place)


_USED = uses.join(attempts, attempts.c.place == uses.c.place)
_COLUMNS = (uses.c.place, uses.c.shown, uses.c.withheld, attempts.c.score, attempts.c.weight)


class Attempted(NamedTuple):
    """One attempt at a case that somebody has judged."""

    run: str
    case: str
    attempt: int


class Remembered(Record):
    """What is kept of it."""

    attempt: Attempted
    place: int
    """In the journal, of the last label that counts. Order is by it, and it is the attempt's number here."""
    sources: tuple[str, ...]
    lesson: Lesson | None
    """None: it teaches nothing."""
    score: float
    weight: float
    """One over the probability that its label was seen."""
    withheld: float
    told: Mapping[str, bool]
    """Of each lesson recalled for it, whether it was told or withheld."""


class Used(NamedTuple):
    """How one use of a lesson came out."""

    shown: bool
    """False: it was withheld."""
    withheld: float
    """The probability with which it was to be withheld."""
    score: float
    weight: float = 1.0
    """One over the probability that this score was seen."""
    age: int = 0
    """How many cases of the job were judged since."""


class Latest(NamedTuple):
    """The latest judged cases of a job."""

    places: Sequence[int]
    """Their places in the journal, in its order."""
    typical: float | None
    """Their mean score, each weighing one over its label's probability. None: there are none."""

    def used(self, row: Mapping[str, Json]) -> Used:
        age = len(self.places) - bisect_right(self.places, row["place"])
        return Used(bool(row["shown"]), row["withheld"], row["score"], row["weight"], age)

    @property
    def first(self) -> int:
        return self.places[0] if self.places else 0


def _connected(path: Path) -> Connection:
    """Of a file in this format, or of none: what another version wrote is thrown away, for the journal has it all."""
    while True:
        connection = connect(path, writes=True)
        sync_fully(connection, False)
        with connection.begin():
            theirs = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            empty = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
        if theirs == FORMAT or empty:
            return connection
        connection.close()
        connection.engine.dispose()
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            file.unlink(missing_ok=True)


def prompts() -> FullText:
    """The index of what lessons are about."""
    return FullText("prompts")


def _lessons(places: Sequence[int]) -> Executable:
    return select(attempts.c.place, attempts.c.lesson).where(attempts.c.place.in_(places))


class Memories:
    """One job's part of the file. Opened with `Memories.open`, closed by `close`."""

    def __init__(self, connection: Connection, job: str, number: int) -> None:
        self.connection = connection
        self.job = job
        self.number = number
        self.prompts = prompts()

    @classmethod
    def open(cls, path: Path, job: str) -> Self:
        """Raises StoreError where the file can't be read or written. One of another format is made anew."""
        with store_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = _connected(path)
            with connection.begin():
                metadata.create_all(connection)
                prompts().create(connection)
                connection.exec_driver_sql(f"PRAGMA user_version={FORMAT}")
                known = connection.execute(select(followed.c.number).where(followed.c.job == job)).scalar()
                if known is None:
                    added = followed.insert().values(job=job, place=0, unlearned="[]").returning(followed.c.number)
                    known = connection.execute(added).scalar_one()
        return cls(connection, job, known)

    def close(self) -> None:
        self.connection.close()
        self.connection.engine.dispose()

    # --- following the journal

    @contextmanager
    def changing(self) -> Iterator[tuple[int, frozenset[str]]]:
        """One transaction; gives how far the journal was followed, and which sources are unlearned already."""
        with store_errors(), self.connection.begin():
            row = self.connection.execute(select(followed).where(followed.c.number == self.number)).one()
            yield row.place, frozenset(codec.loads(row.unlearned))

    def reached(self, place: int, unlearned: frozenset[str]) -> None:
        mine = update(followed).where(followed.c.number == self.number)
        self.connection.execute(mine.values(place=place, unlearned=codec.dumps(sorted(unlearned))))

    def resting_on(self, wanted: frozenset[str]) -> list[Attempted]:
        """The attempts that rest on any of these sources, in the order of the journal."""
        if not wanted:
            return []
        joined = attempts.join(sources, sources.c.place == attempts.c.place)
        query = select(attempts).select_from(joined).where(attempts.c.job == self.job, sources.c.source.in_(wanted))
        rows = self._rows(query.distinct().order_by(attempts.c.place))
        return [Attempted(row["run"], row["case_id"], row["attempt"]) for row in rows]

    def forget(self, attempt: Attempted) -> None:
        """Take an attempt out, with its lesson, and with what it said of other lessons."""
        for row in self._rows(select(attempts.c.place, attempts.c.lesson_id).where(self._is(attempt))):
            for table in (sources, uses, attempts):
                self.connection.execute(delete(table).where(table.c.place == row["place"]))
            self.prompts.remove(self.connection, [row["place"]])
            if not self._contributors([row["lesson_id"]]):
                self._taught_by(row["lesson_id"], None)

    def _is(self, attempt: Attempted) -> Json:
        return and_(
            attempts.c.job == self.job,
            attempts.c.run == attempt.run,
            attempts.c.case_id == attempt.case,
            attempts.c.attempt == attempt.attempt,
        )

    def remember(self, remembered: Remembered) -> None:
        """Add an attempt that is not there."""
        (run, case_id, attempt), place, lesson = remembered.attempt, remembered.place, remembered.lesson
        row = {
            "place": place,
            "job": self.job,
            "run": run,
            "case_id": case_id,
            "attempt": attempt,
            "score": remembered.score,
            "weight": remembered.weight,
            "kind": None if lesson is None else lesson.kind,
            "lesson_id": None if lesson is None else lesson.id,
            "contributor": None if lesson is None else lesson.by,
            "lesson": None if lesson is None else codec.dumps(lesson.model_dump(mode="json")),
        }
        self.connection.execute(attempts.insert(), row)
        self.connection.execute(sources.insert(), [{"source": one, "place": place} for one in remembered.sources])
        if remembered.told:
            by = self._contributors(list(remembered.told))
            told = [
                {"lesson_id": name, "shown": int(shown), "contributor": by.get(name)}
                for name, shown in remembered.told.items()
            ]
            shared = {"place": place, "job": self.job, "withheld": remembered.withheld}
            self.connection.execute(uses.insert(), [one | shared for one in told])
        if lesson is not None:
            self._taught_by(lesson.id, lesson.by)
            entry = Entry(id=place, text=lesson.about, scope=self._scope(lesson.kind), place=place)
            self.prompts.put(self.connection, [entry])

    def _contributors(self, wanted: Sequence[str | None]) -> dict[str, str]:
        """Who taught each of these lessons, of those that are remembered."""
        query = select(attempts.c.lesson_id, attempts.c.contributor).where(attempts.c.lesson_id.in_(wanted))
        rows = self._rows(query.where(attempts.c.job == self.job))
        return {row["lesson_id"]: row["contributor"] for row in rows}

    def _taught_by(self, lesson: str | None, contributor: str | None) -> None:
        used = update(uses).where(uses.c.lesson_id == lesson, uses.c.job == self.job)
        self.connection.execute(used.values(contributor=contributor))

    def _scope(self, kind: str) -> int:
        return self.number * len(KINDS) + KINDS.index(kind)

    # --- asking

    def search(self, query: str, *, kinds: Sequence[str], k: int, until: int | None = None) -> list[Lesson]:
        """Lessons of these kinds whose case is like the query, best first; `until`: those remembered up to there."""
        scopes = [self._scope(kind) for kind in kinds]
        with self.reading():
            hits = self.prompts.search(self.connection, query, k=k, scopes=scopes, up_to=until)
            rows = {row["place"]: row["lesson"] for row in self._rows(_lessons([hit.id for hit in hits]))}
        return [Lesson.model_validate(codec.loads(rows[hit.id])) for hit in hits]

    def lessons(self, *, limit: int = -1) -> list[Lesson]:
        """The latest first."""
        query = select(attempts.c.lesson).where(attempts.c.job == self.job, attempts.c.lesson.is_not(None))
        rows = self._rows(query.order_by(attempts.c.place.desc()).limit(limit if limit >= 0 else None))
        return [Lesson.model_validate(codec.loads(row["lesson"])) for row in rows]

    def count(self) -> int:
        """How many lessons there are."""
        query = select(func.count().label("n")).where(attempts.c.job == self.job, attempts.c.lesson.is_not(None))
        return int(self._rows(query)[0]["n"])

    def uses(self, wanted: Sequence[str], latest: Latest) -> dict[str, list[Used]]:
        """Each lesson's uses in the latest cases, in the order of the journal."""
        found: dict[str, list[Used]] = {name: [] for name in wanted}
        query = select(uses.c.lesson_id, *_COLUMNS).where(uses.c.lesson_id.in_(wanted))
        for row in reversed(self._used(query, latest, LATEST_USES * MOST_OFTEN)):
            found[row["lesson_id"]].append(latest.used(row))
        return {name: used[-LATEST_USES:] for name, used in found.items()}

    def uses_of(self, contributors: Sequence[str], latest: Latest) -> dict[str, list[Used]]:
        """The uses of all that each of these contributed, in the latest cases, in the order of the journal."""
        found: dict[str, list[Used]] = {}
        for name in contributors:
            rows = self._used(select(*_COLUMNS).where(uses.c.contributor == name), latest, LATEST_USES)
            found[name] = [latest.used(row) for row in reversed(rows)]
        return found

    def _used(self, query: Select[Json], latest: Latest, limit: int) -> list[dict[str, Json]]:
        of_job = query.select_from(_USED).where(uses.c.job == self.job, uses.c.place >= latest.first)
        return self._rows(of_job.order_by(uses.c.place.desc()).limit(limit))

    def latest(self) -> Latest:
        columns = (attempts.c.place, attempts.c.score, attempts.c.weight)
        query = select(*columns).where(attempts.c.job == self.job).order_by(attempts.c.place.desc()).limit(LATEST)
        with self.reading():
            rows = self.connection.execute(query).all()[::-1]
        weight = sum(row.weight for row in rows)
        mean = sum(row.score * row.weight for row in rows) / weight if weight else None
        return Latest(places=[row.place for row in rows], typical=mean)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One transaction for several questions, or the one under way: all are answered from the same moment."""
        with store_errors():
            if self.connection.in_transaction():
                yield
            else:
                with self.connection.begin():
                    yield

    def _rows(self, query: Executable) -> list[dict[str, Json]]:
        with self.reading():
            return [dict(row) for row in self.connection.execute(query).mappings()]
