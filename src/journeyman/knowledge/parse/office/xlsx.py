"""Workbooks: each sheet a page, its rows as tables, read row by row. Values are those that were last computed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from journeyman.documents import Block
from journeyman.knowledge.parse.office.archives import guarded
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken
from journeyman.knowledge.parse.text.tabular import table_blocks

ROWS_AT_MOST = 200_000
COLUMNS_AT_MOST = 500
"""Of one sheet."""

EMPTY_IN_A_ROW = 200
"""So many empty rows end a sheet: many sheets say that they have a million."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    notes = guarded(source)
    try:
        book = openpyxl.load_workbook(source.path, read_only=True, data_only=True, keep_links=False)
    except (KeyError, ValueError, SyntaxError, TypeError, InvalidFileException) as error:
        raise broken(source, f"a part is missing or damaged ({str(error)[:120]})") from None
    try:
        count = len(book.sheetnames)
        if notes:
            yield ParsedPage(pages=count, notes=notes)
        for number, name in enumerate(book.sheetnames, start=1):
            sheet = book[name]
            if not hasattr(sheet, "iter_rows") or number < source.first:
                continue
            yield from _sheet(sheet, number, count)
    finally:
        book.close()


def _sheet(sheet: Any, number: int, count: int) -> Iterator[ParsedPage]:
    heading = Block(kind="heading", text=sheet.title, level=1, page=number)
    notes = (f"The sheet {sheet.title!r} is hidden.",) if sheet.sheet_state != "visible" else ()
    sheet.reset_dimensions()
    cut: list[str] = []
    yield ParsedPage(blocks=(heading,), page=number, pages=count, notes=notes)
    for block in table_blocks(_rows(sheet, cut)):
        yield ParsedPage(
            blocks=(block.model_copy(update={"page": number}),), page=number, pages=count
        )
    if cut:
        yield ParsedPage(page=number, pages=count, notes=tuple(dict.fromkeys(cut)), missing=True)


def _rows(sheet: Any, cut: list[str]) -> Iterator[list[str]]:
    empty = 0
    for told, row in enumerate(sheet.iter_rows(values_only=True)):
        if len(row) > COLUMNS_AT_MOST and any(value is not None for value in row[COLUMNS_AT_MOST:]):
            cut.append(
                f"Of the sheet {sheet.title!r} only the first {COLUMNS_AT_MOST:,} columns are read."
            )
        cells = [text_of_value(value) for value in row[:COLUMNS_AT_MOST]]
        empty = 0 if any(cells) else empty + 1
        if empty >= EMPTY_IN_A_ROW:
            return
        if told >= ROWS_AT_MOST:
            cut.append(
                f"Of the sheet {sheet.title!r} only the first {ROWS_AT_MOST:,} rows are read."
            )
            return
        yield cells


def text_of_value(value: Any) -> str:
    """A cell's value as it would be written: whole numbers without a point, times in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        whole = value.time() == time(0)
        return value.date().isoformat() if whole else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return " ".join(str(value).split())
