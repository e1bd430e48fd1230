"""Workbooks: each sheet is a page, read row by row as tables. Values are the last computed ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from functools import partial
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from journeyman.documents import Block
from journeyman.knowledge.parse.office.archives import guarded
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, Sheets, damaged_part
from journeyman.knowledge.parse.text.tabular import table_blocks

ROWS_AT_MOST = 200_000
COLUMNS_AT_MOST = 500
"""Of one sheet."""

EMPTY_IN_A_ROW = 200
"""So many empty rows end a sheet: many sheets say that they have a million."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    notes = guarded(source)
    try:
        book = openpyxl.load_workbook(
            source.path,
            read_only=True,
            data_only=True,
            keep_links=False,
        )
    except (KeyError, ValueError, SyntaxError, TypeError, InvalidFileException) as error:
        raise damaged_part(source, error) from None
    try:
        count = len(book.sheetnames)
        if notes:
            yield ParsedPage(pages=count, notes=notes)
        for number, name in enumerate(book.sheetnames, start=1):
            sheet = book[name]
            if hasattr(sheet, "iter_rows") and number >= source.first:
                yield from _sheet(sheet, number, count)
    finally:
        book.close()


def _sheet(sheet: Any, number: int, count: int) -> Sheets:
    heading = Block(kind="heading", text=sheet.title, level=1, page=number)
    here = partial(ParsedPage, page=number, pages=count)
    notes: tuple[str, ...] = ()
    if sheet.sheet_state != "visible":
        notes = (f"The sheet {sheet.title!r} is hidden.",)
    yield here(blocks=(heading,), notes=notes)
    sheet.reset_dimensions()
    cut: list[str] = []
    for block in table_blocks(_rows(sheet, cut)):
        placed = block.model_copy(update={"page": number})
        yield here(blocks=(placed,))
    if cut:
        each_once = tuple(dict.fromkeys(cut))
        yield here(notes=each_once, missing=True)


def _rows(sheet: Any, cut: list[str]) -> Iterator[list[str]]:
    """The cells as text. What is left out is noted in `cut`."""
    empty = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True)):
        left_out = row[COLUMNS_AT_MOST:]
        if any(value is not None for value in left_out):
            cut.append(_only_the_first(sheet, f"{COLUMNS_AT_MOST:,} columns"))
        cells = [text_of_value(value) for value in row[:COLUMNS_AT_MOST]]
        empty = 0 if any(cells) else empty + 1
        if empty >= EMPTY_IN_A_ROW:
            return
        if number >= ROWS_AT_MOST:
            cut.append(_only_the_first(sheet, f"{ROWS_AT_MOST:,} rows"))
            return
        yield cells


def _only_the_first(sheet: Any, parts: str) -> str:
    return f"Of the sheet {sheet.title!r} only the first {parts} are read."


def text_of_value(value: Any) -> str:
    """A cell's value as it would be written: whole numbers without a point, times in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime) and value.time() != time(0):
        return value.isoformat(" ", "seconds")
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date | time):
        return value.isoformat()
    return " ".join(str(value).split())
