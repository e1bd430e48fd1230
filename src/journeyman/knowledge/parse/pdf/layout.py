"""From the pieces of a page to blocks in reading order."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Iterator, Sequence
from statistics import median

from journeyman.documents import Block, BlockKind, Box
from journeyman.knowledge.parse.pdf.boxes import width
from journeyman.knowledge.parse.pdf.columns import Column, in_order
from journeyman.knowledge.parse.pdf.furniture import at_the_edges
from journeyman.knowledge.parse.pdf.outline import heading_level, section_level
from journeyman.knowledge.parse.pdf.pieces import (
    Frame,
    Page,
    PageItem,
    Piece,
    Table,
    is_wide,
    joined,
    lines_of,
    merged_pieces,
    union,
)
from journeyman.knowledge.parse.pdf.printed import (
    body_height,
    pictures_among_text,
    without_doubles,
    without_stamps,
    without_typewriter,
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

Lines = list[Piece]
"""Lines of one column from the top, each as one piece."""


def blocks_of(page: Page) -> tuple[Block, ...]:
    """The page's blocks: its text in reading order, then what stands at its edges."""
    printed, stamps = without_stamps(page)
    page.pieces = without_doubles(printed)
    if len(page.pieces) > PIECES_AT_MOST:
        block = _block_in_file_order(page)
        return (block,)
    tables, rest = ruled_tables(page)
    body = body_height(rest)
    rest = without_typewriter(rest)
    tallest = body * _noise(page)
    heads, feet, rest = at_the_edges(page, rest, tallest)
    items: list[PageItem] = [*tables, *rest, *pictures_among_text(page)]
    blocks: list[Block] = []
    for column in in_order(items, table_of):
        blocks += _column_blocks(page, column, body)
    blocks += _edge_blocks(page, "header", heads)
    blocks += _edge_blocks(page, "footer", feet)
    blocks += _stamp_blocks(page, stamps)
    return tuple(block for block in blocks if block.text or block.kind == "figure")


def _noise(page: Page) -> float:
    """By how much heights of letters may differ though they are of one size."""
    return NOISE if page.scanned else 1.0


# --- blocks ----------------------------------------------------------------------------------------------------


def _block(page: Page, kind: BlockKind, text: str, box: Box) -> Block:
    number = page.number
    place = shown(page.frame, box)
    return Block(kind=kind, text=text, page=number, box=place)


def shown(frame: Frame, box: Box) -> Box:
    """A box on the page as it is shown, to a tenth of a point."""
    sides = frame.shown(box)
    left, top, right, bottom = [round(side, 1) for side in sides]
    return (left, top, right, bottom)


def _block_in_file_order(page: Page) -> Block:
    """All pieces as one paragraph, a line each."""
    text = "\n".join(piece.text for piece in page.pieces)
    box = union(piece.box for piece in page.pieces)
    return _block(page, "paragraph", text, box)


def _edge_blocks(page: Page, kind: BlockKind, pieces: list[Piece]) -> Iterator[Block]:
    """One block for each line of a header or footer."""
    for line in lines_of(pieces):
        text = merged_pieces(line).text
        box = union(piece.box for piece in line)
        yield _block(page, kind, text, box)


def _stamp_blocks(page: Page, stamps: list[Piece]) -> Iterator[Block]:
    """Stamps of more than one character, each as a footer."""
    for stamp in stamps:
        text = stamp.text
        if len(text) > 1:
            yield _block(page, "footer", text, stamp.box)


def _picture_or_table_block(page: Page, item: PageItem) -> Block:
    if not isinstance(item, Table):
        return _block(page, "figure", "", item.box)
    text = table_text(item.cells)
    block = _block(page, "table", text, item.box)
    cells = tuple(tuple(row) for row in item.cells)
    columns = item.columns or header_of(item.cells)
    update = {"cells": cells, "columns": columns}
    return block.model_copy(update=update)


def table_text(cells: Sequence[Sequence[str]]) -> str:
    """A line for each row, with a bar between its cells."""
    lines = [_row_text(row) for row in cells]
    return "\n".join(lines)


def _row_text(row: Sequence[str]) -> str:
    texts = [" ".join(cell.split()) for cell in row]
    return " | ".join(texts)


# --- one column ------------------------------------------------------------------------------------------------


def _column_blocks(page: Page, column: Column, body: float) -> Iterator[Block]:
    """The column's text in paragraphs, parted where a table or a picture stands between."""
    from_the_top = sorted(column.items, key=_top)
    pieces: list[Piece] = []
    others: deque[PageItem] = deque()
    for item in from_the_top:
        if isinstance(item, Piece):
            pieces.append(item)
        else:
            others.append(item)
    above: list[Piece] = []
    for piece in pieces:
        while others and others[0].top < piece.top:
            yield from _text_blocks(page, above, body)
            above = []
            other = others.popleft()
            yield _picture_or_table_block(page, other)
        above.append(piece)
    yield from _text_blocks(page, above, body)
    for other in others:
        yield _picture_or_table_block(page, other)


def _top(item: PageItem) -> float:
    return item.top


def _text_blocks(page: Page, pieces: list[Piece], body: float) -> Iterator[Block]:
    lines = [merged_pieces(line) for line in lines_of(pieces)]
    noise = _noise(page)
    for paragraph in _paragraphs(lines, noise):
        yield _text_block(page, paragraph, body)


def _paragraphs(lines: Lines, noise: float) -> Iterator[Lines]:
    if not lines:
        return
    first, *others = lines
    column = union(line.box for line in lines)
    gaps = _gaps(lines)
    usual = 0.0
    if gaps:
        usual = median(gaps)
    tolerance = 2 * (noise - 1)
    paragraph = [first]
    for line, gap in zip(others, gaps, strict=True):
        wider_by = gap - usual - tolerance
        begins = _begins(paragraph, line, wider_by, column, noise)
        if begins:
            yield paragraph
            paragraph = []
        paragraph.append(line)
    yield paragraph


def _gaps(lines: Lines) -> list[float]:
    """The white between each line and the next."""
    gaps: list[float] = []
    for above, below in itertools.pairwise(lines):
        gap = below.top - above.bottom
        gaps.append(gap)
    return gaps


def _begins(paragraph: Lines, line: Piece, wider_by: float, column: Box, noise: float) -> bool:
    """Whether a line begins a new paragraph: by its distance, font, mark, indent, or by how the last line ended.

    `wider_by`: how much wider than usual the white above it is.
    """
    above = paragraph[-1]
    widest = 0.3 * line.height
    if wider_by > widest or above.fixed != line.fixed:
        return True
    if line.fixed:
        return False
    if _is_marked(line.text):
        return True
    if _looks_other(above, line, noise):
        return True
    return _is_set_off(paragraph, line, column)


def _is_marked(text: str) -> bool:
    """Whether it begins as an item of a list, a numbered section or a caption does."""
    if MARKER.match(text) or CAPTION.match(text):
        return True
    return section_level(text) is not None


def _looks_other(above: Piece, line: Piece, noise: float) -> bool:
    """Another size, weight, or all in capitals."""
    text = line.text
    text_above = above.text
    ratio = line.height / above.height
    same_size = 0.86 / noise < ratio < 1.16 * noise
    if not same_size and len(text) > 3:
        return True
    if above.bold != line.bold and len(text_above) > 2:
        return True
    shorter = min(len(text), len(text_above))
    return shorter > 5 and text.isupper() != text_above.isupper()


def _is_set_off(paragraph: Lines, line: Piece, column: Box) -> bool:
    """Indented as a first line is, or after a line that ended early with the end of a sentence."""
    above = paragraph[-1]
    if _is_indented(above, line, column) and not _hangs(paragraph):
        return True
    _, _, right, _ = column
    free = right - above.right
    if not free > 2 * line.height:
        return False
    ended_early = free > 0.15 * width(column)
    return ended_early and above.text[-1:] in ".!?。！？:："


def _is_indented(above: Piece, line: Piece, column: Box) -> bool:
    """Whether a line begins further right than the line above it, which begins where the column does."""
    indent = line.left - above.left
    if not 0.7 * line.height < indent < 6 * line.height:
        return False
    return above.left - column[0] < line.height


def _hangs(paragraph: Lines) -> bool:
    """A list item or an entry whose further lines are indented."""
    first = paragraph[0]
    if MARKER.match(first.text):
        return True
    if len(paragraph) < 2:
        return False
    second = paragraph[1]
    indent = second.left - first.left
    return indent > 0.5 * first.height


def _text_block(page: Page, lines: Lines, body: float) -> Block:
    box = union(line.box for line in lines)
    if len(lines) > 1 and all(line.fixed for line in lines):
        code = _code_text(lines)
        return _block(page, "code", code, box)
    text = flowed([line.text for line in lines])
    if CAPTION.match(text) and len(text) < 1_000:
        return _block(page, "caption", text, box)
    tallest = body * _noise(page)
    level = _level(lines, text, tallest)
    if level is not None:
        heading = _block(page, "heading", text, box)
        return heading.model_copy(update={"level": level})
    if MARKER.match(text):
        return _block(page, "list", text, box)
    return _block(page, "paragraph", text, box)


def _level(lines: Lines, text: str, body: float) -> int | None:
    """Of a heading: by its numbering, else by its size. None: no heading."""
    if len(lines) > 3 or len(text) > 200:
        return None
    if not any(character.isalpha() for character in text):
        return None
    line_height = median(line.height for line in lines)
    larger = line_height > 1.15 * body
    bold = all(line.bold for line in lines)
    by_words = heading_level(text) if len(lines) == 1 else None
    if by_words is not None and (larger or bold or section_level(text) is not None):
        return by_words
    if MARKER.match(text) and not larger:
        return None
    if larger and text[-1] not in ",;，；":
        return 1 if line_height > 1.6 * body else 2
    emphasised = _is_in_capitals(lines, text) or (bold and _is_short(lines, text))
    return 3 if emphasised else None


def _is_in_capitals(lines: Lines, text: str) -> bool:
    """Whether it is a single line of capitals, and no sentence."""
    if len(lines) != 1 or len(text) <= 5:
        return False
    return text.isupper() and text[-1] not in ".,;:"


def _is_short(lines: Lines, text: str) -> bool:
    """Whether it is as short as a heading, and no sentence."""
    if len(lines) > 2 or len(text) >= 120:
        return False
    return text[-1] not in ".,;:。，；："


def flowed(lines: Sequence[str]) -> str:
    """The lines of a paragraph as one: words broken at a line's end are whole again."""
    text = ""
    for line in lines:
        if _is_broken(text, line):
            text = text[:-1] + line
        elif text:
            text = joined((text, line))
        else:
            text = line
    return text


def _is_broken(text: str, line: str) -> bool:
    """Whether a text ends with a hyphen in the middle of a word that the next line goes on with."""
    if len(text) < 2 or text[-1] not in "-\u2010":
        return False
    return text[-2].isalpha() and line[:1].islower()


def _code_text(lines: Lines) -> str:
    """With indentation, by the width of a character."""
    left = min(line.left for line in lines)
    step = max(_character_width(lines), 0.1)
    texts: list[str] = []
    for line in lines:
        indent = line.left - left
        spaces = " " * round(indent / step)
        texts.append(spaces + line.text)
    return "\n".join(texts)


def _character_width(lines: Lines) -> float:
    """Of a line's characters at the mean, in the longest line; wide characters count two."""
    longest = max(lines, key=_length)
    characters = 0
    for character in longest.text:
        characters += 2 if is_wide(character) else 1
    return longest.width / max(1, characters)


def _length(line: Piece) -> int:
    return len(line.text)
