"""HTML: headings, paragraphs, lists, tables, code and quotes; what a reader does not see is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from journeyman.documents import Block, BlockKind
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken
from journeyman.knowledge.parse.text.decoding import text_of
from journeyman.knowledge.parse.text.tabular import table_block

HIDDEN = {
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "head",
    "select",
    "button",
    "input",
    "iframe",
    "object",
}

PARTS = {
    "p", "div", "section", "article", "main", "body", "html", "ul", "ol", "dl", "li", "dt", "dd", "table", "pre",
    "blockquote", "figure", "figcaption", "header", "footer", "nav", "aside", "address", "form", "fieldset", "details",
    "summary", "hr", "center", "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip

EDGES: dict[str, BlockKind] = {"nav": "header", "footer": "footer"}

NODES_AT_MOST = 2_000_000

CELLS_AT_MOST = 200_000
"""Of one table, spans counted: after that a cell spans nothing."""

SPAN_AT_MOST = 200
"""Columns or rows that one cell may span."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    blocks, title = parsed(text_of(source.data()))
    if not blocks:
        raise broken(
            source, "it shows no text", "If a script fills it, save the page as it is shown."
        )
    yield ParsedPage(blocks=tuple(blocks), title=title)


def parsed(text: str) -> tuple[list[Block], str | None]:
    """The blocks of a page, and its title. Entities are never expanded, nothing is loaded."""
    parser = lxml_html.HTMLParser(
        remove_comments=True, remove_pis=True, no_network=True, huge_tree=False, encoding="utf-8"
    )
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.replace("\x00", ""))
    try:
        root = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return [], None
    found = root.find(".//title")
    title = " ".join((found.text or "").split()) if found is not None else ""
    return list(_Walk().blocks(root)), title or None


@dataclass
class _Walk:
    """Goes through the tree without recursion; gathers text until a part of the page ends."""

    text: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """Tags of the parts that are open, from the outermost."""
    seen: int = 0

    def blocks(self, root: Any) -> Iterator[Block]:
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack and self.seen < NODES_AT_MOST:
            self.seen += 1
            node, left = stack.pop()
            tag = node.tag if isinstance(node.tag, str) else ""
            if left:
                yield from self._leave(node, tag)
                continue
            if not tag or tag in HIDDEN or _is_hidden(node):
                self.text.append(node.tail or "")
                continue
            if tag in {"table", "pre"}:
                yield from self._flush()
                yield from _table(node) if tag == "table" else _code(node)
                self.text.append(node.tail or "")
                continue
            yield from self._enter(node, tag)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node))

    def _enter(self, node: Any, tag: str) -> Iterator[Block]:
        if tag in PARTS:
            yield from self._flush()
            self.kinds.append(tag)
        elif tag == "br":
            self.text.append("\n")
        elif tag == "img" and (node.get("alt") or "").strip():
            yield from self._flush()
            yield Block(
                kind="figure",
                text=" ".join(node.get("alt").split()),
                name=(node.get("src") or "")[:200] or None,
            )
        self.text.append(
            node.text or "" if tag == "textarea" else re.sub(r"\s+", " ", node.text or "")
        )

    def _leave(self, node: Any, tag: str) -> Iterator[Block]:
        if tag in PARTS:
            yield from self._flush()
            if self.kinds:
                self.kinds.pop()
        self.text.append(re.sub(r"\s+", " ", node.tail or ""))

    def _flush(self) -> Iterator[Block]:
        text = "\n".join(" ".join(line.split()) for line in "".join(self.text).split("\n")).strip()
        self.text.clear()
        if text:
            yield _block(text, self.kinds)


def _is_hidden(node: Any) -> bool:
    style = (node.get("style") or "").replace(" ", "").lower()
    return (
        node.get("hidden") is not None
        or "display:none" in style
        or node.get("aria-hidden") == "true"
    )


def _block(text: str, kinds: list[str]) -> Block:
    inner = kinds[-1] if kinds else ""
    edge = next((EDGES[kind] for kind in kinds if kind in EDGES), None)
    if edge is not None:
        return Block(kind=edge, text=text)
    if re.fullmatch(r"h[1-6]", inner):
        return Block(kind="heading", text=" ".join(text.split()), level=int(inner[1]))
    if inner == "figcaption":
        return Block(kind="caption", text=text)
    if "blockquote" in kinds:
        return Block(kind="quote", text=text, level=kinds.count("blockquote"))
    return Block(kind="list" if set(kinds) & {"li", "dt", "dd"} else "paragraph", text=text)


def _code(node: Any) -> Iterator[Block]:
    text = "".join(node.itertext()).strip("\n")
    if text.strip():
        yield Block(kind="code", text=text)


def _table(node: Any) -> Iterator[Block]:
    caption = node.find("caption")
    if caption is not None and (text := " ".join("".join(caption.itertext()).split())):
        yield Block(kind="caption", text=text)
    if node.find(".//table") is not None or node.get("role") == "presentation":
        yield from _layout_table(node)
        return
    rows = _rows(node)
    if max((len(row) for row in rows), default=0) == 1:
        yield from (Block(kind="paragraph", text=row[0]) for row in rows if row[0])
        return
    block = table_block(rows)
    if block is not None:
        head = len(node.xpath("./thead/tr")) or (
            1 if node.xpath("(.//tr)[1][th and not(td)]") else 0
        )
        columns = block.columns or (block.cells[0] if head and len(block.cells) > 1 else ())
        yield block.model_copy(update={"columns": columns})


def _layout_table(node: Any) -> Iterator[Block]:
    """A table that only arranges the page: what is in its cells, one after the other."""
    for cell in node.iter("td", "th"):
        if cell.find(".//table") is None:
            text = " ".join("".join(cell.itertext()).split())
            if text:
                yield Block(kind="paragraph", text=text)


def _rows(node: Any) -> list[list[str]]:
    """Cells with what spans rows or columns said in each, as long as there are not too many."""
    rows: list[list[str]] = []
    below: dict[tuple[int, int], str] = {}
    room = CELLS_AT_MOST
    for y, row in enumerate(node.iter("tr")):
        cells: list[str] = []
        for cell in row.iterchildren("td", "th"):
            while (y, len(cells)) in below:
                cells.append(below.pop((y, len(cells))))
            text = " ".join("".join(_seen_text(cell)).split())
            across, down = _span(cell.get("colspan")), _span(cell.get("rowspan"))
            room -= across * down
            if room < 0:
                across = down = 1
            for step in range(1, down):
                below.update({(y + step, len(cells) + n): text for n in range(across)})
            cells += [text] * across
        while (y, len(cells)) in below:
            cells.append(below.pop((y, len(cells))))
        rows.append(cells)
    return rows


def _seen_text(cell: Any) -> Iterator[str]:
    for node in cell.iter():
        if node.tag == "br":
            yield " "
        if node.tag not in HIDDEN and isinstance(node.tag, str):
            yield node.text or ""
        if node is not cell:
            yield node.tail or ""


def _span(value: str | None) -> int:
    return min(int(value), SPAN_AT_MOST) if value and value.isdigit() and int(value) > 0 else 1
