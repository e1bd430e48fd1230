"""Reading order: columns are found by white space, again and again within each part of the page."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from journeyman.knowledge.parse.pdf.boxes import width
from journeyman.knowledge.parse.pdf.pieces import PageItem, Piece, Table, is_rtl, union

DEPTH_AT_MOST = 12

NUMBERED = re.compile(r"^(\d{1,2})[.)、]\s?\D")

NARROWEST_GAP = 6.0
"""Points: less white parts no columns."""

Gap = tuple[float, float]

Items = Sequence[PageItem]

Band = list[PageItem]
"""Items with white above and below."""

Group = tuple[list[Band], list[Gap]]
"""Bands one below the other, with the gaps that they share."""

AsTable = Callable[[Sequence[PageItem]], tuple[list[Piece], Table, list[Piece]] | None]
"""The table that items are, with what stands before and after it. None: they are none."""


@dataclass(frozen=True)
class Column:
    """Items to be read from the top to the bottom."""

    items: tuple[PageItem, ...]


class Numbered(NamedTuple):
    """An item that begins with a number, as the paragraphs of a list do."""

    top: float
    number: int
    height: float


def in_order(items: Items, as_table: AsTable) -> list[Column]:
    """The columns in the order in which they are read; what `as_table` knows as a table becomes one item."""
    rtl = _page_is_rtl(items)
    return _columns(list(items), as_table, rtl, DEPTH_AT_MOST)


def _page_is_rtl(items: Items) -> bool:
    """Whether more characters stand in pieces that are read from right to left than in others."""
    surplus = 0
    for item in items:
        if isinstance(item, Piece):
            text = item.text
            surplus += len(text) if is_rtl(text) else -len(text)
    return surplus > 0


def _columns(items: Band, as_table: AsTable, rtl: bool, depth: int) -> list[Column]:
    if not items:
        return []
    if len(items) == 1 or depth == 0:
        column = Column(tuple(items))
        return [column]
    columns: list[Column] = []
    running: Band = []
    bands = _bands(items)
    for group_bands, gaps in _groups(bands):
        group = _flat(group_bands)
        table = as_table(group) if gaps else None
        if table is not None:
            before, found, after = table
            running += [*before, found, *after]
            continue
        gap = _best_gap(group, gaps)
        if gap is None:
            running += group
            continue
        if running:
            column = Column(tuple(running))
            columns.append(column)
            running = []
        for part in _parts(group, gap, rtl):
            columns += _columns(part, as_table, rtl, depth - 1)
    if running:
        column = Column(tuple(running))
        columns.append(column)
    return columns


def _flat(bands: Sequence[Band]) -> Band:
    items: Band = []
    for band in bands:
        items += band
    return items


# --- the parts of a group, in order ----------------------------------------------------------------------------


def _parts(items: Items, gap: Gap, rtl: bool) -> list[Band]:
    """The two sides of a gap in reading order, or rows across it where numbers say that it is read so."""
    sides = _sides(items, gap)
    edges = _numbered_across(sides)
    if edges:
        return _rows_between(edges, items)
    return sides[::-1] if rtl else sides


def _rows_between(edges: list[float], items: Items) -> list[Band]:
    """The items of each row: those that begin from its upper edge on, but above its lower one."""
    rows: list[Band] = []
    for upper, lower in itertools.pairwise(edges):
        row = [item for item in items if upper <= item.top < lower]
        rows.append(row)
    return rows


def _sides(items: Items, gap: Gap) -> list[Band]:
    middle = sum(gap) / 2
    left = [item for item in items if item.middle_x < middle]
    right = [item for item in items if item.middle_x >= middle]
    return [left, right]


def _numbered_across(sides: list[Band]) -> list[float]:
    """Where rows begin, if the numbers that paragraphs begin with count along rows and not down the sides.

    From above all items to below them. Empty: nothing says so.
    """
    numbered: list[Numbered] = []
    down: list[int] = []
    for side in sides:
        of_side = sorted(_numbered_items(side))
        numbered += of_side
        down += _numbers(of_side)
    rows = _numbered_rows(numbered)
    across: list[int] = []
    for row in rows:
        across += sorted(_numbers(row))
    if down == across or not _counts_up(across):
        return []
    if len(rows) < 2 or not _are_pairs(rows[:-1]):
        return []
    return [-math.inf, *map(_upper_edge, rows[1:]), math.inf]


def _numbers(items: list[Numbered]) -> list[int]:
    return [item.number for item in items]


def _are_pairs(rows: list[list[Numbered]]) -> bool:
    lengths = {len(row) for row in rows}
    return lengths <= {2}


def _upper_edge(row: list[Numbered]) -> float:
    """Half a line above the row's first item."""
    first = row[0]
    return first.top - 0.5 * first.height


def _numbered_items(items: Items) -> list[Numbered]:
    numbered: list[Numbered] = []
    for item in items:
        if not isinstance(item, Piece):
            continue
        found = NUMBERED.match(item.text)
        if found is None:
            continue
        number = int(found.group(1))
        numbered.append(Numbered(item.top, number, item.height))
    return numbered


def _numbered_rows(numbered: list[Numbered]) -> list[list[Numbered]]:
    """Those that begin at the same height, but for half a line, as one row. From the top."""
    rows: list[list[Numbered]] = []
    begin = -math.inf
    from_the_top = sorted(numbered)
    for item in from_the_top:
        below = item.top - begin
        half_line = 0.5 * item.height
        is_in_row = below < half_line
        if is_in_row:
            rows[-1].append(item)
            continue
        begin = item.top
        rows.append([item])
    return rows


def _counts_up(numbers: Sequence[int]) -> bool:
    """Whether there are at least three numbers, and each is one more than the number before it."""
    if len(numbers) < 3:
        return False
    first = numbers[0]
    return list(numbers) == list(range(first, first + len(numbers)))


# --- bands and groups of bands ---------------------------------------------------------------------------------


def _bands(items: Items) -> list[Band]:
    """Parts of the page with white above and below."""
    bands: list[Band] = []
    bottom = 0.0
    for item in sorted(items, key=_top):
        height = item.height or 8.0
        height = min(height, 14.0)
        slack = 0.25 * height
        reaches_up = item.top < bottom - slack
        if bands and reaches_up:
            band = bands[-1]
            band.append(item)
            bottom = max(bottom, item.bottom)
        else:
            bands.append([item])
            bottom = item.bottom
    return bands


def _top(item: PageItem) -> float:
    return item.top


def _left(item: PageItem) -> float:
    return item.left


def _groups(bands: list[Band]) -> list[Group]:
    """Bands one below the other that share a gap with something on both sides of it; other bands alone."""
    groups: list[Group] = []
    grown: Group | None = None
    for band in bands:
        if groups:
            grown = _grown(groups[-1], band)
        if grown is not None:
            groups[-1] = grown
            continue
        gaps = _gaps(band)
        groups.append(([band], gaps))
    return _without_gaps_joined(groups)


def _grown(group: Group, band: Band) -> Group | None:
    """The group with one more band. None: the band shares no gap with it, or stands too far below."""
    bands, gaps = group
    grown = [*bands, band]
    shared = _shared(grown, gaps, band)
    if shared and _near(bands, band):
        return grown, shared
    return None


def _without_gaps_joined(groups: list[Group]) -> list[Group]:
    """Bands without a gap, joined where they follow one another: they are one column."""
    joined: list[Group] = []
    one_column = False
    for bands, gaps in groups:
        if one_column and not gaps:
            bands_before, _ = joined.pop()
            all_bands = bands_before + bands
            joined.append((all_bands, gaps))
        else:
            joined.append((bands, gaps))
        one_column = not gaps
    return joined


def _near(bands: list[Band], band: Band) -> bool:
    """Not after a white as high as several lines, where the next part begins with something else."""
    last_bands = _flat(bands[-3:])
    bottom = max(item.bottom for item in last_bands)
    top = min(item.top for item in band)
    white = top - bottom
    heights = [item.height or 10.0 for item in band]
    height = median(heights)
    return white < 8 * height


# --- gaps ------------------------------------------------------------------------------------------------------


def _gaps(items: Items) -> list[Gap]:
    """The white between left and right of a band, wide enough to part columns."""
    least = _least_gap(items)
    extents = [(item.left, item.right) for item in items]
    gaps: list[Gap] = []
    reached: float | None = None
    for left, right in sorted(extents):
        if reached is None:
            reached = right
            continue
        white = left - reached
        if white >= least:
            gap = (reached, left)
            gaps.append(gap)
        reached = max(reached, right)
    return gaps


def _least_gap(items: Items) -> float:
    heights = [item.height for item in items if item.height]
    if not heights:
        return 8.0
    return max(NARROWEST_GAP, 0.7 * median(heights))


def _shared(bands: list[Band], gaps: list[Gap], band: Band) -> list[Gap]:
    """What is left of the gaps when a band is added; a band without gaps may leave them be, and bring none."""
    if gaps:
        cut = [_cut(gap, band) for gap in gaps]
        return [gap for gap in cut if gap is not None]
    if len(bands) > 2 or not _gaps(band):
        return []
    return _gaps_below_a_line(bands)


def _gaps_below_a_line(bands: list[Band]) -> list[Gap]:
    """The gaps of a band that go on through the line above it, if that line begins one of the columns."""
    line, below = bands
    items = _flat(bands)
    widest = 0.6 * _width(items)
    for item in line:
        if not item.width < widest:
            return []
    if not _same_left(line, below):
        return []
    return _gaps(items)


def _width(items: Items) -> float:
    return width(union(item.box for item in items))


def _same_left(line: Band, below: Band) -> bool:
    """Whether a line begins where one of the items below it does: then it belongs to the same column."""
    left = min(item.left for item in line)
    for item in below:
        off = abs(item.left - left)
        if off < 3:
            return True
    return False


def _cut(gap: Gap, band: Band) -> Gap | None:
    """The part of a gap that a band leaves free, if it is still wide enough."""
    left, right = gap
    for item in sorted(band, key=_left):
        begin = item.left
        end = item.right
        if end <= left or begin >= right:
            continue
        if begin <= left and end >= right:
            return None
        free_left = begin - left
        free_right = right - end
        if free_left < free_right:
            left = end
        else:
            right = begin
    return (left, right) if right - left >= NARROWEST_GAP else None


def _best_gap(items: Items, gaps: list[Gap]) -> Gap | None:
    """The widest gap with running text on both sides: several lines of more than a number or a mark."""
    for gap in sorted(gaps, key=_negative_width):
        left, right = _sides(items, gap)
        whole = _width(items)
        if _is_running_text(left, whole) and _is_running_text(right, whole):
            return gap
    return None


def _negative_width(gap: Gap) -> float:
    left, right = gap
    return left - right


def _is_running_text(side: Band, whole: float) -> bool:
    """Whether one side of a gap has enough letters and width to be a column. `whole`: the width of both sides."""
    if not side:
        return False
    letters = 0
    for item in side:
        if not isinstance(item, Piece):
            return True
        letters += len(item.text)
    letters_a_piece = letters / len(side)
    if letters_a_piece < 6:
        return False
    return _width(side) > 0.12 * whole
