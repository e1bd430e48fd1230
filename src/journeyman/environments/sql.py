"""A database: the worker reads the schema, can try queries, and submits one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from journeyman.errors import InputError
from journeyman.protocols import Environment, JobPath, OpenEnvironment
from journeyman.store.readonly import QueryError, QueryLimits, ReadOnlyDatabase, Rows, Value
from journeyman.types import CaseInput, Message, Record, ToolCall, ToolSpec

SHOWN_ROWS = 10
SHOWN_AT_THE_END = 3
"""Of the submitted query: for whoever judges the answer, a person or the model itself."""
CHARACTERS_PER_ROW = 150

ARGUMENTS = {
    "type": "object",
    "properties": {"sql": {"type": "string", "description": "one SELECT statement"}},
    "required": ["sql"],
}

TOOLS = (
    ToolSpec(name="query", description="Try a query and see its first rows.", parameters=ARGUMENTS),
    ToolSpec(
        name="submit",
        description="Hand in the query that answers the question.",
        parameters=ARGUMENTS,
        final=True,
    ),
)


class Sql(Record):
    """An SQLite file, read-only and under limits. A case's `data["database"]` takes its place."""

    kind: Literal["sql"] = "sql"
    database: JobPath | None = None
    samples: int = 0
    """Rows of each table shown with the schema."""
    limits: QueryLimits = QueryLimits()

    def __call__(self, case_input: CaseInput) -> Environment:
        path = case_input.data.get("database") or self.database
        if path is None:
            raise InputError(
                "The sql environment has no database.",
                "Name one in job.toml or in the case's data.",
            )
        database = ReadOnlyDatabase(Path(path), self.limits)
        return _Sql(case_input, database, self.samples)


class _Sql:
    tools: Sequence[ToolSpec] = TOOLS

    def __init__(self, case_input: CaseInput, database: ReadOnlyDatabase, samples: int) -> None:
        self.input = case_input
        self.database = database
        self.samples = samples

    async def reset(self) -> Sequence[Message]:
        path = self.database.path
        changed = path.stat().st_mtime_ns
        schema = await asyncio.to_thread(_schema, path, changed, self.samples)
        database = f"SQLite database:\n{schema}"
        return (
            Message(role="system", content=database),
            self.input.message,
        )

    async def step(self, call: ToolCall) -> Message:
        sql = call.arguments.get("sql")
        if not isinstance(sql, str) or not sql.strip():
            return _failed(call, "The argument `sql` is missing.")
        try:
            rows = await asyncio.to_thread(self.database.query, sql)
        except QueryError as error:
            return _failed(call, f"The query failed: {error}.")
        text = table(rows, SHOWN_ROWS)
        if call.name == "submit":
            text = f"accepted\n{table(rows, SHOWN_AT_THE_END)}"
        return Message(role="tool", call_id=call.id, content=text)

    async def reconcile(self, call: ToolCall) -> Message | None:
        return None

    def accepts(self, answer: str) -> bool:
        """A query of tables that this database has."""
        return self.database.understands(answer)

    async def close(self) -> None: ...


@lru_cache(maxsize=64)
def _schema(path: Path, changed: int, samples: int) -> str:
    """Read once per file as it is (`changed`: its time of change)."""
    return ReadOnlyDatabase(path).schema_text(samples=samples)


def _failed(call: ToolCall, why: str) -> Message:
    return Message(role="tool", call_id=call.id, content=why, failed=True)


def table(rows: Rows, shown: int) -> str:
    """The first rows as a compact table; says how many are left out."""
    count = len(rows.rows)
    lines = [" | ".join(rows.columns)]
    for row in rows.rows[:shown]:
        cells = map(cell, row)
        lines.append(" | ".join(cells))
    if count > shown or rows.cut:
        or_more = "+" if rows.cut else ""
        lines.append(f"… more rows, {count}{or_more} in all")
    if not count:
        lines = [lines[0], "(no rows)"]
    text = "\n".join(lines)
    room = CHARACTERS_PER_ROW * shown
    if len(text) <= room:
        return text
    return f"{text[:room]}… (cut)"


def cell(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return str(value)


_: OpenEnvironment = Sql()
