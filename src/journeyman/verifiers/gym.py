"""Games and puzzles from a seed: plays the worker's commands in a fresh game and takes its score."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from journeyman.errors import EnvironmentFault
from journeyman.gym import family_of
from journeyman.gym.game import GameView, RefusedCommandError, placed
from journeyman.gym.process import process_for
from journeyman.types import Case, Record, Score, ToolCall, Trajectory


class GymVerifier(Record):
    """Part scores where the game has them; 1 is right. A puzzle's score is its own code's, full or nothing.

    A trajectory without any call may hand in a game's commands as a JSON list: so `check` gives the walkthrough.
    """

    kind: Literal["gym"] = "gym"
    name: str = "gym"

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        name, seed = placed(case.data, case.id)
        family, task = family_of(name)
        if family.is_puzzle:
            commands = [] if trajectory.answer is None else [trajectory.answer]
        else:
            commands = given_commands(trajectory)
        view = await asyncio.to_thread(_replayed, name, seed, tuple(commands))
        outcome = f"{view.move} moves"
        if family.is_puzzle and view.move:
            outcome = view.told
        reason = f"{task}, seed {seed}: {outcome}"
        return Score(verifier=self.name, value=view.score, reason=reason[:500])

    def reference(self, case: Case) -> str | None:
        """The puzzle's own answer, or the commands of the game's expert."""
        name, seed = placed(case.data, case.id)
        family, _ = family_of(name)
        commands = _walkthrough(name, seed)
        if not commands:
            return None
        first = commands[0]
        if family.is_puzzle:
            return first
        return json.dumps(commands, ensure_ascii=False)


def given_commands(trajectory: Trajectory) -> list[str]:
    """The commands of all calls of `act`, in order."""
    calls: list[ToolCall] = []
    for step in trajectory.steps:
        calls += step.reply.message.tool_calls
    if not calls:
        return _listed_commands(trajectory.answer)
    acts = [call for call in calls if call.name == "act"]
    commands = [act.arguments.get("command") for act in acts]
    return [command for command in commands if isinstance(command, str)]


def _listed_commands(answer: str | None) -> list[str]:
    """An answer that is a JSON list of commands; of any other, none."""
    try:
        commands = json.loads(answer or "[]")
    except json.JSONDecodeError:
        return []
    if not isinstance(commands, list):
        return []
    return [command for command in commands if isinstance(command, str)]


def _replayed(name: str, seed: int, commands: Sequence[str]) -> GameView:
    """Where the commands lead. An answer that no scorer gets to the end of is wrong: else it would stay unjudged."""
    family, task = family_of(name)
    with process_for(family) as process:
        if not family.is_puzzle:
            return process.replay(task, seed, commands)
        view = process.start(task, seed)
        if not commands:
            return view
        answer = commands[0]
        try:
            return process.act(answer)
        except (RefusedCommandError, EnvironmentFault) as fault:
            wrong = {"told": str(fault), "move": 1}
            return view.model_copy(update=wrong)


@lru_cache(maxsize=256)
def _walkthrough(name: str, seed: int) -> tuple[str, ...]:
    family, task = family_of(name)
    with process_for(family) as process:
        return tuple(process.walkthrough(task, seed))
