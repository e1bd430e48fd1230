"""The learners that the house has, by their names."""

from __future__ import annotations

from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.learn.ablation import Ablation
from journeyman.learn.demonstrations import Demonstrations
from journeyman.learn.instructions import Instructions
from journeyman.learn.rules import Rules
from journeyman.protocols import Learner

LEARNERS = ("demonstrations", "rules", "instructions", "ablation")


def learner_named(name: str, job: Job) -> Learner:
    """A learner that the house has. Raises InputError for another name."""
    known: dict[str, Learner] = {
        "demonstrations": Demonstrations(),
        "rules": Rules(),
        "instructions": Instructions(job.instructions),
        "ablation": Ablation(),
    }
    if name not in known:
        raise InputError(f"There is no learner {name!r}.", f"It is one of {', '.join(LEARNERS)}.")
    return known[name]
