"""A run (one stream of cases, worked by one worker version), and its settings."""

from __future__ import annotations

from typing import Literal

from journeyman.types.content import Record
from journeyman.types.learning import WorkerSpec
from journeyman.types.work import Budget

Purpose = Literal["work", "exam", "lab", "delegated", "bench"]
"""What a run is for. `work`: a person's stream. `exam`, `lab`: measuring and trying a version. `delegated`: a part of
another worker's case. `bench`: a benchmark's."""


class ParentCase(Record):
    """The case that a delegated run works for, and the call in it that asked."""

    run_id: str
    case_id: str
    call_id: str


class RunSpec(Record):
    """What was set when a run was opened. It never changes."""

    allowed_error: float | None = None
    """The rule's. None here and in the next two: opened before it was written down; the default holds."""
    confidence: float | None = None
    audit_rate: float | None = None
    review_within_hours: float | None = None
    """After which a label is overdue. None: opened before there was this rule; each label is waited for."""
    salt: str = ""
    """Secret until the run is over: every random draw in it comes from this and from what is drawn for."""
    config_hash: str | None = None
    """Of job, model and settings. None: opened before versions; then the run's fingerprint stands for it."""
    worker_spec: WorkerSpec = WorkerSpec()
    budget: Budget | None = None
    """Of a case. None: not written down."""
    warm_up: int | None = None
    """Labels to learn from before the certificate begins. None: the run is no backtest."""
    history: str | None = None
    """The backtest run whose labels it begins with."""
    continues: str | None = None
    """The run of an earlier version whose closed cases count as done here."""
    purpose: Purpose = "work"
    parent: ParentCase | None = None
    """Of a delegated run."""
    until: int | None = None
    """The journal's position up to which an exam's or a lab's worker remembers. None: all."""


class Run(Record):
    """An entry of the journal."""

    id: str
    job: str
    worker: str
    """`name@version`."""
    model: str
    fingerprint: str
    """Changes when anything changes that can change an answer: job, model, instructions, sampling, budget."""
    spec: RunSpec = RunSpec()
    opened_at: float
    """Unix seconds."""

    @property
    def name(self) -> str:
        """The worker's, without its version."""
        return self.worker.rpartition("@")[0]

    @property
    def version(self) -> int:
        """The worker's version number."""
        return int(self.worker.rpartition("@")[2])

    @property
    def worker_spec(self) -> WorkerSpec:
        return self.spec.worker_spec

    @property
    def config_hash(self) -> str:
        """What the worker's versions were learned for: the job as it is on disk, the model, the settings."""
        return self.spec.config_hash or self.fingerprint

    @property
    def internal(self) -> bool:
        """Whether it serves the house, as exams and labs do, and is no stream of work."""
        return self.spec.purpose in {"exam", "lab", "bench"}
