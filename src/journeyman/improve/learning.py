"""Learning: a learner gets the results of past cases, and its proposal is stored as a challenger.

A learner sees the outcomes of the splits `train` and `live` alone, and works in a lab: a run inside the house with a
budget of tokens and seconds, in which nothing is paid twice.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from journeyman.errors import InputError, LearningBudgetSpent
from journeyman.improve.exams import ExamRoom
from journeyman.improve.versions import propose
from journeyman.models.recorded import call_key
from journeyman.protocols import Learner, Model
from journeyman.runtime.internal import internal_runner, open_internal_run
from journeyman.runtime.versions import Version, champion, config_hash_of, versions
from journeyman.store.journal import Journal, LeaseLostError
from journeyman.store.journal.replay import outcomes
from journeyman.types import (
    Case,
    CaseResult,
    Event,
    Message,
    Record,
    Replied,
    Reply,
    Run,
    RunSpec,
    Sampling,
    ScoredTrajectory,
    WorkerSpec,
)

LEARNED_FROM = ("train", "live")
LATEST = 2_000
"""Outcomes that a learner is given: the last ones."""


class LearningBudget(Record):
    """What learning may cost at most."""

    tokens: int = 200_000
    """Computed and written."""
    seconds: float = 1_800.0


def champion_of(journal: Journal, job: str, config_hash: str, name: str) -> Version:
    """The version that works now."""
    changes = journal.changes(job)
    runs = journal.runs(job=job)
    known = versions(changes, runs, name)
    return champion(changes, known, name, config_hash)


def seen_by(journal: Journal, job: str, name: str) -> list[CaseResult]:
    """What a worker did and somebody judged, the latest last; nothing of an exam."""
    judged: list[CaseResult] = []
    for run in journal.runs(job=job):
        if run.internal or run.name != name:
            continue
        judged += [result for result in outcomes(journal, run) if _teaches(result)]
    judged.sort(key=lambda result: result.at or 0.0)
    return judged[-LATEST:]


def _teaches(result: CaseResult) -> bool:
    """Whether it is closed, judged, and of a split that may be learned from."""
    if not result.closed or not result.labels:
        return False
    return result.split in LEARNED_FROM


async def learn(
    room: ExamRoom,
    learner: Learner,
    *,
    name: str = "ada",
    teacher: Model | None = None,
    budget: LearningBudget,
) -> Version | None:
    """A challenger, written down. None: the learner has nothing to propose.

    Raises InputError where nothing was judged yet.
    """
    journal = room.journal
    job = room.job
    config_hash = config_hash_of(job, room.model, name)
    working = champion_of(journal, job.name, config_hash, name)
    seen = seen_by(journal, job.name, name)
    if not seen:
        raise InputError(
            f"{name!r} has no judged case of the job {job.name!r} to learn from.",
            "Let it work first, and review what it escalates.",
        )
    lab = JournalLab(room=room, version=working, teacher=teacher or room.model, budget=budget)
    proposal = await learner.learn(working.worker_spec, seen, lab)
    if proposal is None or proposal.worker_spec == working.worker_spec:
        return None
    seconds = time.monotonic() - lab.began
    cost = {"tokens": lab.tokens, "seconds": round(seconds, 1)}
    return propose(journal, job.name, working, proposal, by=learner.name, cost=cost)


@dataclass
class JournalLab:
    """A learner's lab on the journal."""

    room: ExamRoom
    version: Version
    teacher: Model
    budget: LearningBudget
    tokens: int = 0
    began: float = field(default_factory=time.monotonic)

    async def attempt(
        self, worker_spec: WorkerSpec, case_id: str, *, sampling: Sampling | None = None
    ) -> ScoredTrajectory:
        """Raises InputError for a case that is not to be learned from."""
        self._check()
        room = self.room
        case = self._case(case_id)
        version = self.version.model_copy(update={"worker_spec": worker_spec})
        drawn = "" if sampling is None else sampling.model_dump_json()
        run = self._run(version, drawn)
        runner = internal_runner(room.journal, room.owner, room.job, room.model, run)
        if sampling is not None:
            worker = replace(runner.worker, sampling=sampling)
            runner = replace(runner, worker=worker)
        async with runner:
            result = await runner.submit(case)
        trajectory = result.trajectory
        self.tokens += trajectory.usage.spent_tokens or 0
        return ScoredTrajectory(trajectory=trajectory, scores=result.scores)

    async def ask(self, messages: Sequence[Message], *, sampling: Sampling) -> str:
        self._check()
        key = call_key(self.teacher.name, messages, (), sampling)
        reply = self.room.journal.reply(key)
        if reply is None:
            reply = await self.teacher.generate(messages, sampling=sampling)
            self.tokens += reply.usage.spent_tokens or 0
            self._write_down(key, reply)
        return reply.message.text

    def _write_down(self, key: str, reply: Reply) -> None:
        run = self._run(self.version, "")
        event = Event(
            run_id=run.id,
            case_id=f"ask-{key[:24]}",
            attempt=1,
            seq=0,
            body=Replied(reply=reply),
            key=key,
            at=time.time(),
        )
        # The lease is lost where another process asked the same and has written it down.
        with suppress(LeaseLostError):
            self.room.journal.append([event], fully=False)

    def _check(self) -> None:
        seconds = time.monotonic() - self.began
        if self.tokens >= self.budget.tokens or seconds >= self.budget.seconds:
            raise LearningBudgetSpent(
                f"Learning has taken {self.tokens:,} tokens and {seconds:.0f} s.",
                "Allow more with --tokens, --seconds.",
            )

    def _case(self, case_id: str) -> Case:
        journal = self.room.journal
        for run in journal.runs(job=self.room.job.name):
            if run.internal:
                continue
            case = journal.case(run.id, case_id)
            if case is not None and case.split in LEARNED_FROM:
                return case
        raise InputError(
            f"There is no case {case_id!r} to learn from.",
            "Name one that was worked outside an exam.",
        )

    def _run(self, version: Version, drawn: str) -> Run:
        text = f"{version.fingerprint}\0{drawn}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        salt = digest[:12]
        journal = self.room.journal
        job = self.room.job
        model = self.room.model
        spec = RunSpec(purpose="lab", salt=salt, until=journal.position())
        name = f"{job.name}-lab-{version.worker}-{salt}"
        return open_internal_run(journal, job, model, version, name=name, spec=spec)
