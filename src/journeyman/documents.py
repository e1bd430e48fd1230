"""All records of documents, from the page to the passage that a search found. All are frozen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field

from journeyman.types import Cited, Failure, Passages, Record

BlockKind = Literal[
    "heading",
    "paragraph",
    "list",
    "table",
    "code",
    "quote",
    "figure",
    "caption",
    "header",
    "footer",
]
"""`header` and `footer` are what pages repeat or carry at their edges: kept, but no part of a document's text."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in points (1/72 inch) from the top left corner of the page as it is shown."""


class Block(Record):
    """One piece of a document."""

    kind: BlockKind
    text: str
    """A table's rows are its lines, cells parted by " | "; nothing else is reformatted."""
    page: Annotated[int, Field(ge=1)] | None = None
    """Of a PDF or image; the slide, the sheet. None: this kind of file has no pages."""
    box: Box | None = None
    """None: this kind of file has no places."""
    level: Annotated[int, Field(ge=1)] | None = None
    """Of a heading: 1 is the highest. Of a quote: how often quoted. None: of neither, or not known."""
    cells: tuple[tuple[str, ...], ...] = ()
    """Of a table, row by row, all rows of one width. A cell that spans columns of the head stands in each of them."""
    columns: tuple[str, ...] = ()
    """A table's column names, also where it goes on from an earlier block. Empty: not known."""
    name: str | None = None
    """A symbol of code, a record's key, a picture's file. None: has none."""


class Document(Record):
    """A parsed file: its blocks in reading order."""

    name: str
    """The file's path as it was given."""
    kind: str
    """By its content: pdf, image, docx, pptx, xlsx, html, epub, email, mbox, msg, markdown, csv, json, jsonl, code
    or text."""
    sha256: str
    """Of the file's bytes."""
    blocks: tuple[Block, ...]
    title: str | None = None
    """As the file itself tells. None: it does not."""
    pages: int | None = None
    """As many as the file has, parsed or not. None: this kind of file has no pages, or could not be read so far."""
    page_size: tuple[float, float] | None = None
    """Width and height of the first page that was read, in points, as it is shown. None: not known."""
    partial: bool = False
    """Whether something that should be here is missing; `notes` say what."""
    notes: tuple[str, ...] = ()
    """What a reader should know: pages left out, parts not read, what was repaired."""

    @cached_property
    def spans(self) -> tuple[tuple[int, int] | None, ...]:
        """Where each block stands in `text`. None: a header, a footer or an empty block, which stand nowhere."""
        spans: list[tuple[int, int] | None] = []
        at = 0
        for block in self.blocks:
            if block.kind in {"header", "footer"} or not block.text:
                spans.append(None)
                continue
            spans.append((at, at + len(block.text)))
            at += len(block.text) + 2
        return tuple(spans)

    @cached_property
    def text(self) -> str:
        """All blocks but headers and footers, with an empty line between; what offsets count in."""
        return "\n\n".join(
            block.text for block, span in zip(self.blocks, self.spans, strict=True) if span
        )


class Chunk(Record):
    """A stretch of a document's text, as it is indexed and cited: `text == document.text[start:end]`."""

    sha256: str
    """Of the document's file."""
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    text: str
    context: str = ""
    """What stands above it and says what it is about: headings from the highest down, a table's columns."""
    page: int | None = None
    """Where it starts. None: no pages."""
    boxes: tuple[tuple[int, Box], ...] = ()
    """Page and box of each block in it that has one, for marking the place."""
    parent: tuple[int, int] | None = None
    """Start and end of the larger stretch that a reader is to be given for it. None: itself."""


class Passage(Record):
    """A piece of a document, small enough to be read whole, and where it stands."""

    document: Annotated[str, Field(min_length=1)]
    """The document's id, such as its path."""
    id: Annotated[str, Field(min_length=1)]
    """Unique within its document."""
    text: str
    title: str = ""
    """What it stands under: the document's title, or its headings. Searched together with the text."""
    page: Annotated[int, Field(ge=1)] | None = None
    """None: the document has no pages."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom on that page, in points. None: not known."""
    start: Annotated[int, Field(ge=0)] | None = None
    """Where it begins and ends among the characters of the document's text. None: not known."""
    end: Annotated[int, Field(ge=0)] | None = None
    score: float | None = None
    """How well it answered the search; comparable within one search only. None: it comes from none."""


class SourceFile(Record):
    """A file of a knowledge base: what it was when it was read, and what became of it."""

    document: Annotated[str, Field(min_length=1)]
    """The document's id: the file's absolute path."""
    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since 1970, as the file system tells."""
    reader: str
    """Which way of reading and cutting it went through; another one reads it again."""
    labels: tuple[str, ...] = ()
    sha256: str | None = None
    """None: nothing of it could be read."""
    kind: str | None = None
    pages: int | None = None
    characters: int = 0
    passages: int = 0
    template: str | None = None
    """How it was cut. None: it was not."""
    why: str = ""
    """Why so."""
    partial: bool = False
    notes: tuple[str, ...] = ()
    failure: Failure | None = None
    """Why nothing of it is there. None: it is."""


# --- passages as a model reads them


def heading(passage: Passage) -> str:
    """`lease.pdf, page 3: Rent`, on one line, whatever stands in names."""
    name = PurePath(passage.document).name
    page = ""
    if passage.page is not None:
        page = f", page {passage.page}"
    title = ""
    if passage.title.strip():
        title = f": {passage.title}"
    words = f"{name}{page}{title}".split()
    return " ".join(words)


def cited(passages: Iterable[Passage], *, first: int = 1) -> Passages:
    """The passages under numbers, as a part of a message."""
    return Passages(
        passages=tuple(
            Cited(
                number=number,
                head=heading(passage),
                text=passage.text,
                document=passage.document,
                page=passage.page,
            )
            for number, passage in enumerate(passages, start=first)
        )
    )


def listed(passages: Iterable[Passage], *, first: int = 1) -> str:
    """The passages under numbers, as a model reads them."""
    return cited(passages, first=first).rendered
