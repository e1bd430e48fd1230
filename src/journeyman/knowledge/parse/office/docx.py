"""Word files: paragraphs, headings by their style, lists, tables to cells, pictures, notes, headers and footers."""

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
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken
from journeyman.knowledge.parse.text.tabular import table_block

BLOCKS_AT_ONCE = 200


def read(source: FileToRead) -> Iterator[ParsedPage]:
    notes = guarded(source)
    try:
        document = docx.Document(str(source.path))
    except (KeyError, ValueError, SyntaxError) as error:
        raise broken(source, f"a part is missing or damaged ({str(error)[:120]})") from None
    title = document.core_properties.title or None
    waiting: list[Block] = []
    for block in _blocks(document):
        waiting.append(block)
        if len(waiting) >= BLOCKS_AT_ONCE:
            yield ParsedPage(blocks=tuple(waiting), title=title)
            waiting = []
    yield ParsedPage(
        blocks=(*waiting, *_footnotes(document), *_edges(document)), title=title, notes=notes
    )


def _blocks(document: WordDocument) -> Iterator[Block]:
    for item in document.iter_inner_content():
        if isinstance(item, WordTable):
            yield from _table(item)
        else:
            yield from _paragraph(item)


def _paragraph(paragraph: Paragraph) -> Iterator[Block]:
    boxes = [_text_of(box) for box in paragraph._p.iter(qn("w:txbxContent"))]
    text = _text_of(paragraph._p).strip()
    if text:
        yield _text_block(paragraph, text)
    yield from (
        Block(kind="paragraph", text=box.strip()) for box in dict.fromkeys(boxes) if box.strip()
    )
    for drawing in paragraph._p.iter(qn("wp:docPr")):
        name = drawing.get("descr") or drawing.get("title") or ""
        yield Block(kind="figure", text=name, name=drawing.get("name"))


def _text_block(paragraph: Paragraph, text: str) -> Block:
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    level = _level(paragraph, style)
    if level is not None:
        return Block(kind="heading", text=text, level=level)
    if "caption" in style.lower() or CAPTION.match(text):
        return Block(kind="caption", text=text)
    if paragraph._p.find(f".//{qn('w:numPr')}") is not None or style.startswith("List"):
        return Block(kind="list", text=text)
    if "quote" in style.lower():
        return Block(kind="quote", text=text, level=1)
    return Block(kind="code" if "code" in style.lower() else "paragraph", text=text)


def _level(paragraph: Paragraph, style: str) -> int | None:
    """By the style's name or outline level, also in Chinese Word; by its words, where it is bold throughout."""
    if style in {"Title", "标题"}:
        return 1
    named = style.lower().replace("标题", "heading").replace("標題", "heading")
    if named.startswith("heading"):
        digits = "".join(c for c in named if c.isdigit())
        return min(9, int(digits)) if digits else 1
    for properties in (
        paragraph._p.pPr,
        paragraph.style.element.find(qn("w:pPr")) if paragraph.style else None,
    ):
        outline = properties.find(qn("w:outlineLvl")) if properties is not None else None
        if (
            outline is not None
            and (value := outline.get(qn("w:val")))
            and value.isdigit()
            and int(value) < 9
        ):
            return int(value) + 1
    runs = [run for run in paragraph.runs if run.text.strip()]
    return heading_level(paragraph.text) if runs and all(run.bold for run in runs) else None


SKIPPED = {
    qn("w:del"),
    qn("w:txbxContent"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    qn("w:instrText"),
}

BREAKS = {qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:tab"): "\t", qn("w:noBreakHyphen"): "-"}


def _text_of(element: Any) -> str:
    """What a reader sees: insertions and links, but not deletions, field codes or text boxes."""
    parts: list[str] = []
    stack = [element]
    while stack:
        node = stack.pop()
        if node.tag in SKIPPED and node is not element:
            continue
        if node.tag in {qn("w:t"), qn("m:t")}:
            parts.append(node.text or "")
        elif node.tag in BREAKS:
            parts.append(BREAKS[node.tag])
        elif node.tag == qn("w:p") and parts:
            parts.append("\n")
        stack.extend(reversed(node))
    return "".join(parts)


def _table(table: WordTable) -> Iterator[Block]:
    rows: list[list[str]] = []
    for row in table._tbl.tr_lst:
        cells: list[str] = []
        for cell in row.tc_lst:
            cells += [" ".join(_text_of(cell).split())] * max(1, min(cell.grid_span, 200))
        rows.append(cells)
    block = table_block(rows)
    if block is not None:
        yield block


def _footnotes(document: WordDocument) -> Iterator[Block]:
    """Footnotes and endnotes, behind the text."""
    for part in document.part.package.iter_parts():
        if str(part.partname) in {"/word/footnotes.xml", "/word/endnotes.xml"}:
            for note in parse_xml(part.blob):
                if text := " ".join(_text_of(note).split()):
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
            if text := "\n".join(paragraph.text for paragraph in part.paragraphs).strip():
                found[(kind, text)] = Block(kind=kind, text=text)
    return list(found.values())
