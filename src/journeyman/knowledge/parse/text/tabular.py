"""Tables: CSV in any dialect, JSON and JSONL records, and the table blocks of other readers."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from journeyman.documents import Block
from journeyman.knowledge.parse.pdf.tables import header_of
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, Sheets, broken
from journeyman.knowledge.parse.text.decoding import text_of

Blocks = Iterator[Block]

ROWS_A_BLOCK = 200
CELL_CHARACTERS = 20_000

DEPTH_AT_MOST = 100
"""Of JSON within JSON."""


def table_block(
    rows: Sequence[Sequence[str]], columns: tuple[str, ...] | None = None
) -> Block | None:
    """One table; None where every cell is empty. `columns`: those of the block before, where it goes on."""
    width = max((len(row) for row in rows), default=0)
    stripped = [_on_one_line_each(row) for row in rows]
    cells = [row + ("",) * (width - len(row)) for row in stripped if any(row)]
    filled = [n for n in range(width) if any(row[n] for row in cells)]
    if not filled:
        return None
    if columns is None:
        cells = [tuple(row[n] for n in filled) for row in cells]
        columns = header_of(cells)
    lines = [" | ".join(row) for row in cells]
    return Block(
        kind="table",
        text="\n".join(lines),
        cells=tuple(cells),
        columns=columns,
    )


def _on_one_line_each(row: Sequence[str]) -> tuple[str, ...]:
    cells: list[str] = []
    for cell in row:
        words = cell.split()
        text = " ".join(words)
        cells.append(text[:CELL_CHARACTERS])
    return tuple(cells)


def table_blocks(rows: Iterable[Sequence[str]]) -> Blocks:
    """A long table as several blocks, each knowing the columns' names. An empty row ends a table."""
    groups = itertools.groupby(rows, key=_has_text)
    for has_text, group in groups:
        if not has_text:
            continue
        columns: tuple[str, ...] | None = None
        while part := list(itertools.islice(group, ROWS_A_BLOCK)):
            block = table_block(part, columns)
            if block is None:
                continue
            columns = block.columns
            yield block


def _has_text(row: Sequence[str]) -> bool:
    return any(cell.strip() for cell in row)


def read(source: FileToRead) -> Iterator[ParsedPage]:
    text = text_of(source.data())
    if source.kind == "csv":
        blocks = table_blocks(_csv_rows(source, text))
    elif source.kind == "jsonl":
        blocks = _record_blocks(_json_lines(source, text))
    else:
        blocks = _json_blocks(source, text)
    for block in blocks:
        yield ParsedPage(blocks=(block,))
    if source.kind == "jsonl":
        yield from _bad_lines(text)


def _csv_rows(source: FileToRead, text: str) -> Iterator[list[str]]:
    csv.field_size_limit(10 << 20)
    lines = text.splitlines(keepends=True)
    dialect = _dialect(source, text)
    try:
        for row in csv.reader(lines, dialect):
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise broken(source, str(error), "Correct its quotes and separators.") from None


def _dialect(source: FileToRead, text: str) -> Any:
    """By the first lines; where they do not tell, by the file's name."""
    lines = text.splitlines()
    sample = "\n".join(lines[:50])
    sniffer = csv.Sniffer()
    try:
        return sniffer.sniff(sample, delimiters=",;\t|，")
    except csv.Error:
        is_tsv = source.path.suffix.lower() == ".tsv"
        return "excel-tab" if is_tsv else "excel"


# --- JSON ------------------------------------------------------------------------------------------------------


def _json_lines(source: FileToRead, text: str) -> Iterator[Any]:
    is_empty = True
    for line in text.splitlines():
        record = _loaded(line)
        if record is not None:
            is_empty = False
            yield record[0]
    if is_empty:
        raise broken(source, "no line of it is JSON", "Give one JSON object a line.")


def _loaded(line: str) -> tuple[Any] | None:
    try:
        return (json.loads(line),)
    except (ValueError, RecursionError):
        return None


def _bad_lines(text: str) -> Sheets:
    bad: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        is_empty = not line.strip()
        if not is_empty and _loaded(line) is None:
            bad.append(str(number))
    if not bad:
        return
    shown = ", ".join(bad[:10])
    if len(bad) > 10:
        shown += " …"
    note = f"Without the lines that are no JSON, {len(bad):,} in all: {shown}."
    yield ParsedPage(notes=(note,), missing=True)


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
            yield from _member_blocks(str(key), value)
    else:
        yield Block(kind="paragraph", text=str(whole))


def _member_blocks(name: str, value: Any) -> Iterator[Block]:
    """A member of an object: a list of records under a heading, or lines."""
    if _is_list_of_records(value):
        yield Block(kind="heading", text=name, level=1)
        yield from _record_blocks(iter(value))
    else:
        lines = _lines(value, name, DEPTH_AT_MOST)
        yield Block(kind="paragraph", text="\n".join(lines), name=name)


def _is_list_of_records(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(record, dict) for record in value)


def _record_blocks(records: Iterator[Any]) -> Iterator[Block]:
    """Flat and alike: tables. Otherwise each record by itself."""
    while part := list(itertools.islice(records, ROWS_A_BLOCK)):
        if len(part) > 1 and all(map(_is_flat, part)):
            yield from _record_table(part)
            continue
        for record in part:
            lines = _lines(record, "", DEPTH_AT_MOST)
            yield Block(kind="paragraph", text="\n".join(lines))


def _record_table(records: Sequence[Mapping[Any, Any]]) -> Blocks:
    """A column for each name that some record has."""
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(map(str, record)))
    columns = list(names)
    rows = [columns]
    for record in records:
        row = [_value(record.get(name, "")) for name in columns]
        rows.append(row)
    block = table_block(rows)
    if block is not None:
        first = block.cells[0]
        yield block.model_copy(update={"columns": first})


def _is_flat(record: Any) -> bool:
    if not isinstance(record, Mapping):
        return False
    return all(map(_is_short, record.values()))


def _is_short(value: Any) -> bool:
    if isinstance(value, Mapping | list):
        return False
    return len(str(value)) < 200


def _lines(value: Any, path: str, depth: int) -> Iterator[str]:
    """`path: value` for each leaf."""
    if isinstance(value, Mapping) and depth > 0:
        for key, inner in value.items():
            inner_path = f"{path}.{key}" if path else str(key)
            yield from _lines(inner, inner_path, depth - 1)
    elif isinstance(value, list) and depth > 0:
        if any(isinstance(inner, Mapping | list) for inner in value):
            for number, inner in enumerate(value):
                yield from _lines(inner, f"{path}[{number}]", depth - 1)
        else:
            values = ", ".join(map(_value, value))
            yield f"{path}: {values}"
    elif path:
        yield f"{path}: {_value(value)}"
    else:
        yield _value(value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list):
        return str(value)[:CELL_CHARACTERS]
    return json.dumps(value, ensure_ascii=False)
