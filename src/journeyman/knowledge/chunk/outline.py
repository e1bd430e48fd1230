"""A document with the headings that stand above each of its blocks."""

from __future__ import annotations

from dataclasses import dataclass

from journeyman.documents import Block, Document


@dataclass(frozen=True)
class Unit:
    """A block where it stands in the text, with the headings above it from the highest down."""

    block: Block
    start: int
    end: int
    path: tuple[str, ...]


@dataclass(frozen=True)
class Outlined:
    """A document with the path of headings of each block."""

    text: str
    units: tuple[Unit, ...]
    title: str


def outlined(document: Document) -> Outlined:
    """Headings (and articles of laws) open; those of the same or a lower rank close."""
    units: list[Unit] = []
    path = _Path()
    placed = zip(document.blocks, document.spans, strict=True)
    for block, span in placed:
        if span is None:
            continue
        start, end = span
        level = block.level or 3
        is_heading = block.kind == "heading"
        if is_heading:
            path.close(level)
        names = path.names()
        unit = Unit(block, start, end, names)
        units.append(unit)
        if is_heading:
            path.open(level, block.text)
    title = document.title or ""
    return Outlined(document.text, tuple(units), title)


class _Path:
    """The headings that are open, from the highest down."""

    def __init__(self) -> None:
        self._headings: list[tuple[int, str]] = []

    def close(self, level: int) -> None:
        """All headings of this rank or lower."""
        higher = [heading for heading in self._headings if heading[0] < level]
        self._headings = higher

    def open(self, level: int, text: str) -> None:
        heading = (level, one_line(text))
        self._headings.append(heading)

    def names(self) -> tuple[str, ...]:
        names = [name for _, name in self._headings]
        return tuple(names)


def one_line(text: str) -> str:
    """A heading as it stands in a context."""
    return " ".join(text.split())[:120]
