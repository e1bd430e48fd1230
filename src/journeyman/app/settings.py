"""What a worker of the library is given, as it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from journeyman.app.workspace import Workspace
    from journeyman.job.job import Job
    from journeyman.protocols import Model, Verifier
    from journeyman.types import Budget

T = TypeVar("T")


@dataclass(frozen=True)
class WorkerSettings(Generic[T]):
    """What a worker was given; `Worker` tells what each means."""

    job: str | Path | Job
    instructions: str
    tools: Sequence[Callable[..., Any]]
    knowledge: str | Path | Sequence[str | Path] | None
    output: type[T]
    verifiers: Sequence[Verifier] | None
    allowed_error: float | None
    model: str | Model | None
    budget: Budget | None
    workspace: str | Path | Workspace | None = field(repr=False)
    """A URL may hold a password: it is not shown."""
    name: str
    at_once: int
