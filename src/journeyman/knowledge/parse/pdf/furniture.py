"""Headers and footers: texts at the edges of a page, and texts that pages repeat at one place."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from journeyman.documents import Block
from journeyman.knowledge.parse.pdf.pieces import Page, Piece, is_wide, lines_of
from journeyman.knowledge.parse.sheets import ParsedPage

WINDOW = 8
"""Pages before and after, in which a repetition is looked for."""

ZONE = 0.13
"""Of the page's height, at the top and at the bottom."""

LONGEST = 150

TEXT_AT_LEAST = 200
"""Characters of a page: on a poster or a cover, what stands at the edge is part of what it says."""

PAGE_NUMBER = re.compile(
    r"^[-–—·\s]*(?:page|p\.|seite|第)?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*(?:(?:of|/|von)\s*\d{1,4})?\s*页?(?:\s*[/,，]?\s*共\s*\d+\s*页)?[-–—·\s]*$",
    re.IGNORECASE,
)

RUNNING = re.compile(
    r"https?://|www\.|doi[:.]|©|\(c\) \d{4}|copyright|all rights reserved|issn|isbn|\bvol(?:ume)?\b\.? ?\d|\bissue \d|"
    r"downloaded (?:from|by|on)|download date|published by|\bpage \d+|confidential|\brev(?:ision)?[.: ]+\d|@\w+\.\w|"
    r"版权所有|第\s*\d+\s*页",
    re.IGNORECASE,
)

DATED = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? (?:\d{1,2},? )?(?:19|20)\d\d\b",
    re.IGNORECASE,
)

NUMBER_AT_AN_END = re.compile(r"^(?:\d{1,4}\s+\D.{2,70}|.{2,70}\D\s+\d{1,4})$")


Line = list[Piece]

Edges = dict[str, float]
"""The heights of a page's highest and lowest blocks, by what they say."""

SheetEdges = tuple[ParsedPage, Edges]
"""A page with the heights of its blocks."""


def at_the_edges(
    page: Page, pieces: list[Piece], body: float
) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Pieces of the header, of the footer, and the rest, by what one page shows."""
    characters = sum(len(piece.text) for piece in pieces)
    lines = lines_of(pieces)
    if len(lines) < 6 or characters < TEXT_AT_LEAST:
        return [], [], list(pieces)
    if page.frame.turn:
        return [], [], list(pieces)
    _, height = page.frame.size
    heads = _edge(lines, height, body)
    feet = _edge(lines[::-1], height, body)
    taken = {id(piece) for piece in [*heads, *feet]}
    rest = [piece for piece in pieces if id(piece) not in taken]
    return heads, feet, rest


def _edge(lines: list[Line], height: float, body: float) -> list[Piece]:
    """The lines from one edge inwards that are furniture; the farthest of them decides for those before it."""
    found: list[Piece] = []
    passed: list[Piece] = []
    lines_passed = 0
    only_furniture = True
    for n, line in enumerate(lines[:6]):
        after = lines[n + 1] if n + 1 < len(lines) else None
        if not _has_letters(line):
            passed += line
            continue
        if lines_passed > 1 or not _may_be_furniture(line, body):
            break
        if _is_inside(line, height) and not _lone_number(line, after, body):
            break
        passed += line
        if _is_furniture(line, after, body, first=only_furniture):
            found = list(passed)
            lines_passed = 0
        else:
            lines_passed += 1
            only_furniture = False
    return found


def _has_letters(line: Line) -> bool:
    """Whether a line has a letter or a digit."""
    text = _text(line)
    return any(character.isalnum() for character in text)


def _is_inside(line: Line, height: float) -> bool:
    """Whether a line stands farther from the page's edges than headers and footers do."""
    top = min(piece.top for piece in line)
    bottom = max(piece.bottom for piece in line)
    if not ZONE * height < top:
        return False
    return bottom < (1 - ZONE) * height


def _lone_number(line: Line, after: Line | None, body: float) -> bool:
    """A page number, wherever the page ends."""
    if after is None or not PAGE_NUMBER.match(_text(line)):
        return False
    return _distance(line, after) > body


def _distance(line: Line, after: Line) -> float:
    """The white between two lines, whichever of them is above."""
    first = line[0]
    second = after[0]
    return max(second.top - first.bottom, first.top - second.bottom)


def _text(line: Line) -> str:
    return " ".join(piece.text for piece in line)


def _tallest(line: Line) -> float:
    return max(piece.height for piece in line)


def _may_be_furniture(line: Line, body: float) -> bool:
    """Whether a line is no longer and no larger than headers and footers are."""
    if len(_text(line)) > LONGEST:
        return False
    return _tallest(line) <= 1.25 * body


def _is_furniture(line: Line, after: Line | None, body: float, *, first: bool) -> bool:
    text = _text(line)
    if _says_furniture(text):
        return True
    if first and NUMBER_AT_AN_END.match(text) and _titled(text):
        return True
    if after is None:
        return False
    if not _is_short(text):
        return False
    small = _tallest(line) <= 1.02 * body
    far = _distance(line, after) > 1.5 * body
    return small and far


def _says_furniture(text: str) -> bool:
    """Whether it is a page number, or has words or a date that only headers and footers have."""
    if PAGE_NUMBER.match(text):
        return True
    if RUNNING.search(text):
        return True
    if len(text) >= 60:
        return False
    return DATED.search(text) is not None


def _is_short(text: str) -> bool:
    """Whether it is shorter than a line of running text and does not end as a sentence does."""
    if text[-1] in ".。,，;；!！?？":
        return False
    shown_width = sum(1 + is_wide(character) for character in text)
    return shown_width < 80


def _titled(text: str) -> bool:
    """Most words begin with a capital, as in a running title; Chinese has none, and is short then."""
    all_words = re.findall(r"[^\W\d_]+", text)
    words = [word for word in all_words if len(word) > 3 or word.isupper()]
    if not words:
        return False
    capitals = sum(_is_capital(word[0]) for word in words)
    return capitals > 0.6 * len(words)


def _is_capital(letter: str) -> bool:
    """Whether it is a capital, or of a script that has none."""
    return letter.isupper() or letter > "\u2e80"


# --- repetition ------------------------------------------------------------------------------------------------


def marked(sheets: Iterable[ParsedPage]) -> Iterator[ParsedPage]:
    """The pages with those blocks marked that pages near them repeat at the same place. Holds back a few pages."""
    window: deque[SheetEdges] = deque()
    position = 0
    for sheet in sheets:
        window.append((sheet, _edges_of(sheet)))
        if len(window) <= WINDOW + position:
            continue
        yield _mark(window, position)
        if position == WINDOW:
            window.popleft()
        else:
            position += 1
    while position < len(window):
        yield _mark(window, position)
        position += 1


def _key(block: Block) -> str:
    """What a block says, with all numbers alike: pages repeat a header but for the page's number."""
    text = " ".join(block.text.split())
    if block.kind == "heading":
        return text
    return re.sub(r"\d+|\b[ivxlc]+\b", "#", text)


def _candidates(sheet: ParsedPage) -> list[Block]:
    """Short blocks with a place: the four highest and the four lowest."""
    placed = [block for block in sheet.blocks if _is_candidate(block)]
    placed.sort(key=_top)
    highest = placed[:4]
    lowest = placed[4:][-4:]
    return highest + lowest


def _is_candidate(block: Block) -> bool:
    if block.box is None or block.kind in {"table", "code"}:
        return False
    return 0 < len(block.text) <= LONGEST


def _top(block: Block) -> float:
    return block.box[1] if block.box else 0.0


def _edges_of(sheet: ParsedPage) -> Edges:
    """The heights at which a page's highest and lowest blocks begin, by what they say."""
    candidates = _candidates(sheet)
    return {_key(block): _top(block) for block in candidates}


def _mark(window: Sequence[SheetEdges], position: int) -> ParsedPage:
    """One page of the window, its repeated blocks marked as headers and footers."""
    sheet, _ = window[position]
    repeated = _repeated(window, position)
    if not repeated:
        return sheet
    middle = _middle(sheet)
    candidates = _candidates(sheet)
    candidate_ids = {id(block) for block in candidates}
    blocks: list[Block] = []
    for block in sheet.blocks:
        marked_block = block
        is_candidate = id(block) in candidate_ids
        if is_candidate and _key(block) in repeated:
            marked_block = _as_furniture(block, middle)
        blocks.append(marked_block)
    update = {"blocks": tuple(blocks)}
    return sheet.model_copy(update=update)


def _repeated(window: Sequence[SheetEdges], position: int) -> set[str]:
    """What a page's blocks say that enough other pages say at nearly the same height."""
    pages = [edges for _, edges in window]
    own_edges = pages.pop(position)
    needed = 1 if len(window) <= 3 else 2
    repeated: set[str] = set()
    for key, top in own_edges.items():
        times = _times(key, top, pages)
        if times >= needed:
            repeated.add(key)
    return repeated


def _times(key: str, top: float, pages: list[Edges]) -> int:
    """How many pages say the same at nearly the same height."""
    times = 0
    for edges in pages:
        other_top = edges.get(key, -1e9)
        times += abs(other_top - top) < 15
    return times


def _middle(sheet: ParsedPage) -> float:
    """Half way down the blocks of a page that has at least one with a place."""
    boxes = [block.box for block in sheet.blocks if block.box]
    top = min(box[1] for box in boxes)
    bottom = max(box[3] for box in boxes)
    return (top + bottom) / 2


def _as_furniture(block: Block, middle: float) -> Block:
    if block.kind in {"header", "footer"}:
        return block
    kind = "header" if _top(block) < middle else "footer"
    return block.model_copy(update={"kind": kind, "level": None})
