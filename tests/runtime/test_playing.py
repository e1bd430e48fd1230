"""Moves that are right are played in a fresh world, so that the next game can be told what was seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from journeyman.environments import GymEnvironment
from journeyman.gym.drawing import sample_cases
from journeyman.gym.process import end_idle
from journeyman.job.job import Job
from journeyman.memory.projection import LessonProjection
from journeyman.models.scripted import ScriptedModel
from journeyman.protocols import Environment
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.playing import replay_moves
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseInput, Message, ToolCall, ToolSpec
from journeyman.verifiers import GymVerifier
from tests.gym.families import needs

COMMAND = {"type": "object", "properties": {"command": {"type": "string"}}}
BRIEF = CaseInput(id="c", prompt="Go.")


@dataclass
class Corridor:
    """Ten steps east; nothing else is understood."""

    effect: Literal["pure", "once"] = "pure"
    at: int = 0
    log: list[str] = field(default_factory=list)

    def __call__(self, case_input: CaseInput) -> Environment:
        return self

    @property
    def tools(self) -> Sequence[ToolSpec]:
        end = ToolSpec(
            name="finish",
            description="",
            parameters={"type": "object", "properties": {}},
            final=True,
        )
        return ToolSpec(name="act", description="", parameters=COMMAND, effect=self.effect), end

    async def reset(self) -> Sequence[Message]:
        self.at = 0
        return Message(role="system", content="rules"), Message(role="user", content="at 0")

    async def step(self, call: ToolCall) -> Message:
        self.log.append(str(call.arguments["command"]))
        if call.arguments["command"] == "break":
            raise OSError("the world broke")
        self.at += 1
        failed = call.arguments["command"] != "east"
        return Message(role="tool", call_id=call.id, content=f"at {self.at}", failed=failed)

    async def reconcile(self, call: ToolCall) -> Message | None:
        return None

    def accepts(self, answer: str) -> bool:
        return True

    async def close(self) -> None:
        self.log.append("closed")


def seen(world: Corridor, answer: str) -> tuple[str, ...]:
    return asyncio.run(replay_moves(world, BRIEF, answer))


def test_what_is_seen_before_each_move() -> None:
    assert seen(Corridor(), '["east", "east", "east"]') == ("at 0", "at 1", "at 2")


@pytest.mark.parametrize(
    ("answer", "log"),
    [
        ("east", []),
        ("[]", []),
        ('[["east"]]', []),
        ('["east", "up", "east"]', ["east", "up", "closed"]),
        ('["east", "break"]', ["east", "break", "closed"]),
    ],
)
def test_what_is_no_course_here_shows_nothing(answer: str, log: list[str]) -> None:
    world = Corridor()
    assert (seen(world, answer), world.log) == ((), log)


def test_nothing_is_done_again_that_is_not_pure() -> None:
    world = Corridor(effect="once")
    assert seen(world, '["east"]') == ()
    assert world.log == ["closed"]


@needs("minigrid")
def test_a_game_that_was_lost_teaches_how_it_is_won(tmp_path: Path) -> None:
    """The worker gives up; the verifier's moves are played; the next game is told of them, with what was seen."""
    cases = [
        case.model_copy(update={"split": "train"})
        for case in sample_cases(["minigrid:BabyAI-GoToObj-v0"], each=1)
    ]
    job = Job(
        name="grid",
        environment=GymEnvironment(),
        verifiers=(GymVerifier(),),
        cases=lambda: iter(cases),
    )
    model = ScriptedModel(
        lambda messages, tools: ToolCall(id="end", name="finish", arguments={}) if tools else "no"
    )
    with open_journal(tmp_path) as journal, LeaseOwner.enter(tmp_path) as holder:
        run = open_run(journal, job, model)
        add_cases(journal, run, cases)
        asyncio.run(work(Runner.open(journal, holder, job, model, run, at_once=1)))
        (outcome,) = outcomes(journal, run)
        experience = LessonProjection(journal, "grid")
        (lesson,) = experience.advance().lessons()
        experience.close()
    end_idle()
    assert outcome.correct is False
    assert lesson.kind == "correction"
    assert len(lesson.observations) == len(json.loads(lesson.text)) > 0
    assert cases[0].prompt in lesson.observations[0]
    assert all(f"[move {n} of" in one for n, one in enumerate(lesson.observations))
