"""Tables as such: CSV in any dialect, JSON and JSONL records; and the table blocks that other readers share."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from journeyman.documents import Block
from journeyman.knowledge.parse.pdf.tables import header_of
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken
from journeyman.knowledge.parse.text.decoding import text_of

ROWS_A_BLOCK = 200
CELL_CHARACTERS = 20_000

DEPTH_AT_MOST = 100
"""Of JSON within JSON."""


def table_block(
    rows: Sequence[Sequence[str]], columns: tuple[str, ...] | None = None
) -> Block | None:
    """One table; None where every cell is empty. `columns`: those of the block before, where it goes on."""
    width = max((len(row) for row in rows), default=0)
    cells = [tuple(" ".join(cell.split())[:CELL_CHARACTERS] for cell in row) for row in rows]
    cells = [row + ("",) * (width - len(row)) for row in cells if any(row)]
    filled = [n for n in range(width) if any(row[n] for row in cells)]
    if not cells or not filled:
        return None
    if columns is None:
        cells = [tuple(row[n] for n in filled) for row in cells]
        columns = header_of(cells)
    return Block(
        kind="table",
        text="\n".join(" | ".join(row) for row in cells),
        cells=tuple(cells),
        columns=columns,
    )


def table_blocks(rows: Iterable[Sequence[str]]) -> Iterator[Block]:
    """A long table as several blocks, each knowing the columns' names. An empty row ends a table."""
    for full, group in itertools.groupby(rows, key=lambda row: any(cell.strip() for cell in row)):
        if not full:
            continue
        columns: tuple[str, ...] | None = None
        while part := list(itertools.islice(group, ROWS_A_BLOCK)):
            block = table_block(part, columns)
            if block is not None:
                columns = block.columns
                yield block


def read(source: FileToRead) -> Iterator[ParsedPage]:
    text = text_of(source.data())
    if source.kind == "csv":
        blocks = table_blocks(_csv_rows(source, text))
    elif source.kind == "jsonl":
        blocks = _record_blocks(_json_lines(source, text))
    else:
        blocks = _json_blocks(source, text)
    yield from (ParsedPage(blocks=(block,)) for block in blocks)
    if source.kind == "jsonl":
        yield from _bad_lines(text)


def _csv_rows(source: FileToRead, text: str) -> Iterator[list[str]]:
    csv.field_size_limit(10 << 20)
    sample = "\n".join(text.splitlines()[:50])
    try:
        dialect: Any = csv.Sniffer().sniff(sample, delimiters=",;\t|，")
    except csv.Error:
        dialect = "excel-tab" if source.path.suffix.lower() == ".tsv" else "excel"
    try:
        for row in csv.reader(text.splitlines(keepends=True), dialect):
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise broken(source, str(error), "Correct its quotes and separators.") from None


# --- JSON ------------------------------------------------------------------------------------------------------


def _json_lines(source: FileToRead, text: str) -> Iterator[Any]:
    good = False
    for line in text.splitlines():
        if line.strip() and (record := _loaded(line)) is not None:
            good = True
            yield record[0]
    if not good:
        raise broken(source, "no line of it is JSON", "Give one JSON object a line.")


def _loaded(line: str) -> tuple[Any] | None:
    try:
        return (json.loads(line),)
    except (ValueError, RecursionError):
        return None


def _bad_lines(text: str) -> Iterator[ParsedPage]:
    bad = [
        n
        for n, line in enumerate(text.splitlines(), start=1)
        if line.strip() and _loaded(line) is None
    ]
    if bad:
        shown = ", ".join(map(str, bad[:10])) + (" …" if len(bad) > 10 else "")
        yield ParsedPage(
            notes=(f"Without the lines that are no JSON, {len(bad):,} in all: {shown}.",),
            missing=True,
        )


def _json_blocks(source: FileToRead, text: str) -> Iterator[Block]:
    try:
        whole = json.loads(text)
    except RecursionError:
        raise broken(source, "it is nested too deep", "Flatten it.") from None
    except ValueError as error:
        raise broken(source, str(error), "Correct its syntax.") from None
    if isinstance(whole, list):
        yield from _record_blocks(iter(whole))
    elif isinstance(whole, dict):
        for key, value in whole.items():
            if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
                yield Block(kind="heading", text=str(key), level=1)
                yield from _record_blocks(iter(value))
            else:
                yield Block(
                    kind="paragraph",
                    text="\n".join(_lines(value, str(key), DEPTH_AT_MOST)),
                    name=str(key),
                )
    else:
        yield Block(kind="paragraph", text=str(whole))


def _record_blocks(records: Iterator[Any]) -> Iterator[Block]:
    """Flat and alike: tables. Otherwise each record by itself."""
    while part := list(itertools.islice(records, ROWS_A_BLOCK)):
        if len(part) > 1 and all(_is_flat(record) for record in part):
            columns = list(dict.fromkeys(str(key) for record in part for key in record))
            rows = [columns, *([_value(record.get(key, "")) for key in columns] for record in part)]
            block = table_block(rows)
            yield from (
                [block.model_copy(update={"columns": block.cells[0]})] if block is not None else []
            )
        else:
            for record in part:
                lines = "\n".join(_lines(record, "", DEPTH_AT_MOST))
                yield Block(kind="paragraph", text=lines)


def _is_flat(record: Any) -> bool:
    return isinstance(record, Mapping) and all(
        not isinstance(value, Mapping | list) and len(str(value)) < 200 for value in record.values()
    )


def _lines(value: Any, path: str, depth: int) -> Iterator[str]:
    """`path: value` for each leaf."""
    if isinstance(value, Mapping) and depth > 0:
        for key, inner in value.items():
            yield from _lines(inner, f"{path}.{key}" if path else str(key), depth - 1)
    elif isinstance(value, list) and depth > 0:
        plain = all(not isinstance(inner, Mapping | list) for inner in value)
        if plain:
            yield f"{path}: {', '.join(map(_value, value))}"
        else:
            for n, inner in enumerate(value):
                yield from _lines(inner, f"{path}[{n}]", depth - 1)
    else:
        yield f"{path}: {_value(value)}" if path else _value(value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    return (
        json.dumps(value, ensure_ascii=False)
        if not isinstance(value, Mapping | list)
        else str(value)[:CELL_CHARACTERS]
    )
