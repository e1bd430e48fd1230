"""Function calling: the case offers functions, and the calls themselves are the answer. None is carried out.

Cases come in the form of the Berkeley Function Calling Leaderboard: `data["functions"]` is a list of
`{"name", "description", "parameters"}`, whose types may be Python's ("dict", "float", "tuple").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from journeyman.errors import InputError
from journeyman.protocols import Environment, OpenEnvironment
from journeyman.types import CaseInput, Json, Message, Record, ToolCall, ToolSpec

TYPES = {
    "dict": "object",
    "float": "number",
    "tuple": "array",
    "any": None,
    "String": "string",
    "long": "integer",
}
"""Names that are not JSON schema's, and what they mean; None: anything."""


SCHEMAS_INSIDE = {"items", "additionalProperties"}
LEFT_OUT = {"default", "optional"}


class Functions(Record):
    """All calls are final. Saying in words that no function fits is an answer too."""

    kind: Literal["functions"] = "functions"

    def __call__(self, case_input: CaseInput) -> Environment:
        return _Functions(case_input)


class _Functions:
    def __init__(self, case_input: CaseInput) -> None:
        self.input = case_input
        functions = case_input.data.get("functions")
        if not isinstance(functions, list) or not functions:
            raise InputError(
                f"Case {case_input.id!r} offers no functions.",
                "Put them into data.functions, as a list.",
            )
        self.tools: Sequence[ToolSpec] = tuple(map(_spec, functions))

    async def reset(self) -> Sequence[Message]:
        return (self.input.message,)

    async def step(self, call: ToolCall) -> Message:
        return Message(role="tool", call_id=call.id, content="noted")

    async def reconcile(self, call: ToolCall) -> Message | None:
        return None

    def accepts(self, answer: str) -> bool:
        return True

    async def close(self) -> None: ...


def _spec(function: Mapping[str, Json]) -> ToolSpec:
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return ToolSpec(
        name=function["name"],
        description=function.get("description", ""),
        parameters=json_schema(parameters),
        effect="pure",
        final=True,
    )


def json_schema(schema: Mapping[str, Json]) -> dict[str, Json]:
    """The schema with JSON schema's own type names, all the way down."""
    clean: dict[str, Json] = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, str):
            name = TYPES.get(value, value)
            if name is not None:
                clean[key] = name
        elif key == "properties" and isinstance(value, dict):
            clean[key] = {name: json_schema(inner) for name, inner in value.items()}
        elif key in SCHEMAS_INSIDE and isinstance(value, dict):
            clean[key] = json_schema(value)
        elif key not in LEFT_OUT:
            clean[key] = value
    return clean


_: OpenEnvironment = Functions()
