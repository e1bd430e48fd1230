"""Parsers as functions from a file to Markdown by page, ours and those of others that are installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import pypdfium2

from journeyman.knowledge.markdown import markdown, table_markdown
from journeyman.knowledge.parse import parse
from journeyman.types import Block

Pages = Mapping[int, str]
"""From 1. A parser that does not tell pages apart has all its text at 0."""


def ours(path: Path) -> Pages:
    document = parse(path)
    return {
        page: markdown(document.model_copy(update={"blocks": tuple(b for b in document.blocks if b.page == page)}))
        for page in range(1, (document.pages or 0) + 1)
    }


def tables_ours(path: Path) -> list[list[list[str]]]:
    return [[list(row) for row in block.cells] for block in parse(path).blocks if block.kind == "table"]


def with_pypdfium2(path: Path) -> Pages:
    document = pypdfium2.PdfDocument(path)
    return {n: page.get_textpage().get_text_range() for n, page in enumerate(document, start=1)}


def with_markitdown(path: Path) -> Pages:
    from markitdown import MarkItDown  # noqa: PLC0415 - optional

    return {0: MarkItDown(enable_plugins=False).convert(str(path)).text_content}


def with_pdfplumber(path: Path) -> Pages:
    import pdfplumber  # noqa: PLC0415 - optional

    pages: dict[int, str] = {}
    with pdfplumber.open(path) as document:
        for n, page in enumerate(document.pages, start=1):
            tables = [_block([[cell or "" for cell in row] for row in table]) for table in page.extract_tables()]
            pages[n] = "\n\n".join([page.extract_text() or "", *(table_markdown(table) for table in tables)])
    return pages


def with_pypdf(path: Path) -> Pages:
    from pypdf import PdfReader  # noqa: PLC0415 - optional

    return {n: page.extract_text() for n, page in enumerate(PdfReader(path).pages, start=1)}


def _block(cells: list[list[str]]) -> Block:
    return Block(kind="table", text="", cells=tuple(map(tuple, cells)))


def parsers() -> dict[str, Callable[[Path], Pages]]:
    """Ours, and each that is installed."""
    others = {"markitdown": with_markitdown, "pdfplumber": with_pdfplumber, "pypdf": with_pypdf}
    return {"ours": ours, "pypdfium2": with_pypdfium2, **{n: call for n, call in others.items() if find_spec(n)}}


def page_text(pages: Pages, page: int) -> str:
    return pages[0] if 0 in pages else pages.get(page, "")
