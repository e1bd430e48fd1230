"""A document's text in stretches that can be indexed, found and cited: by a template that fits what it is.

Whatever the template, `chunk.text == document.text[chunk.start:chunk.end]`, chunks come in the order of the text and do
not overlap, and nothing but white space is left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from journeyman.documents import Chunk, Document
from journeyman.errors import InputError
from journeyman.knowledge.chunk.choosing import Choice, choose
from journeyman.knowledge.chunk.templates import TEMPLATES, BlockStretch, outlined

__all__ = ["TEMPLATES", "Choice", "choose", "chunk"]


def chunk(document: Document, template: str | None = None) -> tuple[Chunk, ...]:
    """The document's chunks. `template`: one of `TEMPLATES`; None: the one that `choose` gives.

    Raises InputError for a template that there is not.
    """
    name = template or choose(document).template
    if name not in TEMPLATES:
        raise InputError(
            f"There is no chunk template {name!r}.", f"It is one of {', '.join(TEMPLATES)}."
        )
    stretches = TEMPLATES[name](outlined(document))
    places = _Places(document)
    return tuple(
        _chunk(document, stretch, places) for stretch in stretches if stretch.start < stretch.end
    )


class _Places:
    """Which blocks a stretch of text touches, found by bisection."""

    def __init__(self, document: Document) -> None:
        self.blocks = [
            (block, span)
            for block, span in zip(document.blocks, document.spans, strict=True)
            if span
        ]
        self.starts = [span[0] for _, span in self.blocks]
        self.ends = [span[1] for _, span in self.blocks]

    def touched(self, start: int, end: int) -> slice:
        return slice(bisect_right(self.ends, start), bisect_left(self.starts, end))


def _chunk(document: Document, stretch: BlockStretch, places: _Places) -> Chunk:
    touched = [block for block, _ in places.blocks[places.touched(stretch.start, stretch.end)]]
    return Chunk(
        sha256=document.sha256,
        start=stretch.start,
        end=stretch.end,
        text=document.text[stretch.start : stretch.end],
        context=stretch.context,
        page=touched[0].page if touched else None,
        boxes=tuple(
            (block.page, block.box)
            for block in touched
            if block.page is not None and block.box is not None
        ),
        parent=stretch.parent,
    )
