"""One question, one answer, no tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from journeyman.protocols import Environment, OpenEnvironment
from journeyman.types import CaseInput, Message, Record, ToolCall, ToolSpec


class SingleTurn(Record):
    """The case's prompt is the whole world."""

    kind: Literal["single_turn"] = "single_turn"

    def __call__(self, case_input: CaseInput) -> Environment:
        return _SingleTurn(case_input)


class _SingleTurn:
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


_: OpenEnvironment = SingleTurn()
