"""Cuts a document into chunks that can be indexed, found and cited, by a template for its kind.

Whatever the template, `chunk.text == document.text[chunk.start:chunk.end]`, chunks come in the order of the text and do
not overlap, and nothing but white space is left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from journeyman.documents import Block, Box, Chunk, Document
from journeyman.errors import InputError
from journeyman.knowledge.chunk.choosing import Choice, choose
from journeyman.knowledge.chunk.outline import outlined
from journeyman.knowledge.chunk.templates import TEMPLATES, BlockStretch

__all__ = ["TEMPLATES", "Choice", "choose", "chunk"]


def chunk(document: Document, template: str | None = None) -> tuple[Chunk, ...]:
    """The document's chunks. `template`: one of `TEMPLATES`; None: the one that `choose` gives.

    Raises InputError for a template that there is not.
    """
    name = template or choose(document).template
    if name not in TEMPLATES:
        known = ", ".join(TEMPLATES)
        raise InputError(f"There is no chunk template {name!r}.", f"It is one of {known}.")
    cut = TEMPLATES[name]
    places = _Places(document)
    stretches = cut(outlined(document))
    filled = [stretch for stretch in stretches if stretch.start < stretch.end]
    return tuple(_chunk(document, stretch, places) for stretch in filled)


class _Places:
    """Which blocks a stretch of text touches, found by bisection."""

    def __init__(self, document: Document) -> None:
        self.blocks: list[Block] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        for block, span in zip(document.blocks, document.spans, strict=True):
            if span:
                start, end = span
                self.blocks.append(block)
                self.starts.append(start)
                self.ends.append(end)

    def touched(self, start: int, end: int) -> list[Block]:
        first = bisect_right(self.ends, start)
        behind_last = bisect_left(self.starts, end)
        return self.blocks[first:behind_last]


def _chunk(document: Document, stretch: BlockStretch, places: _Places) -> Chunk:
    start = stretch.start
    end = stretch.end
    touched = places.touched(start, end)
    page = touched[0].page if touched else None
    return Chunk(
        sha256=document.sha256,
        start=start,
        end=end,
        text=document.text[start:end],
        context=stretch.context,
        page=page,
        boxes=tuple(_boxes(touched)),
        parent=stretch.parent,
    )


def _boxes(blocks: Sequence[Block]) -> Iterator[tuple[int, Box]]:
    """Where the blocks stand, of those whose place is known."""
    for block in blocks:
        page = block.page
        box = block.box
        if page is not None and box is not None:
            yield page, box
