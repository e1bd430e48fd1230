"""Slides: titles, text in the order of its places, tables, charts' data, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pptx
from pptx.exc import PackageNotFoundError

from journeyman.documents import Block, Box
from journeyman.knowledge.parse.office.archives import guarded
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken
from journeyman.knowledge.parse.text.tabular import table_block

EMU_PER_POINT = 12_700

DEPTH_AT_MOST = 20
"""Of groups within groups."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    notes = guarded(source)
    try:
        deck = pptx.Presentation(str(source.path))
    except (KeyError, ValueError, SyntaxError, PackageNotFoundError) as error:
        raise broken(source, f"a part is missing or damaged ({str(error)[:120]})") from None
    title, count = deck.core_properties.title or None, len(deck.slides)
    for number, slide in enumerate(deck.slides, start=1):
        if number < source.first:
            continue
        yield ParsedPage(
            blocks=tuple(_slide(slide, number)), page=number, pages=count, title=title, notes=notes
        )


def _slide(slide: Any, number: int) -> Iterator[Block]:
    shapes = sorted(_flat(slide.shapes, DEPTH_AT_MOST), key=_place)
    heading = slide.shapes.title
    for shape in [*([heading] if heading is not None else []), *shapes]:
        if heading is not None and shape is not heading and shape.shape_id == heading.shape_id:
            continue
        for block in _shape(shape, is_title=shape is heading):
            yield block.model_copy(update={"page": number, "box": _box(shape)})
    if (
        slide.has_notes_slide
        and (frame := slide.notes_slide.notes_text_frame)
        and (text := frame.text.strip())
    ):
        yield Block(kind="quote", text=text, page=number, name="notes")


def _flat(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    for shape in shapes:
        if shape.shape_type == 6 and depth > 0:
            yield from _flat(shape.shapes, depth - 1)
        else:
            yield shape


def _place(shape: Any) -> tuple[int, int]:
    """Rows of about a third of an inch, then from the left."""
    return ((shape.top or 0) // 300_000, shape.left or 0)


def _box(shape: Any) -> Box | None:
    sides = (shape.left, shape.top, shape.width, shape.height)
    if any(side is None for side in sides):
        return None
    left, top, width, height = (side / EMU_PER_POINT for side in sides)
    return (round(left, 1), round(top, 1), round(left + width, 1), round(top + height, 1))


def _shape(shape: Any, *, is_title: bool) -> Iterator[Block]:
    if getattr(shape, "has_table", False) and shape.has_table:
        table = table_block(
            [[" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows]
        )
        yield from [table] if table is not None else []
    elif getattr(shape, "has_chart", False) and shape.has_chart:
        yield from _chart(shape.chart)
    elif shape.has_text_frame:
        yield from _text(shape, is_title=is_title)
    elif shape.shape_type == 13:
        described = shape._element.xpath(".//p:cNvPr/@descr")
        yield Block(kind="figure", text=described[0] if described else "", name=shape.name)


def _text(shape: Any, *, is_title: bool) -> Iterator[Block]:
    paragraphs = [
        (p.level, p.text.replace("\x0b", "\n").strip()) for p in shape.text_frame.paragraphs
    ]
    told = [(level, text) for level, text in paragraphs if text]
    if is_title and told:
        yield Block(kind="heading", text="\n".join(text for _, text in told), level=1)
    elif shape.is_placeholder and shape.placeholder_format.type in {13, 15, 16}:
        yield from (Block(kind="footer", text=text) for _, text in told)
    elif len(told) > 1:
        yield Block(kind="list", text="\n".join("  " * level + text for level, text in told))
    else:
        yield from (Block(kind="paragraph", text=text) for _, text in told)


def _chart(chart: Any) -> Iterator[Block]:
    """A chart's data as a table."""
    plots = list(chart.plots)
    if not plots:
        return
    series = list(plots[0].series)
    rows = [["", *(str(one.name) for one in series)]]
    for n, category in enumerate(plots[0].categories):
        rows.append([str(category), *(_number(one.values, n) for one in series)])
    block = table_block(rows)
    if block is not None:
        yield block


def _number(values: Any, n: int) -> str:
    return "" if n >= len(values) or values[n] is None else f"{values[n]:g}"
