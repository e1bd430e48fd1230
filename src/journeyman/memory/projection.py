"""The lessons of a job's workers, computed from the labels in the journal, case by case.

A case is remembered once somebody has said whether its answer was right: an answer that was right as a demonstration,
one that was put right as a correction. The journal keeps everything; what is remembered (`memory.sqlite` beside it) is
made from it and can be made again. So unlearning is exact: what rests on a source is taken out, and what is left is
what would be there had that source never spoken.

Cases of the splits `exam` and `calibration` are never remembered: the first measure what was learned, the second what
confidence is worth.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from journeyman.answers import folded
from journeyman.memory.lessons import correction, demonstration, person, sources_of
from journeyman.memory.recall import recall
from journeyman.protocols import Memory
from journeyman.store.journal import JobMarks, Journal
from journeyman.store.journal.replay import last_body, trajectory_of
from journeyman.store.lessons import AttemptId, LabelledAttempt, LessonStore, LessonUse
from journeyman.types import Case, Decided, Label, Lesson, Recall, Recalled, Trajectory

SEALED = ("exam", "calibration")
NOTHING_SEEN = JobMarks(changes=-1, runs=-1, last=0)


class LessonProjection:
    """Follows a job's journal, and recalls from it."""

    def __init__(self, journal: Journal, job: str) -> None:
        self.journal = journal
        self.job = job
        self.lock = threading.Lock()
        """Held while it is asked: workers in several threads may share it."""
        self._thread: ThreadPoolExecutor | None = None
        """Where it is asked, once it was. One, for each thread keeps the memory that a recall needed for itself."""
        self._seen = NOTHING_SEEN
        self._unlearned: frozenset[str] = frozenset()
        """Sources that count no more, as of `_seen`."""
        self._runs: dict[str, str] = {}
        """The workers' names by the ids of the runs that count, as of `_seen`."""

    @cached_property
    def memories(self) -> LessonStore:
        return LessonStore.open(self.journal.workspace / "memory.sqlite", self.job)

    @property
    def thread(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journeyman-recall")
        return self._thread

    def close(self) -> None:
        """It opens itself again when it is asked something."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        if "memories" in self.__dict__:
            self.memories.close()
            del self.memories
            self._seen = NOTHING_SEEN

    def advance(self) -> LessonStore:
        """Take in what the journal has that is new: what was unlearned, then labels."""
        memories = self.memories
        marks = self.journal.marks(self.job)
        if marks == self._seen:
            return memories
        if marks[:2] != self._seen[:2]:
            self._look_at_runs()
        place, already_unlearned = memories.followed()
        after = max(place, self._seen.last)
        if self._unlearned != already_unlearned or self._is_labelled(after):
            self._follow(memories)
        self._seen = marks
        return memories

    def _look_at_runs(self) -> None:
        unlearned: set[str] = set()
        for change in self.journal.changes(self.job):
            if change.kind == "unlearned":
                source = str(change.body["source"])
                unlearned.add(source)
        self._unlearned = frozenset(unlearned)
        runs = self.journal.runs(job=self.job)
        self._runs = {run.id: run.name for run in runs if not run.internal}

    def _is_labelled(self, after: int) -> bool:
        """Whether anything was labelled behind a position."""
        first = next(self.journal.news(list(self._runs), ("labelled",), after=after), None)
        return first is not None

    def _follow(self, memories: LessonStore) -> None:
        unlearned = self._unlearned
        runs = self._runs
        with memories.changing() as (start, already_unlearned):
            place = start
            for attempt in memories.resting_on(unlearned - already_unlearned):
                self._take(memories, attempt, runs[attempt.run], unlearned)
            for here, event in self.journal.news(list(runs), ("labelled",), after=start):
                attempt = AttemptId(event.run_id, event.case_id, event.attempt)
                self._take(memories, attempt, runs[event.run_id], unlearned)
                place = here
            memories.reached(place, unlearned)

    def memory(self, recall: Recall, *, until: int | None = None) -> Memory:
        """What may be recalled now; with `until`, only what was remembered up to that place in the journal."""
        return _Recollection(self, recall, until)

    def _take(
        self, memories: LessonStore, attempt: AttemptId, worker: str, unlearned: frozenset[str]
    ) -> None:
        """Remember an attempt as its labels now stand, those of unlearned people left aside."""
        memories.forget(attempt)
        case = self.journal.case(attempt.run, attempt.case)
        assert case is not None
        if case.split in SEALED:
            return
        told = self.journal.labels(*attempt)
        heard = {place: label for place, label in told if person(label) not in unlearned}
        labels = list(heard.values())
        if not labels or unlearned & {f"case:{case.id}", f"worker:{worker}"}:
            return
        events = self.journal.events(attempt.run, attempt.case, attempt=attempt.attempt)
        trajectory = trajectory_of(case.id, worker, events)
        decided = last_body(events, Decided)
        recalled = last_body(events, Recalled) or Recalled()
        taught = lesson_of(case, trajectory, worker, labels)
        memories.remember(
            LabelledAttempt(
                attempt=attempt,
                place=max(heard),
                sources=sources_of(case, worker, labels),
                lesson=taught,
                score=0.0 if labels[0].error else 1.0,
                weight=1.0 if decided is None else 1 / decided.decision.propensity,
                withheld=recalled.withheld,
                told={
                    lesson.id: LessonUse(
                        shown=lesson.id in recalled.shown,
                        agreed=agrees(lesson, taught, trajectory.answer),
                    )
                    for lesson in reversed(recalled.lessons)
                },
            )
        )


def lesson_of(
    case: Case, trajectory: Trajectory, worker: str, labels: Sequence[Label]
) -> Lesson | None:
    """What a labelled case teaches; its last label holds. None: nobody said what is right."""
    return correction(case, worker, labels) or demonstration(case, trajectory, worker, labels)


def agrees(recalled: Lesson, taught: Lesson | None, answer: str | None) -> bool | None:
    """Whether a recalled lesson says what is right of a case that taught this. None: nobody said what is right."""
    if taught is not None:
        return folded(recalled.text) == folded(taught.text)
    if answer is not None and folded(recalled.text) == folded(answer):
        return False  # what is right nobody said, but that this is not
    return None


@dataclass(frozen=True)
class _Recollection:
    """The memory of one moment, or of whenever it is asked."""

    projection: LessonProjection
    settings: Recall
    until: int | None

    async def recall(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        """Off the event loop, one after the other: what is remembered lies on a disk."""
        if not self.settings.k:
            return ()
        loop = asyncio.get_running_loop()
        thread = self.projection.thread
        return await loop.run_in_executor(thread, self._recalled, query, fits)

    def _recalled(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        projection = self.projection
        with projection.lock:
            store = projection.memories if self.until is not None else projection.advance()
            return recall(store, query, self.settings, fits, until=self.until)
