"""Markdown: headings, paragraphs, lists, tables, code and quotes, each as it stands in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from journeyman.documents import Block
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage
from journeyman.knowledge.parse.text.decoding import text_of
from journeyman.knowledge.parse.text.tabular import table_block

PARTS = {
    "paragraph_open": "paragraph",
    "heading_open": "heading",
    "fence": "code",
    "code_block": "code",
}


def read(source: FileToRead) -> Iterator[ParsedPage]:
    text = text_of(source.data())
    front = ""
    if text.startswith("---\n") and (end := text.find("\n---\n", 4)) > 0:
        front, text = text[4:end], text[end + 5 :]
    title = next(
        (line[6:].strip(" \"'") for line in front.splitlines() if line.startswith("title:")), None
    )
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    yield ParsedPage(blocks=tuple(_blocks(tokens)), title=title)


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    lists = quotes = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        kind = token.type
        lists += {
            "bullet_list_open": 1,
            "ordered_list_open": 1,
            "bullet_list_close": -1,
            "ordered_list_close": -1,
        }.get(kind, 0)
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(kind, 0)
        if kind == "table_open":
            end = next(n for n in range(at, len(tokens)) if tokens[n].type == "table_close")
            yield from _table(tokens[at:end])
            at = end
        elif kind == "heading_open":
            yield Block(kind="heading", text=_inline(tokens[at + 1]), level=int(token.tag[1]))
        elif kind in {"fence", "code_block"} and token.content.strip():
            yield Block(
                kind="code",
                text=token.content.rstrip("\n"),
                name=token.info.split()[0] if token.info.split() else None,
            )
        elif kind == "paragraph_open" and (text := _inline(tokens[at + 1])):
            yield _text(text, lists, quotes, tokens[at + 1])
        elif kind == "html_block":
            from journeyman.knowledge.parse.web.html import parsed  # noqa: PLC0415 - lxml only where it is needed

            yield from parsed(token.content)[0]
        at += 1


def _text(text: str, lists: int, quotes: int, inline: Token) -> Block:
    children = inline.children or []
    if len(children) == 1 and children[0].type == "image":
        return Block(
            kind="figure", text=text, name=str(children[0].attrs.get("src", ""))[:200] or None
        )
    if quotes:
        return Block(kind="quote", text=text, level=quotes)
    return Block(kind="list" if lists else "paragraph", text=text)


def _inline(token: Token) -> str:
    """The words, without marks; a picture by its description."""
    parts = []
    for child in token.children or []:
        if child.type in {"softbreak", "hardbreak"}:
            parts.append("\n")
        elif child.type in {"text", "code_inline", "image"}:
            parts.append(child.content)
    return "".join(parts).strip()


def _table(tokens: Sequence[Token]) -> Iterator[Block]:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_inline(token))
    block = table_block(rows)
    if block is not None:
        yield block.model_copy(update={"columns": block.cells[0]})
