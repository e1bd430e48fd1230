"""The plainest assessor: every answer is as likely right as the graded ones so far were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from journeyman.protocols import Assessor
from journeyman.types import Graded, Trajectory


@dataclass(frozen=True)
class BaseRate:
    """The mean of Jeffreys' posterior, (right + ½) / (graded + 1); of the trajectory, only whether it answers."""

    right: int = 0
    graded: int = 0
    name: str = "base_rate"

    def confidence(self, trajectory: Trajectory) -> float | None:
        """0 without an answer; None before anything was graded."""
        if trajectory.answer is None:
            return 0.0
        return (self.right + 0.5) / (self.graded + 1) if self.graded else None

    def after(self, right: bool | None) -> Self:
        """This rate with one more outcome; one that nobody judged changes nothing."""
        return self if right is None else type(self)(self.right + right, self.graded + 1)

    def fit(self, graded: Sequence[Graded]) -> Self:
        """This rate with more graded trajectories."""
        rate = self
        for one in graded:
            rate = rate.after(one.right)
        return rate


_: Assessor = BaseRate()
