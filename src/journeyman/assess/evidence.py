"""What an assessor goes by: all it may know of a trajectory, small enough to be written down with each decision."""

from __future__ import annotations

import math

from journeyman.assess.confidence import prompt_of, signals
from journeyman.types import Evidence, Trajectory

PROMPT_CHARACTERS = 1_000
ANSWER_CHARACTERS = 500


def evidence_of(trajectory: Trajectory) -> Evidence:
    told = {f"said_{check.question}": _logit(check.yes) for check in trajectory.checks}
    given = (
        trajectory.answer if trajectory.failure is None else None
    )  # nobody may deliver what ended in a fault
    answer = None if given is None else given[:ANSWER_CHARACTERS]
    return Evidence(
        signals={**signals(trajectory), **told},
        prompt=prompt_of(trajectory)[:PROMPT_CHARACTERS],
        answer=answer,
    )


def _logit(share: float | None) -> float | None:
    if share is None:
        return None
    inside = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(inside / (1 - inside))
