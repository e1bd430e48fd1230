"""The lessons of a workspace: what they rest on, and the outcome of each use.

A file beside the journal, made from it, and made again where it is lost: it holds nothing that the journal does not
say. One file for all jobs of a workspace; every row belongs to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

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
    FORMAT,
    attempts,
    followed,
    job_followed,
    judged_cases,
    lesson_at,
    make_anew,
    prompts,
    sources,
    uses,
    uses_between,
)
from journeyman.store.lesson_uses import LatestCases
from journeyman.store.migrations import keep_derived
from journeyman.types import Json, Lesson, Record

LAST = 2**62
"""A place that none comes after."""
LESSONS_KEPT = 200
"""Lessons of which the record is kept once it was read."""
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
        self._followed = job_followed()
        self._judged = judged_cases()
        self._uses = uses_between()
        self._lesson_at = lesson_at()
        self._latest: dict[int, LatestCases] = {}
        """What `latest` gave last: for now, under `LAST`; and for one earlier place."""
        self._read_at = 0
        """The revision that `_latest` and `_known` are of."""
        self._known: dict[int, Lesson] = {}
        """Lessons that were read, by the places of their attempts."""

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

    def followed(self) -> tuple[int, frozenset[str]]:
        """How far the journal was followed, and which sources are unlearned already."""
        with self.reading():
            place, unlearned, _ = self._state()
        names = codec.loads(unlearned)
        return place, frozenset(names)

    def _state(self) -> tuple[int, str, int]:
        """The job's row: the place, the unlearned sources as JSON, and the revision."""
        key = (self.number,)
        rows = self._followed.tuples(self.connection, key)
        place, unlearned, revision = rows[0]
        return place, unlearned, revision

    @contextmanager
    def changing(self) -> Iterator[tuple[int, frozenset[str]]]:
        """One transaction; gives what `followed` gives."""
        with store_errors(), self.connection.begin():
            yield self.followed()

    def reached(self, place: int, unlearned: frozenset[str]) -> None:
        in_order = sorted(unlearned)
        names = codec.dumps(in_order)
        mine = update(followed).where(followed.c.number == self.number)
        changed = mine.values(place=place, unlearned=names)
        self.connection.execute(changed)

    def _revised(self) -> None:
        """Something was taken out or put elsewhere: what was read before holds no more, in any process."""
        mine = update(followed).where(followed.c.number == self.number)
        changed = mine.values(revision=followed.c.revision + 1)
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
            self._revised()
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
        """Note with a lesson's uses who taught it, where that is new."""
        of_lesson = uses.c.lesson_id == lesson
        by_another = uses.c.contributor.is_distinct_from(contributor)
        used = update(uses).where(of_lesson, self._of_job(uses), by_another)
        changed = self.connection.execute(used.values(contributor=contributor))
        if changed.rowcount:
            self._revised()

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
        self._forget_what_was_revised()
        lessons: dict[int, Lesson] = {}
        for place in places:
            lesson = self._known.get(place)
            if lesson is None:
                ((body,),) = self._lesson_at.tuples(self.connection, (place,))
                lesson = _lesson(body)
            lessons[place] = lesson
        self._known |= lessons
        if len(self._known) > LESSONS_KEPT:
            self._known = lessons
        return lessons

    def _forget_what_was_revised(self) -> None:
        """Let go of all that was read from an earlier revision."""
        _, _, revision = self._state()
        if revision != self._read_at:
            self._latest = {}
            self._known = {}
            self._read_at = revision

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

    def latest(self, *, until: int | None = None) -> LatestCases:
        """The latest judged cases and the uses in them; `until`: of what was remembered up to there.

        It is kept, and brought in line with the file when it is asked for again; so it holds until then.
        """
        last = LAST if until is None else until
        with self.reading():
            self._forget_what_was_revised()
            known = self._latest.get(last)
            if known is None:
                known = LatestCases()
                now = {place: cases for place, cases in self._latest.items() if place == LAST}
                self._latest = now | {last: known}
            self._read_later(known, last)
        return known

    def _read_later(self, known: LatestCases, last: int) -> None:
        """Read the cases that were judged since, up to a place."""
        newest_first = self._judged.tuples(self.connection, (self.job, known.last, last))
        if not newest_first:
            return
        cases = newest_first[::-1]
        first, *_ = cases[0]
        latest, *_ = cases[-1]
        between = (self.job, first, latest)
        used = self._uses.tuples(self.connection, between)
        known.add(cases, used)

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
    row = followed.insert().values(job=job, place=0, unlearned="[]", revision=0)
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
