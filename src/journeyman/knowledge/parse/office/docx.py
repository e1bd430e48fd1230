"""Word files: paragraphs, headings by style, lists, tables, pictures, notes, headers and footers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docx
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph

from journeyman.documents import Block, BlockKind
from journeyman.knowledge.parse.office.archives import guarded
from journeyman.knowledge.parse.pdf.layout import CAPTION
from journeyman.knowledge.parse.pdf.outline import heading_level
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, Sheets, damaged_part
from journeyman.knowledge.parse.text.tabular import table_block

BLOCKS_AT_ONCE = 200
NOTES_PARTS = {"/word/footnotes.xml", "/word/endnotes.xml"}


def read(source: FileToRead) -> Sheets:
    notes = guarded(source)
    path = str(source.path)
    try:
        document = docx.Document(path)
    except (KeyError, ValueError, SyntaxError) as error:
        raise damaged_part(source, error) from None
    title = document.core_properties.title or None
    waiting: list[Block] = []
    for block in _blocks(document):
        waiting.append(block)
        if len(waiting) >= BLOCKS_AT_ONCE:
            blocks = tuple(waiting)
            yield ParsedPage(blocks=blocks, title=title)
            waiting = []
    waiting += _footnotes(document)
    waiting += _edges(document)
    blocks = tuple(waiting)
    yield ParsedPage(blocks=blocks, title=title, notes=notes)


def _blocks(document: WordDocument) -> Iterator[Block]:
    for item in document.iter_inner_content():
        if isinstance(item, WordTable):
            yield from _table(item)
        else:
            yield from _paragraph(item)


def _paragraph(paragraph: Paragraph) -> Iterator[Block]:
    element = paragraph._p
    text = _text_of(element).strip()
    if text:
        yield _text_block(paragraph, text)
    boxes = [_text_of(box) for box in element.iter(qn("w:txbxContent"))]
    for box_text in dict.fromkeys(boxes):
        if box_text.strip():
            yield Block(kind="paragraph", text=box_text.strip())
    for drawing in element.iter(qn("wp:docPr")):
        description = drawing.get("descr") or drawing.get("title") or ""
        yield Block(kind="figure", text=description, name=drawing.get("name"))


def _text_block(paragraph: Paragraph, text: str) -> Block:
    style = ""
    if paragraph.style is not None:
        style = paragraph.style.name or ""
    level = _level(paragraph, style)
    if level is not None:
        return Block(kind="heading", text=text, level=level)
    if "caption" in style.lower() or CAPTION.match(text):
        return Block(kind="caption", text=text)
    numbering = paragraph._p.find(f".//{qn('w:numPr')}")
    if numbering is not None or style.startswith("List"):
        return Block(kind="list", text=text)
    if "quote" in style.lower():
        return Block(kind="quote", text=text, level=1)
    if "code" in style.lower():
        return Block(kind="code", text=text)
    return Block(kind="paragraph", text=text)


def _level(paragraph: Paragraph, style: str) -> int | None:
    """By the style's name or outline level, also in Chinese Word; by its words, where it is bold throughout."""
    if style in {"Title", "标题"}:
        return 1
    name = style.lower()
    name = name.replace("标题", "heading").replace("標題", "heading")
    if name.startswith("heading"):
        digits = "".join(c for c in name if c.isdigit())
        return min(9, int(digits)) if digits else 1
    level = _outline_level(paragraph._p.pPr)
    if level is None and paragraph.style:
        properties = paragraph.style.element.find(qn("w:pPr"))
        level = _outline_level(properties)
    if level is not None:
        return level
    runs = [run for run in paragraph.runs if run.text.strip()]
    if runs and all(run.bold for run in runs):
        return heading_level(paragraph.text)
    return None


def _outline_level(properties: Any) -> int | None:
    """From 1. None: these properties of a paragraph or a style name none, or body text."""
    if properties is None:
        return None
    outline = properties.find(qn("w:outlineLvl"))
    if outline is None:
        return None
    value = outline.get(qn("w:val"))
    if not value or not value.isdigit():
        return None
    level = int(value) + 1
    return level if level <= 9 else None


SKIPPED = {
    qn("w:del"),
    qn("w:txbxContent"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    qn("w:instrText"),
}

TEXTS = {qn("w:t"), qn("m:t")}
PARAGRAPH = qn("w:p")
BREAKS = {qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:tab"): "\t", qn("w:noBreakHyphen"): "-"}


def _text_of(element: Any) -> str:
    """What a reader sees: insertions and links, but not deletions, field codes or text boxes."""
    parts: list[str] = []
    stack = [element]
    while stack:
        node = stack.pop()
        tag = node.tag
        if tag in SKIPPED and node is not element:
            continue
        if tag in TEXTS:
            parts.append(node.text or "")
        elif tag in BREAKS:
            parts.append(BREAKS[tag])
        elif tag == PARAGRAPH and parts:
            parts.append("\n")
        children = reversed(node)
        stack.extend(children)
    return "".join(parts)


def _table(table: WordTable) -> Iterator[Block]:
    rows: list[list[str]] = []
    for row in table._tbl.tr_lst:
        cells: list[str] = []
        for cell in row.tc_lst:
            words = _text_of(cell).split()
            text = " ".join(words)
            columns = max(1, min(cell.grid_span, 200))
            cells += [text] * columns
        rows.append(cells)
    block = table_block(rows)
    if block is not None:
        yield block


def _footnotes(document: WordDocument) -> Iterator[Block]:
    """Footnotes and endnotes, behind the text."""
    package = document.part.package
    for part in package.iter_parts():
        if str(part.partname) not in NOTES_PARTS:
            continue
        for note in parse_xml(part.blob):
            words = _text_of(note).split()
            text = " ".join(words)
            if text:
                yield Block(kind="paragraph", text=text, name="footnote")


def _edges(document: WordDocument) -> list[Block]:
    """Headers and footers of all sections, each once."""
    found: dict[tuple[BlockKind, str], Block] = {}
    for section in document.sections:
        parts: tuple[tuple[BlockKind, Any], ...] = (
            ("header", section.header),
            ("header", section.first_page_header),
            ("footer", section.footer),
            ("footer", section.first_page_footer),
        )
        for kind, part in parts:
            lines = [paragraph.text for paragraph in part.paragraphs]
            text = "\n".join(lines).strip()
            if text:
                found[(kind, text)] = Block(kind=kind, text=text)
    return list(found.values())
