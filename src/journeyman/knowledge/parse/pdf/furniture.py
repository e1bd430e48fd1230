"""Headers and footers: what a page carries at its edges, and what pages repeat at the same place."""

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


def at_the_edges(
    page: Page, pieces: Sequence[Piece], body: float
) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Pieces of the header, of the footer, and the rest, by what one page shows."""
    lines = lines_of(pieces)
    if (
        len(lines) < 6
        or page.frame.turn
        or sum(len(piece.text) for piece in pieces) < TEXT_AT_LEAST
    ):
        return [], [], list(pieces)
    height = page.frame.size[1]
    heads = _edge(lines, height, body)
    feet = _edge([*reversed(lines)], height, body)
    taken = {id(piece) for piece in [*heads, *feet]}
    return heads, feet, [piece for piece in pieces if id(piece) not in taken]


def _edge(lines: list[list[Piece]], height: float, body: float) -> list[Piece]:
    """The lines from one edge inwards that are furniture; the farthest of them decides for those before it."""
    found: list[Piece] = []
    run: list[Piece] = []
    passed, clear = 0, True
    for n, line in enumerate(lines[:6]):
        top, bottom = min(p.box[1] for p in line), max(p.box[3] for p in line)
        inside = ZONE * height < top and bottom < (1 - ZONE) * height
        after = lines[n + 1] if n + 1 < len(lines) else None
        if not any(character.isalnum() for piece in line for character in piece.text):
            run += line
            continue
        if (
            (inside and not _lone_number(line, after, body))
            or not _may_be(line, body)
            or passed > 1
        ):
            break
        run += line
        if _is_furniture(line, after, body, first=clear):
            found, passed = list(run), 0
        else:
            passed, clear = passed + 1, False
    return found


def _lone_number(line: list[Piece], after: list[Piece] | None, body: float) -> bool:
    """A page number, wherever the page ends."""
    text = " ".join(piece.text for piece in line)
    return (
        after is not None and PAGE_NUMBER.match(text) is not None and _distance(line, after) > body
    )


def _distance(line: list[Piece], after: list[Piece]) -> float:
    return max(after[0].box[1] - line[0].box[3], line[0].box[1] - after[0].box[3])


def _may_be(line: list[Piece], body: float) -> bool:
    text = " ".join(piece.text for piece in line)
    return len(text) <= LONGEST and max(piece.height for piece in line) <= 1.25 * body


def _is_furniture(
    line: list[Piece], after: list[Piece] | None, body: float, *, first: bool
) -> bool:
    text = " ".join(piece.text for piece in line)
    if PAGE_NUMBER.match(text) or RUNNING.search(text) or (len(text) < 60 and DATED.search(text)):
        return True
    if first and NUMBER_AT_AN_END.match(text) and _titled(text):
        return True
    if after is None:
        return False
    small = max(piece.height for piece in line) <= 1.02 * body
    short = (
        sum(1 + is_wide(character) for character in text) < 80 and text[-1] not in ".。,，;；!！?？"
    )
    return _distance(line, after) > 1.5 * body and small and short


def _titled(text: str) -> bool:
    """Most words begin with a capital, as in a running title; Chinese has none, and is short then."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3 or word.isupper()]
    return bool(words) and sum(
        word[0].isupper() or word[0] > "\u2e80" for word in words
    ) > 0.6 * len(words)


# --- repetition ------------------------------------------------------------------------------------------------


def marked(sheets: Iterable[ParsedPage]) -> Iterator[ParsedPage]:
    """The pages with those blocks marked that pages near them repeat at the same place. Holds back a few pages."""
    window: deque[tuple[ParsedPage, dict[str, float]]] = deque()
    at = 0
    for sheet in sheets:
        window.append((sheet, _edges_of(sheet)))
        if len(window) > WINDOW + at:
            yield _mark(window, at)
            if at == WINDOW:
                window.popleft()
            else:
                at += 1
    while at < len(window):
        yield _mark(window, at)
        at += 1


def _key(block: Block) -> str:
    text = " ".join(block.text.split())
    return text if block.kind == "heading" else re.sub(r"\d+|\b[ivxlc]+\b", "#", text)


def _candidates(sheet: ParsedPage) -> list[Block]:
    """Short blocks with a place: the four highest and the four lowest."""
    placed = [
        block
        for block in sheet.blocks
        if block.box is not None
        and 0 < len(block.text) <= LONGEST
        and block.kind not in {"table", "code"}
    ]
    placed.sort(key=lambda block: block.box[1] if block.box else 0.0)
    return placed[:4] + placed[4:][-4:]


def _edges_of(sheet: ParsedPage) -> dict[str, float]:
    return {_key(block): block.box[1] for block in _candidates(sheet) if block.box is not None}


def _mark(window: Sequence[tuple[ParsedPage, dict[str, float]]], at: int) -> ParsedPage:
    sheet, mine = window[at]
    others = [edges for n, (_, edges) in enumerate(window) if n != at]
    needed = 1 if len(window) <= 3 else 2
    repeated = {
        key
        for key, top in mine.items()
        if sum(abs(edges.get(key, -1e9) - top) < 15 for edges in others) >= needed
    }
    if not repeated:
        return sheet
    edge = {id(block) for block in _candidates(sheet)}
    boxes = [block.box for block in sheet.blocks if block.box is not None]
    middle = (min(box[1] for box in boxes) + max(box[3] for box in boxes)) / 2
    blocks = [
        block.model_copy(
            update={
                "kind": "header" if block.box and block.box[1] < middle else "footer",
                "level": None,
            }
        )
        if id(block) in edge and _key(block) in repeated and block.kind not in {"header", "footer"}
        else block
        for block in sheet.blocks
    ]
    return sheet.model_copy(update={"blocks": tuple(blocks)})
