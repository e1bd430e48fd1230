"""Works one case to its end: roll out, self-check, score, decide, close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from journeyman.assess.selfcheck import affordable, self_check
from journeyman.autonomy.tracker import uniform
from journeyman.errors import boundary
from journeyman.job.job import Job
from journeyman.protocols import Model
from journeyman.runtime.case_log import CallJournal, CaseLog
from journeyman.runtime.durable import DurableEnvironment, DurableMemory, DurableModel, in_doubt
from journeyman.runtime.playing import replay_moves
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcome_of, trajectory_of
from journeyman.types import (
    Case,
    CaseResult,
    Closed,
    Decided,
    Event,
    Label,
    Labelled,
    Lease,
    Run,
    Score,
    Scored,
    ScoredTrajectory,
    SelfCheck,
    SelfChecked,
    Trajectory,
)
from journeyman.worker import WorkerVersion, rollout


class Decide(Protocol):
    """Deliver or escalate, by what is settled now. Called on the journal's thread."""

    def __call__(
        self, case_id: str, attempt: int, trajectory: Trajectory, *, sealed: bool
    ) -> Decided: ...


@dataclass(frozen=True)
class CaseWork:
    """What the cases of a run are worked with."""

    journal: Journal
    call_journal: CallJournal
    job: Job
    model: Model
    run: Run
    worker: WorkerVersion
    decide: Decide
    stop: asyncio.Event
    """Set: no model call is begun any more."""


class ClaimedCase(NamedTuple):
    """A case to be worked, and what happened in this attempt before."""

    lease: Lease
    past: Sequence[Event]


async def work_case(work: CaseWork, claimed: ClaimedCase) -> CaseResult:
    """Work a case to its end. Raises LeaseLostError, Interrupted or Suspended where it does not come to that."""
    log = CaseLog(work.journal, claimed.lease, work.call_journal, claimed.past)
    trajectory = await _trajectory(work, log)
    trajectory = await _self_checked(work, log, trajectory)
    scores = await _scores(work.job, log.case, trajectory)
    events = await _close(work, log, trajectory, scores)
    result = outcome_of(log.case, work.worker.label, events)
    return result.model_copy(update={"trajectory": trajectory})


async def _trajectory(work: CaseWork, log: CaseLog) -> Trajectory:
    """From the journal where the rollout ended in an earlier life, else rolled out now."""
    if log.finished is not None:
        return trajectory_of(log.case.id, work.worker.label, log.past)
    trajectory = await _roll_out(work, log)
    await log.finish(trajectory)
    return trajectory


async def _close(
    work: CaseWork, log: CaseLog, trajectory: Trajectory, scores: tuple[Score, ...]
) -> list[Event]:
    """Decide and close in one transaction; gives the events of it."""
    for score in scores:
        log.add(Scored(score=score))
    correct = ScoredTrajectory(trajectory=trajectory, scores=scores).correct
    label = None
    if correct is not None and log.case.split != "exam":
        label = await _verdict(work.job, log.case, correct=correct)
    found = VerifierVerdict(correct, label)
    events: list[Event] = await work.call_journal(_decide_and_close, work, log, trajectory, found)
    return events


class VerifierVerdict(NamedTuple):
    """What the verifiers say together of an answer."""

    correct: bool | None
    """None: nobody can tell."""
    label: Label | None
    """As a person would say it. None: it is not told, for there is none, or the case is sealed."""


def _decide_and_close(
    work: CaseWork, log: CaseLog, trajectory: Trajectory, found: VerifierVerdict
) -> list[Event]:
    """On the journal's thread, so that the decision is the journal's next and costs no second way there."""
    sealed = log.case.split == "exam" and found.correct is not None
    decided = work.decide(log.case.id, log.lease.attempt, trajectory, sealed=sealed)
    log.add(decided)
    log.add(Closed(correct=found.correct))
    if found.label is not None and decided.decision.audit:
        log.add(Labelled(label=found.label))
    return log.write(fully=True, closes=True)


async def _roll_out(work: CaseWork, log: CaseLog) -> Trajectory:
    case_input = log.case.input
    with boundary("opening the environment") as caught:
        environment = DurableEnvironment(work.job.environment(case_input), log)
    if caught.failure is not None:
        return Trajectory(
            case_id=case_input.id,
            worker=work.worker.label,
            opening=(),
            stop="failed",
            failure=caught.failure,
        )
    model = DurableModel(work.model, log, work.stop)
    draw = withholding(work.run, log.lease)
    withheld = work.run.worker_spec.recall.withheld
    memory = DurableMemory(work.worker.memory, log, draw, withheld)
    worker = replace(work.worker, memory=memory)
    trajectory = await rollout(worker, model, environment, case_input)
    unresolved = log.unresolved
    if unresolved is None or trajectory.stop == "in_doubt":
        return trajectory
    failure = in_doubt(unresolved).failure
    return trajectory.model_copy(update={"stop": "in_doubt", "failure": failure})


def withholding(run: Run, lease: Lease) -> Callable[[str], float]:
    """Draws that decide what is withheld: of each lesson its own, and the same after a crash."""
    salt = run.spec.salt
    case_id = lease.case.id
    return lambda lesson: uniform(salt, f"{case_id}\0{lesson}", lease.attempt)


async def _self_checked(work: CaseWork, log: CaseLog, trajectory: Trajectory) -> Trajectory:
    """The trajectory with what the model says of its own answer, asked once, of real work, and where it costs little.

    A model that can't be asked is no failure of the case: then it said nothing.
    """
    if work.run.internal or log.checked or not affordable(trajectory):
        return trajectory
    checks: tuple[SelfCheck, ...] = ()
    with boundary("asking the model about its answer"):
        environment = work.job.environment(log.case.input)
        checks = await self_check(work.model, trajectory, tuple(environment.tools))
        await environment.close()
    log.add(SelfChecked(checks=checks))
    await log.flush(fully=False)
    return trajectory.model_copy(update={"checks": checks})


async def _scores(job: Job, case: Case, trajectory: Trajectory) -> tuple[Score, ...]:
    """What each verifier says. What failed through no fault of the worker is not judged, so never counted as wrong."""
    if trajectory.failure is not None:
        reason = f"not judged: the case ended as {trajectory.failure.kind}"
        return tuple(_unjudged(verifier.name, reason) for verifier in job.verifiers)
    scores: list[Score] = []
    for verifier in job.verifiers:
        with boundary(f"the verifier {verifier.name!r}") as caught:
            score = await verifier.score(case, trajectory)
            scores.append(score)
        if caught.failure is not None:
            unjudged = _unjudged(verifier.name, caught.failure.message)
            scores.append(unjudged.model_copy(update={"failure": caught.failure}))
    return tuple(scores)


def _unjudged(verifier: str, reason: str) -> Score:
    return Score(verifier=verifier, value=None, reason=reason)


async def _verdict(job: Job, case: Case, *, correct: bool) -> Label:
    """What the verifiers say, as a person would: where the answer was wrong, with one that holds, if it can be had."""
    if correct:
        return Label(error=False, by="verifier")
    answers = (verifier.reference(case) for verifier in job.verifiers)
    correction = next((answer for answer in answers if answer is not None), None)
    if correction is None:
        return Label(error=True, by="verifier")
    observations = await replay_moves(job.environment, case.input, correction)
    return Label(error=True, by="verifier", correction=correction, observations=observations)
