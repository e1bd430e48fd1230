"""A run: one stream of cases, worked by one worker version."""

from __future__ import annotations

from collections.abc import Mapping

from journeyman.types.content import Json, Record
from journeyman.types.learning import Mind


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
    def mind(self) -> Mind:
        return Mind.model_validate(self.spec.get("mind", {}))

    @property
    def ground(self) -> str:
        """What the mind was learned for: the job as it is on disk, the model, the settings."""
        return str(self.spec.get("ground", self.fingerprint))

    @property
    def inside(self) -> bool:
        """Whether it is an exam's or a learner's, not a stream of work."""
        return "purpose" in self.spec
