"""Generated tasks through the durable loop, and their proof."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from journeyman.environments import GymEnvironment
from journeyman.gym import FAMILIES
from journeyman.gym.drawing import sample_cases
from journeyman.gym.process import end_idle, process_for
from journeyman.job.gym_proof import prove
from journeyman.job.job import Job
from journeyman.models.scripted import Line, ScriptedModel
from journeyman.reports.metrics import run_metrics
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import Budget, Message, ToolCall, ToolSpec
from journeyman.verifiers import GymVerifier
from tests.gym.families import needs

TASK = "minigrid:BabyAI-GoToLocal-v0"


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left() -> Iterator[None]:
    yield
    end_idle()


@needs("minigrid")
def test_a_game_stopped_in_the_middle_is_gone_on_with(tmp_path: Path) -> None:
    """What was played is played again in the fresh game, and no model call is paid twice."""
    (case,) = sample_cases([TASK], each=1, first_seed=3)
    with process_for(FAMILIES["minigrid"]) as process:
        commands = process.walkthrough(TASK.partition(":")[2], case.data["seed"])
    job = Job(
        name="grid",
        environment=GymEnvironment(),
        verifiers=(GymVerifier(),),
        cases=lambda: [case],
        budget=Budget(steps=50, tokens=10**9),
    )
    stop = asyncio.Event()
    asked = []

    def plays(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Line:
        move = sum(message.role == "assistant" for message in messages)
        if move >= len(commands):
            return "yes"  # asked about its answer
        asked.append(move)
        if len(asked) == 2:
            stop.set()
        return ToolCall(id=f"call_{move}", name="act", arguments={"command": commands[move]})

    def go(stop: asyncio.Event) -> None:
        with open_journal(tmp_path) as journal, LeaseOwner.enter(tmp_path) as holder:
            model = ScriptedModel(plays)
            run = open_run(journal, job, model)
            add_cases(journal, run, job.cases())
            asyncio.run(
                work(replace(Runner.open(journal, holder, job, model, run, at_once=1), stop=stop))
            )

    go(stop)
    assert len(asked) == 2
    go(asyncio.Event())
    assert asked == list(range(len(commands)))
    with open_journal(tmp_path) as journal:
        (run,) = journal.runs()
        (outcome,) = outcomes(journal, run)
        assert (outcome.correct, json.loads(outcome.trajectory.answer or "")) == (True, commands)
        assert run_metrics(journal, run).correct.count == 1


@needs("minigrid")
def test_a_task_is_proved() -> None:
    proof = asyncio.run(prove(TASK, cases=2))
    assert (proof.cases, proof.oracle, proof.null, proof.failure) == (2, 1.0, 0.0, None)
    assert proof.chance is not None


@pytest.mark.slow
@needs("reasoning_gym")
@pytest.mark.parametrize(
    ("task", "failure"),
    [
        ("reasoning_gym:propositional_logic", "no gold answer"),
        ("reasoning_gym:game_of_life_halting", "silence or nonsense scores"),
        ("reasoning_gym:composite", "at least one dataset"),
        ("reasoning_gym:nothing", "has no task 'nothing'"),
    ],
)
def test_a_task_that_proves_nothing_says_why(task: str, failure: str) -> None:
    assert failure in str(asyncio.run(prove(task, cases=2)).failure)


@needs("minigrid")
def test_an_oracle_that_does_not_win_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "journeyman.verifiers.gym._walkthrough", lambda name, seed: ("done", "done")
    )
    assert "does not score 1" in str(asyncio.run(prove(TASK, cases=1)).failure)
