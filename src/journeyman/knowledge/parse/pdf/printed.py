"""The printed content of a page: text without stamps and duplicates, and the pictures in it."""

from __future__ import annotations

from dataclasses import replace

from journeyman.knowledge.parse.pdf.boxes import area, has_middle_in, height, width
from journeyman.knowledge.parse.pdf.pieces import Page, Picture, Piece, Word

PICTURE_AT_LEAST = 50.0
"""Points of its shorter side: smaller ones are logos, bullets and rules."""

TextAt = tuple[str, int, int]
"""What a piece says, and where it begins, in steps of three points."""


def without_stamps(page: Page) -> tuple[list[Piece], list[Piece]]:
    """The pieces of which at least a part can be seen, and those of them that run along the page's sides."""
    page_width, _ = page.frame.size
    printed: list[Piece] = []
    stamps: list[Piece] = []
    for piece in page.pieces:
        if not _is_on_page(piece, page):
            continue
        is_stamp = _is_stamp(piece, page_width)
        if is_stamp:
            stamps.append(piece)
            continue
        slim = _slim(piece)
        printed.append(slim)
    return printed, stamps


def _is_on_page(piece: Piece, page: Page) -> bool:
    page_width, page_height = page.frame.size
    across = piece.right > 0 and piece.left < page_width
    down = piece.bottom > 0 and piece.top < page_height
    return across and down


def _is_stamp(piece: Piece, page_width: float) -> bool:
    """Whether it runs along the page's left or right edge."""
    leftmost = 0.1 * page_width
    rightmost = 0.9 * page_width
    return piece.turned and not leftmost < piece.left < rightmost


def _slim(piece: Piece) -> Piece:
    """Slanted text, as over a table's columns, stands where it begins."""
    piece_height = height(piece.box)
    if not piece.turned or piece.width < 0.5 * piece_height:
        return piece
    left, top, _, bottom = piece.box
    right = left + 0.4 * piece.width
    box = (left, top, right, bottom)
    words = [Word(piece.text, box)]
    line_height = min(piece.height, 12.0)
    return replace(piece, box=box, words=words, height=line_height)


def without_doubles(pieces: list[Piece]) -> list[Piece]:
    """Text drawn twice at the same place, for a shadow or to look bold, once."""
    seen: set[TextAt] = set()
    kept: list[Piece] = []
    for piece in pieces:
        key = _key(piece)
        if key in seen:
            continue
        seen.add(key)
        kept.append(piece)
    return kept


def _key(piece: Piece) -> TextAt:
    x = round(piece.left / 3)
    y = round(piece.top / 3)
    return (piece.text, x, y)


def without_typewriter(pieces: list[Piece]) -> list[Piece]:
    """Where most of a page is in a font of fixed width, that font does not tell code from text."""
    characters = 0
    fixed = 0
    for piece in pieces:
        length = len(piece.text)
        characters += length
        if piece.fixed:
            fixed += length
    if fixed > 0.6 * characters:
        return [replace(piece, fixed=False) for piece in pieces]
    return pieces


def body_height(pieces: list[Piece]) -> float:
    """The height of most characters."""
    counts: list[tuple[float, int]] = []
    characters = 0
    for piece in pieces:
        length = len(piece.text)
        characters += length
        counts.append((piece.height, length))
    counts.sort()
    half = characters / 2
    passed = 0
    for line_height, count in counts:
        passed += count
        if passed >= half:
            return line_height
    return 12.0


def pictures_among_text(page: Page) -> list[Picture]:
    """Those that stand among the text, and not behind all of it."""
    page_width, page_height = page.frame.size
    largest = 0.7 * page_width * page_height
    pictures: list[Picture] = []
    for picture in page.pictures:
        box = picture.box
        if area(box) >= largest:
            continue
        shorter_side = min(width(box), height(box))
        if shorter_side < PICTURE_AT_LEAST:
            continue
        if _is_behind_text(picture, page.pieces):
            continue
        pictures.append(picture)
    return pictures


def _is_behind_text(picture: Picture, pieces: list[Piece]) -> bool:
    box = picture.box
    return any(has_middle_in(piece.box, box) for piece in pieces)
