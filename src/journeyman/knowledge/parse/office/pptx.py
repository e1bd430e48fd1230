"""Slides: titles, text in the order of its places, tables, chart data, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pptx
from pptx.exc import PackageNotFoundError

from journeyman.documents import Block, BlockKind, Box
from journeyman.knowledge.parse.office.archives import guarded
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, damaged_part
from journeyman.knowledge.parse.text.tabular import table_block

EMU_PER_POINT = 12_700

DEPTH_AT_MOST = 20
"""Of groups within groups."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    notes = guarded(source)
    try:
        deck = pptx.Presentation(str(source.path))
    except (KeyError, ValueError, SyntaxError, PackageNotFoundError) as error:
        raise damaged_part(source, error) from None
    title = deck.core_properties.title or None
    count = len(deck.slides)
    for number, slide in enumerate(deck.slides, start=1):
        if number < source.first:
            continue
        blocks = tuple(_slide(slide, number))
        yield ParsedPage(
            blocks=blocks,
            page=number,
            pages=count,
            title=title,
            notes=notes,
        )


def _slide(slide: Any, number: int) -> Iterator[Block]:
    heading = slide.shapes.title
    for shape in _in_reading_order(slide, heading):
        box = _box(shape)
        for block in _shape(shape, is_title=shape is heading):
            yield block.model_copy(update={"page": number, "box": box})
    text = _notes_text(slide)
    if text:
        yield Block(kind="quote", text=text, page=number, name="notes")


def _in_reading_order(slide: Any, heading: Any) -> list[Any]:
    """The title first, then the other shapes by their places."""
    shapes = sorted(_flat(slide.shapes, DEPTH_AT_MOST), key=_place)
    if heading is None:
        return shapes
    others = [shape for shape in shapes if shape.shape_id != heading.shape_id]
    return [heading, *others]


def _notes_text(slide: Any) -> str:
    """What the speaker noted; "" for nothing."""
    if not slide.has_notes_slide:
        return ""
    frame = slide.notes_slide.notes_text_frame
    return str(frame.text.strip()) if frame else ""


def _flat(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    for shape in shapes:
        if shape.shape_type == 6 and depth > 0:
            yield from _flat(shape.shapes, depth - 1)
        else:
            yield shape


def _place(shape: Any) -> tuple[int, int]:
    """Rows of about a third of an inch, then from the left."""
    top = shape.top or 0
    left = shape.left or 0
    return top // 300_000, left


def _box(shape: Any) -> Box | None:
    sides = (shape.left, shape.top, shape.width, shape.height)
    if None in sides:
        return None
    left, top, width, height = [side / EMU_PER_POINT for side in sides]
    right = left + width
    bottom = top + height
    return (
        round(left, 1),
        round(top, 1),
        round(right, 1),
        round(bottom, 1),
    )


def _shape(shape: Any, *, is_title: bool) -> Iterator[Block]:
    if getattr(shape, "has_table", False) and shape.has_table:
        yield from _table(shape.table)
    elif getattr(shape, "has_chart", False) and shape.has_chart:
        yield from _chart(shape.chart)
    elif shape.has_text_frame:
        yield from _text(shape, is_title=is_title)
    elif shape.shape_type == 13:
        descriptions = shape._element.xpath(".//p:cNvPr/@descr")
        text = descriptions[0] if descriptions else ""
        yield Block(kind="figure", text=text, name=shape.name)


def _table(table: Any) -> Iterator[Block]:
    rows: list[list[str]] = []
    for row in table.rows:
        cells: list[str] = []
        for cell in row.cells:
            words = cell.text.split()
            text = " ".join(words)
            cells.append(text)
        rows.append(cells)
    block = table_block(rows)
    if block is not None:
        yield block


def _text(shape: Any, *, is_title: bool) -> Iterator[Block]:
    texts: list[str] = []
    indented: list[str] = []
    for paragraph in shape.text_frame.paragraphs:
        text = paragraph.text.replace("\x0b", "\n").strip()
        if text:
            texts.append(text)
            indented.append("  " * paragraph.level + text)
    if is_title and texts:
        yield Block(kind="heading", text="\n".join(texts), level=1)
        return
    if not _is_footer(shape) and len(texts) > 1:
        yield Block(kind="list", text="\n".join(indented))
        return
    kind: BlockKind = "footer" if _is_footer(shape) else "paragraph"
    for text in texts:
        yield Block(kind=kind, text=text)


def _is_footer(shape: Any) -> bool:
    """Number of the slide, footer or date."""
    if not shape.is_placeholder:
        return False
    return shape.placeholder_format.type in {13, 15, 16}


def _chart(chart: Any) -> Iterator[Block]:
    """A chart's data as a table."""
    plots = list(chart.plots)
    if not plots:
        return
    series = list(plots[0].series)
    names = [str(one.name) for one in series]
    rows = [["", *names]]
    for number, category in enumerate(plots[0].categories):
        values = [_number(one.values, number) for one in series]
        rows.append([str(category), *values])
    block = table_block(rows)
    if block is not None:
        yield block


def _number(values: Any, number: int) -> str:
    if number >= len(values):
        return ""
    value = values[number]
    return "" if value is None else f"{value:g}"
