"""Typed answers: the model gets a type's schema, and its answer is validated against it."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from journeyman.types import Json, Sampling

T = TypeVar("T")

OUTPUT_TOKENS = 1_024
"""That a typed answer may take."""


class OutputType(Generic[T]):
    """One type of answers. For plain `str` every text is one."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self.is_text = kind is str
        self.adapter: TypeAdapter[T] = TypeAdapter(kind)

    @property
    def schema(self) -> dict[str, Json]:
        """With every object closed, as engines want it."""
        return dict(_closed(self.adapter.json_schema()))

    def sampling(self, *, tools: bool) -> Sampling:
        """Where there are tools, a reply may also be a call, so that no schema binds it."""
        if self.is_text:
            return Sampling()
        return Sampling(max_tokens=OUTPUT_TOKENS, json_schema=None if tools else self.schema)

    def instructions(self, given: str) -> str:
        """What the worker is told, with the schema of its answers."""
        if self.is_text:
            return given
        told = f"Answer with JSON alone, by this JSON schema:\n{json.dumps(self.schema, ensure_ascii=False)}"
        return f"{given}\n\n{told}" if given else told

    def read(self, answer: str | None) -> T | None:
        """The answer as a value. None: there is none, or it is of another type."""
        if answer is None:
            return None
        if self.is_text:
            return answer  # type: ignore[return-value]
        try:
            return self.adapter.validate_json(_bare(answer))
        except ValidationError:
            return None

    def why_refused(self, answer: str) -> str | None:
        """What is wrong with an answer, for the model. None: nothing is."""
        try:
            self.adapter.validate_json(_bare(answer))
        except ValidationError as error:
            return "; ".join(_said(one) for one in error.errors()[:5])
        return None

    def written(self, value: T | str) -> str:
        """A value as an answer stands in the journal."""
        if isinstance(value, str):
            return value
        return self.adapter.dump_json(value).decode("utf-8")


def output_type(kind: type[T]) -> OutputType[T]:
    """The same for all workers of a process: what pydantic builds for a type is not small."""
    if kind not in _known:
        _known[kind] = OutputType(kind)
    return cast("OutputType[T]", _known[kind])


_known: dict[Any, OutputType[Any]] = {}


def _bare(answer: str) -> str:
    """Without the fence that some models put around JSON."""
    text = answer.strip()
    if not text.startswith("```") or not text.endswith("```"):
        return text
    return text[3:-3].removeprefix("json").strip()


def _said(error: Any) -> str:
    place = ".".join(map(str, error["loc"])) or "the whole"
    return f"{place}: {error['msg']}"


def _closed(schema: Any) -> Any:
    """The schema with no room for fields that it does not name."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
