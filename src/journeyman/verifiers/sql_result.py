"""Answers that are a query: correct if its result equals that of a reference query."""

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
        database = ReadOnlyDatabase(Path(path), LIMITS)
        return await asyncio.to_thread(self._compare, database, case, trajectory.answer)

    def _compare(self, database: ReadOnlyDatabase, case: Case, answer: str | None) -> Score:
        name = self.name
        if answer is None:
            return judged(name, False, "no answer")
        try:
            got = database.query(answer)
        except QueryError as error:
            return judged(name, False, f"the query fails: {error}")
        target = case.target
        ordered = isinstance(target, dict) and bool(target.get("ordered"))
        problems: list[str] = []
        is_comparable = False
        for sql in _queries(case):
            try:
                wanted = database.query(sql)
            except QueryError as error:
                problems.append(f"a reference query fails: {error}")
                continue
            is_comparable = True
            if equal(got, wanted, ordered=ordered):
                return judged(name, True, f"{len(got.rows)} rows as wanted")
            problems.append(f"{_size(got)} is not {_size(wanted)} as wanted")
        if not is_comparable:
            return unjudged(name, problems[0])
        each_once = dict.fromkeys(problems)
        return judged(name, False, "; ".join(each_once))

    def reference(self, case: Case) -> str | None:
        queries = _queries(case)
        return queries[0] if queries else None


def _size(rows: Rows) -> str:
    return f"{len(rows.rows)}×{len(rows.columns)}"


def _queries(case: Case) -> list[str]:
    target = case.target
    if isinstance(target, dict):
        target = target.get("sql")
    if isinstance(target, str):
        return [target]
    if not isinstance(target, list):
        return []
    return [sql for sql in target if isinstance(sql, str)]


def equal(got: Rows, wanted: Rows, *, ordered: bool) -> bool:
    """Whether two results are the same under the rules of `SqlResult`."""
    if _size(got) != _size(wanted):
        return False
    if got.cut != wanted.cut:
        return False
    if ordered:
        return all(map(same_row, got.rows, wanted.rows))
    got_rough = Counter(map(rough, got.rows))
    wanted_rough = Counter(map(rough, wanted.rows))
    if got_rough == wanted_rough:
        return True
    got_sorted = sorted(got.rows, key=sortable)
    wanted_sorted = sorted(wanted.rows, key=sortable)
    return all(map(same_row, got_sorted, wanted_sorted))


def same_row(got: Row, wanted: Row) -> bool:
    return all(map(same_value, got, wanted))


def same_value(got: Value, wanted: Value) -> bool:
    if isinstance(got, int | float) and isinstance(wanted, int | float):
        return isclose(got, wanted, rel_tol=1e-6, abs_tol=1e-9)
    if type(got) is not type(wanted):
        return False
    return got == wanted


def rough(row: Row) -> Row:
    """Numbers to nine significant digits, so that equal results mostly count as equal at once."""
    return tuple(map(_rough_value, row))


def _rough_value(value: Value) -> Value:
    if isinstance(value, int | float):
        return float(f"{value:.9g}")
    return value


Sortable = tuple[int, float, str]


def sortable(row: Row) -> tuple[Sortable, ...]:
    """NULL, then numbers by value, then texts, then bytes; numbers to five digits, so that near ones keep together."""
    values = map(_sortable_value, row)
    return tuple(values)


def _sortable_value(value: Value) -> Sortable:
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, int | float):
        rough_number = float(f"{value:.5g}")
        return 1, rough_number, ""
    if isinstance(value, str):
        return 2, 0.0, value
    return 3, 0.0, value.hex()
