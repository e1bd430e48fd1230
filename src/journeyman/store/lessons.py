"""The lessons of a workspace: what they rest on, and the outcome of each use.

A file beside the journal, made from it, and made again where it is lost: it holds nothing that the journal does not
say. One file for all jobs of a workspace; every row belongs to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    Table,
    and_,
    delete,
    func,
    select,
    update,
)

from journeyman.store.connect import connect, end, store_errors, sync_fully
from journeyman.store.fulltext.segments import IndexedText
from journeyman.store.journal import codec
from journeyman.store.lesson_tables import (
    AGREED,
    FORMAT,
    LATEST,
    LATEST_USES,
    SCORES,
    USE_COLUMNS,
    attempts,
    followed,
    judged_cases,
    make_anew,
    newest_uses,
    prompts,
    sources,
    uses,
)
from journeyman.store.lesson_uses import (
    BLOCK,
    SAMPLE,
    Latest,
    Numbers,
    Uses,
    columns_of,
    typical_score,
)
from journeyman.store.migrations import keep_derived
from journeyman.types import Json, Lesson, Record

LAST = 2**62
"""A place that none comes after."""
MOST_TOLD = 64
"""Lessons recalled for one case."""
KINDS = ("demonstration", "correction")
"""Of lessons that a case can teach."""


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


class LessonStore:
    """One job's part of the file. Opened with `Memories.open`, closed by `close`."""

    def __init__(self, connection: Connection, job: str, number: int) -> None:
        self.connection = connection
        self.job = job
        self.number = number
        self.prompts = prompts()
        self._newest = newest_uses()
        self._judged = judged_cases()

    @classmethod
    def open(cls, path: Path, job: str) -> Self:
        """Raises StoreError where the file can't be read or written. One of another format is made anew."""
        with store_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = connect(path, writes=True, threads=True)
            sync_fully(connection, False)
            try:
                with connection.begin():
                    keep_derived(connection, FORMAT, make_anew)
                    number = _number_of(connection, job)
            except BaseException:
                end(connection)
                raise
        return cls(connection, job, number)

    def close(self) -> None:
        end(self.connection)

    # --- following the journal

    @contextmanager
    def changing(self) -> Iterator[tuple[int, frozenset[str]]]:
        """One transaction; gives how far the journal was followed, and which sources are unlearned already."""
        connection = self.connection
        mine = followed.c.number == self.number
        query = select(followed).where(mine)
        with store_errors(), connection.begin():
            row = connection.execute(query).one()
            names = codec.loads(row.unlearned)
            yield row.place, frozenset(names)

    def reached(self, place: int, unlearned: frozenset[str]) -> None:
        in_order = sorted(unlearned)
        names = codec.dumps(in_order)
        mine = update(followed).where(followed.c.number == self.number)
        changed = mine.values(place=place, unlearned=names)
        self.connection.execute(changed)

    def resting_on(self, wanted: frozenset[str]) -> list[AttemptId]:
        """The attempts that rest on any of these sources, in the order of the journal."""
        if not wanted:
            return []
        joined = attempts.join(sources, sources.c.place == attempts.c.place)
        resting = sources.c.source.in_(wanted)
        query = (
            select(attempts.c.run, attempts.c.case_id, attempts.c.attempt, attempts.c.place)
            .select_from(joined)
            .where(self._of_job(attempts), resting)
            .distinct()
            .order_by(attempts.c.place)
        )
        found: list[AttemptId] = []
        for row in self._rows(query):
            attempt = AttemptId(row["run"], row["case_id"], row["attempt"])
            found.append(attempt)
        return found

    def forget(self, attempt: AttemptId) -> None:
        """Take an attempt out, with its lesson, and with what it said of other lessons."""
        query = select(attempts.c.place, attempts.c.lesson_id)
        for row in self._rows(query.where(self._is(attempt))):
            place = row["place"]
            self._delete(place)
            self.prompts.remove(self.connection, [place])
            lesson_id = row["lesson_id"]
            if lesson_id is not None and not self._contributors([lesson_id]):
                self._taught_by(lesson_id, None)

    def _of_job(self, table: Table) -> ColumnElement[bool]:
        return table.c.job == self.job

    def _is(self, attempt: AttemptId) -> ColumnElement[bool]:
        columns = attempts.c
        return and_(
            columns.job == self.job,
            columns.run == attempt.run,
            columns.case_id == attempt.case,
            columns.attempt == attempt.attempt,
        )

    def _delete(self, place: int) -> None:
        """Take out the rows of the attempt at a place."""
        resting = delete(sources).where(sources.c.place == place)
        self.connection.execute(resting)
        attempted = delete(attempts).where(attempts.c.place == place)
        self.connection.execute(attempted)
        at_place = uses.c.place == place
        used = delete(uses).where(self._of_job(uses), at_place)
        self.connection.execute(used)

    def remember(self, remembered: LabelledAttempt) -> None:
        """Add an attempt that is not there."""
        place = remembered.place
        row = _attempt_row(self.job, remembered)
        self.connection.execute(attempts.insert(), row)
        rows = [{"source": source, "place": place} for source in remembered.sources]
        self.connection.execute(sources.insert(), rows)
        if remembered.told:
            self.connection.execute(uses.insert(), self._use_rows(remembered))
        lesson = remembered.lesson
        if lesson is not None:
            self._taught_by(lesson.id, lesson.by)
            scope = self._scope(lesson.kind)
            entry = IndexedText(id=place, text=lesson.about, scope=scope, place=place)
            self.prompts.put(self.connection, [entry])

    def _use_rows(self, remembered: LabelledAttempt) -> list[dict[str, Json]]:
        """A row for each lesson that was recalled for an attempt."""
        contributors = self._contributors(list(remembered.told))
        rows: list[dict[str, Json]] = []
        for rank, (lesson_id, told) in enumerate(remembered.told.items(), 1):
            row = {
                "lesson_id": lesson_id,
                "rank": rank,
                "contributor": contributors.get(lesson_id),
                "shown": int(told.shown),
                "agreed": -1 if told.agreed is None else int(told.agreed),
                "place": remembered.place,
                "job": self.job,
                "withheld": remembered.withheld,
                "score": remembered.score,
                "weight": remembered.weight,
            }
            rows.append(row)
        return rows

    def _contributors(self, wanted: Sequence[str]) -> dict[str, str]:
        """Who taught each of these lessons, of those that are remembered."""
        chosen = attempts.c.lesson_id.in_(wanted)
        query = select(attempts.c.lesson_id, attempts.c.contributor)
        contributors: dict[str, str] = {}
        for row in self._rows(query.where(chosen, self._of_job(attempts))):
            lesson_id = row["lesson_id"]
            contributors[lesson_id] = row["contributor"]
        return contributors

    def _taught_by(self, lesson: str, contributor: str | None) -> None:
        of_lesson = uses.c.lesson_id == lesson
        used = update(uses).where(of_lesson, self._of_job(uses))
        changed = used.values(contributor=contributor)
        self.connection.execute(changed)

    def _scope(self, kind: str) -> int:
        first = self.number * len(KINDS)
        return first + KINDS.index(kind)

    # --- asking

    def search(
        self, query: str, *, kinds: Sequence[str], k: int, until: int | None = None
    ) -> list[Found]:
        """Lessons of these kinds whose case is like the query, best first; `until`: those remembered up to there."""
        scopes = [self._scope(kind) for kind in kinds]
        with self.reading():
            hits = self.prompts.search(
                self.connection,
                query,
                k=k,
                scopes=scopes,
                up_to=until,
            )
            places = [hit.id for hit in hits]
            lessons = self._at(places)
        return [Found(lessons[hit.id], hit.score) for hit in hits]

    def _at(self, places: Sequence[int]) -> dict[int, Lesson]:
        """The lessons of the attempts at these places."""
        chosen = attempts.c.place.in_(places)
        query = select(attempts.c.place, attempts.c.lesson)
        lessons: dict[int, Lesson] = {}
        for row in self._rows(query.where(chosen)):
            place = row["place"]
            lessons[place] = _lesson(row["lesson"])
        return lessons

    def lessons(self, *, limit: int = -1) -> list[Lesson]:
        """The latest first."""
        latest_first = attempts.c.place.desc()
        query = self._taught(attempts.c.lesson).order_by(latest_first)
        if limit >= 0:
            query = query.limit(limit)
        bodies = [row["lesson"] for row in self._rows(query)]
        return list(map(_lesson, bodies))

    def count(self) -> int:
        """How many lessons there are."""
        number = func.count().label("n")
        (row,) = self._rows(self._taught(number))
        return int(row["n"])

    def _taught(self, column: ColumnElement[Any]) -> Select[Any]:
        """A query of one column of the job's lessons."""
        query = select(column)
        taught = attempts.c.lesson.is_not(None)
        return query.where(self._of_job(attempts), taught)

    def uses(self, wanted: Sequence[str], latest: Latest) -> dict[str, Uses]:
        """Each lesson's uses in the latest cases."""
        rows = self._use_rows_of(wanted, latest.span)
        found: dict[str, Uses] = {}
        for lesson_id, oldest_first in rows.items():
            late = oldest_first[-LATEST_USES:]
            found[lesson_id] = latest.uses(late)
        return found

    def _use_rows_of(
        self, wanted: Sequence[str], span: tuple[int, int]
    ) -> dict[str, list[Sequence[Json]]]:
        """Each lesson's uses in the cases between two places, the oldest first: `USE_COLUMNS` of each."""
        of_lessons = uses.c.lesson_id.in_(wanted)
        late = uses.c.place.between(*span)
        query = (
            select(uses.c.lesson_id, *USE_COLUMNS)
            .where(self._of_job(uses), of_lessons, late)
            .order_by(uses.c.lesson_id, uses.c.place)
        )
        rows: dict[str, list[Sequence[Json]]] = {name: [] for name in wanted}
        with self.reading():
            for lesson_id, *use in self.connection.execute(query):
                rows[lesson_id].append(use)
        return rows

    def uses_of(self, contributors: Sequence[str], latest: Latest) -> dict[str, Uses]:
        """The uses of all that each of these contributed, in the latest cases."""
        found: dict[str, Uses] = {}
        with self.reading():
            for name in contributors:
                values = (self.job, *latest.span, name)
                newest_first = self._newest.tuples(self.connection, values)
                found[name] = latest.uses(newest_first[::-1])
        return found

    def latest(self, *, until: int | None = None) -> Latest:
        """The latest judged cases; `until`: of those remembered up to there."""
        last = LAST if until is None else until
        with self.reading():
            newest_first = self._judged.tuples(self.connection, (self.job, last))
            columns = columns_of(newest_first, len(SCORES))
            places, scores, weights = columns[:, ::-1]
            agreed = self._agreed(places)
        typical = typical_score(scores, weights)
        return Latest(places=places, typical=typical, agreed=agreed)

    def _agreed(self, places: Numbers) -> Numbers:
        """Of what is still remembered, how often lessons agreed: (blocks, ranks), 0 where that is not known."""
        shares = np.zeros((LATEST // BLOCK, MOST_TOLD + 1))
        ends = range(len(places), 0, -BLOCK)
        for blocks_back, block_end in enumerate(ends):
            start = max(block_end - SAMPLE, 0)
            first = int(places[start])
            last = int(places[block_end - 1])
            sample = {"of": self.job, "first": first, "last": last}
            for rank, share in self.connection.execute(AGREED, sample):
                shares[blocks_back, rank] = share
        return shares

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
            rows = self.connection.execute(query).mappings()
            return list(map(dict, rows))


def _number_of(connection: Connection, job: str) -> int:
    """The job's number in the file; a new job is given the next."""
    number = followed.c.number
    query = select(number).where(followed.c.job == job)
    known: int | None = connection.execute(query).scalar()
    if known is not None:
        return known
    row = followed.insert().values(job=job, place=0, unlearned="[]")
    added: int = connection.execute(row.returning(number)).scalar_one()
    return added


def _lesson(body: str) -> Lesson:
    loaded = codec.loads(body)
    return Lesson.model_validate(loaded)


def _attempt_row(job: str, remembered: LabelledAttempt) -> dict[str, Json]:
    attempt = remembered.attempt
    lesson = remembered.lesson
    row: dict[str, Json] = {
        "place": remembered.place,
        "job": job,
        "run": attempt.run,
        "case_id": attempt.case,
        "attempt": attempt.attempt,
        "score": remembered.score,
        "weight": remembered.weight,
        "kind": None,
        "lesson_id": None,
        "contributor": None,
        "lesson": None,
    }
    if lesson is not None:
        body = lesson.model_dump(mode="json")
        row |= {
            "kind": lesson.kind,
            "lesson_id": lesson.id,
            "contributor": lesson.by,
            "lesson": codec.dumps(body),
        }
    return row
