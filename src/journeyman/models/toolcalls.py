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
    listed = "\n".join(map(_description, tools))
    form = '```json\n{"name": "NAME", "arguments": {...}}\n```'
    return f"# Tools\n{listed}\n\nTo call a tool, write exactly:\n{form}"


def _description(tool: ToolSpec) -> str:
    fields = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return json.dumps(fields, ensure_ascii=False)


def write(calls: Sequence[ToolCall]) -> str:
    """Calls in the form that `describe` asks for."""
    fences: list[str] = []
    for call in calls:
        line = one_line(call.name, call.arguments)
        fences.append(f"```json\n{line}\n```")
    return "\n".join(fences)


def written(message: Message) -> str:
    """An assistant's message as one text: what it said, then its calls."""
    calls = write(message.tool_calls)
    if message.text and calls:
        return f"{message.text}\n{calls}"
    return message.text or calls


def one_line(name: str, arguments: Mapping[str, Json]) -> str:
    call = {"name": name, "arguments": dict(arguments)}
    return json.dumps(call, ensure_ascii=False)


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
        entries = value if isinstance(value, list) else [value]
        for entry in entries:
            problem = _problem(entry, names)
            if problem is None:
                call_id = f"call_{position}_{len(calls)}"
                call = ToolCall(id=call_id, name=entry["name"], arguments=_arguments(entry))
                calls.append(call)
            elif certain or _has_name(entry):
                malformed = malformed or problem
    if not calls:
        return text, (), malformed
    return _beside(text), tuple(calls), None


def _has_name(entry: Json) -> bool:
    return isinstance(entry, dict) and "name" in entry


def _beside(text: str) -> str:
    """The text without its calls."""
    without_fences = FENCE.sub("", text)
    beside = TAG.sub("", without_fences).strip()
    if beside.startswith(("{", "[")):
        return ""
    return beside


def _arguments(entry: Mapping[str, Json]) -> Json:
    """A call's arguments; some models name them `parameters`."""
    if "arguments" in entry:
        return entry["arguments"]
    return entry.get("parameters", {})


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """What may be a call, and whether it claims to be one: tags do, fences may, bare JSON may."""
    tagged = TAG.findall(text)
    if tagged:
        for piece in tagged:
            yield piece, True
        return
    fenced = FENCE.findall(text)
    if fenced:
        for piece in fenced:
            yield piece, False
        return
    begin = text.lstrip()
    if begin.startswith("```json"):
        piece = begin.removeprefix("```json")
        yield piece.strip(), True
    elif begin.startswith(("{", "[")):
        yield text.strip(), False


def _problem(entry: Json, names: set[str]) -> str | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return 'a call is {"name": ..., "arguments": {...}}'
    name = entry["name"]
    if name not in names:
        known = ", ".join(sorted(names))
        return f"there is no tool {name!r}; there is {known}"
    if not isinstance(_arguments(entry), dict):
        return f"the arguments of {name!r} are not an object"
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
    chat: list[dict[str, str]] = []
    for role, text in _turns(messages, tools):
        content = without_marks(text, special)
        chat.append({"role": role, "content": content})
    return chat


def _turns(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[tuple[str, str]]:
    """Role and text of each turn. Texts of the same role in a row are one turn."""
    turns: list[tuple[str, str]] = []
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    listed = describe(tools)
    if listed and (not messages or messages[0].role != "system"):
        turns.append(("system", listed))
    for message in messages:
        role = "user" if message.role == "tool" else message.role
        text = _turn_text(message, names)
        if role == "system" and listed and not turns:
            text = f"{text}\n\n{listed}"
        _add_turn(turns, role, text)
    return turns


def _add_turn(turns: list[tuple[str, str]], role: str, text: str) -> None:
    if turns:
        last_role, last_text = turns[-1]
        if last_role == role:
            turns[-1] = (role, f"{last_text}\n\n{text}")
            return
    turns.append((role, text))


def _turn_text(message: Message, names: Mapping[str, str]) -> str:
    """A message as its role's text. `names` are those of the calls, by id."""
    if message.role == "assistant" and message.tool_calls:
        return written(message)
    if message.role == "tool":
        word = "Error" if message.failed else "Result"
        name = names.get(message.call_id or "", "the call")
        return f"{word} of {name}:\n{message.text}"
    return message.text


def grammar(tools: Sequence[ToolSpec]) -> str:
    """An llguidance grammar of exactly one call of one of the tools, in a fence."""
    options = [_call_schema(tool) for tool in tools]
    schema = schema_text({"anyOf": options})
    return f'%llguidance {{}}\nstart: "```json\\n" call "\\n```"\ncall: %json {schema}'


def _call_schema(tool: ToolSpec) -> dict[str, Json]:
    arguments = {"additionalProperties": False, **tool.parameters}
    return {
        "type": "object",
        "properties": {
            "name": {"const": tool.name},
            "arguments": arguments,
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def schema_grammar(schema: Mapping[str, Json]) -> str:
    """An llguidance grammar of JSON of a schema."""
    return f"%llguidance {{}}\nstart: %json {schema_text(schema)}"


def schema_text(schema: Mapping[str, Json]) -> str:
    """A schema whose JSON is written on one line with the usual blanks, the only way the model need know."""
    style = {
        "whitespace_flexible": False,
        "item_separator": ", ",
        "key_separator": ": ",
    }
    styled = {**schema, "x-guidance": style}
    return json.dumps(styled, ensure_ascii=False)
