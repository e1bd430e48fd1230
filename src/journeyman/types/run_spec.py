"""A run: one stream of cases, worked by one worker version."""

from __future__ import annotations

from collections.abc import Mapping

from journeyman.types.content import Json, Record
from journeyman.types.learning import WorkerSpec


class Run(Record):
    """One stream of cases worked by one worker version: an entry of the journal."""

    id: str
    job: str
    worker: str
    """`name@version`."""
    model: str
    fingerprint: str
    """Changes when anything changes that can change an answer: job, model, instructions, sampling, budget."""
    spec: Mapping[str, Json]
    """What was set when it was opened: the rule, the mind, what it goes on from."""
    opened_at: float

    @property
    def name(self) -> str:
        """The worker's, without its version."""
        return self.worker.rpartition("@")[0]

    @property
    def worker_spec(self) -> WorkerSpec:
        return WorkerSpec.model_validate(self.spec.get("worker_spec", {}))

    @property
    def config_hash(self) -> str:
        """What the mind was learned for: the job as it is on disk, the model, the settings."""
        return str(self.spec.get("config_hash", self.fingerprint))

    @property
    def inside(self) -> bool:
        """Whether it is an exam's or a learner's, not a stream of work."""
        return "purpose" in self.spec
