"""Work a job's cases: claim, do, check, score, decide, close; several at a time, in several processes if you like.

Everything is written before it is acted on, so that `kill -9` at any moment loses nothing and repeats no effect: run
the same thing again and it goes on. A case that fails ends as a typed failure; the stream goes on.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from journeyman.assess.selective import Rule
from journeyman.assess.selfcheck import affordable, self_check
from journeyman.autonomy.tracker import AutonomyTracker, rule_of, uniform
from journeyman.errors import InputError, boundary
from journeyman.job.job import Job
from journeyman.memory.plain import PlainMemory
from journeyman.memory.projection import LessonProjection
from journeyman.protocols import Memory, Model
from journeyman.runtime.durable import (
    CaseLog,
    DurableEnvironment,
    DurableMemory,
    DurableModel,
    Interrupted,
    in_doubt,
)
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.playing import replay_moves
from journeyman.runtime.versions import champion, config_hash_of, versions
from journeyman.store.journal import Journal, LeaseLostError
from journeyman.store.journal.replay import outcome_of, outcomes, trajectory_of
from journeyman.types import (
    Case,
    CaseResult,
    Change,
    Closed,
    Json,
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
    WorkerSpec,
)
from journeyman.worker import Worker, rollout

LEASE_SECONDS = 30.0
"""How long a case stays held by a process that no longer says it is alive, where its death can't be seen."""

POLL_SECONDS = 0.1
"""How often to look whether a case held by another process has come free."""


@dataclass(frozen=True)
class Runner:
    """One process's turn of work on one run: who works, for which job, with what."""

    journal: Journal
    run: Run
    job: Job
    worker: Worker
    model: Model
    holder: LeaseOwner
    at_once: int = 2
    """Cases in flight in this process."""
    told: Callable[[CaseResult], None] = lambda _: None
    """Called with each case as it is closed."""
    experience: LessonProjection | None = None
    """What its memory stands on; closed when the work ends."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to stop cleanly: each case in flight ends before its next model call, and can be gone on with."""


def hire(
    job: Job,
    *,
    name: str = "ada",
    version: int = 1,
    worker_spec: WorkerSpec | None = None,
    memory: Memory | None = None,
) -> Worker:
    """A worker for a job; without a mind, a plain one; without a memory, one that recalls nothing."""
    worker_spec = worker_spec or WorkerSpec()
    return Worker(
        name=name,
        version=version,
        instructions=job.instructions
        if worker_spec.instructions is None
        else worker_spec.instructions,
        playbook=worker_spec.playbook,
        memory=memory or PlainMemory(),
        sampling=job.sampling,
        budget=job.budget,
    )


def staff(
    journal: Journal,
    holder: LeaseOwner,
    job: Job,
    model: Model,
    run: Run,
    *,
    at_once: int = 2,
    told: Callable[[CaseResult], None] = lambda _: None,
) -> Runner:
    """A shift on a run, by the worker version that it names, with what the job's workers remember."""
    experience = LessonProjection(journal, job.name)
    version = int(run.worker.rpartition("@")[2])
    worker = hire(
        job,
        name=run.name,
        version=version,
        worker_spec=run.worker_spec,
        memory=experience.memory(run.worker_spec.recall),
    )
    return Runner(
        journal=journal, run=run, job=job, worker=worker, model=model, holder=holder, at_once=at_once, told=told,
        experience=experience,
    )  # fmt: skip


def open_run(
    journal: Journal,
    job: Job,
    model: Model,
    *,
    name: str = "ada",
    fresh: bool = False,
    backtest: int | None = None,
) -> Run:
    """The run to go on with: the latest of the same worker version, job, model and rule, or a new one.

    The version is the champion's. A changed mind is a new version, whose run continues the one before: cases that are
    done there are done. `fresh` begins a new run of the same version. `backtest` makes it a run in which every answer
    is looked at, and is the number of labels to learn from before the certificate begins; a new run that is none takes
    the latest such run of the same version and rule as its history.
    """
    config_hash = config_hash_of(job, model, name)
    rule = Rule(
        allowed_error=job.allowed_error, confidence=job.confidence, audit_rate=job.audit_rate
    )

    def choose(runs: Sequence[Run], changes: Sequence[Change]) -> Run:
        now = champion(changes, versions(changes, runs, name), name, config_hash)
        known = [
            run
            for run in runs
            if run.name == name and run.config_hash == config_hash and not run.inside
        ]
        promised = [run for run in known if _same_promise(rule, run)]
        same = [run for run in promised if run.fingerprint == now.fingerprint]
        tests = [run for run in same if "warm_up" in run.spec]
        others = [run for run in same if run not in tests and rule_of(run.spec) == rule]
        going = others if backtest is None else tests
        if going and not fresh:
            return going[-1]
        spec: dict[str, Json] = {
            **rule.model_dump(),
            "salt": secrets.token_hex(8),
            "config_hash": config_hash,
        }
        spec["budget"] = json.loads(job.budget.model_dump_json())
        spec["worker_spec"] = now.worker_spec.model_dump(mode="json")
        if backtest is not None:
            spec |= {"audit_rate": 1.0, "warm_up": backtest}
        elif tests:
            spec["history"] = tests[-1].id
        before = [
            run
            for run in promised
            if "warm_up" not in run.spec and run.fingerprint != now.fingerprint
        ]
        if before and backtest is None and not fresh:
            spec["continues"] = before[-1].id
        return Run(
            id=f"{job.name}-{1 + sum(not run.inside for run in runs)}",
            job=job.name,
            worker=now.label,
            model=model.name,
            fingerprint=now.fingerprint,
            spec=spec,
            opened_at=time.time(),
        )

    return journal.open_run(choose, job=job.name)


def _same_promise(rule: Rule, run: Run) -> bool:
    """Whether what is proven in a run is what is asked; how many are audited does not matter."""
    theirs = rule_of(run.spec)
    return (theirs.allowed_error, theirs.confidence) == (rule.allowed_error, rule.confidence)


def add_cases(
    journal: Journal, run: Run, cases: Iterable[Case], *, retry_failed: bool = False
) -> int:
    """Add cases to a run; returns how many are to be done. Raises InputError when there is none at all.

    Cases that an earlier version closed in a run that this one continues are done. `retry_failed` makes failed cases
    pending again. One in doubt is not failed: a person has to settle it.
    """
    done = done_before(journal, run)
    journal.add_cases(run.id, (case for case in cases if case.id not in done))
    if not done and not journal.has_cases(run.id):
        raise InputError(
            "There are no cases to work.", "Give some with --cases, or choose another --split."
        )
    if retry_failed:
        closed = (outcome for outcome in outcomes(journal, run) if outcome.closed)
        failed = {o.case_id: o.attempt + 1 for o in closed if o.trajectory.stop == "failed"}
        journal.retry(run.id, failed)
    return journal.remaining(run.id)


def done_before(journal: Journal, run: Run) -> set[str]:
    """Cases closed in the runs that this one continues."""
    runs = {known.id: known for known in journal.runs(job=run.job)}
    chain: list[str] = []
    while (earlier := run.spec.get("continues")) in runs and earlier not in chain:
        chain.append(earlier)
        run = runs[earlier]
    return {event.case_id for _, event in journal.news(chain, ("closed",))} if chain else set()


async def work(shift: Runner) -> None:
    """Work until nothing in the run is pending, or `shift.stop` is set.

    Cases that another process holds are waited for, and taken over should it die. Raises StoreError when the journal
    can't be written: then nothing more is done, and nothing is lost.
    """
    standing = AutonomyTracker(shift.journal, shift.run)
    hands = [asyncio.create_task(_hand(shift, standing)) for _ in range(shift.at_once)]
    beat = asyncio.create_task(_keep_holding(shift))
    try:
        await asyncio.gather(*hands)
    finally:
        for task in (*hands, beat):
            task.cancel()
        await asyncio.gather(*hands, beat, return_exceptions=True)
        if shift.experience is not None:
            shift.experience.close()


async def _keep_holding(shift: Runner) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        shift.journal.renew(holder=shift.holder.name, seconds=LEASE_SECONDS)


async def _hand(shift: Runner, standing: AutonomyTracker) -> None:
    """Take one case after the other."""
    while not shift.stop.is_set():
        held = shift.journal.claim(
            shift.run.id, holder=shift.holder.name, seconds=LEASE_SECONDS, is_dead=shift.holder.gone
        )
        if held is None:
            if shift.journal.remaining(shift.run.id) == 0:
                return
            await asyncio.sleep(POLL_SECONDS)
            continue
        try:
            shift.told(await do_case(shift, held, standing))
        except LeaseLostError:
            continue
        except (Interrupted, asyncio.CancelledError) as ended:
            shift.journal.release(held, holder=shift.holder.name)
            if isinstance(ended, asyncio.CancelledError):
                raise
            return


async def do_case(shift: Runner, held: Lease, standing: AutonomyTracker) -> CaseResult:
    """One case from where it stands to closed."""
    log = CaseLog(shift.journal, held)
    if any(event.kind == "finished" for event in log.past):
        trajectory = trajectory_of(held.case.id, shift.worker.label, log.past)
    else:
        trajectory = await _roll_out(shift, held, log)
        log.finish(trajectory)
    trajectory = await _checked(shift, held, log, trajectory)
    scores = await _scores(shift.job, held.case, trajectory)
    for score in scores:
        log.later(Scored(score=score))
    correct = ScoredTrajectory(trajectory=trajectory, scores=scores).correct
    sealed = held.case.split == "exam" and correct is not None
    decided = standing.decide(held.case.id, held.attempt, trajectory, sealed=sealed)
    log.later(decided)
    log.later(Closed(correct=correct))
    if correct is not None and decided.decision.audit and not sealed:
        log.later(Labelled(label=await _verdict(shift.job, held.case, correct=correct)))
    events = list(log.waiting)
    log.flush(fully=True, closes=True)
    outcome = outcome_of(held.case, shift.worker.label, events)
    return outcome.model_copy(update={"trajectory": trajectory})


async def _roll_out(shift: Runner, held: Lease, log: CaseLog) -> Trajectory:
    with boundary("opening the environment") as outcome:
        environment = DurableEnvironment(shift.job.environment(held.case.input), log)
    if outcome.failure is not None:
        return Trajectory(
            case_id=held.case.id,
            worker=shift.worker.label,
            opening=(),
            stop="failed",
            failure=outcome.failure,
        )
    model = DurableModel(shift.model, log, shift.stop)
    lot = _lots(shift.run, held)
    memory = DurableMemory(shift.worker.memory, log, lot, shift.run.worker_spec.recall.withheld)
    trajectory = await rollout(
        replace(shift.worker, memory=memory), model, environment, held.case.input
    )
    unresolved = log.unresolved
    if unresolved is None or trajectory.stop == "in_doubt":
        return trajectory
    return trajectory.model_copy(
        update={"stop": "in_doubt", "failure": in_doubt(unresolved).failure}
    )


async def _verdict(job: Job, case: Case, *, correct: bool) -> Label:
    """What the verifiers say, as a person would: where the answer was wrong, with one that holds, if it can be had."""
    answers = (verifier.reference(case) for verifier in job.verifiers)
    correction = (
        None if correct else next((answer for answer in answers if answer is not None), None)
    )
    observations = (
        () if correction is None else await replay_moves(job.environment, case.input, correction)
    )
    return Label(error=not correct, by="verifier", correction=correction, observations=observations)


def _lots(run: Run, held: Lease) -> Callable[[str], float]:
    """Draws that decide what is withheld: of each lesson its own, and the same after a crash."""
    salt, case = str(run.spec.get("salt", "")), held.case.id
    return lambda lesson: uniform(salt, f"{case}\0{lesson}", held.attempt)


async def _checked(shift: Runner, held: Lease, log: CaseLog, trajectory: Trajectory) -> Trajectory:
    """The trajectory with what the model says of its own answer, asked once, of real work, and where it costs little.

    A model that can't be asked is no failure of the case: then it said nothing.
    """
    if (
        shift.run.inside
        or any(event.kind == "checked" for event in log.past)
        or not affordable(trajectory)
    ):
        return trajectory
    checks: tuple[SelfCheck, ...] = ()
    with boundary("asking the model about its answer"):
        environment = shift.job.environment(held.case.input)
        checks = await self_check(shift.model, trajectory, tuple(environment.tools))
        await environment.close()
    log.later(SelfChecked(checks=checks))
    log.flush(fully=False)
    return trajectory.model_copy(update={"checks": checks})


async def _scores(job: Job, case: Case, trajectory: Trajectory) -> tuple[Score, ...]:
    """What each verifier says. What failed through no fault of the worker is not judged, so never counted as wrong."""
    if trajectory.failure is not None:
        reason = f"not judged: the case ended as {trajectory.failure.kind}"
        return tuple(
            Score(verifier=verifier.name, value=None, reason=reason) for verifier in job.verifiers
        )
    scores: list[Score] = []
    for verifier in job.verifiers:
        with boundary(f"the verifier {verifier.name!r}") as outcome:
            scores.append(await verifier.score(case, trajectory))
        if outcome.failure is not None:
            scores.append(Score(verifier=verifier.name, value=None, reason=outcome.failure.message))
    return tuple(scores)
