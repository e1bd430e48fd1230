"""HTML: headings, paragraphs, lists, tables, code and quotes. Invisible parts are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
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

LIST_PARTS = {"li", "dt", "dd"}

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
        remove_comments=True,
        remove_pis=True,
        no_network=True,
        huge_tree=False,
        encoding="utf-8",
    )
    without_declaration = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.replace("\x00", ""))
    data = without_declaration.encode("utf-8", "replace")
    try:
        root = lxml_html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return [], None
    title = ""
    element = root.find(".//title")
    if element is not None:
        title = _on_one_line(element.text or "")
    blocks = list(_Walk().blocks(root))
    return blocks, title or None


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


Reaching = dict[tuple[int, int], str]
"""Texts of cells that reach down, by row and column."""


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
            node, is_left = stack.pop()
            tag = node.tag if isinstance(node.tag, str) else ""
            if is_left:
                yield from self._leave(node, tag)
            elif not tag or tag in HIDDEN or _is_hidden(node):
                self.text.append(node.tail or "")
            elif tag in {"table", "pre"}:
                yield from self._flush()
                yield from _table(node) if tag == "table" else _code(node)
                self.text.append(node.tail or "")
            else:
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
            yield _picture(node)
        text = node.text or ""
        if tag != "textarea":
            text = _spaced(text)
        self.text.append(text)

    def _leave(self, node: Any, tag: str) -> Iterator[Block]:
        if tag in PARTS:
            yield from self._flush()
            if self.kinds:
                self.kinds.pop()
        tail = node.tail or ""
        self.text.append(_spaced(tail))

    def _flush(self) -> Iterator[Block]:
        lines = "".join(self.text).split("\n")
        self.text.clear()
        text = "\n".join(_on_one_line(line) for line in lines).strip()
        if text:
            yield _block(text, self.kinds)


def _spaced(text: str) -> str:
    """Each run of white space as one blank."""
    return re.sub(r"\s+", " ", text)


def _picture(node: Any) -> Block:
    name = (node.get("src") or "")[:200]
    return Block(
        kind="figure",
        text=_on_one_line(node.get("alt")),
        name=name or None,
    )


def _is_hidden(node: Any) -> bool:
    if node.get("hidden") is not None or node.get("aria-hidden") == "true":
        return True
    style = node.get("style") or ""
    return "display:none" in style.replace(" ", "").lower()


def _block(text: str, kinds: list[str]) -> Block:
    inner = kinds[-1] if kinds else ""
    for kind in kinds:
        if kind in EDGES:
            return Block(kind=EDGES[kind], text=text)
    if re.fullmatch(r"h[1-6]", inner):
        level = int(inner[1])
        return Block(kind="heading", text=_on_one_line(text), level=level)
    if inner == "figcaption":
        return Block(kind="caption", text=text)
    if "blockquote" in kinds:
        level = kinds.count("blockquote")
        return Block(kind="quote", text=text, level=level)
    if not LIST_PARTS.isdisjoint(kinds):
        return Block(kind="list", text=text)
    return Block(kind="paragraph", text=text)


def _code(node: Any) -> Iterator[Block]:
    text = "".join(node.itertext()).strip("\n")
    if text.strip():
        yield Block(kind="code", text=text)


def _table(node: Any) -> Iterator[Block]:
    caption = node.find("caption")
    if caption is not None:
        text = _all_text(caption)
        if text:
            yield Block(kind="caption", text=text)
    if _arranges(node):
        yield from _layout_table(node)
        return
    rows = _rows(node)
    width = max((len(row) for row in rows), default=0)
    if width == 1:
        yield from _column(rows)
        return
    block = table_block(rows)
    if block is None:
        return
    columns = block.columns
    if not columns and len(block.cells) > 1 and _has_head(node):
        columns = block.cells[0]
    yield block.model_copy(update={"columns": columns})


def _arranges(node: Any) -> bool:
    """Whether it is there for the looks of the page."""
    has_tables = node.find(".//table") is not None
    return has_tables or node.get("role") == "presentation"


def _column(rows: list[list[str]]) -> Iterator[Block]:
    """A table of one column is no table."""
    for row in rows:
        if row[0]:
            yield Block(kind="paragraph", text=row[0])


def _has_head(node: Any) -> bool:
    """Whether its first row is said to be names: in a `thead`, or of `th` alone."""
    if node.xpath("./thead/tr"):
        return True
    return bool(node.xpath("(.//tr)[1][th and not(td)]"))


def _all_text(node: Any) -> str:
    return _on_one_line("".join(node.itertext()))


def _layout_table(node: Any) -> Iterator[Block]:
    """A table that only arranges the page: what is in its cells, one after the other."""
    for cell in node.iter("td", "th"):
        if cell.find(".//table") is not None:
            continue
        text = _all_text(cell)
        if text:
            yield Block(kind="paragraph", text=text)


def _rows(node: Any) -> list[list[str]]:
    """Cells with what spans rows or columns said in each, as long as there are not too many."""
    rows: list[list[str]] = []
    from_above: Reaching = {}
    room = CELLS_AT_MOST
    for y, row in enumerate(node.iter("tr")):
        cells: list[str] = []
        for cell in row.iterchildren("td", "th"):
            _take_from_above(from_above, y, cells)
            across = _span(cell.get("colspan"))
            down = _span(cell.get("rowspan"))
            room -= across * down
            if room < 0:
                across = 1
                down = 1
            x = len(cells)
            text = _on_one_line("".join(_seen_text(cell)))
            cells += [text] * across
            columns = range(x, x + across)
            rows_below = range(y + 1, y + down)
            for place in product(rows_below, columns):
                from_above[place] = text
        _take_from_above(from_above, y, cells)
        rows.append(cells)
    return rows


def _take_from_above(from_above: Reaching, y: int, cells: list[str]) -> None:
    """Go on with cells of rows above that reach down to here."""
    while True:
        place = (y, len(cells))
        text = from_above.pop(place, None)
        if text is None:
            return
        cells.append(text)


def _seen_text(cell: Any) -> Iterator[str]:
    for node in cell.iter():
        tag = node.tag
        if tag == "br":
            yield " "
        if tag not in HIDDEN and isinstance(tag, str):
            yield node.text or ""
        if node is not cell:
            yield node.tail or ""


def _span(value: str | None) -> int:
    if not value or not value.isdigit():
        return 1
    span = int(value)
    return min(span, SPAN_AT_MOST) if span > 0 else 1
