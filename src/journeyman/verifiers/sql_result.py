"""Answers that are a query: right when its result is that of a reference query."""

from __future__ import annotations

import asyncio
from collections import Counter
from math import isclose
from pathlib import Path
from typing import Literal

from journeyman.errors import VerifierError
from journeyman.protocols import JobPath
from journeyman.store.readonly import QueryError, QueryLimits, ReadOnlyDatabase, Rows, Value
from journeyman.types import Case, Record, Score, Trajectory
from journeyman.verifiers.text import NO_TARGET, judged, unjudged

LIMITS = QueryLimits(rows=5_000, characters=4_000_000, seconds=10)

Row = tuple[Value, ...]


class SqlResult(Record):
    """The target is `{"sql": QUERY or [QUERIES], "ordered": false}`: the answer must give what any of them gives.

    Rows count as a multiset, unless `ordered`; columns by position, names don't count; NULL equals NULL; numbers within
    1e-6 relative, 3 = 3.0; texts exactly. A reference that fails leaves the case unjudged: no fault of the worker.
    """

    kind: Literal["sql_result"] = "sql_result"
    name: str = "sql_result"
    database: JobPath | None = None

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        references = _queries(case)
        if not references:
            return unjudged(self.name, NO_TARGET)
        path = case.data.get("database") or self.database
        if path is None:
            raise VerifierError(
                "The sql_result verifier has no database.",
                "Name one in job.toml or the case's data.",
            )
        return await asyncio.to_thread(
            self._compare, ReadOnlyDatabase(Path(path), LIMITS), case, trajectory.answer
        )

    def _compare(self, database: ReadOnlyDatabase, case: Case, answer: str | None) -> Score:
        if answer is None:
            return judged(self.name, False, "no answer")
        ordered = isinstance(case.target, dict) and bool(case.target.get("ordered"))
        try:
            got = database.query(answer)
        except QueryError as error:
            return judged(self.name, False, f"the query fails: {error}")
        problems: list[str] = []
        for sql in _queries(case):
            try:
                wanted = database.query(sql)
            except QueryError as error:
                problems.append(f"a reference query fails: {error}")
                continue
            if equal(got, wanted, ordered=ordered):
                return judged(self.name, True, f"{len(got.rows)} rows as wanted")
            problems.append(
                f"{len(got.rows)}×{len(got.columns)} is not {len(wanted.rows)}×{len(wanted.columns)} as wanted"
            )
        if all(problem.startswith("a reference") for problem in problems):
            return unjudged(self.name, problems[0])
        return judged(self.name, False, "; ".join(dict.fromkeys(problems)))

    def reference(self, case: Case) -> str | None:
        queries = _queries(case)
        return queries[0] if queries else None


def _queries(case: Case) -> list[str]:
    target = case.target.get("sql") if isinstance(case.target, dict) else case.target
    if isinstance(target, str):
        return [target]
    return [sql for sql in target if isinstance(sql, str)] if isinstance(target, list) else []


def equal(got: Rows, wanted: Rows, *, ordered: bool) -> bool:
    """Whether two results are the same under the rules of `SqlResult`."""
    if (
        len(got.rows) != len(wanted.rows)
        or got.cut != wanted.cut
        or len(got.columns) != len(wanted.columns)
    ):
        return False
    if ordered:
        return all(map(same_row, got.rows, wanted.rows))
    if Counter(map(rough, got.rows)) == Counter(map(rough, wanted.rows)):
        return True
    return all(map(same_row, sorted(got.rows, key=sortable), sorted(wanted.rows, key=sortable)))


def same_row(got: Row, wanted: Row) -> bool:
    return all(map(same_value, got, wanted))


def same_value(got: Value, wanted: Value) -> bool:
    if isinstance(got, int | float) and isinstance(wanted, int | float):
        return isclose(got, wanted, rel_tol=1e-6, abs_tol=1e-9)
    return type(got) is type(wanted) and got == wanted


def rough(row: Row) -> Row:
    """Numbers to nine significant digits, so that equal results mostly count as equal at once."""
    return tuple(
        float(f"{value:.9g}") if isinstance(value, int | float) else value for value in row
    )


def sortable(row: Row) -> tuple[tuple[int, float, str], ...]:
    """NULL, then numbers by value, then texts, then bytes; numbers to five digits, so that near ones keep together."""
    return tuple(
        (0, 0.0, "")
        if value is None
        else (1, float(f"{value:.5g}"), "")
        if isinstance(value, int | float)
        else (2, 0.0, value)
        if isinstance(value, str)
        else (3, 0.0, value.hex())
        for value in row
    )
