"""Tables: with rules all around, with rules above and below only, and without rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.boxes import height, width
from journeyman.knowledge.parse.pdf.cells import (
    CELLS_AT_MOST,
    Cells,
    Span,
    cells_of,
    columns_of,
    count_filled,
    is_number,
    spans_columns,
    without_empty,
)
from journeyman.knowledge.parse.pdf.pieces import (
    Line,
    Page,
    PageItem,
    Piece,
    Table,
    joined,
    lines_of,
    union,
)
from journeyman.knowledge.parse.pdf.ruled import grid_tables, is_inside


def ruled_tables(page: Page) -> tuple[list[Table], list[Piece]]:
    """Tables drawn with rules, and the pieces that stand in none of them."""
    tables, rest = grid_tables(page)
    for region in _regions_between(page.across):
        inside = [piece for piece in rest if is_inside(piece.box, region)]
        found = table_of(inside, ruled=True)
        if found is None:
            continue
        before, table, after = found
        tables.append(table)
        outside = _ids([*before, *after])
        taken = _ids(inside) - outside
        rest = [piece for piece in rest if id(piece) not in taken]
    return tables, rest


def _ids(pieces: list[Piece]) -> set[int]:
    return {id(piece) for piece in pieces}


# --- rules above and below -------------------------------------------------------------------------------------


def _regions_between(across: Sequence[Box]) -> list[Box]:
    """Regions from the highest to the lowest of the rules that are equally long and stand above one another."""
    groups: list[list[Box]] = []
    for rule in sorted(across, key=_top):
        group = _group_above(rule, groups)
        if group is None:
            groups.append([rule])
        else:
            group.append(rule)
    regions: list[Box] = []
    for group in groups:
        if len(group) < 2:
            continue
        region = _region(group)
        if height(region) > 20:
            regions.append(region)
    return regions


def _top(rule: Box) -> float:
    return rule[1]


def _group_above(rule: Box, groups: list[list[Box]]) -> list[Box] | None:
    """The first group whose lowest rule is as long as this one and not far above it. None: there is none."""
    left, top, right, _ = rule
    length = right - left
    if not length > 60:
        return None
    for group in groups:
        lowest = group[-1]
        other_left, other_top, other_right, _ = lowest
        if not abs(other_left - left) < 6:
            continue
        if not abs(other_right - right) < 6:
            continue
        if top - other_top < 400:
            return group
    return None


def _region(rules: list[Box]) -> Box:
    left, top, right, _ = rules[0]
    bottom = rules[-1][3]
    return (left, top, right, bottom)


# --- white between the columns ---------------------------------------------------------------------------------


def table_of(
    items: Sequence[PageItem], *, ruled: bool = False
) -> tuple[list[Piece], Table, list[Piece]] | None:
    """The pieces as a table, if they stand in rows and columns as cells do, with what stands above and below it.

    `ruled`: rules above and below say that it is one.
    """
    pieces = [item for item in items if isinstance(item, Piece)]
    if len(pieces) < len(items) or len(pieces) < 4:
        return None
    before, rows, after = _trimmed(lines_of(pieces))
    around = [*before, *after]
    if len(rows) < 2 or (not ruled and len(around) > len(rows)):
        return None
    columns = columns_of(rows)
    if len(columns) < 2 or len(rows) * len(columns) > CELLS_AT_MOST:
        return None
    if not all(spans_columns(line, columns) for line in around):
        return None
    cells = cells_of(rows, columns)
    if not _is_table(cells, ruled):
        return None
    table = _table(rows, columns, cells)
    return _flat(before), table, _flat(after)


def _flat(lines: list[Line]) -> list[Piece]:
    pieces: list[Piece] = []
    for line in lines:
        pieces += line
    return pieces


def _trimmed(rows: list[Line]) -> tuple[list[Line], list[Line], list[Line]]:
    """The lines of running text above, the rows between, and the lines of running text below."""
    box = union(piece.box for piece in _flat(rows))
    whole = width(box)
    first = 0
    last = len(rows)
    while first < last and _is_running_text(rows[first], whole):
        first += 1
    while last > first and _is_running_text(rows[last - 1], whole):
        last -= 1
    before = rows[:first]
    after = rows[last:]
    return before, rows[first:last], after


def _is_running_text(row: Line, whole: float) -> bool:
    """Whether a row is one long piece across most of the width."""
    piece = row[0]
    if len(row) != 1 or len(piece.text) <= 40:
        return False
    return piece.width > 0.5 * whole


def _is_table(cells: Cells, ruled: bool) -> bool:
    """Whether enough cells of enough rows say something, and something short."""
    columns = len(cells[0])
    filled = [text for row in cells for text in row if text]
    if columns < 2 or not filled:
        return False
    length = sum(map(len, filled)) / len(filled)
    rows = len(cells)
    rows_with_several = sum(count_filled(row) >= 2 for row in cells)
    if ruled:
        return rows_with_several >= 0.5 * rows and length <= 60
    if rows < 3 or rows_with_several < 0.6 * rows or length > 30:
        return False
    numbers = sum(map(is_number, filled)) / len(filled)
    if columns == 2:
        return numbers >= 0.35
    says_data = numbers >= 0.2 or length <= 18
    return says_data and len(filled) >= 0.5 * columns * rows


def _table(rows: list[Line], columns: list[Span], cells: Cells) -> Table:
    """The cells as a table, with cells whole again that go on in the next line."""
    pieces = _flat(rows)
    line_height = median(piece.height for piece in pieces)
    close = 0.25 * line_height
    first = list(cells[0])
    merged: Cells = [first]
    for n in range(1, len(rows)):
        row = rows[n]
        texts = list(cells[n])
        above = merged[-1]
        gap = _gap(rows[n - 1], row)
        wrapped = gap < close and not spans_columns(row, columns)
        if wrapped and _goes_on(above, texts):
            merged[-1] = _joined_texts(above, texts)
        else:
            merged.append(texts)
    filled = without_empty(merged)
    box = union(piece.box for piece in pieces)
    return Table(filled, box, line_height)


def _gap(above: Line, below: Line) -> float:
    bottom = max(piece.bottom for piece in above)
    top = min(piece.top for piece in below)
    return top - bottom


def _goes_on(before: list[str], texts: list[str]) -> bool:
    """Whether a row's first cell is empty and its others, none a number, have text above them to go on with."""
    if texts[0] or not before[0]:
        return False
    if any(is_number(text) for text in texts if text):
        return False
    return all(before[n] for n, text in enumerate(texts) if text)


def _joined_texts(before: list[str], texts: list[str]) -> list[str]:
    merged: list[str] = []
    for parts in zip(before, texts, strict=True):
        filled = [part for part in parts if part]
        merged.append(joined(filled))
    return merged


def header_of(cells: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The column names: the first row, if it is words above cells that are not all words, or simply all filled."""
    if len(cells) < 2 or len(cells[0]) < 2:
        return ()
    first = cells[0]
    names = [text for text in first if text]
    fewest = max(1, len(first) - 1)
    if len(names) < fewest:
        return ()
    for name in names:
        if is_number(name) and not _is_year(name):
            return ()
    return tuple(first)


def _is_year(text: str) -> bool:
    return re.fullmatch(r"(1[89]|20)\d\d", text) is not None
