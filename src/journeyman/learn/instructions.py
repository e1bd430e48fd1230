"""Instruction search: better instructions by reflection, kept where they are best on at least one case.

After GEPA (Agrawal et al. 2025): a pool of instructions, each scored case by case; a parent is drawn from those that
are best somewhere (the Pareto front of cases), a model reads what went wrong with it on a few cases and writes a new
text, which enters the pool if it does better on these. Different here:

- All scores come from the lab, so that nothing is paid twice and the whole search is bounded by one budget.
- No merging of two texts ("system-aware merge"): with one text to search there is nothing to merge.
- The winner is the text with the best mean over all probe cases, and it is proposed only if that is above the mean of
  the text in force. The exam, on other cases, has the last word.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from journeyman.errors import LearningBudgetSpent
from journeyman.protocols import Lab, Learner
from journeyman.types import CaseResult, Message, Proposal, Sampling, ScoredTrajectory, WorkerSpec

PROBES = 16
"""Cases on which instructions are compared."""
SHOWN = 3
"""Cases that one reflection reads."""
ROUNDS = 12
"""Reflections, at most."""
CHARACTERS = 4_000
"""Of instructions."""

WRITTEN = Sampling(max_tokens=700, temperature=0.7)

ASKED = """Below are the instructions of a worker, and cases that it did with them. Write better instructions for the \
same job, so that mistakes of the kind do not happen again. Keep what the job is and the form of the answer. Do not \
mention the cases themselves. Reply with the new instructions alone.

Instructions:
{instructions}

{cases}"""


@dataclass(frozen=True)
class Candidate:
    """Instructions with their score on each probe case so far."""

    text: str | None
    """None: the job's own."""
    scores: dict[str, float]

    @property
    def mean(self) -> float:
        return sum(self.scores.values()) / len(self.scores) if self.scores else 0.0


class Instructions:
    """Proposes other instructions. `given` are those of the job."""

    name = "instructions"

    def __init__(self, given: str, *, seed: int = 0) -> None:
        self.given = given
        self.seed = seed

    async def learn(
        self, worker_spec: WorkerSpec, seen: Sequence[CaseResult], lab: Lab
    ) -> Proposal | None:
        rng = random.Random(self.seed)  # noqa: S311 - a search
        probes = [one.case_id for one in _balanced(seen, PROBES)]
        if len(probes) < SHOWN:
            return None
        pool: list[Candidate] = []
        try:
            pool.append(
                Candidate(
                    worker_spec.instructions,
                    await self._scores(worker_spec, worker_spec.instructions, probes, lab),
                )
            )
            for _ in range(ROUNDS):
                parent = drawn(pool, rng)
                child = await self._child(parent, worker_spec, probes, lab, rng)
                if child is not None:
                    pool.append(child)
        except LearningBudgetSpent:
            pass
        best = max(pool, key=lambda one: one.mean, default=None)
        if best is None or best.mean <= pool[0].mean:
            return None
        told = f"Other instructions: {best.mean:.2f} instead of {pool[0].mean:.2f} on {len(probes)} probe cases."
        sources = tuple(f"case:{case_id}" for case_id in probes)
        return Proposal(
            worker_spec=worker_spec.model_copy(update={"instructions": best.text}),
            why=told,
            sources=sources,
        )

    async def _child(
        self,
        parent: Candidate,
        worker_spec: WorkerSpec,
        probes: Sequence[str],
        lab: Lab,
        rng: random.Random,
    ) -> Candidate | None:
        """A new text that does better than its parent on the cases it was written from; scored on all probes."""
        shown = rng.sample(list(probes), SHOWN)
        before = [await lab.attempt(_with(worker_spec, parent.text), case_id) for case_id in shown]
        if all(one.correct for one in before):
            return None
        text = await self._reflected(parent, before, lab)
        if text is None:
            return None
        after = [await lab.attempt(_with(worker_spec, text), case_id) for case_id in shown]
        if sum(map(_score, after)) <= sum(map(_score, before)):
            return None
        return Candidate(text, await self._scores(worker_spec, text, probes, lab))

    async def _reflected(
        self, parent: Candidate, before: Sequence[ScoredTrajectory], lab: Lab
    ) -> str | None:
        asked = ASKED.format(
            instructions=self.given if parent.text is None else parent.text,
            cases="\n\n".join(map(_told, before)),
        )
        text = (await lab.ask([Message(role="user", content=asked)], sampling=WRITTEN)).strip()
        return (
            text
            if text and len(text) <= CHARACTERS and text != (parent.text or self.given).strip()
            else None
        )

    async def _scores(
        self, worker_spec: WorkerSpec, text: str | None, probes: Sequence[str], lab: Lab
    ) -> dict[str, float]:
        return {
            case_id: _score(await lab.attempt(_with(worker_spec, text), case_id))
            for case_id in probes
        }


def drawn(pool: Sequence[Candidate], rng: random.Random) -> Candidate:
    """One of those that are best on some case, likelier the more cases it is best on."""
    cases = sorted({case_id for one in pool for case_id in one.scores})
    wins = [0] * len(pool)
    for case_id in cases:
        best = max(one.scores.get(case_id, 0.0) for one in pool)
        for n, one in enumerate(pool):
            wins[n] += one.scores.get(case_id, 0.0) == best
    return rng.choices(pool, weights=wins)[0]


def _balanced(seen: Sequence[CaseResult], count: int) -> list[CaseResult]:
    """The latest cases, wrong and right ones in equal parts where there are."""
    judged = [
        one for one in reversed(seen) if one.correct is not None and one.trajectory.failure is None
    ]
    wrong = [one for one in judged if not one.correct][: count // 2]
    return wrong + [one for one in judged if one.correct][: count - len(wrong)]


def _with(worker_spec: WorkerSpec, text: str | None) -> WorkerSpec:
    return worker_spec.model_copy(update={"instructions": text})


def _score(graded: ScoredTrajectory) -> float:
    return float(bool(graded.correct))


def _told(graded: ScoredTrajectory) -> str:
    done = graded.trajectory
    prompt = done.opening[-1].text if done.opening else ""
    remarks = "; ".join(score.reason for score in graded.scores if score.reason)
    verdict = "right" if graded.correct else f"wrong ({remarks})" if remarks else "wrong"
    return f"Case:\n{prompt[:800]}\nAnswer:\n{(done.answer or '(none)')[:500]}\nThis is {verdict}."


_: Learner = Instructions("")
