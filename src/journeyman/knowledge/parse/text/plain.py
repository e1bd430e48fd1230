"""Plain text: paragraphs, headings by their words, lists; in any encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from journeyman.documents import Block
from journeyman.knowledge.parse.pdf.outline import heading_level, section_level
from journeyman.knowledge.parse.pdf.pieces import is_wide
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage
from journeyman.knowledge.parse.text.decoding import text_of

LIST_ITEM = re.compile(r"^\s*(?:[-*•·]|\d{1,3}[.)、]|[a-z][.)])\s*\S")

BLOCKS_AT_ONCE = 500

LONGEST = 20_000
"""Characters of one block: a file without any empty line is parted at line ends."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    waiting: list[Block] = []
    for block in blocks_of(text_of(source.data())):
        waiting.append(block)
        if len(waiting) == BLOCKS_AT_ONCE:
            yield ParsedPage(blocks=tuple(waiting))
            waiting = []
    yield ParsedPage(blocks=tuple(waiting))


def blocks_of(text: str) -> Iterator[Block]:
    """Paragraphs end at an empty line, before a heading or an article, and where lines are paragraphs of their own."""
    text = text.replace("\x0c", "\n\n").replace("\x00", "")
    for paragraph in re.split(r"\n[ \t\u3000]*\n+", text):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        begin = 0
        for n, line in enumerate(lines):
            if n > begin and _begins(line, lines[n - 1], sum(len(each) for each in lines[begin:n])):
                yield _block("\n".join(lines[begin:n]))
                begin = n
        if lines:
            yield _block("\n".join(lines[begin:]))


def _begins(line: str, above: str, so_far: int) -> bool:
    if heading_level(line) is not None or section_level(line.strip()) is not None:
        return True
    if _is_heading(above.strip()) or line.startswith(("\u3000\u3000", "    \u3000")):
        return True
    wide = above.rstrip()[-1:] in "。！？；：" and is_wide(line.strip()[0])
    return (wide and len(above) > 60) or so_far > LONGEST


def _is_heading(line: str) -> bool:
    return heading_level(line) is not None


def _block(text: str) -> Block:
    text = text.strip("\n")
    stripped = text.strip()
    level = heading_level(stripped)
    if level is not None:
        return Block(kind="heading", text=stripped, level=level)
    return Block(kind="list" if LIST_ITEM.match(text) and "\n" in text else "paragraph", text=text)
