"""Runs: opens or resumes one, adds its cases, and finds the runs that it continues."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from journeyman.assess.rule import Rule
from journeyman.autonomy.tracker import rule_of
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.protocols import Model
from journeyman.runtime.versions import Version, champion, config_hash_of, versions
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import Case, Change, Run, RunSpec


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

    The version is the champion's. A changed worker is a new version, whose run continues the one before: cases that
    are done there are done. `fresh` begins a new run of the same version. `backtest` opens a run in which every answer
    is reviewed; it is the number of labels to learn from before the certificate begins. A new run that is no backtest
    takes the latest backtest of the same version and rule as its history.
    """
    config_hash = config_hash_of(job, model, name)
    rule = Rule(
        allowed_error=job.allowed_error,
        confidence=job.confidence,
        audit_rate=job.audit_rate,
        review_within_hours=job.review_within_hours,
    )

    def choose(runs: Sequence[Run], changes: Sequence[Change]) -> Run:
        known = versions(changes, runs, name)
        version = champion(changes, known, name, config_hash)
        earlier = _earlier_runs(runs, version, rule)
        same = earlier.backtests if backtest is not None else earlier.streams
        if same and not fresh:
            return same[-1]
        spec = _new_spec(job, version, rule)
        if backtest is not None:
            spec = spec.model_copy(update={"audit_rate": 1.0, "warm_up": backtest})
        else:
            spec = _with_past(spec, earlier, fresh=fresh)
        number = 1 + sum(not run.internal for run in runs)
        return Run(
            id=f"{job.name}-{number}",
            job=job.name,
            worker=version.label,
            model=model.name,
            fingerprint=version.fingerprint,
            spec=spec,
            opened_at=time.time(),
        )

    return journal.open_run(choose, job=job.name)


@dataclass(frozen=True)
class EarlierRuns:
    """What a worker's new run may follow. Each list is oldest first."""

    backtests: list[Run]
    """Of the same version and promise."""
    streams: list[Run]
    """Of the same version, promise and audit rate: one of these is gone on with, and keeps the deadline it has."""
    before: list[Run]
    """Streams of other versions with the same promise: the last of these is continued."""


def _earlier_runs(runs: Sequence[Run], version: Version, rule: Rule) -> EarlierRuns:
    found = EarlierRuns([], [], [])
    for run in runs:
        if run.internal or run.name != version.worker or run.config_hash != version.config_hash:
            continue
        if not _same_promise(rule, run):
            continue
        if run.fingerprint != version.fingerprint:
            if run.spec.warm_up is None:
                found.before.append(run)
        elif run.spec.warm_up is not None:
            found.backtests.append(run)
        elif rule_of(run.spec).audit_rate == rule.audit_rate:
            found.streams.append(run)
    return found


def _same_promise(rule: Rule, run: Run) -> bool:
    """Whether what is proven in a run is what is asked; how many are audited does not matter."""
    theirs = rule_of(run.spec)
    return (theirs.allowed_error, theirs.confidence) == (rule.allowed_error, rule.confidence)


def _new_spec(job: Job, version: Version, rule: Rule) -> RunSpec:
    return RunSpec(
        **rule.model_dump(),
        salt=secrets.token_hex(8),
        config_hash=version.config_hash,
        budget=job.budget,
        worker_spec=version.worker_spec,
    )


def _with_past(spec: RunSpec, earlier: EarlierRuns, *, fresh: bool) -> RunSpec:
    history = earlier.backtests[-1].id if earlier.backtests else None
    continues = earlier.before[-1].id if earlier.before and not fresh else None
    return spec.model_copy(update={"history": history, "continues": continues})


def add_cases(
    journal: Journal, run: Run, cases: Iterable[Case], *, retry_failed: bool = False
) -> int:
    """Add cases to a run; returns how many are to be done.

    Cases that an earlier version closed in a run that this one continues are done. `retry_failed` makes failed cases
    pending again; one in doubt is not failed, for a person has to settle it. Raises InputError when there is none.
    """
    done = done_before(journal, run)
    journal.add_cases(run.id, (case for case in cases if case.id not in done))
    if not done and not journal.has_cases(run.id):
        raise InputError(
            "There are no cases to work.", "Give some with --cases, or choose another --split."
        )
    if retry_failed:
        journal.retry(run.id, _failed(journal, run))
    return journal.remaining(run.id)


def _failed(journal: Journal, run: Run) -> dict[str, int]:
    """Cases that ended as a failure, each with the number of its next attempt."""
    failed: dict[str, int] = {}
    for result in outcomes(journal, run):
        if result.closed and result.trajectory.stop == "failed":
            failed[result.case_id] = result.attempt + 1
    return failed


def done_before(journal: Journal, run: Run) -> set[str]:
    """Cases closed in the runs that this one continues."""
    runs = {known.id: known for known in journal.runs(job=run.job)}
    chain: list[str] = []
    earlier = run.spec.continues
    while earlier in runs and earlier not in chain:
        chain.append(earlier)
        earlier = runs[earlier].spec.continues
    if not chain:
        return set()
    return {event.case_id for _, event in journal.news(chain, ("closed",))}
