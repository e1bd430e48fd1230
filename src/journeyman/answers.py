"""Answers as text: when an answer is empty, and when two answers are the same."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence

from journeyman.types import Message, Step, ToolCall, ToolSpec


def folded(text: str) -> str:
    """Full-width forms made plain (NFKC), white space and case folded, closing punctuation dropped."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split()).strip(" .。!?\"'`“”‘’")


def answer_of(calls: Sequence[ToolCall]) -> str:
    """What final calls hand in: the one text argument of a single call, or else all calls as JSON."""
    if len(calls) == 1:
        text = only_text(calls[0])
        if text is not None:
            return text
    plain = [_plain(call) for call in calls]
    return json.dumps(plain, ensure_ascii=False)


def dump_moves(calls: Sequence[ToolCall]) -> str:
    """What the moves hand in of a world that ends by itself: a JSON list of each move's one text, or of whole calls."""
    texts = [only_text(call) for call in calls]
    if None in texts:
        return answer_of(calls)
    return json.dumps(texts, ensure_ascii=False)


def parse_moves(answer: str) -> list[str]:
    """The moves that such an answer lists. Empty: it is none, or its moves have more to say than one text."""
    try:
        listed = json.loads(answer)
    except ValueError:
        return []
    return (
        listed if isinstance(listed, list) and all(isinstance(move, str) for move in listed) else []
    )


def moves_of(steps: Sequence[Step], tool: str) -> list[tuple[ToolCall, Message]]:
    """The successful calls of a tool, each with its result."""
    made = {
        call.id: call
        for step in steps
        for call in step.reply.message.tool_calls
        if call.name == tool
    }
    return [
        (made[result.call_id], result)
        for step in steps
        for result in step.results
        if result.call_id in made and not result.failed
    ]


def move_tool(tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """The tool by which a world is played: it takes one thing, and no final tool takes an answer. None: it is not."""
    final = [tool for tool in tools if tool.final]
    takes_answers = any(tool.parameters.get("properties") for tool in final)
    if takes_answers or not final:
        return None
    moves = [tool for tool in tools if _is_move(tool)]
    return moves[0] if moves else None


def _is_move(tool: ToolSpec) -> bool:
    """Whether it takes one thing, and goes on."""
    taken = tool.parameters.get("properties", {})
    return not tool.final and len(taken) == 1


def call_with(tool: ToolSpec, text: str, id: str) -> ToolCall:
    """A call of a tool that takes one thing: this text."""
    return ToolCall(
        id=id, name=tool.name, arguments={next(iter(tool.parameters["properties"])): text}
    )


def only_text(call: ToolCall) -> str | None:
    """A call's one argument, if it is a text."""
    values = list(call.arguments.values())
    if len(values) != 1:
        return None
    only = values[0]
    return only if isinstance(only, str) else None


def _plain(call: ToolCall) -> Mapping[str, object]:
    arguments = dict(call.arguments)
    return {"name": call.name, "arguments": arguments}
