"""Instruction search by reflection: keeps instructions that are the best on at least one case.

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
        scores = self.scores.values()
        if not scores:
            return 0.0
        return sum(scores) / len(scores)


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
        probes = [outcome.case_id for outcome in _balanced(seen, PROBES)]
        if len(probes) < SHOWN:
            return None
        present = worker_spec.instructions
        pool: list[Candidate] = []
        try:
            scores = await self._scores(worker_spec, present, probes, lab)
            pool.append(Candidate(present, scores))
            for _ in range(ROUNDS):
                parent = drawn(pool, rng)
                child = await self._child(parent, worker_spec, probes, lab, rng)
                if child is not None:
                    pool.append(child)
        except LearningBudgetSpent:
            pass
        if not pool:
            return None
        first = pool[0]
        best = max(pool, key=lambda candidate: candidate.mean)
        if best.mean <= first.mean:
            return None
        return Proposal(
            worker_spec=_with(worker_spec, best.text),
            why=f"Other instructions: {best.mean:.2f} instead of {first.mean:.2f} on {len(probes)} probe cases.",
            sources=tuple(f"case:{case_id}" for case_id in probes),
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
        with_parent = _with(worker_spec, parent.text)
        before = [await lab.attempt(with_parent, case_id) for case_id in shown]
        if all(one.correct for one in before):
            return None
        text = await self._reflected(parent, before, lab)
        if text is None:
            return None
        with_text = _with(worker_spec, text)
        after = [await lab.attempt(with_text, case_id) for case_id in shown]
        if sum(map(_score, after)) <= sum(map(_score, before)):
            return None
        scores = await self._scores(worker_spec, text, probes, lab)
        return Candidate(text, scores)

    async def _reflected(
        self, parent: Candidate, before: Sequence[ScoredTrajectory], lab: Lab
    ) -> str | None:
        """A text that a model wrote after reading the cases. None: it is empty, too long, or the parent's."""
        given = parent.text
        if given is None:
            given = self.given
        shown = map(_shown, before)
        cases = "\n\n".join(shown)
        asked = ASKED.format(instructions=given, cases=cases)
        message = Message(role="user", content=asked)
        reply = await lab.ask([message], sampling=WRITTEN)
        text = reply.strip()
        if not text or len(text) > CHARACTERS:
            return None
        known = parent.text or self.given
        if text == known.strip():
            return None
        return text

    async def _scores(
        self, worker_spec: WorkerSpec, text: str | None, probes: Sequence[str], lab: Lab
    ) -> dict[str, float]:
        tried = _with(worker_spec, text)
        scores: dict[str, float] = {}
        for case_id in probes:
            graded = await lab.attempt(tried, case_id)
            scores[case_id] = _score(graded)
        return scores


def drawn(pool: Sequence[Candidate], rng: random.Random) -> Candidate:
    """One of those that are best on some case, likelier the more cases it is best on."""
    cases: set[str] = set()
    for candidate in pool:
        cases.update(candidate.scores)
    wins = [0] * len(pool)
    for case_id in cases:
        scores = [candidate.scores.get(case_id, 0.0) for candidate in pool]
        best = max(scores)
        for n, score in enumerate(scores):
            wins[n] += score == best
    (chosen,) = rng.choices(pool, weights=wins)
    return chosen


def _balanced(seen: Sequence[CaseResult], count: int) -> list[CaseResult]:
    """The latest cases, wrong and right ones in equal parts where there are."""
    correct: list[CaseResult] = []
    wrong: list[CaseResult] = []
    for outcome in reversed(seen):
        if outcome.correct is None or outcome.trajectory.failure is not None:
            continue
        same = correct if outcome.correct else wrong
        same.append(outcome)
    chosen = wrong[: count // 2]
    rest = count - len(chosen)
    return chosen + correct[:rest]


def _with(worker_spec: WorkerSpec, text: str | None) -> WorkerSpec:
    changed = {"instructions": text}
    return worker_spec.model_copy(update=changed)


def _score(graded: ScoredTrajectory) -> float:
    return float(bool(graded.correct))


def _shown(graded: ScoredTrajectory) -> str:
    """A case as a reflection reads it."""
    trajectory = graded.trajectory
    opening = trajectory.opening
    prompt = opening[-1].text if opening else ""
    answer = trajectory.answer or "(none)"
    return f"Case:\n{prompt[:800]}\nAnswer:\n{answer[:500]}\nThis is {_verdict(graded)}."


def _verdict(graded: ScoredTrajectory) -> str:
    if graded.correct:
        return "right"
    reasons = [score.reason for score in graded.scores if score.reason]
    if not reasons:
        return "wrong"
    remarks = "; ".join(reasons)
    return f"wrong ({remarks})"


_: Learner = Instructions("")
