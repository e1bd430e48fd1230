"""What a workspace's workers remember: lessons, what they rest on, and how each use of them came out.

A file beside the journal, made from it, and made again where it is lost: it holds nothing that the journal does not
say. One file for all jobs of a workspace; every row belongs to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    Connection,
    Executable,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    select,
    update,
)

from journeyman.store.connect import connect, store_errors, sync_fully
from journeyman.store.fulltext.index import FullText
from journeyman.store.fulltext.segments import IndexedText
from journeyman.store.journal import codec
from journeyman.store.statements import Statement
from journeyman.types import Json, Lesson, Record

FORMAT = 7
"""Of the file; one more with every change of its tables."""

LATEST = 1_600
"""Judged cases of a job that its memory still reckons with: what was long ago says little of now."""
LATEST_USES = 400
"""Of a lesson, or of a contributor's, that are looked at."""
BLOCK, SAMPLE = 400, 100
"""How often lessons agree at each rank is told by the latest of every so many cases: a young memory is less often
right, and what was recalled from it is compared with what was recalled then."""
LAST = 2**62
"""A place that none comes after."""
MOST_TOLD = 64
"""Lessons recalled for one case."""
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
_COLUMNS = tuple(
    uses.c[name] for name in ("place", "rank", "agreed", "shown", "withheld", "score", "weight")
)
Index("uses_by_attempt", uses.c.job, uses.c.place, uses.c.rank, uses.c.agreed, uses.c.contributor)
Index("uses_by_contributor", uses.c.job, uses.c.contributor, *_COLUMNS)


_AGREED = (
    select(uses.c.rank, func.avg(uses.c.agreed))
    .where(
        uses.c.place.between(bindparam("first"), bindparam("last")), uses.c.job == bindparam("of")
    )
    .where(uses.c.contributor.is_not(None), uses.c.agreed >= 0)
    .group_by(uses.c.rank)
)

_NEWEST = (
    select(*_COLUMNS)
    .where(
        uses.c.job == bindparam("of"), uses.c.place.between(bindparam("first"), bindparam("last"))
    )
    .where(uses.c.contributor == bindparam("by"))
    .order_by(uses.c.place.desc())
    .limit(LATEST_USES)
)
_SCORES = (attempts.c.place, attempts.c.score, attempts.c.weight)
_JUDGED = (
    select(*_SCORES)
    .where(attempts.c.job == bindparam("of"), attempts.c.place <= bindparam("until"))
    .order_by(attempts.c.place.desc())
    .limit(LATEST)
)

Numbers = NDArray[np.float64]


class AttemptId(NamedTuple):
    """One attempt at a case that somebody has judged."""

    run: str
    case: str
    attempt: int


class LessonUse(Record):
    """What became of one lesson recalled for an attempt."""

    shown: bool
    """False: it was withheld."""
    agreed: bool | None
    """Whether what it says is what proved right of this case. None: that was not found out."""


class LabelledAttempt(Record):
    """What is kept of it."""

    attempt: AttemptId
    place: int
    """In the journal, of the last label that counts. Order is by it, and it is the attempt's number here."""
    sources: tuple[str, ...]
    lesson: Lesson | None
    """None: it teaches nothing."""
    score: float
    weight: float
    """One over the probability that its label was seen."""
    withheld: float
    told: Mapping[str, LessonUse]
    """By the id of each lesson recalled for it, the best first."""


class Found(NamedTuple):
    """A lesson that a search found."""

    lesson: Lesson
    likeness: float
    """Of its case to what was looked up, by BM25: above 0, comparable within one search only."""


class Uses(NamedTuple):
    """How uses of lessons came out: a number of each for every use, the oldest first."""

    place: Numbers
    """Of the case, in the journal."""
    shown: Numbers
    """0: it was withheld."""
    withheld: Numbers
    """The probability with which it was to be withheld."""
    score: Numbers
    weight: Numbers
    """One over the probability that this score was seen."""
    age: Numbers
    """How many cases of the job were judged since."""
    agreed: Numbers
    """Whether what was said proved right of the case. Below 0: that was not found out."""
    expected: Numbers
    """How often lessons recalled at this rank agreed."""

    def where(self, chosen: NDArray[Any]) -> Uses:
        return Uses(*(column[chosen] for column in self))


class Latest(NamedTuple):
    """The latest judged cases of a job."""

    places: Numbers
    """Their places in the journal, in its order."""
    typical: float | None
    """Their mean score, each weighing one over its label's probability. None: there are none."""
    agreed: Numbers
    """The share of lessons that agreed with what proved right, by blocks of cases back and by rank (blocks, ranks)."""

    def uses(self, rows: Sequence[Sequence[Json]]) -> Uses:
        """From rows of `_COLUMNS`, the oldest first."""
        place, rank, agreed, shown, withheld, score, weight = _numbers(rows, len(_COLUMNS))
        age = len(self.places) - np.searchsorted(self.places, place, side="right")
        expected = self.agreed[age // BLOCK, rank.astype(int)]
        return Uses(place, shown, withheld, score, weight, age.astype(float), agreed, expected)

    @property
    def recurring(self) -> float:
        """How often, lately, what the lesson recalled first said proved right of a case; 0 if that is not known."""
        return float(self.agreed[0, 1])

    @property
    def span(self) -> tuple[int, int]:
        """Places of the first and the last; of none, the second is before the first."""
        return (int(self.places[0]), int(self.places[-1])) if len(self.places) else (1, 0)


def _numbers(rows: Sequence[Sequence[Json]], columns: int) -> NDArray[np.float64]:
    return (
        np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * columns)
        .reshape(-1, columns)
        .T
    )


def _connected(path: Path) -> Connection:
    """Of a file in this format, or of none: what another version wrote is thrown away, for the journal has it all."""
    while True:
        connection = connect(path, writes=True)
        sync_fully(connection, False)
        with connection.begin():
            theirs = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            empty = not connection.exec_driver_sql(
                "SELECT count(*) FROM sqlite_master"
            ).scalar_one()
        if theirs == FORMAT or empty:
            return connection
        connection.close()
        connection.engine.dispose()
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            file.unlink(missing_ok=True)


def _row(told: LessonUse) -> dict[str, int]:
    return {"shown": int(told.shown), "agreed": -1 if told.agreed is None else int(told.agreed)}


def prompts() -> FullText:
    """The index of what lessons are about."""
    return FullText("prompts")


def _lessons(places: Sequence[int]) -> Executable:
    return select(attempts.c.place, attempts.c.lesson).where(attempts.c.place.in_(places))


class LessonStore:
    """One job's part of the file. Opened with `Memories.open`, closed by `close`."""

    def __init__(self, connection: Connection, job: str, number: int) -> None:
        self.connection = connection
        self.job = job
        self.number = number
        self.prompts = prompts()
        self._newest = Statement(_NEWEST, "of", "first", "last", "by")
        self._judged = Statement(_JUDGED, "of", "until")

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
                known = connection.execute(
                    select(followed.c.number).where(followed.c.job == job)
                ).scalar()
                if known is None:
                    added = (
                        followed.insert()
                        .values(job=job, place=0, unlearned="[]")
                        .returning(followed.c.number)
                    )
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
            row = self.connection.execute(
                select(followed).where(followed.c.number == self.number)
            ).one()
            yield row.place, frozenset(codec.loads(row.unlearned))

    def reached(self, place: int, unlearned: frozenset[str]) -> None:
        mine = update(followed).where(followed.c.number == self.number)
        self.connection.execute(mine.values(place=place, unlearned=codec.dumps(sorted(unlearned))))

    def resting_on(self, wanted: frozenset[str]) -> list[AttemptId]:
        """The attempts that rest on any of these sources, in the order of the journal."""
        if not wanted:
            return []
        joined = attempts.join(sources, sources.c.place == attempts.c.place)
        query = (
            select(attempts)
            .select_from(joined)
            .where(attempts.c.job == self.job, sources.c.source.in_(wanted))
        )
        rows = self._rows(query.distinct().order_by(attempts.c.place))
        return [AttemptId(row["run"], row["case_id"], row["attempt"]) for row in rows]

    def forget(self, attempt: AttemptId) -> None:
        """Take an attempt out, with its lesson, and with what it said of other lessons."""
        for row in self._rows(
            select(attempts.c.place, attempts.c.lesson_id).where(self._is(attempt))
        ):
            for table in (sources, attempts):
                self.connection.execute(delete(table).where(table.c.place == row["place"]))
            self.connection.execute(
                delete(uses).where(uses.c.job == self.job, uses.c.place == row["place"])
            )
            self.prompts.remove(self.connection, [row["place"]])
            if row["lesson_id"] is not None and not self._contributors([row["lesson_id"]]):
                self._taught_by(row["lesson_id"], None)

    def _is(self, attempt: AttemptId) -> Json:
        return and_(
            attempts.c.job == self.job,
            attempts.c.run == attempt.run,
            attempts.c.case_id == attempt.case,
            attempts.c.attempt == attempt.attempt,
        )

    def remember(self, remembered: LabelledAttempt) -> None:
        """Add an attempt that is not there."""
        (run, case_id, attempt), place, lesson = (
            remembered.attempt,
            remembered.place,
            remembered.lesson,
        )
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
        self.connection.execute(
            sources.insert(), [{"source": one, "place": place} for one in remembered.sources]
        )
        if remembered.told:
            by = self._contributors(list(remembered.told))
            told = [
                {"lesson_id": name, "rank": rank, "contributor": by.get(name), **_row(one)}
                for rank, (name, one) in enumerate(remembered.told.items(), 1)
            ]
            shared = {
                "place": place, "job": self.job, "withheld": remembered.withheld,
                "score": remembered.score, "weight": remembered.weight,
            }  # fmt: skip
            self.connection.execute(uses.insert(), [one | shared for one in told])
        if lesson is not None:
            self._taught_by(lesson.id, lesson.by)
            entry = IndexedText(
                id=place, text=lesson.about, scope=self._scope(lesson.kind), place=place
            )
            self.prompts.put(self.connection, [entry])

    def _contributors(self, wanted: Sequence[str]) -> dict[str, str]:
        """Who taught each of these lessons, of those that are remembered."""
        query = select(attempts.c.lesson_id, attempts.c.contributor).where(
            attempts.c.lesson_id.in_(wanted)
        )
        rows = self._rows(query.where(attempts.c.job == self.job))
        return {row["lesson_id"]: row["contributor"] for row in rows}

    def _taught_by(self, lesson: str, contributor: str | None) -> None:
        used = update(uses).where(uses.c.lesson_id == lesson, uses.c.job == self.job)
        self.connection.execute(used.values(contributor=contributor))

    def _scope(self, kind: str) -> int:
        return self.number * len(KINDS) + KINDS.index(kind)

    # --- asking

    def search(
        self, query: str, *, kinds: Sequence[str], k: int, until: int | None = None
    ) -> list[Found]:
        """Lessons of these kinds whose case is like the query, best first; `until`: those remembered up to there."""
        scopes = [self._scope(kind) for kind in kinds]
        with self.reading():
            hits = self.prompts.search(self.connection, query, k=k, scopes=scopes, up_to=until)
            rows = {
                row["place"]: row["lesson"]
                for row in self._rows(_lessons([hit.id for hit in hits]))
            }
        return [Found(Lesson.model_validate(codec.loads(rows[hit.id])), hit.score) for hit in hits]

    def lessons(self, *, limit: int = -1) -> list[Lesson]:
        """The latest first."""
        query = select(attempts.c.lesson).where(
            attempts.c.job == self.job, attempts.c.lesson.is_not(None)
        )
        rows = self._rows(
            query.order_by(attempts.c.place.desc()).limit(limit if limit >= 0 else None)
        )
        return [Lesson.model_validate(codec.loads(row["lesson"])) for row in rows]

    def count(self) -> int:
        """How many lessons there are."""
        query = select(func.count().label("n")).where(
            attempts.c.job == self.job, attempts.c.lesson.is_not(None)
        )
        return int(self._rows(query)[0]["n"])

    def uses(self, wanted: Sequence[str], latest: Latest) -> dict[str, Uses]:
        """Each lesson's uses in the latest cases."""
        query = select(uses.c.lesson_id, *_COLUMNS).where(
            uses.c.job == self.job, uses.c.lesson_id.in_(wanted)
        )
        ordered = query.where(uses.c.place.between(*latest.span)).order_by(
            uses.c.lesson_id, uses.c.place
        )
        rows: dict[str, list[Sequence[Json]]] = {name: [] for name in wanted}
        with self.reading():
            for row in self.connection.execute(ordered):
                rows[row[0]].append(row[1:])
        return {name: latest.uses(found[-LATEST_USES:]) for name, found in rows.items()}

    def uses_of(self, contributors: Sequence[str], latest: Latest) -> dict[str, Uses]:
        """The uses of all that each of these contributed, in the latest cases."""
        with self.reading():
            found = {
                name: self._newest.tuples(self.connection, (self.job, *latest.span, name))
                for name in contributors
            }
        return {name: latest.uses(rows[::-1]) for name, rows in found.items()}

    def latest(self, *, until: int | None = None) -> Latest:
        """The latest judged cases; `until`: of those remembered up to there."""
        with self.reading():
            rows = self._judged.tuples(
                self.connection, (self.job, LAST if until is None else until)
            )
            place, score, weight = _numbers(rows, len(_SCORES))[:, ::-1]
            agreed = self._agreed(place)
        return Latest(
            places=place,
            typical=float(score @ weight / weight.sum()) if len(place) else None,
            agreed=agreed,
        )

    def _agreed(self, places: Numbers) -> Numbers:
        """Of what is still remembered, how often lessons agreed: (blocks, ranks), 0 where that is not known."""
        found = np.zeros((LATEST // BLOCK, MOST_TOLD + 1))
        for back, end in enumerate(range(len(places), 0, -BLOCK)):
            here = {
                "of": self.job,
                "first": int(places[max(end - SAMPLE, 0)]),
                "last": int(places[end - 1]),
            }
            for rank, share in self.connection.execute(_AGREED, here):
                found[back, rank] = share
        return found

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
