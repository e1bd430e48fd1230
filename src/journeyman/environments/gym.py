"""Games and puzzles from a seed: the case's data names the task and the seed.

A puzzle is read and answered. A game is played by `act`, one command after the other, until it is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from journeyman.gym import family_of
from journeyman.gym.game import Family, GameView, RefusedCommandError, placed
from journeyman.gym.process import GameProcess, acquire, release
from journeyman.protocols import Environment, OpenEnvironment
from journeyman.types import CaseInput, Message, Record, ToolCall, ToolSpec

ACT = ToolSpec(
    name="act",
    description="Give one command.",
    parameters={
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
    },
)
FINISH = ToolSpec(
    name="finish",
    description="Give up: end the game as it stands.",
    parameters={"type": "object", "properties": {}},
    final=True,
)


class GymEnvironment(Record):
    """Any task of any family: `{"task": "FAMILY:TASK", "seed": N}` in the case's data."""

    kind: Literal["gym"] = "gym"

    def __call__(self, case_input: CaseInput) -> Environment:
        name, seed = placed(case_input.data, case_input.id)
        family, task = family_of(name)
        if family.is_puzzle:
            return _Puzzle(case_input)
        return _Game(case_input, family, task, seed)


class _Puzzle:
    tools: Sequence[ToolSpec] = ()

    def __init__(self, case_input: CaseInput) -> None:
        self.input = case_input

    async def reset(self) -> Sequence[Message]:
        return (self.input.message,)

    async def step(self, call: ToolCall) -> Message:
        return Message(
            role="tool", call_id=call.id, content="There are no tools here.", failed=True
        )

    async def reconcile(self, call: ToolCall) -> Message | None:
        return None

    def accepts(self, answer: str) -> bool:
        return True

    async def close(self) -> None: ...


class _Game:
    """Open from `reset` to `close`, in a process of its own."""

    def __init__(self, case_input: CaseInput, family: Family, task: str, seed: int) -> None:
        self.input = case_input
        self.family = family
        self.task = task
        self.seed = seed
        self.process: GameProcess | None = None
        self.over = False

    @property
    def tools(self) -> Sequence[ToolSpec]:
        """The command that ends the game is final."""
        act = ACT.model_copy(update={"final": self.over})
        return act, FINISH

    async def reset(self) -> Sequence[Message]:
        await self.close()
        process = acquire(self.family)
        self.process = process
        self.over = False
        view = await asyncio.to_thread(process.start, self.task, self.seed)
        goal = f"Your goal: {self.input.prompt}"
        shown = _shown(view)
        return (
            Message(role="system", content=self.family.rules),
            Message(role="user", content=f"{goal}\n\n{shown}"),
        )

    async def step(self, call: ToolCall) -> Message:
        if call.name == "finish":
            return Message(role="tool", call_id=call.id, content="The game is ended.")
        command = call.arguments.get("command")
        if not isinstance(command, str) or not command.strip():
            return _failed(call, "The argument `command` is missing.")
        assert self.process is not None
        try:
            view = await asyncio.to_thread(self.process.act, command)
        except RefusedCommandError as refused:
            return _failed(call, str(refused))
        self.over = view.over
        return Message(role="tool", call_id=call.id, content=_shown(view))

    async def reconcile(self, call: ToolCall) -> Message | None:
        return None

    def accepts(self, answer: str) -> bool:
        return True

    async def close(self) -> None:
        if self.process is not None:
            release(self.process)
            self.process = None


def _failed(call: ToolCall, why: str) -> Message:
    return Message(role="tool", call_id=call.id, content=why, failed=True)


def _shown(view: GameView) -> str:
    """What is seen, then the commands. The number of the move tells equal sights apart: going on is no repetition."""
    lines = [view.told]
    commands = view.commands
    if view.over:
        lines.append("The game is over.")
    elif commands is not None:
        listed = " | ".join(commands)
        lines.append(f"Commands: {listed}")
    move = f"[move {view.move} of {view.most_moves}]"
    lines.append(move)
    return "\n".join(lines)


_: OpenEnvironment = GymEnvironment()
