"""A database to ask: the worker sees the schema, can try queries, and submits one."""

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
        return _Sql(case_input, ReadOnlyDatabase(Path(path), self.limits), self.samples)


class _Sql:
    tools: Sequence[ToolSpec] = TOOLS

    def __init__(self, case_input: CaseInput, database: ReadOnlyDatabase, samples: int) -> None:
        self.input = case_input
        self.database = database
        self.samples = samples

    async def reset(self) -> Sequence[Message]:
        path = self.database.path
        schema = await asyncio.to_thread(_schema, path, path.stat().st_mtime_ns, self.samples)
        return (
            Message(role="system", content=f"SQLite database:\n{schema}"),
            self.input.message,
        )

    async def step(self, call: ToolCall) -> Message:
        sql = call.arguments.get("sql")
        if not isinstance(sql, str) or not sql.strip():
            return Message(
                role="tool", call_id=call.id, content="The argument `sql` is missing.", failed=True
            )
        try:
            rows = await asyncio.to_thread(self.database.query, sql)
        except QueryError as error:
            return Message(
                role="tool", call_id=call.id, content=f"The query failed: {error}.", failed=True
            )
        text = (
            f"accepted\n{table(rows, SHOWN_AT_THE_END)}"
            if call.name == "submit"
            else table(rows, SHOWN_ROWS)
        )
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


def table(rows: Rows, shown: int) -> str:
    """The first rows as a compact table; says how many are left out."""
    lines = [" | ".join(rows.columns)] + [" | ".join(map(cell, row)) for row in rows.rows[:shown]]
    more = len(rows.rows) - shown
    if more > 0 or rows.cut:
        lines.append(f"… more rows, {len(rows.rows)}{'+' if rows.cut else ''} in all")
    text = "\n".join(lines) if rows.rows else f"{lines[0]}\n(no rows)"
    room = CHARACTERS_PER_ROW * shown
    return text if len(text) <= room else f"{text[:room]}… (cut)"


def cell(value: Value) -> str:
    if value is None:
        return "NULL"
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


_: OpenEnvironment = Sql()
