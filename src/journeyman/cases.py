"""Reading cases from files: JSONL with the fields of `Case`, or CSV with a header of the same names."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from journeyman.errors import InputError
from journeyman.types import Case, Json

MAX_CASE_BYTES = 8_000_000
"""A longer row is a mistake, not a case."""


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file, one at a time, in its order. A case without an id is named by its line, `line-12`.

    Raises InputError naming file and line for whatever can't be read.
    """
    suffix = path.suffix.lower()
    if suffix not in {".jsonl", ".csv"}:
        raise InputError(f"{path} is neither .jsonl nor .csv.", "Give cases as JSONL or CSV.")
    rows_of = _csv_rows if suffix == ".csv" else _jsonl_rows
    try:
        for line, row in rows_of(path):
            where = f"{path}, line {line}"
            yield _case(row, where, line)
    except FileNotFoundError:
        raise InputError(f"There is no case file {str(path)!r}.", "Correct its name.") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8: {error.reason} at byte {error.start}.", "Save it as UTF-8."
        ) from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", "Check the file.") from None


def _jsonl_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Json]]]:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        line = 0
        while text := file.readline(MAX_CASE_BYTES):
            line += 1
            if len(text) == MAX_CASE_BYTES and not text.endswith("\n"):
                raise _too_long(path, line)
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (json.JSONDecodeError, RecursionError) as error:
                raise InputError(
                    f"{path}, line {line}: not JSON: {error}.", "One JSON object a line."
                ) from None
            if not isinstance(row, dict):
                raise InputError(
                    f"{path}, line {line}: not an object: {text[:60]!r}.", "One JSON object a line."
                )
            yield line, row


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Json]]]:
    """Empty cells are unknown; `target` and `data` may hold JSON objects or lists."""
    csv.field_size_limit(MAX_CASE_BYTES)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                line = reader.line_num
                if None in row:
                    hint = "Quote cells that hold commas."
                    raise InputError(
                        f"{path}, line {line}: more cells than the header names.", hint
                    )
                known = {key: _cell(value) for key, value in row.items() if value}
                yield line, known
        except csv.Error as error:
            problem = str(error)
            if "field limit" in problem:
                raise _too_long(path, reader.line_num) from None
            raise InputError(
                f"{path}, line {reader.line_num}: {problem}.", "Correct the quoting there."
            ) from None


def _cell(value: str) -> Json:
    if value[0] in "{[":
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _too_long(path: Path, line: int) -> InputError:
    hint = "Put large material into files and name those in `data`."
    return InputError(f"{path}, line {line}: longer than {MAX_CASE_BYTES:,} characters.", hint)


def _case(row: Mapping[str, Json], where: str, line: int) -> Case:
    named = {"id": f"line-{line}", **row}
    try:
        return Case.model_validate(named)
    except ValidationError as error:
        first = error.errors()[0]
        place = map(str, first["loc"])
        field = ".".join(place)
        if first["type"] == "extra_forbidden":
            fields = ", ".join(Case.model_fields)
            raise InputError(
                f"{where}: unknown field {field!r}.", f"A case has: {fields}"
            ) from None
        raise InputError(
            f"{where}: {field!r}: {first['msg']}.", "docs/reference/cases.md has the format."
        ) from None
