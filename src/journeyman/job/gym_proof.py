"""Tests generated tasks without a model: the oracle must score 1, silence and nonsense 0."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from statistics import fmean

from journeyman.errors import boundary
from journeyman.gym import family_of
from journeyman.gym.drawing import sample_cases
from journeyman.gym.process import process_for
from journeyman.job.check import NONSENSE, answered
from journeyman.types import Case, Record
from journeyman.verifiers import GymVerifier


class TaskProof(Record):
    """What was seen of one task, as means over its cases."""

    task: str
    cases: int = 0
    oracle: float | None = None
    """Of the gold answer, or the expert's commands. None: there are none."""
    null: float | None = None
    """The greater of what silence and nonsense score. None: it did not come to that."""
    chance: float | None = None
    """Of random commands, for a minute at most, or of another seed's gold answer. None: it did not come to that."""
    seconds: float = 0.0
    failure: str | None = None
    """Why the task proves nothing. None: the oracle scores 1, and silence and nonsense 0."""


async def prove(task: str, *, cases: int = 3) -> TaskProof:
    """Whatever goes wrong with a task is its proof's failure."""
    began = time.monotonic()
    proof = TaskProof(task=task)
    with boundary(task) as outcome:
        drawn = await asyncio.to_thread(lambda: list(sample_cases([task], each=cases)))
        oracle, null = await _scored(drawn)
        chance = await asyncio.to_thread(_by_chance, drawn)
        failure = _failure(oracle, null)
        proof = TaskProof(
            task=task,
            cases=len(drawn),
            oracle=oracle,
            null=null,
            chance=chance,
            failure=failure,
        )
    if outcome.failure is not None:
        proof = proof.model_copy(update={"failure": outcome.failure.message})
    return proof.model_copy(update={"seconds": time.monotonic() - began})


def _failure(oracle: float | None, null: float) -> str | None:
    if oracle is None:
        return "no gold answer or walkthrough"
    if oracle < 1:
        return "the gold answer or walkthrough does not score 1"
    return "silence or nonsense scores" if null > 0 else None


async def _scored(cases: Sequence[Case]) -> tuple[float | None, float]:
    """Means of the oracle, and of the better of silence and nonsense."""
    verifier = GymVerifier()

    async def value(case: Case, answer: str | None) -> float:
        score = await verifier.score(case, answered(case, answer))
        return score.value or 0.0

    references = [await asyncio.to_thread(verifier.reference, case) for case in cases]
    oracle = None
    if None not in references:
        pairs = zip(cases, references, strict=True)
        oracle = fmean([await value(case, reference) for case, reference in pairs])
    silence = fmean([await value(case, None) for case in cases])
    nonsense = fmean([await value(case, NONSENSE) for case in cases])
    return oracle, max(silence, nonsense)


def _by_chance(cases: Sequence[Case]) -> float:
    name = str(cases[0].data["task"])
    family, task = family_of(name)
    seeds = [case.data["seed"] for case in cases]
    with process_for(family) as process:
        ends = [process.wander(task, seed) for seed in seeds]
    return fmean(end.score for end in ends)
