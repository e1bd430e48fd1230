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
class ExamRoom:
    """Where an exam takes place."""

    journal: Journal
    owner: LeaseOwner
    job: Job
    model: Model
    on_pair: Callable[[Exam], None] = lambda _: None
    """Called after each pair."""


async def examine(
    room: ExamRoom, champion: Version, challenger: Version, cases: Iterable[Case]
) -> Examined:
    """Examine a challenger on sealed cases; where it passes it is the champion from then on.

    Raises InputError where there are too few sealed cases, or another process examines.
    """
    journal = room.journal
    job = room.job
    earlier = _exams_so_far(journal, job.name, challenger.worker)
    for examined in reversed(earlier):
        if _is_of(examined, champion, challenger):
            return examined
    sealed = _sealed(cases)
    retired = _given_away(journal, job, challenger, sealed)
    left = [case for case in sealed if case.id not in retired]
    if len(left) < FEWEST:
        raise InputError(
            f"An exam needs at least {FEWEST} cases of the split exam with a target; there are {len(left)}.",
            'Add labelled cases with "split": "exam" to the job.',
        )
    plan = _plan(job, champion, challenger, earlier, left)
    verdict = await _sit(room, champion, challenger, plan, left)
    result = Examined(
        version=challenger.number,
        champion=champion.number,
        exam=len(earlier) + 1,
        level=plan.level,
        verdict=verdict,
        promoted=verdict.outcome == "promote",
        retired=tuple(sorted(retired)),
    )
    return _write_down(journal, job.name, challenger, result)


def _is_of(examined: Examined, champion: Version, challenger: Version) -> bool:
    """Whether an exam was of these two versions."""
    if examined.version != challenger.number:
        return False
    return examined.champion == champion.number


def _sealed(cases: Iterable[Case]) -> list[Case]:
    """The cases of the split exam with a target. Of cases with the same id the last one counts."""
    by_id: dict[str, Case] = {}
    for case in cases:
        if case.split == "exam" and case.target is not None:
            by_id[case.id] = case
    return list(by_id.values())


def _exams_so_far(journal: Journal, job: str, worker: str) -> list[Examined]:
    """The exams of a worker, in order."""
    bodies = [
        change.body for change in journal.changes(job, worker=worker) if change.kind == "examined"
    ]
    return [Examined.model_validate(body) for body in bodies]


def _plan(
    job: Job,
    champion: Version,
    challenger: Version,
    earlier: Sequence[Examined],
    cases: Sequence[Case],
) -> ExamPlan:
    promotions = sum(examined.promoted for examined in earlier)
    level = alpha_for(BUDGET, len(earlier) + 1, promotions)
    slices = Counter(case.slice or "" for case in cases)
    cost_before = prompt_cost(champion.worker_spec, job)
    cost_after = prompt_cost(challenger.worker_spec, job)
    return ExamPlan(
        target=job.name,
        cases={job.name: slices},
        level=level,
        cheaper=cost_after <= cost_before,
    )


def _write_down(journal: Journal, job: str, challenger: Version, result: Examined) -> Examined:
    """Write down the result, and with it the promotion.

    Nothing is promoted where the champion is no longer the one that was examined against.
    """
    written: list[Examined] = []
    name = challenger.worker

    def make(changes: Sequence[Change], runs: Sequence[Run]) -> Sequence[Change]:
        known = versions(changes, runs, name)
        champion = champion_now(changes, known, name, challenger.config_hash)
        final = result
        if champion.number != result.champion:
            final = result.model_copy(update={"promoted": False})
        written.append(final)
        rows = [change_of(job, name, "examined", final)]
        if final.promoted:
            rows.append(change_of(job, name, "promoted", {"version": challenger.number}))
        return rows

    journal.change(make, job=job)
    return written[-1]


async def _sit(
    room: ExamRoom, champion: Version, challenger: Version, plan: ExamPlan, cases: Sequence[Case]
) -> Verdict:
    """Pair after pair, in an order drawn for this exam and kept with it."""
    runs = _exam_runs(room, champion, challenger)
    ordered = sorted(cases, key=lambda case: case.id)
    random.Random(runs[0].spec.salt).shuffle(ordered)  # noqa: S311 - the salt is secret
    exam = Exam.begun(plan)
    async with AsyncExitStack() as stack:
        sides: list[Runner] = []
        for run in runs:
            side = internal_runner(room.journal, room.owner, room.job, room.model, run)
            sides.append(await stack.enter_async_context(side))
        for case in ordered:
            if exam.outcome is not None:
                break
            results = [await side.submit(case) for side in sides]
            pair = _pair(room.job.name, case, *results)
            exam = exam.after(pair)
            room.on_pair(exam)
    assert exam.verdict is not None
    return exam.verdict


def _exam_runs(room: ExamRoom, champion: Version, challenger: Version) -> list[Run]:
    """The champion's run and the challenger's. Of a stopped exam: its own, with its own order and its own memory."""
    position = room.journal.position()
    salt = secrets.token_hex(8)
    spec = RunSpec(purpose="exam", salt=salt, until=position)
    first = _exam_run(room, champion, challenger, champion, spec)
    kept = {
        "salt": first.spec.salt,
        "until": first.spec.until,
    }
    spec = spec.model_copy(update=kept)
    second = _exam_run(room, champion, challenger, challenger, spec)
    return [first, second]


def _exam_run(
    room: ExamRoom, champion: Version, challenger: Version, version: Version, spec: RunSpec
) -> Run:
    """The run in which one of the two versions works the exam's cases."""
    exam = f"{room.job.name}-exam-{champion.label}-{challenger.label}"
    return open_internal_run(
        room.journal,
        room.job,
        room.model,
        version,
        name=f"{exam}-{version.number}",
        spec=spec,
    )


def _pair(job: str, case: Case, champion: CaseResult, challenger: CaseResult) -> Pair:
    pair = Pair.of(
        job,
        champion=_score(champion),
        challenger=_score(challenger),
        slice=case.slice or "",
    )
    same_prompt = champion.trajectory.opening == challenger.trajectory.opening
    if pair.difference == 0 and same_prompt:
        return pair.model_copy(update={"touched": False})
    return pair


def _score(result: CaseResult) -> float | None:
    """None: nobody judged the case."""
    if result.correct is None:
        return None
    return float(result.correct)


def prompt_cost(worker_spec: WorkerSpec, job: Job) -> int:
    """Tokens that a worker's settings may put into a prompt, at most.

    The room for recall counts the less, the more alike a case must be to be recalled.
    """
    instructions = worker_spec.instructions
    if instructions is None:
        instructions = job.instructions
    playbook = rules(worker_spec.playbook)
    instructions_tokens = tokens_of(instructions)
    playbook_tokens = tokens_of(playbook)
    fixed = instructions_tokens + playbook_tokens
    recall = worker_spec.recall
    if not recall.k or not recall.kinds:
        return fixed
    share = 1 - recall.min_similarity
    recalled = recall.tokens * share
    return fixed + round(recalled)


def _given_away(
    journal: Journal, job: Job, challenger: Version, sealed: Sequence[Case]
) -> set[str]:
    """Exam cases that something learned gives away: a question with its answer, word for word or nearly."""
    projection = LessonProjection(journal, job.name)
    try:
        lessons = list(projection.advance().lessons())
    finally:
        projection.close()
    worker_spec = challenger.worker_spec
    texts = [f"{lesson.about}\n{lesson.text}" for lesson in (*lessons, *worker_spec.playbook)]
    texts.append(worker_spec.instructions or "")
    said = [text for text in texts if text.strip()]
    return {leak.case_id for leak in leaks(said, sealed)}
