"""Carrying out the calls of one reply: each is made or refused, and final ones hand in the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from journeyman.answers import answer_of, dump_moves, moves_of
from journeyman.protocols import Environment
from journeyman.types import Message, Step, ToolCall, ToolSpec

ALREADY_MADE = "That call was already made; its result stands above. Do something else, or answer."
NOTHING_NEW = "Same call, same result as before: do something else, or hand in your answer."


@dataclass(frozen=True)
class CarriedOut:
    """What came of a reply's calls."""

    step: Step
    """The reply with the results of its calls."""
    repeats: int
    """Calls that were made before and gave nothing new."""
    answer: str | None
    """What the calls handed in. None: no call handed in an answer."""


async def carry_out(
    environment: Environment, tools: Sequence[ToolSpec], earlier: Sequence[Step], step: Step
) -> CarriedOut:
    """Carry out the calls of a step in order.

    A call hands in an answer where it succeeds and its tool is final. The tool may have become final by this call.
    """
    specs = {tool.name: tool for tool in tools}
    handed_in: list[ToolCall] = []
    repeats = 0
    for call in step.reply.message.tool_calls:
        same = _same_call_before((*earlier, step), call)
        result, remark = await _call(environment, specs.get(call.name), call, same)
        step = _with_result(step, result)
        if remark is not None:
            repeats += 1
            step = _with_result(step, Message(role="user", content=remark))
        if not result.failed and _is_final(environment, call):
            handed_in.append(call)
    answer = None
    if handed_in:
        answer = _answer(handed_in, specs, (*earlier, step))
    return CarriedOut(step=step, repeats=repeats, answer=answer)


def _with_result(step: Step, message: Message) -> Step:
    results = (*step.results, message)
    return step.model_copy(update={"results": results})


def _is_final(environment: Environment, call: ToolCall) -> bool:
    """Whether the call's tool is final now."""
    final = {tool.name for tool in environment.tools if tool.final}
    return call.name in final


def _answer(
    handed_in: Sequence[ToolCall], specs: Mapping[str, ToolSpec], steps: Sequence[Step]
) -> str:
    """What these calls hand in.

    A tool that became final only by its call ends a world with its last move: the answer is all moves.
    """
    last = handed_in[-1]
    if specs[last.name].final:
        return answer_of(handed_in)
    moves = [call for call, _ in moves_of(steps, last.name)]
    return dump_moves(moves)


async def _call(
    environment: Environment, spec: ToolSpec | None, call: ToolCall, same: Message | None
) -> tuple[Message, str | None]:
    """The call's result, and a remark where the call repeats an earlier one. `same` is that one's result.

    Small models tend to repeat a call after its result. A pure call is carried out again, because the world of its case
    may have moved on. Any other call is not carried out again.
    """
    if spec is None:
        return _refused(call, f"There is no tool {call.name!r}."), None
    if same is not None and spec.effect != "pure":
        return _refused(call, "Not done: it was already made."), ALREADY_MADE
    result = await environment.step(call)
    if same is None or same.text != result.text:
        return result, None
    return result, NOTHING_NEW


def _refused(call: ToolCall, reason: str) -> Message:
    return Message(role="tool", call_id=call.id, content=reason, failed=True)


def _same_call_before(steps: Sequence[Step], call: ToolCall) -> Message | None:
    """The result of the last equal call. None: there was none."""
    results: dict[str | None, Message] = {}
    for step in steps:
        for message in step.results:
            results[message.call_id] = message
    found: Message | None = None
    for step in steps:
        for earlier in step.reply.message.tool_calls:
            if earlier.id not in results:
                continue
            if earlier.name == call.name and earlier.arguments == call.arguments:
                found = results[earlier.id]
    return found
