"""The arms of the learning bench: the same sealed cases worked with different memories, everything recorded once.

A stream's calibration half is the history: cases that somebody labelled, each of which teaches its right answer. The
exam half is sealed. `stateless` stands in `bench/streams` already: the same model on the same prompts.
"""

from __future__ import annotations

import csv
import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from bench.lib.places import RECORDED_ARMS, RECORDED_STREAMS
from journeyman.job.job import Job
from journeyman.memory.context import cost_of
from journeyman.memory.lessons import correction
from journeyman.memory.projection import agrees
from journeyman.memory.recall import recall
from journeyman.runtime.runner import new_worker
from journeyman.store.lessons import AttemptId, LabelledAttempt, LessonStore, LessonUse
from journeyman.types import Case, Label, Lesson, Recall
from journeyman.worker import WorkerVersion

SETTINGS = Recall(kinds=("demonstration", "correction"), withheld=0.0)

ICL_TOKENS = 4_000
"""Of history that full-context learning puts before every case, at most; the engine computes them once."""

SEED = 7

WITHHELD = Recall().withheld

ARMS = ("history", "stateless", "memory", "lived", "icl", "shuffled", "half", "eighth")
"""`memory` recalls from the whole history, `half` and `eighth` from its first part; `lived` from the same history, but
each of its cases had recalled from those before it, so that it is known how lessons came out; `shuffled` recalls what
fits another case; `icl` puts all that fits before every case. Of games only: `history` plays those that are learned
from, `stateless` the sealed ones without memory."""


def lessons_of(job: Job, history: Sequence[Case]) -> list[Lesson]:
    """What each labelled case teaches."""
    taught: list[Lesson] = []
    for case in history:
        answer = next(
            (
                given
                for verifier in job.verifiers
                if (given := verifier.reference(case)) is not None
            ),
            None,
        )
        label = Label(error=True, by="verifier", correction=answer)
        lesson = correction(case, "ada", (label,))
        if lesson is not None:
            taught.append(lesson)
    return taught


def remembered(room: Path, job: Job, lessons: Sequence[Lesson]) -> LessonStore:
    """The lessons as the product remembers them, in a file of their own."""
    return kept(room / f"{job.name}-{len(lessons)}.sqlite", job.name, lessons)


def kept(file: Path, name: str, lessons: Sequence[Lesson]) -> LessonStore:
    """The lessons in a file, under a job's name; those that are there already are not added again."""
    memories = LessonStore.open(file, name)
    with memories.changing() as (place, _):
        for n, lesson in enumerate(lessons, start=1):
            if n > place:
                attempt = AttemptId("history", lesson.sources[0].removeprefix("case:"), n)
                memories.remember(
                    LabelledAttempt(
                        attempt=attempt,
                        place=n, sources=lesson.sources, lesson=lesson, score=0.0, weight=1.0, withheld=0.0,
                        told={},
                    )
                )  # fmt: skip
        memories.reached(max(place, len(lessons)), frozenset())
    return memories


def lived(
    file: Path, name: str, lessons: Sequence[Lesson], correct: Mapping[str, bool]
) -> LessonStore:
    """The same, as a worker's that recalled in each case from those before it; `right`: whether it was right, by case.

    Whether a lesson was told is drawn, and the answers are those of a worker without memory (drawn, where a case was
    not recorded): what lessons did to them is nothing, and their worth is estimated from chance alone, as for lessons
    that do little. What agreed is real.
    """
    memories, rng, typical = (
        LessonStore.open(file, name),
        random.Random(SEED),
        fmean(correct.values()),
    )
    with memories.changing() as (place, _):
        for n, lesson in list(enumerate(lessons, start=1))[place:]:
            recalled = recall(memories, lesson.about, SETTINGS, lambda _: True)
            told = {
                one.id: LessonUse(shown=rng.random() >= WITHHELD, agreed=agrees(one, lesson, None))
                for one in reversed(recalled)
            }
            case = lesson.sources[0].removeprefix("case:")
            memories.remember(
                LabelledAttempt(
                    attempt=AttemptId("history", case, n), place=n, sources=lesson.sources, lesson=lesson,
                    score=float(correct.get(case, rng.random() < typical)), weight=1.0, withheld=WITHHELD, told=told,
                )
            )  # fmt: skip
        memories.reached(max(place, len(lessons)), frozenset())
    return memories


@dataclass(frozen=True)
class Recollection:
    """Recalls for a case what fits it, or what fits another one."""

    memories: LessonStore
    before: Callable[[str], str] = field(default=lambda query: query)
    """What is looked up instead of the case's prompt."""

    async def recall(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        return recall(self.memories, self.before(query), SETTINGS, fits)


@dataclass(frozen=True)
class Whole:
    """Recalls the same for every case: all that fits, in the order it came, so that the engine computes it once."""

    lessons: tuple[Lesson, ...]

    async def recall(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        return self.lessons


def worker_for(
    arm: str, job: Job, lessons: Sequence[Lesson], sealed: Sequence[Case], room: Path
) -> WorkerVersion:
    """The worker of an arm: plain but for what it remembers."""
    plain = new_worker(job)
    if arm == "icl":
        return dataclasses.replace(plain, memory=Whole(tuple(within_tokens(lessons, ICL_TOKENS))))
    if arm == "shuffled":
        prompts = [case.prompt for case in sealed]
        others = random.Random(SEED).sample(prompts, len(prompts))
        swapped = dict(zip(prompts, others[1:] + others[:1], strict=True))
        memory = Recollection(
            remembered(room, job, lessons), lambda query: swapped.get(query, query)
        )
        return dataclasses.replace(plain, memory=memory)
    if arm == "lived":
        memories = lived(
            room / f"{job.name}-lived.sqlite", job.name, lessons, recorded_right(job.name)
        )
        return dataclasses.replace(plain, memory=Recollection(memories))
    if arm in {"history", "stateless"}:
        return plain
    part = {"memory": 1, "half": 2, "eighth": 8}[arm]
    return dataclasses.replace(
        plain, memory=Recollection(remembered(room, job, lessons[: len(lessons) // part]))
    )


def recorded_right(name: str) -> dict[str, bool]:
    """Whether the model was right without memory, by case, as the recorded streams say."""
    with (RECORDED_STREAMS / f"{name}.csv").open(encoding="utf-8", newline="") as opened:
        return {told["case"]: told["right"] == "1" for told in csv.DictReader(opened)}


def within_tokens(lessons: Sequence[Lesson], tokens: int) -> list[Lesson]:
    """The first lessons that fit."""
    shown: list[Lesson] = []
    for lesson in lessons:
        tokens -= cost_of(lesson)
        if tokens < 0:
            break
        shown.append(lesson)
    return shown


def rows_of(name: str) -> dict[tuple[str, str], dict[str, str]]:
    """What a stream's file says, by arm and case. Empty: there is none."""
    file = RECORDED_ARMS / f"{name}.csv"
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as opened:
        return {(told["arm"], told["case"]): told for told in csv.DictReader(opened)}
