"""Markdown: headings, paragraphs, lists, tables, code and quotes, each as it stands in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from markdown_it import MarkdownIt
from markdown_it.token import Token

from journeyman.documents import Block
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage
from journeyman.knowledge.parse.text.decoding import text_of
from journeyman.knowledge.parse.text.tabular import table_block

LIST_DEPTH = {
    "bullet_list_open": 1,
    "ordered_list_open": 1,
    "bullet_list_close": -1,
    "ordered_list_close": -1,
}
LINE_BREAKS = {"softbreak", "hardbreak"}
WORDS = {"text", "code_inline", "image"}
Tokens = Sequence[Token]
QUOTE_DEPTH = {"blockquote_open": 1, "blockquote_close": -1}


def read(source: FileToRead) -> Iterator[ParsedPage]:
    front, text = _parted(text_of(source.data()))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    blocks = tuple(_blocks(tokens))
    yield ParsedPage(blocks=blocks, title=_title(front))


def _parted(text: str) -> tuple[str, str]:
    """The front matter, which may be none, and the text below it."""
    end = text.find("\n---\n", 4)
    if text.startswith("---\n") and end > 0:
        return text[4:end], text[end + 5 :]
    return "", text


def _title(front: str) -> str | None:
    for line in front.splitlines():
        if line.startswith("title:"):
            return line[6:].strip(" \"'")
    return None


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    lists = 0
    quotes = 0
    rest = iter(enumerate(tokens))
    for number, token in rest:
        kind = token.type
        lists += LIST_DEPTH.get(kind, 0)
        quotes += QUOTE_DEPTH.get(kind, 0)
        if kind == "table_open":
            table = list(takewhile(_is_inside_table, (inner for _, inner in rest)))
            yield from _table(table)
        elif kind == "heading_open":
            level = int(token.tag[1])
            text = _inline(tokens[number + 1])
            yield Block(kind="heading", text=text, level=level)
        elif kind in {"fence", "code_block"}:
            yield from _code(token)
        elif kind == "paragraph_open":
            inline = tokens[number + 1]
            text = _inline(inline)
            if text:
                yield _text(text, lists, quotes, inline)
        elif kind == "html_block":
            from journeyman.knowledge.parse.web.html import parsed  # noqa: PLC0415 - lxml only where it is needed

            blocks, _ = parsed(token.content)
            yield from blocks


def _is_inside_table(token: Token) -> bool:
    return token.type != "table_close"


def _code(token: Token) -> Iterator[Block]:
    """Its language is the first word behind the fence."""
    if not token.content.strip():
        return
    words = token.info.split()
    language = words[0] if words else None
    yield Block(kind="code", text=token.content.rstrip("\n"), name=language)


def _text(text: str, lists: int, quotes: int, inline: Token) -> Block:
    children = inline.children or []
    if len(children) == 1 and children[0].type == "image":
        address = str(children[0].attrs.get("src", ""))[:200]
        return Block(kind="figure", text=text, name=address or None)
    if quotes:
        return Block(kind="quote", text=text, level=quotes)
    if lists:
        return Block(kind="list", text=text)
    return Block(kind="paragraph", text=text)


def _inline(token: Token) -> str:
    """The words, without marks; a picture by its description."""
    parts: list[str] = []
    for child in token.children or ():
        kind = child.type
        if kind in LINE_BREAKS:
            parts.append("\n")
        elif kind in WORDS:
            parts.append(child.content)
    text = "".join(parts)
    return text.strip()


def _table(tokens: Tokens) -> Iterator[Block]:
    rows: list[list[str]] = []
    for token in tokens:
        kind = token.type
        if kind == "tr_open":
            rows.append([])
        elif kind == "inline":
            cell = _inline(token)
            rows[-1].append(cell)
    block = table_block(rows)
    if block is None:
        return
    columns = block.cells[0]
    yield block.model_copy(update={"columns": columns})
