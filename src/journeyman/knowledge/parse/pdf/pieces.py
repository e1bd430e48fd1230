"""Pieces of text on a page: what layout works on, whether they come from a text layer or from recognition.

Coordinates are points from the top left corner, turned so that text runs from left to right and top to bottom: `Frame`
turns them back to the page as it is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from journeyman.documents import Box


@dataclass(slots=True)
class Word:
    text: str
    box: Box


@dataclass(slots=True)
class Piece:
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
class Table:
    """A table found on the page, as one thing among the pieces."""

    cells: list[list[str]]
    box: Box
    height: float = 0.0
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Picture:
    box: Box
    height: float = 0.0


PageItem = Piece | Table | Picture


@dataclass(frozen=True)
class Frame:
    """How the page as shown is turned to make its text upright. `width` and `height` are of the page as shown."""

    width: float
    height: float
    turn: int = 0
    """0, 90, 180, 270: the text runs rightwards, downwards, leftwards, upwards. -1: vertical lines, from the right."""

    def upright(self, box: Box) -> Box:
        left, top, right, bottom = box
        if self.turn == 90:
            return (top, self.width - right, bottom, self.width - left)
        if self.turn == 180:
            return (self.width - right, self.height - bottom, self.width - left, self.height - top)
        if self.turn == 270:
            return (self.height - bottom, left, self.height - top, right)
        return box if self.turn == 0 else (top, self.width - right, bottom, self.width - left)

    def shown(self, box: Box) -> Box:
        left, top, right, bottom = box
        if self.turn in {90, -1}:
            return (self.width - bottom, left, self.width - top, right)
        if self.turn == 180:
            return (self.width - right, self.height - bottom, self.width - left, self.height - top)
        if self.turn == 270:
            return (top, self.height - right, bottom, self.height - left)
        return box

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the upright page."""
        return (self.width, self.height) if self.turn in {0, 180} else (self.height, self.width)


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
        """Whether it is a picture, so that its text, wherever it is from, was recognised."""
        width, height = self.frame.size
        return self.recognised or any(
            (p.box[2] - p.box[0]) * (p.box[3] - p.box[1]) > 0.8 * width * height
            for p in self.pictures
        )


def union(boxes: Iterable[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return (min(lefts), min(tops), max(rights), max(bottoms))


def is_wide(character: str) -> bool:
    """Chinese, Japanese: written without spaces between words."""
    return (
        unicodedata.east_asian_width(character) in {"W", "F"}
        and not "\uac00" <= character <= "\ud7a3"
    )


def joined(texts: Iterable[str]) -> str:
    """With a space between, but not between two characters that are written without."""
    text = ""
    for part in texts:
        glue = "" if not text or not part or (is_wide(text[-1]) and is_wide(part[0])) else " "
        text += glue + part
    return text


def is_rtl(text: str) -> bool:
    kinds = [unicodedata.bidirectional(character) for character in text[:200]]
    right = sum(kind in {"R", "AL"} for kind in kinds)
    return right > sum(kind == "L" for kind in kinds)


def merged_pieces(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one line as one, in the direction in which it is read."""
    if len(pieces) == 1:
        return pieces[0]
    rtl = sum(len(piece.text) for piece in pieces if is_rtl(piece.text)) * 2 > sum(
        len(p.text) for p in pieces
    )
    ordered = sorted(pieces, key=lambda piece: -piece.box[2] if rtl else piece.box[0])
    return replace(
        ordered[0],
        words=[word for piece in ordered for word in piece.words],
        box=union(piece.box for piece in ordered),
        height=median(piece.height for piece in ordered),
        bold=all(piece.bold for piece in ordered),
        fixed=all(piece.fixed for piece in ordered),
    )


def lines_of(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces grouped into lines: what overlaps by more than half its height stands on one line. From the top."""
    lines: list[list[Piece]] = []
    for piece in sorted(
        pieces, key=lambda piece: ((piece.box[1] + piece.box[3]) / 2, piece.box[0])
    ):
        middle = (piece.box[1] + piece.box[3]) / 2
        for line in lines[-4:][::-1]:
            top, bottom = line[0].box[1], line[0].box[3]
            if top < middle < bottom and (line[0].box[1] + line[0].box[3]) / 2 < piece.box[3]:
                line.append(piece)
                break
        else:
            lines.append([piece])
    for line in lines:
        line.sort(key=lambda piece: piece.box[0])
    return lines
