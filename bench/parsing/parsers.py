"""Parsers as functions from a file to Markdown by page, ours and those of others that are installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import pypdfium2

from journeyman.documents import Block
from journeyman.knowledge.markdown import markdown, table_markdown
from journeyman.knowledge.parse import ParsedPage, ParseLimits, parse
from journeyman.knowledge.parse.pdf.furniture import marked
from journeyman.knowledge.parse.pdf.reader import read
from journeyman.knowledge.parse.sheets import FileToRead

Pages = Mapping[int, str]
"""From 1. A parser that does not tell pages apart has all its text at 0."""


PATIENT = ParseLimits(page_seconds=1_200.0, file_seconds=7_200.0)
"""Whatever else the machine does, no page is given up."""


def ours(path: Path) -> Pages:
    document = parse(path, limits=PATIENT)
    return {
        page: markdown(
            document.model_copy(
                update={"blocks": tuple(b for b in document.blocks if b.page == page)}
            )
        )
        for page in range(1, (document.pages or 0) + 1)
    }


def in_this_process(path: Path) -> Pages:
    """Ours with all that it costs but waiting: sheets are written and read as between two processes."""
    source = FileToRead(path=path, name=path.name, kind="pdf", limits=ParseLimits())
    sheets = [
        ParsedPage.model_validate_json(sheet.model_dump_json()) for sheet in marked(read(source))
    ]
    return {
        sheet.page: "\n\n".join(block.text for block in sheet.blocks)
        for sheet in sheets
        if sheet.page
    }


def tables_ours(path: Path) -> list[list[list[str]]]:
    return [
        [list(row) for row in block.cells]
        for block in parse(path, limits=PATIENT).blocks
        if block.kind == "table"
    ]


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
            tables = [
                _block([[cell or "" for cell in row] for row in table])
                for table in page.extract_tables()
            ]
            pages[n] = "\n\n".join(
                [page.extract_text() or "", *(table_markdown(table) for table in tables)]
            )
    return pages


def with_pypdf(path: Path) -> Pages:
    from pypdf import PdfReader  # noqa: PLC0415 - optional

    return {n: page.extract_text() for n, page in enumerate(PdfReader(path).pages, start=1)}


def _block(cells: list[list[str]]) -> Block:
    return Block(kind="table", text="", cells=tuple(map(tuple, cells)))


def parsers() -> dict[str, Callable[[Path], Pages]]:
    """Ours, and each that is installed."""
    others = {"markitdown": with_markitdown, "pdfplumber": with_pdfplumber, "pypdf": with_pypdf}
    return {
        "ours": ours,
        "pypdfium2": with_pypdfium2,
        **{n: call for n, call in others.items() if find_spec(n)},
    }


TABLELESS = {"pypdfium2", "pypdf"}
"""Give text alone."""


def page_text(pages: Pages, page: int) -> str:
    return pages[0] if 0 in pages else pages.get(page, "")
