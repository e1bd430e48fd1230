"""Tables: with rules all around, with rules above and below only, and with none but the white between their columns."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from statistics import median

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.pieces import (
    Page,
    PageItem,
    Piece,
    Table,
    Word,
    joined,
    lines_of,
    union,
)

NEAR = 3.0
"""Points within which two rules are taken to meet."""

CELLS_AT_MOST = 4_000

NUMBER = re.compile(
    r"^[(\[]?[-+−–~<>≤≥±$€£¥￥]*\s?\d[\d\s.,:/%‰×x()eE+\-−–]*[A-Za-z%‰*†‡]{0,3}[)\]]?$|^[-–—]+$|^n/?a$",
    re.IGNORECASE,
)

SIGN = re.compile(r"^[$€£¥￥()%\[\]]+$")


def ruled_tables(page: Page) -> tuple[list[Table], list[Piece]]:
    """Tables drawn with rules, and the pieces that stand in none of them."""
    tables: list[Table] = []
    rest = page.pieces
    for across, down in _meeting(page.across, page.down):
        table, rest = _grid(across, down, rest)
        if table is not None:
            tables.append(table)
    for region in _between(page.across):
        inside = [piece for piece in rest if _inside(piece.box, region)]
        found = table_of(inside, ruled=True)
        if found is not None:
            before, table, after = found
            tables.append(table)
            taken = {id(piece) for piece in inside} - {id(piece) for piece in [*before, *after]}
            rest = [piece for piece in rest if id(piece) not in taken]
    return tables, rest


# --- rules all around ------------------------------------------------------------------------------------------


def _meeting(across: Sequence[Box], down: Sequence[Box]) -> list[tuple[list[Box], list[Box]]]:
    """Rules that meet one another, directly or through others; only such as have both kinds."""
    rules = [*across, *down]
    if len(down) < 2 or len(across) < 2 or len(rules) > 2_000:
        return []
    group = list(range(len(rules)))

    def root(n: int) -> int:
        while group[n] != n:
            group[n] = group[group[n]]
            n = group[n]
        return n

    for i, a in enumerate(across):
        for j, d in enumerate(down, start=len(across)):
            if (
                a[0] - NEAR <= d[2]
                and d[0] <= a[2] + NEAR
                and d[1] - NEAR <= a[3]
                and a[1] <= d[3] + NEAR
            ):
                group[root(i)] = root(j)
    found: dict[int, tuple[list[Box], list[Box]]] = {}
    for n, rule in enumerate(rules):
        sides = found.setdefault(root(n), ([], []))
        sides[0 if n < len(across) else 1].append(rule)
    return [(a, d) for a, d in found.values() if len(a) >= 2 and len(d) >= 2]


def _positions(values: Iterable[float]) -> list[float]:
    """Sorted, with those that nearly coincide as one."""
    positions: list[float] = []
    for value in sorted(values):
        if not positions or value - positions[-1] > NEAR:
            positions.append(value)
    return positions


def _grid(
    across: list[Box], down: list[Box], pieces: list[Piece]
) -> tuple[Table | None, list[Piece]]:
    xs = _positions((rule[0] + rule[2]) / 2 for rule in down)
    ys = _positions((rule[1] + rule[3]) / 2 for rule in across)
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 1 or columns < 1 or rows * columns < 2 or rows * columns > CELLS_AT_MOST:
        return None, pieces
    box = (xs[0], ys[0], xs[-1], ys[-1])
    inside = [piece for piece in pieces if _inside(piece.box, box)]
    if not inside or rows * columns > 8 * len(inside) + 8:
        return None, pieces
    words: dict[tuple[int, int], list[Word]] = {}
    for piece in inside:
        for word in piece.words:
            middle = ((word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2)
            words.setdefault((_slot(ys, middle[1]), _slot(xs, middle[0])), []).append(word)
    if len({column for _, column in words}) < 2 and rows < 2:
        return None, pieces
    _spread(words, xs, ys, down)
    cells = [
        [_cell_text(words.get((row, column), [])) for column in range(columns)]
        for row in range(rows)
    ]
    height = median(piece.height for piece in inside)
    return Table(_without_empty(cells), box, height), [
        piece for piece in pieces if not _inside(piece.box, box)
    ]


def _spread(
    words: dict[tuple[int, int], list[Word]], xs: list[float], ys: list[float], down: list[Box]
) -> None:
    """A cell that spans columns (no rule between them): what it says stands in each of them."""
    for row in range(len(ys) - 1):
        middle = (ys[row] + ys[row + 1]) / 2
        column = 0
        while column < len(xs) - 1:
            end = column + 1
            while end < len(xs) - 1 and not _rule_at(xs[end], middle, down):
                end += 1
            spanned = [word for c in range(column, end) for word in words.get((row, c), [])]
            if end - column > 1 and spanned:
                words.update({(row, c): spanned for c in range(column, end)})
            column = end


def _rule_at(x: float, y: float, down: list[Box]) -> bool:
    return any(
        abs((rule[0] + rule[2]) / 2 - x) <= NEAR and rule[1] <= y <= rule[3] for rule in down
    )


def _slot(edges: list[float], value: float) -> int:
    for n in range(len(edges) - 2):
        if value < edges[n + 1]:
            return n
    return len(edges) - 2


def _inside(box: Box, region: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region[0] - NEAR <= x <= region[2] + NEAR and region[1] - NEAR <= y <= region[3] + NEAR


def _cell_text(words: list[Word]) -> str:
    """Words of a cell, line by line."""
    lines = lines_of(
        [Piece(words=[word], box=word.box, height=word.box[3] - word.box[1]) for word in words]
    )
    return joined(piece.text for line in lines for piece in line)


# --- white between the columns ---------------------------------------------------------------------------------


def _between(across: Sequence[Box]) -> list[Box]:
    """Regions from the highest to the lowest of the rules that are equally long and stand above one another."""
    groups: list[list[Box]] = []
    for rule in sorted(across, key=lambda rule: rule[1]):
        for group in groups:
            same = abs(group[-1][0] - rule[0]) < 6 and abs(group[-1][2] - rule[2]) < 6
            if same and rule[2] - rule[0] > 60 and rule[1] - group[-1][1] < 400:
                group.append(rule)
                break
        else:
            groups.append([rule])
    return [
        (g[0][0], g[0][1], g[0][2], g[-1][3])
        for g in groups
        if len(g) >= 2 and g[-1][3] - g[0][1] > 20
    ]


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
    if len(rows) < 2 or (not ruled and len(before) + len(after) > len(rows)):
        return None
    edges = _edges(rows)
    if len(edges) < 2 or len(rows) * len(edges) > CELLS_AT_MOST:
        return None
    if any(len(_spanned(row[0], edges)) < 2 for row in [*before, *after]):
        return None
    cells = _signs_joined(_cells(rows, edges))
    if not _is_table(cells, ruled):
        return None
    inside = [piece for row in rows for piece in row]
    height = median(piece.height for piece in inside)
    gaps = [
        min(p.box[1] for p in b) - max(p.box[3] for p in a) for a, b in itertools.pairwise(rows)
    ]
    spanning = [len(row) == 1 and len(_spanned(row[0], edges)) > 1 for row in rows]
    merged = _wrapped_joined(cells, gaps, height, spanning)
    table = Table(_without_empty(merged), union(piece.box for piece in inside), height)
    return [p for row in before for p in row], table, [p for row in after for p in row]


Rows = list[list[Piece]]


def _trimmed(rows: Rows) -> tuple[Rows, Rows, Rows]:
    """Without the lines of running text above and below: one long piece, across most of the width."""
    box = union(piece.box for row in rows for piece in row)

    def runs(row: list[Piece]) -> bool:
        wide = row[0].box[2] - row[0].box[0] > 0.5 * (box[2] - box[0])
        return len(row) == 1 and len(row[0].text) > 40 and wide

    first, last = 0, len(rows)
    while first < last and runs(rows[first]):
        first += 1
    while last > first and runs(rows[last - 1]):
        last -= 1
    return rows[:first], rows[first:last], rows[last:]


def _cells(rows: Rows, edges: list[tuple[float, float]]) -> list[list[str]]:
    """Row by row. What stands above several columns, before the first full row, is said for each of them."""
    cells = [_row_cells(row, edges) for row in rows]
    width = len(edges)
    full = next((n for n, row in enumerate(cells) if sum(map(bool, row)) >= max(2, 0.6 * width)), 0)
    for n in range(full):
        if not any(cells[n][1:]) or len(rows[n]) >= width - 1:
            continue
        stub, reach = 1 if not cells[n][0] else 0, _reach(rows[n])
        for column in range(stub, width):
            away, text = min(
                (abs(sum(piece.box[::2]) - sum(edges[column])) / 2, piece.text) for piece in rows[n]
            )
            if away <= reach:
                cells[n][column] = text
    for n in range(full, len(rows)):
        if len(rows[n]) == 1 and len(_spanned(rows[n][0], edges)) > 1:
            cells[n] = [rows[n][0].text] + [""] * (width - 1)
    return cells


def _reach(row: list[Piece]) -> float:
    """How far from its middle a name above several columns may stand for them: not over columns that have none."""
    middles = sorted(sum(piece.box[::2]) / 2 for piece in row)
    return 0.7 * min((b - a for a, b in itertools.pairwise(middles)), default=math.inf)


def _edges(rows: list[list[Piece]]) -> list[tuple[float, float]]:
    """Columns as intervals of x: what is left when the white that nearly all rows share is taken away.

    Rows of far fewer pieces than most, such as titles between rows, have no say where others stand.
    """
    usual = median(len(row) for row in rows)
    told = [row for row in rows if len(row) >= 0.4 * usual]
    starts = sorted((piece.box[0], piece.box[2]) for row in told for piece in row)
    allowed = len(told) // 4 if len(told) > 7 else (1 if len(told) > 3 else 0)
    points = sorted([(left, 1) for left, _ in starts] + [(right - 0.5, -1) for _, right in starts])
    edges: list[tuple[float, float]] = []
    depth, begin = 0, None
    for x, step in points:
        depth += step
        if begin is None and depth > allowed:
            begin = x
        elif begin is not None and depth <= allowed:
            edges.append((begin, x))
            begin = None
    if begin is not None:
        edges.append((begin, points[-1][0]))
    return _apart(edges)


def _apart(edges: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Columns nearer than two points are one."""
    merged: list[tuple[float, float]] = []
    for left, right in edges:
        if merged and left - merged[-1][1] < 2.0:
            merged[-1] = (merged[-1][0], right)
        else:
            merged.append((left, right))
    return merged


def _row_cells(row: list[Piece], edges: list[tuple[float, float]]) -> list[str]:
    cells: list[list[str]] = [[] for _ in edges]
    for piece in row:
        spanned = _spanned(piece, edges)
        if len(spanned) < 2:
            cells[_nearest(edges, (piece.box[0] + piece.box[2]) / 2)].append(piece.text)
            continue
        parts = _fallen_apart(piece, edges, spanned) or _parted_flush(piece, edges, spanned)
        for n, told in zip(spanned, parts or [piece.words] * len(spanned), strict=True):
            cells[n] += [word.text for word in told]
    return [joined(texts) for texts in cells]


def _spanned(piece: Piece, edges: list[tuple[float, float]]) -> list[int]:
    """The columns that a piece stands in."""
    return [
        n
        for n, (left, right) in enumerate(edges)
        if min(right, piece.box[2]) - max(left, piece.box[0]) > 1
    ]


def _fallen_apart(
    piece: Piece, edges: list[tuple[float, float]], spanned: list[int]
) -> list[list[Word]] | None:
    """A piece's words by column, if they fall apart at the columns' edges; None: it is one cell that spans them."""
    parts = [
        [word for word in piece.words if _nearest(edges, sum(word.box[::2]) / 2) == n]
        for n in spanned
    ]
    if not all(parts):
        return None
    gaps = [after[0].box[0] - before[-1].box[2] for before, after in itertools.pairwise(parts)]
    apart = min(gaps) > 0.45 * piece.height or all(NUMBER.match(word.text) for word in piece.words)
    return parts if apart else None


def _parted_flush(
    piece: Piece, edges: list[tuple[float, float]], spanned: list[int]
) -> list[list[Word]] | None:
    """A piece's words by column, if after a little more than a space one stands flush with each column but the first.

    A long cell that nearly touches the next: what reaches into the white between them belongs to the first.
    """
    words, starts = piece.words, [0]
    for n in spanned[1:]:
        for k in range(starts[-1] + 1, len(words)):
            flush = min(abs(words[k].box[0] - edges[n][0]), abs(words[k].box[2] - edges[n][1])) < 1
            if flush and words[k].box[0] - words[k - 1].box[2] > 0.33 * piece.height:
                starts.append(k)
                break
        else:
            return None
    return [
        words[first:last] for first, last in zip(starts, [*starts[1:], len(words)], strict=True)
    ]


def _nearest(edges: list[tuple[float, float]], x: float) -> int:
    return min(range(len(edges)), key=lambda n: max(edges[n][0] - x, x - edges[n][1], 0.0))


def _signs_joined(cells: list[list[str]]) -> list[list[str]]:
    """A column of currency signs or brackets goes to its neighbour."""
    column = 0
    while column < len(cells[0]) and len(cells[0]) > 2:
        signs = [row[column] for row in cells if SIGN.match(row[column])]
        closing = sum(text[0] in ")%]" for text in signs) > 0.5 * len(signs)
        into = column - 1 if closing else column + 1
        if signs and 0 < into < len(cells[0]) and _goes_into(cells, column, into):
            for row in cells:
                first, second = sorted((column, into))
                row[first] = row[first] if row[first] == row[second] else row[first] + row[second]
                del row[second]
        else:
            column += 1
    return cells


def _goes_into(cells: list[list[str]], column: int, into: int) -> bool:
    """Whether two columns never both say something, but for a sign and what it belongs to."""
    return all(
        not row[column] or not row[into] or SIGN.match(row[column]) or row[column] == row[into]
        for row in cells
    )


def _is_table(cells: list[list[str]], ruled: bool) -> bool:
    width, filled = len(cells[0]), [text for row in cells for text in row if text]
    if width < 2 or not filled:
        return False
    several = sum(sum(bool(text) for text in row) >= 2 for row in cells)
    lengths = sum(map(len, filled)) / len(filled)
    numbers = sum(bool(NUMBER.match(text)) for text in filled) / len(filled)
    if ruled:
        return several >= 0.5 * len(cells) and lengths <= 60
    if len(cells) < 3 or several < 0.6 * len(cells):
        return False
    if width == 2:
        return numbers >= 0.35 and lengths <= 30
    return (
        lengths <= 30
        and (numbers >= 0.2 or lengths <= 18)
        and len(filled) >= 0.5 * width * len(cells)
    )


def _wrapped_joined(
    cells: list[list[str]], gaps: list[float], height: float, spanning: list[bool]
) -> list[list[str]]:
    """A line whose first cell is empty and that brings no number goes on with the cells above, if it stands close."""
    merged: list[list[str]] = [list(cells[0])]
    for row, gap, spans in zip(cells[1:], gaps, spanning[1:], strict=True):
        before = merged[-1]
        close = not row[0] and before[0] and gap < 0.25 * height and not spans
        words = not any(NUMBER.match(text) for text in row if text)
        if close and words and all(before[n] for n, text in enumerate(row) if text):
            merged[-1] = [
                joined(part for part in (a, b) if part) for a, b in zip(before, row, strict=True)
            ]
        else:
            merged.append(list(row))
    return merged


def _without_empty(cells: list[list[str]]) -> list[list[str]]:
    rows = [row for row in cells if any(row)]
    keep = [n for n in range(len(rows[0])) if any(row[n] for row in rows)] if rows else []
    return [[row[n] for n in keep] for row in rows]


def header_of(cells: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The column names: the first row, if it is words above cells that are not all words, or simply all filled."""
    if len(cells) < 2 or len(cells[0]) < 2:
        return ()
    first = cells[0]
    words = [text for text in first if text]
    if len(words) < max(1, len(first) - 1) or any(
        NUMBER.match(text) and not _is_year(text) for text in words
    ):
        return ()
    return tuple(first)


def _is_year(text: str) -> bool:
    return re.fullmatch(r"(1[89]|20)\d\d", text) is not None
