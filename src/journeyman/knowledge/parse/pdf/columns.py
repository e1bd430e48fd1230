"""Reading order: columns are found by the white between them, again and again within each part of the page."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from journeyman.knowledge.parse.pdf.pieces import PageItem, Piece, Table, is_rtl, union

DEPTH_AT_MOST = 12

NUMBERED = re.compile(r"^(\d{1,2})[.)、]\s?\D")

Gap = tuple[float, float]

AsTable = Callable[[Sequence[PageItem]], tuple[list[Piece], Table, list[Piece]] | None]
"""The table that items are, with what stands before and after it. None: they are none."""


@dataclass(frozen=True)
class Column:
    """Items to be read from the top to the bottom."""

    items: tuple[PageItem, ...]


def in_order(items: Sequence[PageItem], as_table: AsTable) -> list[Column]:
    """The columns in the order in which they are read; what `as_table` knows as a table becomes one item."""
    rtl = (
        sum(len(i.text) if is_rtl(i.text) else -len(i.text) for i in items if isinstance(i, Piece))
        > 0
    )
    return _parted(list(items), as_table, rtl, DEPTH_AT_MOST)


def _parted(items: list[PageItem], as_table: AsTable, rtl: bool, depth: int) -> list[Column]:
    if len(items) <= 1 or depth == 0:
        return [Column(tuple(items))] if items else []
    columns: list[Column] = []
    running: list[PageItem] = []
    for group, gaps in _groups(_bands(items)):
        flat = [item for band in group for item in band]
        table = as_table(flat) if gaps else None
        if table is not None:
            running += [*table[0], table[1], *table[2]]
            continue
        gap = _best(flat, gaps)
        if gap is None:
            running += flat
            continue
        columns += [Column(tuple(running))] if running else []
        running = []
        sides = _sides(flat, gap)
        parts: Iterable[list[PageItem]]
        if tops := _numbered_across(sides):
            parts = [
                [i for i in flat if upper <= i.box[1] < lower]
                for upper, lower in itertools.pairwise(tops)
            ]
        else:
            parts = reversed(sides) if rtl else sides
        for part in parts:
            columns += _parted(part, as_table, rtl, depth - 1)
    return [*columns, Column(tuple(running))] if running else columns


def _sides(items: Sequence[PageItem], gap: Gap) -> list[list[PageItem]]:
    middle = sum(gap) / 2
    return [[i for i in items if _middle(i) < middle], [i for i in items if _middle(i) >= middle]]


def _numbered_across(sides: Sequence[Sequence[PageItem]]) -> list[float]:
    """Where rows begin, if the numbers that paragraphs begin with count along rows and not down the sides.

    From above all items to below them. Empty: nothing says so.
    """
    numbered = [
        [
            (item.box[1], int(found.group(1)), item.height)
            for item in side
            if (found := _number(item))
        ]
        for side in sides
    ]
    down = [number for side in numbered for _, number, _ in sorted(side)]
    rows: list[list[tuple[float, int, float]]] = []
    for each in sorted(each for side in numbered for each in side):
        if rows and each[0] - rows[-1][0][0] < 0.5 * each[2]:
            rows[-1].append(each)
        else:
            rows.append([each])
    across = [number for row in rows for number in sorted(number for _, number, _ in row)]
    counted = (
        across == list(range(across[0], across[0] + len(across))) if len(across) > 2 else False
    )
    if not counted or down == across or len(rows) < 2 or any(len(row) != 2 for row in rows[:-1]):
        return []
    return [-math.inf, *(row[0][0] - 0.5 * row[0][2] for row in rows[1:]), math.inf]


def _number(item: PageItem) -> re.Match[str] | None:
    return NUMBERED.match(item.text) if isinstance(item, Piece) else None


def _middle(item: PageItem) -> float:
    return (item.box[0] + item.box[2]) / 2


def _bands(items: Sequence[PageItem]) -> list[list[PageItem]]:
    """Parts of the page with white above and below."""
    bands: list[list[PageItem]] = []
    bottom = 0.0
    for item in sorted(items, key=lambda item: item.box[1]):
        slack = 0.25 * min(item.height or 8.0, 14.0)
        if bands and item.box[1] < bottom - slack:
            bands[-1].append(item)
            bottom = max(bottom, item.box[3])
        else:
            bands.append([item])
            bottom = item.box[3]
    return bands


def _groups(bands: list[list[PageItem]]) -> list[tuple[list[list[PageItem]], list[Gap]]]:
    """Bands one below the other that share a gap with something on both sides of it; other bands alone."""
    groups: list[tuple[list[list[PageItem]], list[Gap]]] = []
    for band in bands:
        if groups:
            group, gaps = groups[-1]
            grown = [*group, band]
            shared = _shared(grown, gaps, band)
            if shared and _near(group, band):
                groups[-1] = (grown, shared)
                continue
        groups.append(([band], _gaps(band)))
    return _alone(groups)


def _alone(
    groups: list[tuple[list[list[PageItem]], list[Gap]]],
) -> list[tuple[list[list[PageItem]], list[Gap]]]:
    """Bands without a gap, joined where they follow one another: they are one column."""
    joined: list[tuple[list[list[PageItem]], list[Gap]]] = []
    for group, gaps in groups:
        if joined and not gaps and not joined[-1][1]:
            joined[-1] = (joined[-1][0] + group, [])
        else:
            joined.append((group, gaps))
    return joined


def _near(group: list[list[PageItem]], band: list[PageItem]) -> bool:
    """Not after a white as high as several lines, where the next part begins with something else."""
    bottom = max(item.box[3] for each in group[-3:] for item in each)
    height = median(item.height or 10.0 for item in band)
    return min(item.box[1] for item in band) - bottom < 8 * height


def _gaps(items: Sequence[PageItem]) -> list[Gap]:
    """The white between left and right of a band, wide enough to part columns."""
    heights = [item.height for item in items if item.height]
    least = max(6.0, 0.7 * median(heights)) if heights else 8.0
    gaps: list[Gap] = []
    right: float | None = None
    for left, end in sorted((item.box[0], item.box[2]) for item in items):
        if right is not None and left - right >= least:
            gaps.append((right, left))
        right = end if right is None else max(right, end)
    return gaps


def _shared(group: list[list[PageItem]], gaps: list[Gap], band: list[PageItem]) -> list[Gap]:
    """What is left of the gaps when a band is added; a band without gaps may leave them be, and bring none."""
    flat = [item for each in group for item in each]
    if gaps:
        cut = [_cut(gap, band) for gap in gaps]
        return [gap for gap in cut if gap is not None]
    if len(group) > 2 or not _gaps(band):
        return []
    whole = _gaps(flat)
    narrow = all(item.box[2] - item.box[0] < 0.6 * _width(flat) for item in group[0])
    return whole if narrow and _same_top(group) else []


def _width(items: Sequence[PageItem]) -> float:
    box = union(item.box for item in items)
    return box[2] - box[0]


def _same_top(group: list[list[PageItem]]) -> bool:
    """A line that begins where a column begins belongs to the column."""
    left = min(item.box[0] for item in group[0])
    return any(abs(item.box[0] - left) < 3 for item in group[1])


def _cut(gap: Gap, band: Sequence[PageItem]) -> Gap | None:
    """The part of a gap that a band leaves free, if it is still wide enough."""
    left, right = gap
    for item in sorted(band, key=lambda item: item.box[0]):
        x0, _, x1, _ = item.box
        if x1 <= left or x0 >= right:
            continue
        if x0 <= left and x1 >= right:
            return None
        left, right = (x1, right) if x0 - left < right - x1 else (left, x0)
    return (left, right) if right - left >= 6.0 else None


def _best(items: Sequence[PageItem], gaps: Sequence[Gap]) -> Gap | None:
    """The widest gap with running text on both sides: several lines of more than a number or a mark."""
    for gap in sorted(gaps, key=lambda gap: gap[0] - gap[1]):
        if all(_runs(side, _width(items)) for side in _sides(items, gap)):
            return gap
    return None


def _runs(side: Sequence[PageItem], width: float) -> bool:
    if not side:
        return False
    pieces = [item for item in side if isinstance(item, Piece)]
    if len(pieces) < len(side):
        return True
    letters = sum(len(piece.text) for piece in pieces)
    return letters / len(pieces) >= 6 and _width(side) > 0.12 * width
