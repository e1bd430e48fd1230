"""A workspace: one folder, its journal, and all work in it.

This is the only place where the parts are put together. Commands, and the worker as a library, ask for records here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from journeyman.app.assignment import Assignment, LearnResult, WorkStream, load
from journeyman.app.finding import chosen_run, generated_job, job_folder
from journeyman.app.learners import learner_named
from journeyman.assess.exam import Exam
from journeyman.autonomy.backtest import Backtest, outlook, to_learn_from
from journeyman.autonomy.tracker import AutonomyTracker, Hold
from journeyman.cases import read_cases
from journeyman.errors import InputError
from journeyman.gym import FAMILIES
from journeyman.improve.exams import Examined, ExamRoom, examine
from journeyman.improve.learning import LearningBudget, champion_of, learn
from journeyman.job.job import Job
from journeyman.job.load import load_job
from journeyman.models import open_model
from journeyman.protocols import Learner, Model
from journeyman.reports.metrics import RunMetrics, run_metrics
from journeyman.reports.writer import Written, write_report
from journeyman.runtime.asking import ask
from journeyman.runtime.events import emit
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.review import ReviewItem, give_up, inbox, review
from journeyman.runtime.runner import Runner
from journeyman.runtime.runs import add_cases, open_run
from journeyman.runtime.stopping import resume, stop
from journeyman.runtime.versions import Version, config_hash_of, versions
from journeyman.store.journal import Journal, folder_of, has_journal, open_journal
from journeyman.store.journal.replay import outcome_of, outcomes
from journeyman.types import Case, CaseResult, Event, Json, Label, Run, WaitingCase

DEFAULT_WORKSPACE = ".journeyman"


def _ignore(_: object) -> None: ...


class Workspace:
    """Open one with `Workspace.open`, close it, or use it in a `with`."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self.journal = journal
        self._owner: LeaseOwner | None = None
        self._runners: dict[tuple[asyncio.AbstractEventLoop, str], Runner] = {}
        """One for each run that single cases are submitted to, in each event loop."""

    @property
    def owner(self) -> LeaseOwner:
        """Who holds the cases that this process works; entered with the first."""
        if self._owner is None:
            self._owner = LeaseOwner.enter(self.folder)
        return self._owner

    @classmethod
    def open(cls, where: Path | str | None = None, *, new: bool = True) -> Self:
        """A workspace by its folder, made where missing, or by the URL of a PostgreSQL database.

        None: `$JOURNEYMAN_WORKSPACE`, or `.journeyman` here. Raises InputError where it is missing and not to be made,
        StoreError when its journal can't be opened.
        """
        place = place_of(where)
        journal = open_journal(place) if new else existing_journal(place)
        return cls(journal.workspace, journal)

    def close(self) -> None:
        for runner in self._runners.values():
            runner.shut()
        self._runners.clear()
        if self._owner is not None:
            self._owner.leave()
            self._owner = None
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what is named

    def job(
        self,
        name: str | Path,
        *,
        database: Path | None = None,
    ) -> Job:
        """A job by its folder, by the name of a shipped one, or a generated task FAMILY:TASK."""
        return open_job(str(name), self.folder, database=database)

    def chosen_run(self, name: str | None = None) -> Run:
        """A run by its name, or a job's latest; None: the latest of all."""
        return chosen_run(self.journal, name)

    def version(self, given: Assignment, number: int) -> Version:
        """A version of a worker, for this job and model."""
        known = self._versions(given)
        if number not in known or known[number].config_hash != _config_hash(given):
            raise InputError(
                f"There is no version {number} of {given.name!r} for this job and model.",
                "See: journeyman versions",
            )
        return known[number]

    def champion(self, given: Assignment) -> Version:
        """The version that works now."""
        return champion_of(
            self.journal,
            given.job.name,
            _config_hash(given),
            given.name,
        )

    def _versions(self, given: Assignment) -> dict[int, Version]:
        job = given.job.name
        changes = self.journal.changes(job)
        runs = self.journal.runs(job=job)
        return versions(
            changes,
            runs,
            given.name,
        )

    # --- work

    def open_run(
        self, given: Assignment, *, fresh: bool = False, backtest: int | None = None
    ) -> Run:
        """The run to go on with, or a new one."""
        return open_run(
            self.journal, given.job, given.model, name=given.name, fresh=fresh, backtest=backtest
        )

    def stream(
        self,
        given: Assignment,
        run: Run,
        cases: Iterable[Case],
        *,
        retry_failed: bool = False,
        on_case_closed: Callable[[CaseResult], None] = _ignore,
    ) -> WorkStream:
        """Add cases to a run, to be worked by `WorkStream.work`. Raises InputError when there is none at all."""
        total = add_cases(self.journal, run, cases, retry_failed=retry_failed)
        return WorkStream(run, total, self._runner(given, run, on_case_closed))

    async def run(
        self,
        given: Assignment,
        cases: Iterable[Case],
        *,
        fresh: bool = False,
        on_case_closed: Callable[[CaseResult], None] = _ignore,
    ) -> Run:
        """Work cases to their end. What was done before is not done again."""
        run = self.open_run(given, fresh=fresh)
        stream = self.stream(given, run, cases, on_case_closed=on_case_closed)
        await stream.work()
        return run

    async def submit(self, given: Assignment, run: Run, case: Case) -> CaseResult:
        """Work one case of a run; one that was worked before is given as it stands."""
        known = self.result(run, case.id)
        if known is not None and known.closed:
            return known
        await load(given.model)
        runner = await self._kept_runner(given, run)
        try:
            return await runner.submit(case)
        finally:
            await runner.rest()

    async def _kept_runner(self, given: Assignment, run: Run) -> Runner:
        """One runner a run and event loop: what it knows of the run is not folded anew for each case."""
        key = (asyncio.get_running_loop(), run.id)
        known = self._runners.get(key)
        if known is not None and known.job is given.job and known.model is given.model:
            return known
        if known is not None:
            await known.close()
        runner = self._runner(given, run, _ignore)
        self._runners[key] = runner
        return await runner.__aenter__()

    async def ask(
        self,
        job: Job,
        model: Model,
        question: str,
    ) -> CaseResult:
        """Work one question to documents. Raises InputError for an empty one."""
        given = Assignment(job, model, at_once=1)
        runner = await self._kept_runner(given, self.open_run(given))
        try:
            return await ask(runner, question)
        finally:
            await runner.rest()

    def done_before(self, run: Run, case_id: str) -> Run | None:
        """The earlier run, continued by this one, in which a case was closed. None: there is none."""
        for earlier in self.continued(run)[:-1]:
            found = self.result(earlier, case_id)
            if found is not None and found.closed:
                return earlier
        return None

    def _runner(
        self, given: Assignment, run: Run, on_case_closed: Callable[[CaseResult], None]
    ) -> Runner:
        return Runner.open(
            self.journal,
            self.owner,
            given.job,
            given.model,
            run,
            at_once=given.at_once,
            on_case_closed=on_case_closed,
        )

    # --- what became of it

    def result(self, run: Run, case_id: str) -> CaseResult | None:
        """A case as it stands. None: the run has no such case."""
        case = self.journal.case(run.id, case_id)
        if case is None:
            return None
        return outcome_of(case, run.worker, self.journal.events(run.id, case_id))

    def results(self, run: Run) -> Iterator[CaseResult]:
        """All cases of a run, in the order they came, one at a time."""
        return outcomes(self.journal, run)

    def continued(self, run: Run) -> list[Run]:
        """A run, and before it those of earlier versions that it continues."""
        chain = [run]
        if run.spec.continues is None:
            return chain
        known = {other.id: other for other in self.journal.runs(job=run.job)}
        earlier = known.get(run.spec.continues)
        while earlier is not None and earlier not in chain:
            chain.insert(0, earlier)
            earlier = known.get(earlier.spec.continues or "")
        return chain

    def events(
        self,
        run: Run,
        case_id: str,
    ) -> list[Event]:
        """What has been written of a case so far."""
        return self.journal.events(run.id, case_id)

    def metrics(self, run: Run) -> RunMetrics:
        return run_metrics(self.journal, run)

    def report(
        self,
        run: Run,
        out: Path | None = None,
    ) -> Written:
        """Write a run's report; into the workspace, unless told where."""
        usual = self.folder / "reports" / run.id
        return write_report(self.journal, run, out or usual)

    # --- waiting

    def emit(self, name: str, payload: Json = None) -> bool:
        """Let the cases go on that wait for this name; returns whether it is the name's first emit, which holds."""
        return emit(self.journal, name, payload)

    def waiting(self, run: Run) -> list[WaitingCase]:
        """The cases of a run that are off the queue, and what each waits for."""
        return self.journal.waiting(run.id)

    # --- people

    def inbox(
        self,
        run: Run,
        *,
        by: str | None = None,
    ) -> list[ReviewItem]:
        """What waits for a person, in the order in which it should be looked at; not what `by` could not judge."""
        return inbox(self.journal, run, by=by)

    def review(self, run: Run, case_id: str, label: Label) -> CaseResult:
        """Write down what a person says of a case; it counts at once."""
        return review(self.journal, run, case_id, label)

    def give_up(
        self,
        run: Run,
        case_id: str,
        by: str,
        note: str = "",
    ) -> CaseResult:
        """Write down that a person can't judge a case."""
        return give_up(self.journal, run, case_id, by, note)

    def stop(self, job: str, by: str) -> bool:
        """Escalate everything of a job from the next decision on; returns whether it was not stopped before."""
        return stop(self.journal, job, by)

    def resume(self, job: str, by: str) -> bool:
        """Deliver again what is proved; returns whether the job was stopped."""
        return resume(self.journal, job, by)

    def hold(self, run: Run) -> Hold:
        """Whether everything is escalated, and which cases hold things up."""
        return AutonomyTracker(self.journal, run).hold()

    # --- getting better

    def open_backtest(
        self,
        given: Assignment,
        history: Sequence[Case],
        *,
        fresh: bool,
    ) -> Run:
        """The run of a backtest, which learns from a part of the history first."""
        warm_up = to_learn_from(len(history))
        return self.open_run(given, fresh=fresh, backtest=warm_up)

    def outlook(self, run: Run) -> Backtest:
        """What a finished backtest shows."""
        return outlook(self.journal, run)

    async def backtest(
        self, given: Assignment, history: Sequence[Case], *, fresh: bool = False
    ) -> Backtest:
        """Work a labelled history, and say what the worker may do alone."""
        run = self.open_backtest(given, history, fresh=fresh)
        await self.stream(given, run, history).work()
        return self.outlook(run)

    async def learn(
        self,
        given: Assignment,
        learner: str | Learner,
        sealed: Sequence[Case] | None,
        *,
        teacher: Model | None = None,
        budget: LearningBudget = LearningBudget(),
        on_pair: Callable[[Exam], None] = _ignore,
    ) -> LearnResult:
        """Propose a new version, and examine it on sealed cases. None: it is only proposed."""
        chosen = learner_named(learner, given.job) if isinstance(learner, str) else learner
        now = self.champion(given)
        found = await learn(
            self._room(given, on_pair), chosen, name=given.name, teacher=teacher, budget=budget
        )
        if found is None or sealed is None:
            return LearnResult(now, found, None)
        return LearnResult(now, found, await self.exam(given, found, sealed, on_pair=on_pair))

    async def exam(
        self,
        given: Assignment,
        challenger: Version,
        sealed: Sequence[Case],
        *,
        on_pair: Callable[[Exam], None] = _ignore,
    ) -> Examined:
        """Examine a version against the champion; where it passes, it is the champion from then on."""
        room = self._room(given, on_pair)
        return await examine(room, self.champion(given), challenger, sealed)

    def _room(self, given: Assignment, on_pair: Callable[[Exam], None]) -> ExamRoom:
        return ExamRoom(
            journal=self.journal,
            owner=self.owner,
            job=given.job,
            model=given.model,
            on_pair=on_pair,
        )


def place_of(where: Path | str | None) -> Path | str:
    """A workspace's folder or URL, by what a user gives for it."""
    by_environment = os.environ.get("JOURNEYMAN_WORKSPACE")
    return where or by_environment or DEFAULT_WORKSPACE


def existing_journal(workspace: Path | str) -> Journal:
    """The journal of a workspace that must be there already."""
    if not has_journal(workspace):
        raise InputError(
            f"There is no journal in {str(folder_of(workspace))!r}.",
            "Name the workspace with --workspace, or run `work` first.",
        )
    return open_journal(workspace)


def open_job(
    name: str,
    folder: Path | str,
    *,
    database: Path | None = None,
    model: Callable[[str], Model] = open_model,
) -> Job:
    """A job by its folder, by the name of a shipped one, or a generated task; `folder` is a workspace's."""
    place = folder_of(folder)
    family, _, _ = name.partition(":")
    generated = family in FAMILIES
    found = generated_job(name, place) if generated else job_folder(name)
    data = place / "data" / found.name
    return load_job(found, data=data, database=database, open_model=model)


def with_rule(job: Job, allowed_error: float | None) -> Job:
    """The job with another allowed error, where one is given."""
    if allowed_error is None:
        return job
    return replace(job, allowed_error=allowed_error)


def cases_of(job: Job, file: Path | None) -> Iterable[Case]:
    """A file's cases, or else the job's own."""
    if file is None:
        return job.cases()
    return read_cases(file)


def _config_hash(given: Assignment) -> str:
    return config_hash_of(given.job, given.model, given.name)


async def close_models(*models: Model | None) -> None:
    for model in models:
        if model is not None:
            await model.aclose()
