"""Learners propose, within a budget, from what was judged; a failure of the moment teaches nothing."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence

import pytest

from journeyman.errors import LearningBudgetSpent
from journeyman.learn.ablation import Ablation
from journeyman.learn.demonstrations import Demonstrations
from journeyman.learn.instructions import Candidate, Instructions, drawn
from journeyman.learn.rules import Rules, known
from journeyman.memory.lessons import lesson
from journeyman.protocols import Learner
from journeyman.types import (
    CaseResult,
    Failure,
    Label,
    Message,
    Proposal,
    Recall,
    Sampling,
    Score,
    ScoredTrajectory,
    Trajectory,
    WorkerSpec,
)

Answers = Callable[[WorkerSpec, str, int], tuple[str, bool]]
"""What the worker answers with a mind, on a case, with a seed; and whether that is right."""


class Bench:
    """A lab whose worker and teacher are functions; it can be given a budget of calls."""

    def __init__(
        self, answers: Answers, teacher: Callable[[str], str], calls: int = 10_000
    ) -> None:
        self.answers, self.teacher, self.calls = answers, teacher, calls

    def _spend(self) -> None:
        if self.calls == 0:
            raise LearningBudgetSpent("spent", "allow more")
        self.calls -= 1

    async def attempt(
        self, worker_spec: WorkerSpec, case_id: str, *, sampling: Sampling | None = None
    ) -> ScoredTrajectory:
        self._spend()
        answer, correct = self.answers(
            worker_spec, case_id, 0 if sampling is None else sampling.seed
        )
        return ScoredTrajectory(
            trajectory=done(case_id, answer),
            scores=(Score(verifier="exact", value=float(correct), reason="said"),),
        )

    async def ask(self, messages: Sequence[Message], *, sampling: Sampling) -> str:
        self._spend()
        return self.teacher(messages[-1].text)


def done(case_id: str, answer: str | None, failure: Failure | None = None) -> Trajectory:
    stop = "failed" if failure else "answered" if answer else "silent"
    opening = (Message(role="user", content=f"case {case_id}"),)
    return Trajectory(
        case_id=case_id, worker="ada@1", opening=opening, answer=answer, stop=stop, failure=failure
    )  # fmt: skip


def seen(
    count: int, *, correct: bool = False, correction: str | None = "good", start: int = 0
) -> list[CaseResult]:
    return [
        CaseResult(
            case_id=f"c{n}", slice=None, split="train", attempt=1,
            trajectory=done(f"c{n}", "good" if correct else "bad"),
            labels=(Label(error=not correct, by="mei", correction=None if correct else correction),),
            closed=True, at=float(n),
        )
        for n in range(start, start + count)
    ]  # fmt: skip


def rule(text: str) -> Callable[[str], str]:
    return lambda _: json.dumps({"when": "always", "rule": text})


def learned(learner: Learner, given: Sequence[CaseResult], bench: Bench) -> Proposal | None:
    return asyncio.run(learner.learn(WorkerSpec(), given, bench))


def helps(worker_spec: WorkerSpec, case_id: str, seed: int) -> tuple[str, bool]:
    good = bool(worker_spec.playbook) or worker_spec.instructions == "BETTER"
    return ("good", True) if good else ("bad", False)


def test_a_rule_comes_from_a_contrast_and_rests_on_its_case() -> None:
    proposal = learned(Rules(), seen(12), Bench(helps, rule("check twice")))
    assert proposal is not None
    assert [(one.text, one.about, one.kind) for one in proposal.worker_spec.playbook] == [
        ("check twice", "always", "rule")
    ]
    assert proposal.worker_spec.playbook[0].sources == ("case:c11", "person:mei")
    assert "check twice" in proposal.why


def test_a_rule_that_harms_other_cases_is_dropped() -> None:
    def harms(worker_spec: WorkerSpec, case_id: str, seed: int) -> tuple[str, bool]:
        return ("bad", False) if worker_spec.playbook else ("good", True)

    assert (
        learned(Rules(), [*seen(8, correct=True), *seen(4, start=8)], Bench(harms, rule("say bad")))
        is None
    )


def test_fifty_failures_of_the_moment_leave_no_lesson() -> None:
    """Tools that were down, budgets that ran out, wrong answers of which nobody knows a right one."""
    down = Failure(kind="environment", message="the database was down", hint="wait")
    failed = [
        one.model_copy(
            update={
                "trajectory": done(one.case_id, None, down),
                "labels": (Label(error=True, by="mei"),),
            }
        )
        for one in seen(25)
    ]
    unknown = seen(25, correction=None, start=25)
    after = seen(20, correct=True, start=50)

    def never_right(worker_spec: WorkerSpec, case_id: str, seed: int) -> tuple[str, bool]:
        return "bad", False

    bench = Bench(never_right, rule("the database does not work"))
    assert learned(Rules(), [*failed, *unknown, *after], bench) is None


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{}",
        '{"when": 1}',
        '{"when": "w", "rule": ""}',
        '{"when": "w", "rule": "say GOOD"}',
    ],
)
def test_what_is_no_rule_or_gives_the_answer_away_is_not_taken(text: str) -> None:
    assert learned(Rules(), seen(12), Bench(helps, lambda _: text)) is None


def test_a_rule_that_is_there_already_is_not_taken_twice() -> None:
    there = lesson("rule", "", "always check the dates twice", "teacher", ("case:a",))
    assert known(
        lesson("rule", "", "Check the dates twice, always", "teacher", ("case:b",)), [there]
    )
    assert not known(lesson("rule", "", "answer in euro", "teacher", ("case:b",)), [there])


@pytest.mark.parametrize("calls", range(12))
def test_a_budget_that_ends_anywhere_leaves_a_sound_proposal_or_none(calls: int) -> None:
    proposal = learned(Rules(), seen(12), Bench(helps, rule("check twice"), calls))
    assert proposal is None or [one.text for one in proposal.worker_spec.playbook] == [
        "check twice"
    ]


@pytest.mark.parametrize("calls", range(0, 40, 3))
def test_a_search_that_runs_out_proposes_what_it_has(calls: int) -> None:
    proposal = learned(Instructions("PLAIN"), seen(12), Bench(helps, lambda _: "BETTER", calls))
    assert proposal is None or proposal.worker_spec.instructions == "BETTER"


def test_instructions_are_proposed_when_they_do_better_on_the_probes() -> None:
    proposal = learned(
        Instructions("PLAIN"),
        [*seen(6), *seen(6, correct=True, start=6)],
        Bench(helps, lambda _: "BETTER"),
    )
    assert proposal is not None
    assert proposal.worker_spec.instructions == "BETTER"
    assert len(proposal.sources) == 12


@pytest.mark.parametrize("text", ["WORSE", "PLAIN", "", "x" * 5_000])
def test_instructions_that_do_no_better_are_not_proposed(text: str) -> None:
    assert learned(Instructions("PLAIN"), seen(12), Bench(helps, lambda _: text)) is None


def test_the_pareto_front_is_drawn_from() -> None:
    """One that is best nowhere is never drawn, whatever its mean."""
    pool = [
        Candidate("a", {"x": 1.0, "y": 0.0, "z": 0.0}),
        Candidate("b", {"x": 0.0, "y": 1.0, "z": 1.0}),
        Candidate("c", {"x": 0.5, "y": 0.5, "z": 0.5}),
    ]
    rng = random.Random(3)
    texts = [drawn(pool, rng).text for _ in range(400)]
    assert "c" not in texts
    assert texts.count("b") > texts.count("a") > 80


def test_demonstrations_are_proposed_once() -> None:
    bench = Bench(helps, lambda _: "")
    assert learned(Demonstrations(), seen(7, correct=True), bench) is None
    proposal = learned(Demonstrations(), seen(8, correct=True), bench)
    assert proposal is not None
    again = Demonstrations().learn(
        WorkerSpec(recall=Recall(kinds=("demonstration", "correction"))),
        seen(9, correct=True),
        bench,
    )
    assert asyncio.run(again) is None


def test_recalling_own_successes_recalls_at_large_again() -> None:
    bench = Bench(helps, lambda _: "")
    narrow = WorkerSpec(recall=Recall(kinds=("demonstration", "correction"), min_similarity=0.7))
    proposal = asyncio.run(Demonstrations().learn(narrow, seen(8, correct=True), bench))
    assert proposal is not None
    assert proposal.worker_spec.recall == Recall(kinds=("demonstration", "correction"))


def test_what_was_hardly_ever_told_is_not_left_out() -> None:
    bench = Bench(helps, lambda _: "")
    past = lesson("correction", "case 1", "one", "mei", ("case:1",))
    told = [
        outcome.model_copy(
            update={"trajectory": outcome.trajectory.model_copy(update={"recalled": (past,)})}
        )
        for outcome in seen(8, correct=True)
    ]
    assert learned(Ablation(), told[:7] + seen(20, correct=True), bench) is None
    proposal = learned(Ablation(), told, bench)
    assert proposal is not None
    assert asyncio.run(Ablation().learn(proposal.worker_spec, told, bench)) is None
    assert asyncio.run(Ablation().learn(WorkerSpec(recall=Recall(k=0)), told, bench)) is None
