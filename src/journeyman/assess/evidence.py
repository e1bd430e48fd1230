"""The evidence of one trajectory: all that an assessor may use, small enough to store with each decision."""

from __future__ import annotations

import math

from journeyman.assess.confidence import prompt_of, signals
from journeyman.types import Evidence, Trajectory

PROMPT_CHARACTERS = 1_000
ANSWER_CHARACTERS = 500


def evidence_of(trajectory: Trajectory) -> Evidence:
    found = signals(trajectory)
    for check in trajectory.checks:
        name = f"said_{check.question}"
        found[name] = _logit(check.yes)
    answer = trajectory.answer
    if trajectory.failure is not None:
        answer = None  # nobody may deliver what ended in a fault
    if answer is not None:
        answer = answer[:ANSWER_CHARACTERS]
    prompt = prompt_of(trajectory)
    return Evidence(
        signals=found,
        prompt=prompt[:PROMPT_CHARACTERS],
        answer=answer,
    )


def _logit(share: float | None) -> float | None:
    if share is None:
        return None
    inside = min(max(share, 1e-4), 1 - 1e-4)
    odds = inside / (1 - inside)
    return math.log(odds)
