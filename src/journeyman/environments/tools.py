"""Plain typed Python functions as tools: the model sees signature and docstring.

    @effect("once")
    def refund(order: str, amount: float) -> str:
        '''Pay money back.

        Args:
            order: The order's number.
            amount: In euros.
        '''

A function may give a `ToolResult`: what the model reads, and details that the program keeps.

A function whose first parameter is a `RunContext` is given the case there; the model does not see that parameter.
A function with a parameter named `key` is given the call's id there, the same after a crash; the model does not see it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    create_model,
)

from journeyman.errors import InputError, boundary
from journeyman.protocols import Environment, JobFolder
from journeyman.types import (
    CaseInput,
    Data,
    Effect,
    Failure,
    Message,
    Part,
    Record,
    Text,
    ToolCall,
    ToolSpec,
)

RESULT_CHARACTERS = 8_000
"""A longer result is cut, and says so."""

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


@dataclass(frozen=True)
class RunContext:
    """The case that a tool is called for."""

    case_id: str
    prompt: str
    data: Mapping[str, Any]
    """The case's own data, which the model is not shown."""
    user: str | None
    """Whom the case is worked for: `data["user"]`. None: nobody in particular."""
    workspace: Path | None
    """Where files may be kept. None: the job was made without one."""


class ToolResult(Record):
    """What a function gives that has more to say than a value."""

    content: str | Part | tuple[Part, ...]
    """What the model reads."""
    details: Mapping[str, JsonValue] | None = None
    """What the program keeps; no model is sent it."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content as parts, long texts cut."""
        given = self.content
        if isinstance(given, str):
            given = Text(text=given)
        if not isinstance(given, tuple):
            given = (given,)
        return tuple(map(_cut, given))


def _cut(part: Part) -> Part:
    """Passages and blobs are never cut: half a passage could not be cited."""
    if not isinstance(part, Text | Data):
        return part
    text = part.rendered
    cut = as_text(text)
    return part if cut == text else Text(text=cut)


def tool(function: F) -> F:
    """Check a function where it is defined, instead of at its first case. Any typed function is a tool without it.

    Raises InputError for a parameter without a type.
    """
    spec_of(function, arguments_of(function))
    return function


def effect(kind: Effect) -> Callable[[F], F]:
    """Say what a function does to the world; one that says nothing is `pure`."""

    def mark(function: F) -> F:
        vars(function)["journeyman_effect"] = kind
        return function

    return mark


def final(function: F) -> F:
    """A successful call of this function hands in the answer."""
    vars(function)["journeyman_final"] = True
    return function


def reconciled_by(ask: Function) -> Callable[[F], F]:
    """Mark a function `reconcilable`: after a crash `ask` gives its result for equal arguments, or None: not done."""

    def mark(function: F) -> F:
        vars(function)["journeyman_effect"] = "reconcilable"
        vars(function)["journeyman_reconcile"] = ask
        return function

    return mark


def _member(value: str | Function, info: ValidationInfo) -> Function:
    if callable(value):
        return value
    if isinstance(info.context, JobFolder):
        found: object = info.context.member(value)
        if callable(found):
            return found
    raise InputError(f"{value!r} is no function.", "Name functions that job.py defines.")


class Tools(Record):
    """Functions that the worker may call. Without a final one, its text is the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    kind: Literal["tools"] = "tools"
    functions: tuple[Annotated[Function, BeforeValidator(_member)], ...]
    _workspace: Path | None = PrivateAttr(None)
    """What a `RunContext` names as the place for files."""

    def within(self, workspace: Path) -> Self:
        """The same tools, with a place for files."""
        placed = self.model_copy()
        placed._workspace = workspace
        return placed

    def identity(self) -> tuple[Function, ...]:
        """The functions; where files are kept changes no answer."""
        return self.functions

    def __call__(self, case_input: CaseInput) -> Environment:
        return _Tools(case_input, self.functions, self._workspace)


class _Tools:
    def __init__(
        self, case_input: CaseInput, functions: Sequence[Function], workspace: Path | None
    ) -> None:
        self.input = case_input
        self.workspace = workspace
        self.functions = {function.__name__: function for function in functions}
        self.models = {name: arguments_of(function) for name, function in self.functions.items()}
        self.tools: Sequence[ToolSpec] = tuple(
            spec_of(f, self.models[name]) for name, f in self.functions.items()
        )

    async def reset(self) -> Sequence[Message]:
        return (self.input.message,)

    async def step(self, call: ToolCall) -> Message:
        return await self._run(self.functions[call.name], call)

    async def reconcile(self, call: ToolCall) -> Message | None:
        ask = getattr(self.functions[call.name], "journeyman_reconcile", None)
        if ask is None:
            return None
        answer = await self._run(ask, call)
        return None if answer.text == "null" else answer

    async def _run(self, function: Function, call: ToolCall) -> Message:
        """The tool's result; its failure is an answer that names it."""
        try:
            given = self.models[call.name].model_validate(dict(call.arguments))
        except ValidationError as error:
            return _failed(call, f"Wrong arguments: {_listed(error)}")
        arguments = {name: getattr(given, name) for name in type(given).model_fields}
        if "key" in inspect.signature(function).parameters:
            arguments["key"] = call.id
        if (context := context_parameter(function)) is not None:
            arguments[context] = self._context()
        with boundary(call.name) as outcome:
            if inspect.iscoroutinefunction(function):
                value = await function(**arguments)
            else:
                value = await asyncio.to_thread(function, **arguments)
        if outcome.failure is not None:
            return failed_result(call, outcome.failure)
        told = value if isinstance(value, ToolResult) else ToolResult(content=_said(value))
        return Message(role="tool", call_id=call.id, content=told.parts, details=told.details)

    def _context(self) -> RunContext:
        user = self.input.data.get("user")
        return RunContext(
            case_id=self.input.id,
            prompt=self.input.prompt,
            data=self.input.data,
            user=None if user is None else str(user),
            workspace=self.workspace,
        )

    def accepts(self, answer: str) -> bool:
        return True

    async def close(self) -> None: ...


def failed_result(call: ToolCall, failure: Failure) -> Message:
    """What the model reads of a tool that failed; the traceback is kept beside it, for the program only."""
    details = None if failure.traceback is None else {"traceback": failure.traceback}
    return Message(
        role="tool", call_id=call.id, content=failure.message, failed=True, details=details
    )


def traceback_of(result: Message) -> str | None:
    """Where in the code a tool failed. None: it did not, or not through a fault."""
    if not result.failed or result.details is None:
        return None
    told = result.details.get("traceback")
    return told if isinstance(told, str) else None


def context_parameter(function: Function) -> str | None:
    """The name of a function's first parameter, if that is a `RunContext`. None: it is not."""
    first = next(iter(inspect.signature(function).parameters), None)
    if first is None or get_type_hints(function).get(first) is not RunContext:
        return None
    return first


def _failed(call: ToolCall, why: str) -> Message:
    return Message(role="tool", call_id=call.id, content=why, failed=True)


def _listed(error: ValidationError) -> str:
    """Each argument that is wrong, with what is wrong."""
    problems: list[str] = []
    for problem in error.errors():
        place = ".".join(map(str, problem["loc"]))
        problems.append(f"{place or 'arguments'}: {problem['msg']}")
    return "; ".join(problems)


@lru_cache(maxsize=1_024)
def arguments_of(function: Function) -> type[BaseModel]:
    """A model of the function's arguments, with what the docstring says of each.

    Raises InputError for a parameter without a type, or *args.
    """
    hints = get_type_hints(function, include_extras=True)
    _, told = described(inspect.getdoc(function) or "")
    fields: dict[str, Any] = {}
    hidden = {"key", context_parameter(function)}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in hidden:
            continue
        if name not in hints or parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise InputError(
                f"Parameter {name!r} of {function.__name__!r} has no type.",
                "Give each parameter a type.",
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints[name], Field(default, description=told.get(name)))
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)


@lru_cache(maxsize=1_024)
def spec_of(function: Function, arguments: type[BaseModel]) -> ToolSpec:
    """What the model sees of a function."""
    schema = _without_titles(arguments.model_json_schema())
    return ToolSpec(
        name=function.__name__,
        description=described(inspect.getdoc(function) or "")[0] or function.__name__,
        parameters={"properties": {}, **schema},
        effect=getattr(function, "journeyman_effect", "pure"),
        final=getattr(function, "journeyman_final", False),
    )


def _without_titles(schema: Any) -> Any:
    """Pydantic's titles say nothing that the names don't, and cost tokens."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _without_titles(inner) for name, inner in value.items()}
        if key == "properties"
        else _without_titles(value)
        for key, value in schema.items()
        if key != "title" or isinstance(value, dict)
    }


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """The text before `Args:`, and what is said of each argument there (Google's style)."""
    head, _, rest = docstring.partition("\nArgs:\n")
    arguments: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        if found := re.match(r"^ {1,8}(\w+)(?: \([^)]*\))?: (.*)$", line):
            name = found.group(1)
            arguments[name] = found.group(2).strip()
        elif name and line.strip():
            arguments[name] += " " + line.strip()
    return " ".join(head.split()), arguments


def as_text(value: Any) -> str:
    """Text as it is, anything else as JSON, cut where it is too long; Chinese stays readable."""
    text = _said(value)
    if len(text) <= RESULT_CHARACTERS:
        return text
    return f"{text[:RESULT_CHARACTERS]}… (cut: {len(text):,} characters)"


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, ensure_ascii=False, default=str)
