"""Tables with rules all around their cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.boxes import height, middle_x, middle_y
from journeyman.knowledge.parse.pdf.cells import CELLS_AT_MOST, Cells, without_empty
from journeyman.knowledge.parse.pdf.pieces import Page, Piece, Table, Word, joined, lines_of

NEAR = 3.0
"""Points within which two rules are taken to meet."""

RULES_AT_MOST = 2_000
"""Of one page: with more, none are taken for a table's."""

Rules = tuple[list[Box], list[Box]]
"""Horizontal and vertical rules that meet."""

Words = dict[tuple[int, int], list[Word]]
"""The words of each cell, by row and column."""


@dataclass(frozen=True)
class RuledGrid:
    """Where the rules of a table stand."""

    xs: list[float]
    """Of the vertical rules, from the left: one more than there are columns."""
    ys: list[float]
    """Of the horizontal rules, from the top: one more than there are rows."""
    down: list[Box]
    """The vertical rules."""

    @property
    def rows(self) -> int:
        return len(self.ys) - 1

    @property
    def columns(self) -> int:
        return len(self.xs) - 1

    @property
    def box(self) -> Box:
        left = self.xs[0]
        top = self.ys[0]
        right = self.xs[-1]
        bottom = self.ys[-1]
        return (left, top, right, bottom)

    @property
    def cells(self) -> int:
        """How many there are."""
        return self.rows * self.columns


def grid_tables(page: Page) -> tuple[list[Table], list[Piece]]:
    """Tables with rules all around their cells, and the pieces that stand in none of them."""
    tables: list[Table] = []
    rest = page.pieces
    for across, down in _meeting(page.across, page.down):
        grid = _grid(across, down)
        if grid is None:
            continue
        table = _table(grid, rest)
        if table is None:
            continue
        tables.append(table)
        box = grid.box
        rest = [piece for piece in rest if not is_inside(piece.box, box)]
    return tables, rest


def is_inside(box: Box, region: Box) -> bool:
    """Whether a box's middle lies in a region or hardly outside it."""
    left, top, right, bottom = region
    x = middle_x(box)
    if not left - NEAR <= x <= right + NEAR:
        return False
    y = middle_y(box)
    return top - NEAR <= y <= bottom + NEAR


# --- rules that meet -------------------------------------------------------------------------------------------


def _meeting(across: list[Box], down: list[Box]) -> list[Rules]:
    """Rules that meet one another, directly or through others: groups with at least two of each direction."""
    if len(across) < 2 or len(down) < 2:
        return []
    if len(across) + len(down) > RULES_AT_MOST:
        return []
    parents = _parents(across, down)
    groups: dict[int, Rules] = {}
    for n, rule in enumerate([*across, *down]):
        root = _root(parents, n)
        horizontal, vertical = groups.setdefault(root, ([], []))
        if n < len(across):
            horizontal.append(rule)
        else:
            vertical.append(rule)
    return [group for group in groups.values() if _has_two_each_way(group)]


def _has_two_each_way(rules: Rules) -> bool:
    across, down = rules
    return len(across) >= 2 and len(down) >= 2


def _parents(across: list[Box], down: list[Box]) -> list[int]:
    """A forest of rules: for each rule one that it belongs with; those that meet have the same root."""
    rules = len(across) + len(down)
    parents = list(range(rules))
    for n, rule in enumerate(across):
        for crossed in _crossed(rule, down):
            root = _root(parents, n)
            other = len(across) + crossed
            parents[root] = _root(parents, other)
    return parents


def _root(parents: list[int], n: int) -> int:
    while parents[n] != n:
        grandparent = parents[parents[n]]
        parents[n] = grandparent
        n = grandparent
    return n


def _crossed(rule: Box, down: list[Box]) -> list[int]:
    """The vertical rules that a horizontal one meets, by their index."""
    left, top, right, bottom = rule
    left -= NEAR
    right += NEAR
    crossed: list[int] = []
    for n, other in enumerate(down):
        begin, upper, end, lower = other
        if not left <= end:
            continue
        if not begin <= right:
            continue
        if not upper - NEAR <= bottom:
            continue
        if top <= lower + NEAR:
            crossed.append(n)
    return crossed


# --- from rules to cells ---------------------------------------------------------------------------------------


def _grid(across: list[Box], down: list[Box]) -> RuledGrid | None:
    """The grid that rules draw. None: it has fewer than two cells, or too many."""
    xs = _positions(middle_x(rule) for rule in down)
    ys = _positions(middle_y(rule) for rule in across)
    grid = RuledGrid(xs, ys, down)
    if grid.rows < 1 or grid.columns < 1:
        return None
    if not 2 <= grid.cells <= CELLS_AT_MOST:
        return None
    return grid


def _positions(values: Iterable[float]) -> list[float]:
    """Sorted, with those that nearly coincide as one."""
    positions: list[float] = []
    for value in sorted(values):
        if not positions or value - positions[-1] > NEAR:
            positions.append(value)
    return positions


def _table(grid: RuledGrid, pieces: list[Piece]) -> Table | None:
    """What stands in the grid. None: too little for a table."""
    box = grid.box
    inside = [piece for piece in pieces if is_inside(piece.box, box)]
    most_cells = 8 * len(inside) + 8
    if not inside or grid.cells > most_cells:
        return None
    words = _words_by_cell(grid, inside)
    if grid.rows < 2 and _is_one_column(words):
        return None
    _spread(words, grid)
    cells: Cells = []
    for row in range(grid.rows):
        texts = _row_texts(words, row, grid.columns)
        cells.append(texts)
    line_height = median(piece.height for piece in inside)
    return Table(without_empty(cells), box, line_height)


def _is_one_column(words: Words) -> bool:
    columns = {column for _, column in words}
    return len(columns) < 2


def _words_by_cell(grid: RuledGrid, pieces: list[Piece]) -> Words:
    words_by_cell: Words = {}
    xs = grid.xs
    ys = grid.ys
    for piece in pieces:
        for word in piece.words:
            x = word.middle_x
            y = middle_y(word.box)
            row = _slot(ys, y)
            column = _slot(xs, x)
            cell = (row, column)
            words = words_by_cell.setdefault(cell, [])
            words.append(word)
    return words_by_cell


def _slot(edges: list[float], value: float) -> int:
    """Between which two edges a value lies; before the first counts as the first slot, after the last as the last."""
    last = len(edges) - 2
    for n in range(last):
        if value < edges[n + 1]:
            return n
    return last


def _spread(words: Words, grid: RuledGrid) -> None:
    """A cell that spans columns says its words in each of them."""
    for row in range(grid.rows):
        for cell in _cells_of_row(grid, row):
            spanned = [word for column in cell for word in words.get((row, column), [])]
            if len(cell) > 1 and spanned:
                for column in cell:
                    words[(row, column)] = spanned


def _cells_of_row(grid: RuledGrid, row: int) -> list[range]:
    """The columns of each cell: more than one where no rule parts them."""
    upper = grid.ys[row]
    lower = grid.ys[row + 1]
    middle = (upper + lower) / 2
    cells: list[range] = []
    columns = grid.columns
    rules = grid.down
    begin = 0
    for end in range(1, columns):
        x = grid.xs[end]
        parted = _rule_at(x, middle, rules)
        if not parted:
            continue
        cell = range(begin, end)
        cells.append(cell)
        begin = end
    last = range(begin, columns)
    cells.append(last)
    return cells


def _rule_at(x: float, y: float, down: list[Box]) -> bool:
    for rule in down:
        near = abs(middle_x(rule) - x) <= NEAR
        if near and rule[1] <= y <= rule[3]:
            return True
    return False


def _row_texts(words: Words, row: int, columns: int) -> list[str]:
    texts: list[str] = []
    for column in range(columns):
        cell = words.get((row, column), [])
        texts.append(_cell_text(cell))
    return texts


def _cell_text(words: list[Word]) -> str:
    """Words of a cell, line by line."""
    pieces = [_piece_of(word) for word in words]
    lines = lines_of(pieces)
    return joined(piece.text for line in lines for piece in line)


def _piece_of(word: Word) -> Piece:
    box = word.box
    return Piece(words=[word], box=box, height=height(box))
