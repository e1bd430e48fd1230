"""A job: a role with its cases, environment, verifiers and allowed error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from journeyman.job.identity import identity_of
from journeyman.protocols import OpenEnvironment, Verifier
from journeyman.types import Budget, Case, Sampling


@dataclass(frozen=True)
class Job:
    """What a worker is to do. Made by `load_job` from a folder, or directly in Python."""

    name: str
    environment: OpenEnvironment
    verifiers: tuple[Verifier, ...] = ()
    cases: Callable[[], Iterable[Case]] = tuple
    """Gives the job's own cases, each time anew."""
    description: str = ""
    instructions: str = ""
    allowed_error: float = 0.1
    confidence: float = 0.95
    audit_rate: float = 0.1
    review_within_hours: float | None = 72.0
    """None: each label is waited for, in the order of decisions."""
    budget: Budget = field(default_factory=Budget)
    sampling: Sampling = field(default_factory=Sampling)
    fingerprint: str | None = None
    """Of everything that can change an answer or a score; not of the cases. None: of its environment and its verifiers,
    as `identity` tells them apart."""

    @property
    def identity(self) -> str:
        """Its fingerprint. Raises InputError where none is given and something in the job can't be told apart."""
        if self.fingerprint is not None:
            return self.fingerprint
        return identity_of((self.environment, self.verifiers))
