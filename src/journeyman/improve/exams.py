"""Examines a challenger: champion and challenger work the same sealed cases until there is a verdict.

Both are given the memory of the moment at which the exam began. A prompt that the change does not touch is answered
from the journal, so it costs nothing. Everything is written down as it happens: stopped, an exam goes on where it was,
and its verdict can be made again from the journal. To promote adds one row.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from journeyman.assess.exam import Exam, ExamPlan, Pair, Verdict, alpha_for
from journeyman.assess.leaks import leaks
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.memory.context import rules, tokens_of
from journeyman.memory.projection import LessonProjection
from journeyman.protocols import Model
from journeyman.runtime.internal import internal_runner, open_internal_run
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner
from journeyman.runtime.versions import Version, change_of, versions
from journeyman.runtime.versions import champion as champion_now
from journeyman.store.journal import Journal
from journeyman.types import Case, CaseResult, Change, Record, Run, RunSpec, WorkerSpec

BUDGET = 0.05
"""How probable it may be, over all exams of a worker together, that a promotion is false (see `assess.exam.level`)."""

FEWEST = 20
"""Sealed cases that an exam needs."""


class Examined(Record):
    """The body of an `examined` change."""

    version: int
    champion: int
    exam: int
    """1, 2, … of this worker."""
    level: float
    verdict: Verdict
    promoted: bool
    retired: tuple[str, ...] = ()
    """Exam cases left out, for something that was learned gives them away."""


@dataclass(frozen=True)
class Room:
    """Where an exam takes place."""

    journal: Journal
    owner: LeaseOwner
    job: Job
    model: Model
    on_pair: Callable[[Exam], None] = lambda _: None
    """Called after each pair."""


async def examine(
    room: Room, champion: Version, challenger: Version, cases: Iterable[Case]
) -> Examined:
    """Examine a challenger on sealed cases; where it passes it is the champion from then on.

    Raises InputError where there are too few sealed cases, or another process examines.
    """
    journal, job = room.journal, room.job
    earlier = journal.changes(job.name, worker=challenger.worker)
    known = [
        Examined.model_validate(change.body) for change in earlier if change.kind == "examined"
    ]
    again = [
        one for one in known if (one.version, one.champion) == (challenger.number, champion.number)
    ]
    if again:
        return again[-1]
    sealed = {case.id: case for case in cases if case.split == "exam" and case.target is not None}
    retired = _given_away(journal, job, challenger, list(sealed.values()))
    left = [case for case in sealed.values() if case.id not in retired]
    if len(left) < FEWEST:
        raise InputError(
            f"An exam needs at least {FEWEST} cases of the split exam with a target; there are {len(left)}.",
            'Add labelled cases with "split": "exam" to the job.',
        )
    spent = alpha_for(BUDGET, len(known) + 1, sum(one.promoted for one in known))
    terms = ExamPlan(
        target=job.name,
        cases={job.name: Counter(case.slice or "" for case in left)},
        level=spent,
        cheaper=prompt_cost(challenger.worker_spec, job) <= prompt_cost(champion.worker_spec, job),
    )
    verdict = await _sit(room, champion, challenger, terms, left)
    made: list[Examined] = []

    def make(changes: Sequence[Change], runs: Sequence[Run]) -> Sequence[Change]:
        """The verdict, and with it the promotion, if the champion is still the one that was examined against."""
        name = challenger.worker
        now = champion_now(changes, versions(changes, runs, name), name, challenger.config_hash)
        promoted = verdict.outcome == "promote" and now.number == champion.number
        made.append(
            Examined(
                version=challenger.number, champion=champion.number, exam=len(known) + 1, level=spent,
                verdict=verdict, promoted=promoted, retired=tuple(sorted(retired)),
            )
        )  # fmt: skip
        rows = [change_of(job.name, name, "examined", made[-1])]
        return (
            [*rows, change_of(job.name, name, "promoted", {"version": challenger.number})]
            if promoted
            else rows
        )

    journal.change(make, job=job.name)
    return made[-1]


async def _sit(
    room: Room, champion: Version, challenger: Version, terms: ExamPlan, cases: Sequence[Case]
) -> Verdict:
    """Pair after pair, in an order drawn for this exam and kept with it."""
    runs = _exam_runs(room, champion, challenger)
    ordered = sorted(cases, key=lambda case: case.id)
    random.Random(runs[0].spec.salt).shuffle(ordered)  # noqa: S311 - the salt is secret
    exam = Exam.begun(terms)
    async with AsyncExitStack() as stack:
        sides: list[Runner] = []
        for run in runs:
            side = internal_runner(room.journal, room.owner, room.job, room.model, run)
            sides.append(await stack.enter_async_context(side))
        for case in ordered:
            if exam.outcome is not None:
                break
            one, other = [await side.submit(case) for side in sides]
            exam = exam.after(_pair(room.job.name, case, one, other))
            room.on_pair(exam)
    assert exam.verdict is not None
    return exam.verdict


def _exam_runs(room: Room, champion: Version, challenger: Version) -> list[Run]:
    """The champion's and the challenger's. Of a stopped exam: its own, with its own order and its own memory."""
    spec = RunSpec(purpose="exam", salt=secrets.token_hex(8), until=room.journal.position())
    runs: list[Run] = []
    for version in (champion, challenger):
        name = f"{room.job.name}-exam-{champion.label}-{challenger.label}-{version.number}"
        run = open_internal_run(room.journal, room.job, room.model, version, name=name, spec=spec)
        spec = spec.model_copy(update={"salt": run.spec.salt, "until": run.spec.until})
        runs.append(run)
    return runs


def _pair(job: str, case: Case, champion: CaseResult, challenger: CaseResult) -> Pair:
    scores = [None if one.correct is None else float(one.correct) for one in (champion, challenger)]
    pair = Pair.of(job, champion=scores[0], challenger=scores[1], slice=case.slice or "")
    if pair.difference == 0 and champion.trajectory.opening == challenger.trajectory.opening:
        return pair.model_copy(update={"touched": False})
    return pair


def prompt_cost(worker_spec: WorkerSpec, job: Job) -> int:
    """Tokens that a mind may put into a prompt, at most; the room for recall the less, the fewer cases use it."""
    instructions = (
        job.instructions if worker_spec.instructions is None else worker_spec.instructions
    )
    recalled = (
        round(worker_spec.recall.tokens * (1 - worker_spec.recall.min_similarity))
        if worker_spec.recall.k and worker_spec.recall.kinds
        else 0
    )
    return tokens_of(instructions) + tokens_of(rules(worker_spec.playbook)) + recalled


def _given_away(
    journal: Journal, job: Job, challenger: Version, sealed: Sequence[Case]
) -> set[str]:
    """Exam cases that something learned gives away: a question with its answer, word for word or nearly."""
    experience = LessonProjection(journal, job.name)
    try:
        learned = [f"{lesson.about}\n{lesson.text}" for lesson in experience.advance().lessons()]
    finally:
        experience.close()
    worker_spec = challenger.worker_spec
    texts = [
        *learned,
        *(f"{rule.about}\n{rule.text}" for rule in worker_spec.playbook),
        worker_spec.instructions or "",
    ]
    return {leak.case_id for leak in leaks([text for text in texts if text.strip()], sealed)}
