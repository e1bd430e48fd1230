"""Pieces of text on a page, from a text layer or from recognition: the input of layout.

Coordinates are points from the top left corner, turned so that text runs from left to right and top to bottom: `Frame`
turns them back to the page as it is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.boxes import area, middle_x, middle_y, width


class Placed:
    """What stands in a box on the page: the sides of its box by name."""

    __slots__ = ()

    box: Box

    @property
    def left(self) -> float:
        return self.box[0]

    @property
    def top(self) -> float:
        return self.box[1]

    @property
    def right(self) -> float:
        return self.box[2]

    @property
    def bottom(self) -> float:
        return self.box[3]

    @property
    def width(self) -> float:
        return width(self.box)

    @property
    def middle_x(self) -> float:
        return middle_x(self.box)


@dataclass(slots=True)
class Word(Placed):
    text: str
    box: Box


@dataclass(slots=True)
class Piece(Placed):
    """Words of one line with no wide gap between them."""

    words: list[Word]
    box: Box
    height: float
    """Of a line of its font."""
    bold: bool = False
    fixed: bool = False
    """Whether every character is equally wide, as in code."""
    turned: bool = False
    """Whether it runs in another direction than the page's text."""

    @property
    def text(self) -> str:
        return joined(word.text for word in self.words)


@dataclass(slots=True)
class Table(Placed):
    """A table found on the page, as one thing among the pieces."""

    cells: list[list[str]]
    box: Box
    height: float = 0.0
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Picture(Placed):
    box: Box
    height: float = 0.0


PageItem = Piece | Table | Picture

Line = list[Piece]
"""Pieces that stand beside one another."""


@dataclass(frozen=True)
class Frame:
    """How the page as shown is turned to make its text upright. `width` and `height` are of the page as shown."""

    width: float
    height: float
    turn: int = 0
    """0, 90, 180, 270: the text runs rightwards, downwards, leftwards, upwards. -1: vertical lines, from the right."""

    def upright(self, box: Box) -> Box:
        """A box of the shown page as a box of the upright page."""
        turn = self.turn
        if turn == 0:
            return box
        if turn == 180:
            return self._half_turned(box)
        left, top, right, bottom = box
        if turn == 270:
            upper = self.height - top
            lower = self.height - bottom
            return (lower, left, upper, right)
        near = self.width - right
        far = self.width - left
        return (top, near, bottom, far)

    def shown(self, box: Box) -> Box:
        """A box of the upright page as a box of the shown page."""
        turn = self.turn
        if turn == 0:
            return box
        if turn == 180:
            return self._half_turned(box)
        left, top, right, bottom = box
        if turn == 270:
            near = self.height - right
            far = self.height - left
            return (top, near, bottom, far)
        near = self.width - bottom
        far = self.width - top
        return (near, left, far, right)

    def _half_turned(self, box: Box) -> Box:
        left = self.width - box[2]
        top = self.height - box[3]
        right = self.width - box[0]
        bottom = self.height - box[1]
        return (left, top, right, bottom)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the upright page."""
        if self.turn in {0, 180}:
            return (self.width, self.height)
        return (self.height, self.width)


@dataclass(slots=True)
class Page:
    """One page ready to be laid out."""

    number: int
    frame: Frame
    pieces: list[Piece]
    recognised: bool = False
    pictures: list[Picture] = field(default_factory=list)
    across: list[Box] = field(default_factory=list)
    """Horizontal rules, upright."""
    down: list[Box] = field(default_factory=list)
    """Vertical rules, upright."""

    @property
    def scanned(self) -> bool:
        """Whether the page is a picture. Then its text was recognised, here or by whoever made the file."""
        if self.recognised:
            return True
        width, height = self.frame.size
        most_of_page = 0.8 * width * height
        return any(area(picture.box) > most_of_page for picture in self.pictures)


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of them."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    left = min(lefts)
    top = min(tops)
    right = max(rights)
    bottom = max(bottoms)
    return (left, top, right, bottom)


def is_wide(character: str) -> bool:
    """Whether it is Chinese or Japanese, which are written without spaces between words."""
    if unicodedata.east_asian_width(character) not in {"W", "F"}:
        return False
    is_korean = "\uac00" <= character <= "\ud7a3"
    return not is_korean


def joined(texts: Iterable[str]) -> str:
    """With a space between, but not between two characters that are written without."""
    text = ""
    for part in texts:
        if text and part and not _written_together(text[-1], part[0]):
            text += " "
        text += part
    return text


def _written_together(before: str, after: str) -> bool:
    return is_wide(before) and is_wide(after)


def is_rtl(text: str) -> bool:
    """Whether most of its letters belong to a script that is read from right to left."""
    kinds = [unicodedata.bidirectional(character) for character in text[:200]]
    rightwards = kinds.count("L")
    leftwards = kinds.count("R") + kinds.count("AL")
    return leftwards > rightwards


def merged_pieces(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one line as one, in the direction in which it is read."""
    if len(pieces) == 1:
        return pieces[0]
    side = _from_the_left
    if _line_is_rtl(pieces):
        side = _from_the_right
    ordered = sorted(pieces, key=side)
    words: list[Word] = []
    for piece in ordered:
        words += piece.words
    return replace(
        ordered[0],
        words=words,
        box=union(piece.box for piece in ordered),
        height=median(piece.height for piece in ordered),
        bold=all(piece.bold for piece in ordered),
        fixed=all(piece.fixed for piece in ordered),
    )


def _line_is_rtl(pieces: Sequence[Piece]) -> bool:
    """Whether more than half of a line's characters stand in pieces that are read from right to left."""
    characters = 0
    rtl_characters = 0
    for piece in pieces:
        text = piece.text
        characters += len(text)
        if is_rtl(text):
            rtl_characters += len(text)
    return rtl_characters * 2 > characters


def _from_the_left(piece: Piece) -> float:
    return piece.left


def _from_the_right(piece: Piece) -> float:
    return -piece.right


def lines_of(pieces: Iterable[Piece]) -> list[Line]:
    """Pieces grouped into lines: what overlaps by more than half its height stands on one line. From the top."""
    lines: list[Line] = []
    for piece in sorted(pieces, key=_from_the_top):
        last_lines = lines[-4:]
        line = _line_beside(piece, last_lines)
        if line is None:
            lines.append([piece])
        else:
            line.append(piece)
    for line in lines:
        line.sort(key=_from_the_left)
    return lines


def _from_the_top(piece: Piece) -> tuple[float, float]:
    middle = middle_y(piece.box)
    return (middle, piece.left)


def _line_beside(piece: Piece, lines: list[Line]) -> Line | None:
    """The lowest of the lines that a piece stands on. None: it begins a new one."""
    bottom = piece.bottom
    middle = middle_y(piece.box)
    for line in reversed(lines):
        first = line[0]
        if not first.top < middle < first.bottom:
            continue
        if middle_y(first.box) < bottom:
            return line
    return None
