"""Tables without rules: columns by the white space between them, and the text of each cell."""

from __future__ import annotations

import itertools
import math
import re
from statistics import median

from journeyman.knowledge.parse.pdf.pieces import Line, Piece, Word, joined

CELLS_AT_MOST = 4_000

NUMBER = re.compile(
    r"^[(\[]?[-+−–~<>≤≥±$€£¥￥]*\s?\d[\d\s.,:/%‰×x()eE+\-−–]*[A-Za-z%‰*†‡]{0,3}[)\]]?$|^[-–—]+$|^n/?a$",
    re.IGNORECASE,
)

SIGN = re.compile(r"^[$€£¥￥()%\[\]]+$")

Span = tuple[float, float]
"""From where to where a column reaches across the page."""

Parts = list[list[Word]]
"""The words of one piece by the column that they stand in."""

Cells = list[list[str]]
"""Texts by row, each row with one for every column."""


def is_number(text: str) -> bool:
    """Whether it is a number with its signs and unit, or stands for a missing one."""
    return NUMBER.match(text) is not None


def without_empty(cells: Cells) -> Cells:
    """Without the rows and columns that say nothing."""
    rows = [row for row in cells if any(row)]
    if not rows:
        return []
    says = [any(column) for column in zip(*rows, strict=True)]
    return [list(itertools.compress(row, says)) for row in rows]


# --- columns ---------------------------------------------------------------------------------------------------


def columns_of(rows: list[Line]) -> list[Span]:
    """Columns by what is left when the white that nearly all rows share is taken away.

    Rows of far fewer pieces than most, such as titles between rows, have no say where others stand.
    """
    usual = median(len(row) for row in rows)
    deciding = [row for row in rows if len(row) >= 0.4 * usual]
    ignored = _rows_to_ignore(len(deciding))
    pieces: list[Piece] = []
    for row in deciding:
        pieces += row
    spans = _covered(pieces, ignored)
    return _far_apart(spans)


def _rows_to_ignore(rows: int) -> int:
    """How many rows may reach into the white between two columns."""
    if rows > 7:
        return rows // 4
    return 1 if rows > 3 else 0


def _covered(pieces: list[Piece], ignored: int) -> list[Span]:
    """Where more than so many pieces stand above one another."""
    spans: list[Span] = []
    depth = 0
    begin: float | None = None
    x = 0.0
    for x, step in _begins_and_ends(pieces):
        depth += step
        covered = depth > ignored
        if covered and begin is None:
            begin = x
        elif begin is not None and not covered:
            spans.append((begin, x))
            begin = None
    if begin is not None:
        spans.append((begin, x))
    return spans


def _begins_and_ends(pieces: list[Piece]) -> list[tuple[float, int]]:
    """From the left: where a piece begins (1) and where one ends (-1)."""
    points: list[tuple[float, int]] = []
    for piece in pieces:
        points.append((piece.left, 1))
        points.append((piece.right - 0.5, -1))
    return sorted(points)


def _far_apart(spans: list[Span]) -> list[Span]:
    """Columns nearer than two points are one."""
    apart: list[Span] = []
    begin = -math.inf
    end = -math.inf
    for left, right in spans:
        if left - end < 2.0:
            apart.pop()
        else:
            begin = left
        end = right
        apart.append((begin, end))
    return apart


def spanned_columns(piece: Piece, columns: list[Span]) -> list[int]:
    """The columns that a piece stands in."""
    spanned: list[int] = []
    for n, (left, right) in enumerate(columns):
        shared = min(right, piece.right) - max(left, piece.left)
        if shared > 1:
            spanned.append(n)
    return spanned


def spans_columns(row: Line, columns: list[Span]) -> bool:
    """Whether a row is one piece that stands in several columns."""
    if len(row) != 1:
        return False
    spanned = spanned_columns(row[0], columns)
    return len(spanned) > 1


def _nearest(columns: list[Span], x: float) -> int:
    distances: list[float] = []
    for left, right in columns:
        away = max(left - x, x - right, 0.0)
        distances.append(away)
    return distances.index(min(distances))


# --- cells -----------------------------------------------------------------------------------------------------


def cells_of(rows: list[Line], columns: list[Span]) -> Cells:
    """Row by row. A name above several columns, before the first full row, is repeated for each of them."""
    width = len(columns)
    cells = [_row_cells(row, columns) for row in rows]
    body = _first_full_row(cells, width)
    for n, row in enumerate(rows):
        texts = cells[n]
        if n >= body:
            if spans_columns(row, columns):
                cells[n] = _title_row(row[0].text, width)
        elif any(texts[1:]) and len(row) < width - 1:
            _spread_names(texts, row, columns)
    return _signs_joined(cells)


def _title_row(title: str, width: int) -> list[str]:
    empty = [""] * (width - 1)
    return [title, *empty]


def _first_full_row(cells: Cells, width: int) -> int:
    """The first row with text in most of its cells; 0 where there is none."""
    least = max(2, 0.6 * width)
    for n, row in enumerate(cells):
        if count_filled(row) >= least:
            return n
    return 0


def count_filled(row: list[str]) -> int:
    """How many cells of a row say something."""
    return sum(bool(text) for text in row)


def _spread_names(texts: list[str], row: Line, columns: list[Span]) -> None:
    """Fill in for each column the name nearest to its middle, if that is near enough; not over a blank first cell."""
    reach = _reach(row)
    first = 0 if texts[0] else 1
    for n in range(first, len(columns)):
        away, text = min(_distances(row, columns[n]))
        if away <= reach:
            texts[n] = text


def _distances(row: Line, column: Span) -> list[tuple[float, str]]:
    """How far the middle of each piece is from a column's middle, with the piece's text."""
    twice_middle = sum(column)
    distances: list[tuple[float, str]] = []
    for piece in row:
        away = abs(piece.left + piece.right - twice_middle) / 2
        distances.append((away, piece.text))
    return distances


def _reach(row: Line) -> float:
    """How far from its middle a name above several columns may stand for them: not over columns that have none."""
    middles = sorted(piece.middle_x for piece in row)
    steps: list[float] = []
    for before, after in itertools.pairwise(middles):
        steps.append(after - before)
    return 0.7 * min(steps, default=math.inf)


def _row_cells(row: Line, columns: list[Span]) -> list[str]:
    cells: list[list[str]] = [[] for _ in columns]
    for piece in row:
        spanned = spanned_columns(piece, columns)
        if len(spanned) < 2:
            nearest = _nearest(columns, piece.middle_x)
            cells[nearest].append(piece.text)
            continue
        parts = _parts(piece, columns, spanned)
        for n, words in zip(spanned, parts, strict=True):
            texts = [word.text for word in words]
            cells[n] += texts
    return [joined(texts) for texts in cells]


def _parts(piece: Piece, columns: list[Span], spanned: list[int]) -> Parts:
    """A piece's words by column; all of them for each where the piece is one cell that spans its columns."""
    parts = _fallen_apart(piece, columns, spanned)
    if parts is None:
        parts = _parted_flush(piece, columns, spanned)
    if parts is None:
        return [piece.words] * len(spanned)
    return parts


def _fallen_apart(piece: Piece, columns: list[Span], spanned: list[int]) -> Parts | None:
    """A piece's words by column, if they fall apart at the columns' edges; None: it is one cell that spans them."""
    parts = _words_by_column(piece, columns, spanned)
    if not all(parts):
        return None
    wide_enough = 0.45 * piece.height
    if _narrowest_gap(parts) > wide_enough:
        return parts
    for word in piece.words:
        if not is_number(word.text):
            return None
    return parts


def _words_by_column(piece: Piece, columns: list[Span], spanned: list[int]) -> Parts:
    """A piece's words by the column that is nearest, for each of the columns that the piece spans."""
    by_column: dict[int, list[Word]] = {n: [] for n in spanned}
    for word in piece.words:
        nearest = _nearest(columns, word.middle_x)
        if nearest in by_column:
            words = by_column[nearest]
            words.append(word)
    return list(by_column.values())


def _narrowest_gap(parts: Parts) -> float:
    gaps: list[float] = []
    for before, after in itertools.pairwise(parts):
        gap = after[0].left - before[-1].right
        gaps.append(gap)
    return min(gaps)


def _parted_flush(piece: Piece, columns: list[Span], spanned: list[int]) -> Parts | None:
    """A piece's words by column, if after a little more than a space one stands flush with each column but the first.

    A long cell that nearly touches the next: what reaches into the white between them belongs to the first.
    """
    words = piece.words
    parts: Parts = []
    begin = 0
    for n in spanned[1:]:
        column = columns[n]
        end = _flush_word(piece, begin + 1, column)
        if end is None:
            return None
        part = words[begin:end]
        parts.append(part)
        begin = end
    last = words[begin:]
    parts.append(last)
    return parts


def _flush_word(piece: Piece, first: int, column: Span) -> int | None:
    """The first word from `first` on that stands flush with a column, by its index."""
    wide_enough = 0.33 * piece.height
    words = piece.words
    end = len(words)
    for n in range(first, end):
        word = words[n]
        before = words[n - 1]
        gap = word.left - before.right
        if not gap > wide_enough:
            continue
        if _is_flush(word, column):
            return n
    return None


def _is_flush(word: Word, column: Span) -> bool:
    """Whether a word begins where a column does, or ends where it does."""
    left, right = column
    off = min(abs(word.left - left), abs(word.right - right))
    return off < 1


# --- columns of signs ------------------------------------------------------------------------------------------


def _signs_joined(cells: Cells) -> Cells:
    """A column of currency signs or brackets goes to its neighbour."""
    column = 0
    while column < len(cells[0]) and len(cells[0]) > 2:
        neighbour = _neighbour_of_signs(cells, column)
        if neighbour is None:
            column += 1
        else:
            first, second = sorted((column, neighbour))
            _join_columns(cells, first, second)
    return cells


def _neighbour_of_signs(cells: Cells, column: int) -> int | None:
    """The column that a column of signs belongs with. None: it is no such column."""
    texts = [row[column] for row in cells]
    signs = list(filter(SIGN.match, texts))
    if not signs:
        return None
    neighbour = column + 1
    if _close_brackets(signs):
        neighbour = column - 1
    if not 0 < neighbour < len(cells[0]):
        return None
    for row in cells:
        if not _may_join(row[column], row[neighbour]):
            return None
    return neighbour


def _close_brackets(signs: list[str]) -> bool:
    """Whether most of them belong to what stands before them."""
    firsts = [sign[0] for sign in signs]
    closing = sum(first in ")%]" for first in firsts)
    return closing > 0.5 * len(signs)


def _may_join(text: str, neighbour: str) -> bool:
    """Whether at most one of two cells says something, or the first is a sign or the same."""
    if not text or not neighbour or text == neighbour:
        return True
    return SIGN.match(text) is not None


def _join_columns(cells: Cells, first: int, second: int) -> None:
    for row in cells:
        if row[first] != row[second]:
            row[first] += row[second]
        del row[second]
