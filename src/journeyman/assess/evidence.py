"""What an assessor goes by: all it may know of a trajectory, small enough to be written down with each decision."""

from __future__ import annotations

import math
from collections.abc import Mapping

from journeyman.assess.confidence import prompt_of, signals
from journeyman.types import Record, Trajectory

PROMPT_CHARACTERS = 1_000
ANSWER_CHARACTERS = 500


class Evidence(Record):
    """Of one trajectory. The texts are for likeness with past cases, so their beginnings do."""

    signals: Mapping[str, float | None]
    prompt: str
    answer: str | None
    """None: there is none, or the case failed. Such a case is escalated, whatever anybody says."""


class Example(Record):
    """Evidence with what came of it."""

    evidence: Evidence
    right: bool
    weight: float = 1.0
    """One over the probability that its label was seen."""


def evidence_of(trajectory: Trajectory) -> Evidence:
    told = {f"said_{check.question}": _logit(check.yes) for check in trajectory.checks}
    given = trajectory.answer if trajectory.failure is None else None  # nobody may deliver what ended in a fault
    answer = None if given is None else given[:ANSWER_CHARACTERS]
    return Evidence(
        signals={**signals(trajectory), **told}, prompt=prompt_of(trajectory)[:PROMPT_CHARACTERS], answer=answer
    )


def _logit(share: float | None) -> float | None:
    if share is None:
        return None
    inside = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(inside / (1 - inside))
