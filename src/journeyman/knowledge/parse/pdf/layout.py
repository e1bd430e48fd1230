"""From pieces on a page to blocks in reading order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import median

from journeyman.documents import Block, BlockKind, Box
from journeyman.knowledge.parse.pdf.columns import Column, in_order
from journeyman.knowledge.parse.pdf.furniture import at_the_edges
from journeyman.knowledge.parse.pdf.outline import heading_level, section_level
from journeyman.knowledge.parse.pdf.pieces import (
    Frame,
    Page,
    PageItem,
    Picture,
    Piece,
    Table,
    Word,
    is_wide,
    joined,
    lines_of,
    merged_pieces,
    union,
)
from journeyman.knowledge.parse.pdf.tables import header_of, ruled_tables, table_of

MARKER = re.compile(
    r"^(?:[•●○◦▪■□‣⁃·*►➢✓]|[-–—](?=\s)|[(（]?\d{1,3}[.)）、](?=\s|[^\d\s.])|[(（][a-zA-Z][)）]|[a-z][.)](?=\s)|[①-⑳])"
)

CAPTION = re.compile(
    r"^(?:(?i:figure|fig\.?|table|chart|scheme|exhibit)\s+|图\s*|表\s*|圖\s*)"
    r"(?:[A-Z]{0,2}\d+[a-z]?|[IVXLC]+|[一二三四五六七八九十]+)(?:[.\-–]\d+)*(?:[.:：．、|]|\s|$)"
)

PIECES_AT_MOST = 20_000
"""Of one page. With more, no order is sought beyond the file's own."""

NOISE = 1.35
"""How far the sizes of recognised letters vary within a line of text."""

PICTURE_AT_LEAST = 50.0
"""Points of its shorter side: smaller ones are logos, bullets and rules."""


def blocks_of(page: Page) -> tuple[Block, ...]:
    """The page's blocks: its text in reading order, then what stands at its edges."""
    width, height = page.frame.size
    on_page = [
        p for p in page.pieces if p.box[3] > 0 < p.box[2] and p.box[0] < width and p.box[1] < height
    ]
    stamps = [
        piece for piece in on_page if piece.turned and not 0.1 * width < piece.box[0] < 0.9 * width
    ]
    upright = _without_doubles(
        _slim(piece) for piece in on_page if not any(piece is stamp for stamp in stamps)
    )
    if len(upright) > PIECES_AT_MOST:
        return (
            _block(
                page,
                "paragraph",
                "\n".join(piece.text for piece in upright),
                union(p.box for p in upright),
            ),
        )
    page.pieces = upright
    tables, rest = ruled_tables(page)
    body = _body_height(rest)
    if sum(len(p.text) for p in rest if p.fixed) > 0.6 * sum(len(p.text) for p in rest):
        rest = [replace(piece, fixed=False) for piece in rest]
    heads, feet, rest = at_the_edges(page, rest, body * NOISE if page.scanned else body)
    items: list[PageItem] = [*tables, *rest, *_pictures(page)]
    blocks = [
        block
        for column in in_order(items, table_of)
        for block in _column_blocks(page, column, body)
    ]
    edges: list[tuple[BlockKind, list[Piece]]] = [("header", heads), ("footer", feet)]
    for kind, pieces in edges:
        blocks += [
            _block(page, kind, merged_pieces(line).text, union(p.box for p in line))
            for line in lines_of(pieces)
        ]
    blocks += [
        _block(page, "footer", piece.text, piece.box) for piece in stamps if len(piece.text) > 1
    ]
    return tuple(block for block in blocks if block.text or block.kind == "figure")


def _slim(piece: Piece) -> Piece:
    """Slanted text, as over a table's columns, stands where it begins."""
    left, top, right, bottom = piece.box
    if not piece.turned or right - left < 0.5 * (bottom - top):
        return piece
    box = (left, top, left + 0.4 * (right - left), bottom)
    return replace(piece, box=box, words=[Word(piece.text, box)], height=min(piece.height, 12.0))


def _without_doubles(pieces: Iterable[Piece]) -> list[Piece]:
    """Text drawn twice at the same place, for a shadow or to look bold, once."""
    seen: set[tuple[str, int, int]] = set()
    kept: list[Piece] = []
    for piece in pieces:
        key = (piece.text, round(piece.box[0] / 3), round(piece.box[1] / 3))
        if key not in seen:
            seen.add(key)
            kept.append(piece)
    return kept


def _block(page: Page, kind: BlockKind, text: str, box: Box) -> Block:
    return Block(kind=kind, text=text, page=page.number, box=shown(page.frame, box))


def shown(frame: Frame, box: Box) -> Box:
    left, top, right, bottom = (round(value, 1) for value in frame.shown(box))
    return (left, top, right, bottom)


def _pictures(page: Page) -> list[Picture]:
    """Those that stand among the text, and not behind all of it."""
    width, height = page.frame.size
    return [
        picture
        for picture in page.pictures
        if min(picture.box[2] - picture.box[0], picture.box[3] - picture.box[1]) >= PICTURE_AT_LEAST
        and (picture.box[2] - picture.box[0]) * (picture.box[3] - picture.box[1])
        < 0.7 * width * height
        and not any(_within(piece.box, picture.box) for piece in page.pieces)
    ]


def _within(box: Box, region: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region[0] < x < region[2] and region[1] < y < region[3]


def _body_height(pieces: Sequence[Piece]) -> float:
    """The height of most characters."""
    heights = sorted((piece.height, len(piece.text)) for piece in pieces)
    half, seen = sum(count for _, count in heights) / 2, 0
    for height, count in heights:
        seen += count
        if seen >= half:
            return height
    return 12.0


# --- one column ------------------------------------------------------------------------------------------------


def _column_blocks(page: Page, column: Column, body: float) -> Iterator[Block]:
    pieces: list[Piece] = []
    others = sorted(
        (item for item in column.items if not isinstance(item, Piece)), key=lambda item: item.box[1]
    )
    for item in sorted(
        (item for item in column.items if isinstance(item, Piece)), key=lambda item: item.box[1]
    ):
        while others and others[0].box[1] < item.box[1]:
            yield from _text_blocks(page, pieces, body)
            pieces = []
            yield _other(page, others.pop(0))
        pieces.append(item)
    yield from _text_blocks(page, pieces, body)
    for other in others:
        yield _other(page, other)


def _other(page: Page, item: PageItem) -> Block:
    if isinstance(item, Table):
        text = table_text(item.cells)
        block = _block(page, "table", text, item.box)
        cells = tuple(tuple(row) for row in item.cells)
        return block.model_copy(
            update={"cells": cells, "columns": item.columns or header_of(item.cells)}
        )
    return _block(page, "figure", "", item.box)


def table_text(cells: Sequence[Sequence[str]]) -> str:
    return "\n".join(" | ".join(" ".join(cell.split()) for cell in row) for row in cells)


def _text_blocks(page: Page, pieces: Sequence[Piece], body: float) -> Iterator[Block]:
    lines = [merged_pieces(line) for line in lines_of(pieces)]
    for paragraph in _paragraphs(lines, NOISE if page.scanned else 1.0):
        yield _text_block(page, paragraph, body)


def _paragraphs(lines: Sequence[Piece], noise: float) -> Iterator[list[Piece]]:
    if not lines:
        return
    box = union(line.box for line in lines)
    gaps = [below.box[1] - above.box[3] for above, below in itertools.pairwise(lines)]
    usual = median(gaps) if gaps else 0.0
    paragraph = [lines[0]]
    for line, gap in zip(lines[1:], gaps, strict=True):
        if _begins(paragraph, line, gap - usual - 2 * (noise - 1), box, noise):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    yield paragraph


def _begins(
    paragraph: Sequence[Piece], line: Piece, more: float, column: Box, noise: float
) -> bool:
    """Whether a line begins a new paragraph: by its distance, font, mark, indent, or by how the last line ended."""
    above = paragraph[-1]
    if more > 0.3 * line.height or above.fixed != line.fixed:
        return True
    if line.fixed:
        return False
    text = line.text
    marked = MARKER.match(text) or section_level(text) is not None or CAPTION.match(text)
    return bool(marked) or _looks_other(above, line, noise) or _is_set_off(paragraph, line, column)


def _looks_other(above: Piece, line: Piece, noise: float) -> bool:
    """Another size, weight, or all in capitals."""
    sized = not 0.86 / noise < line.height / above.height < 1.16 * noise and len(line.text) > 3
    weighted = above.bold != line.bold and len(above.text) > 2
    capitals = (
        min(len(line.text), len(above.text)) > 5 and line.text.isupper() != above.text.isupper()
    )
    return sized or weighted or capitals


def _is_set_off(paragraph: Sequence[Piece], line: Piece, column: Box) -> bool:
    """Indented as a first line is, or after a line that ended early with the end of a sentence."""
    above = paragraph[-1]
    indent, room = line.box[0] - above.box[0], column[2] - above.box[2]
    first = 0.7 * line.height < indent < 6 * line.height and above.box[0] - column[0] < line.height
    if first and not _hangs(paragraph):
        return True
    early = room > 0.15 * (column[2] - column[0]) and room > 2 * line.height
    return early and above.text[-1:] in ".!?。！？:："


def _hangs(paragraph: Sequence[Piece]) -> bool:
    """A list item or an entry whose further lines are indented."""
    return MARKER.match(paragraph[0].text) is not None or (
        len(paragraph) > 1 and paragraph[1].box[0] - paragraph[0].box[0] > 0.5 * paragraph[0].height
    )


def _text_block(page: Page, lines: Sequence[Piece], body: float) -> Block:
    box = union(line.box for line in lines)
    if all(line.fixed for line in lines) and len(lines) > 1:
        return _block(page, "code", _code_text(lines), box)
    text = flowed([line.text for line in lines])
    height = median(line.height for line in lines)
    if CAPTION.match(text) and len(text) < 1_000:
        return _block(page, "caption", text, box)
    level = _level(lines, text, height, body * NOISE if page.scanned else body)
    if level is not None:
        return _block(page, "heading", text, box).model_copy(update={"level": level})
    return _block(page, "list" if MARKER.match(text) else "paragraph", text, box)


def _level(lines: Sequence[Piece], text: str, height: float, body: float) -> int | None:
    """Of a heading: by its numbering, else by its size. None: no heading."""
    if len(lines) > 3 or len(text) > 200 or not any(c.isalpha() for c in text):
        return None
    by_words = heading_level(text) if len(lines) == 1 else None
    larger, bold = height > 1.15 * body, all(line.bold for line in lines)
    if by_words is not None and (larger or bold or section_level(text) is not None):
        return by_words
    if MARKER.match(text) and not larger:
        return None
    if larger and text[-1] not in ",;，；":
        return 1 if height > 1.6 * body else 2
    if text.isupper() and len(lines) == 1 and len(text) > 5 and text[-1] not in ".,;:":
        return 3
    return (
        3
        if bold and text[-1] not in ".,;:。，；：" and len(text) < 120 and len(lines) <= 2
        else None
    )


def flowed(lines: Sequence[str]) -> str:
    """The lines of a paragraph as one: words broken at a line's end are whole again."""
    text = ""
    for line in lines:
        if len(text) > 1 and text[-1] in "-\u2010" and text[-2].isalpha() and line[:1].islower():
            text = text[:-1] + line
        else:
            text = joined((text, line)) if text else line
    return text


def _code_text(lines: Sequence[Piece]) -> str:
    """With indentation, by the width of a character."""
    left = min(line.box[0] for line in lines)
    longest = max(lines, key=lambda line: len(line.text))
    cells = sum(2 if is_wide(c) else 1 for c in longest.text)
    step = (longest.box[2] - longest.box[0]) / max(1, cells)
    return "\n".join(
        " " * round((line.box[0] - left) / max(step, 0.1)) + line.text for line in lines
    )
