"""Tool use as text, for engines without tool calls: describes the tools, and reads the calls.

Qwen2.5-Coder writes its calls in ```json fences, whatever its template asks for, so that is the form asked for here;
what other models write (`<tool_call>` tags, bare JSON) is read as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from journeyman.models.messages import without_marks
from journeyman.types import Json, Message, ToolCall, ToolSpec

FENCE = re.compile(r"```(?:json|tool_call)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
TAG = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)


def describe(tools: Sequence[ToolSpec]) -> str:
    """What the system message says of the tools: the same text for the same tools, so that it stays cached."""
    if not tools:
        return ""
    listed = "\n".join(
        json.dumps(
            {"name": t.name, "description": t.description, "parameters": t.parameters},
            ensure_ascii=False,
        )
        for t in tools
    )
    form = '```json\n{"name": "NAME", "arguments": {...}}\n```'
    return f"# Tools\n{listed}\n\nTo call a tool, write exactly:\n{form}"


def write(calls: Sequence[ToolCall]) -> str:
    """Calls in the form that `describe` asks for."""
    return "\n".join(f"```json\n{one_line(call.name, call.arguments)}\n```" for call in calls)


def written(message: Message) -> str:
    """An assistant's message as one text: what it said, then its calls."""
    return "\n".join(part for part in (message.text, write(message.tool_calls)) if part)


def one_line(name: str, arguments: Mapping[str, Json]) -> str:
    return json.dumps({"name": name, "arguments": dict(arguments)}, ensure_ascii=False)


def parse(
    text: str, tools: Sequence[ToolSpec], *, position: int
) -> tuple[str, tuple[ToolCall, ...], str | None]:
    """The text beside the calls, the calls, and why something that looks like a call could not be read (None: nothing).

    `position` is the number of messages so far: call ids are made from it, `call_5_0`, so that a replay makes the same.
    """
    if not tools:
        return text, (), None
    names = {tool.name for tool in tools}
    calls: list[ToolCall] = []
    malformed: str | None = None
    for piece, certain in _pieces(text):
        try:
            value = json.loads(piece, strict=False)
        except json.JSONDecodeError as error:
            if certain:
                malformed = malformed or f"not JSON: {error}"
            continue
        for entry in value if isinstance(value, list) else [value]:
            problem = _problem(entry, names)
            if problem is None:
                arguments = entry.get("arguments", entry.get("parameters", {}))
                calls.append(
                    ToolCall(
                        id=f"call_{position}_{len(calls)}", name=entry["name"], arguments=arguments
                    )
                )
            elif certain or (isinstance(entry, dict) and "name" in entry):
                malformed = malformed or problem
    beside = TAG.sub("", FENCE.sub("", text)).strip() if calls else text
    return (
        ("" if calls and beside.startswith(("{", "[")) else beside),
        tuple(calls),
        None if calls else malformed,
    )


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """What may be a call, and whether it claims to be one: tags do, fences may, bare JSON may."""
    if tagged := TAG.findall(text):
        yield from ((piece, True) for piece in tagged)
    elif fenced := FENCE.findall(text):
        yield from ((piece, False) for piece in fenced)
    elif text.lstrip().startswith("```json"):
        yield text.lstrip().removeprefix("```json").strip(), True
    elif text.lstrip().startswith(("{", "[")):
        yield text.strip(), False


def _problem(entry: Json, names: set[str]) -> str | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return 'a call is {"name": ..., "arguments": {...}}'
    if entry["name"] not in names:
        return f"there is no tool {entry['name']!r}; there is {', '.join(sorted(names))}"
    if not isinstance(entry.get("arguments", entry.get("parameters", {})), dict):
        return f"the arguments of {entry['name']!r} are not an object"
    return None


def as_plain_chat(
    messages: Sequence[Message],
    tools: Sequence[ToolSpec],
    special: frozenset[str] = frozenset(),
) -> list[dict[str, str]]:
    """The conversation with system, user and assistant texts only, in turns, as every chat template takes it.

    Tools stand at the end of the system message; a tool's result is told as the user's text. No text holds a mark of
    the template: `special` are the model's own.
    """
    turns = _turns(messages, tools)
    return [{**turn, "content": without_marks(turn["content"], special)} for turn in turns]


def _turns(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[dict[str, str]]:
    told: list[dict[str, str]] = []
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    listed = describe(tools)
    if listed and (not messages or messages[0].role != "system"):
        told.append({"role": "system", "content": listed})
    for message in messages:
        role, text = message.role, message.text
        if role == "system" and listed and not told:
            text = f"{text}\n\n{listed}"
        elif role == "assistant" and message.tool_calls:
            text = written(message)
        elif role == "tool":
            word = "Error" if message.failed else "Result"
            role, text = (
                "user",
                f"{word} of {names.get(message.call_id or '', 'the call')}:\n{text}",
            )
        if told and told[-1]["role"] == role:
            told[-1] = {"role": role, "content": f"{told[-1]['content']}\n\n{text}"}
        else:
            told.append({"role": role, "content": text})
    return told


def grammar(tools: Sequence[ToolSpec]) -> str:
    """An llguidance grammar of exactly one call of one of the tools, in a fence."""
    options = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool.name},
                "arguments": {"additionalProperties": False, **tool.parameters},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return f'%llguidance {{}}\nstart: "```json\\n" call "\\n```"\ncall: %json {schema_text({"anyOf": options})}'


def schema_grammar(schema: Mapping[str, Json]) -> str:
    """An llguidance grammar of JSON of a schema."""
    return f"%llguidance {{}}\nstart: %json {schema_text(schema)}"


def schema_text(schema: Mapping[str, Json]) -> str:
    """A schema whose JSON is written on one line with the usual blanks, the only way the model need know."""
    style = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    return json.dumps({**schema, "x-guidance": style}, ensure_ascii=False)
