"""Who works what: an assignment, a stream of cases in this process, and what came of learning."""

from __future__ import annotations

from dataclasses import dataclass

from journeyman.improve.exams import Examined
from journeyman.job.job import Job
from journeyman.models.embedded import EmbeddedModel
from journeyman.protocols import Model
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.versions import Version
from journeyman.types import Run


@dataclass(frozen=True)
class Assignment:
    """Who does which job, with which model."""

    job: Job
    model: Model
    name: str = "ada"
    """The worker's."""
    at_once: int = 2
    """Cases in flight."""


@dataclass(frozen=True)
class WorkStream:
    """Cases of one run, about to be worked in this process."""

    run: Run
    total: int
    """Cases to be done."""
    runner: Runner

    @property
    def stopped(self) -> bool:
        return self.runner.stop.is_set()

    def stop(self) -> None:
        """Cleanly: each case in flight ends before its next model call, and can be gone on with."""
        self.runner.stop_soon()

    async def work(self) -> None:
        """Until nothing is left to do, or it is stopped. Raises ModelFileError for a model that can't be loaded."""
        await load(self.runner.model)
        await work(self.runner)


@dataclass(frozen=True)
class LearnResult:
    """What came of learning."""

    before: Version
    """The champion then."""
    version: Version | None
    """What was proposed. None: there was nothing to propose."""
    examined: Examined | None
    """The exam's verdict. None: there was no exam."""

    @property
    def promoted(self) -> bool:
        return self.examined is not None and self.examined.promoted


async def load(model: Model) -> None:
    """A model file that can't be loaded ends the work here, and not in each case."""
    if isinstance(model, EmbeddedModel):
        await model.load()
