"""Plain text: paragraphs, headings by their words, lists; in any encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from journeyman.documents import Block
from journeyman.knowledge.parse.pdf.outline import heading_level, section_level
from journeyman.knowledge.parse.pdf.pieces import is_wide
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, Sheets
from journeyman.knowledge.parse.text.decoding import text_of

LIST_ITEM = re.compile(r"^\s*(?:[-*•·]|\d{1,3}[.)、]|[a-z][.)])\s*\S")

BLOCKS_AT_ONCE = 500

INDENTS = ("\u3000\u3000", "    \u3000")
"""Of a paragraph's first line."""

LONGEST = 20_000
"""Characters of one block: a file without any empty line is parted at line ends."""


def read(source: FileToRead) -> Sheets:
    text = text_of(source.data())
    waiting: list[Block] = []
    for block in blocks_of(text):
        waiting.append(block)
        if len(waiting) == BLOCKS_AT_ONCE:
            blocks = tuple(waiting)
            yield ParsedPage(blocks=blocks)
            waiting = []
    yield ParsedPage(blocks=tuple(waiting))


def blocks_of(text: str) -> Iterator[Block]:
    """Paragraphs end at an empty line, before a heading or an article, and where lines are paragraphs of their own."""
    text = text.replace("\x0c", "\n\n").replace("\x00", "")
    for paragraph in re.split(r"\n[ \t\u3000]*\n+", text):
        part: list[str] = []
        size = 0
        for line in paragraph.split("\n"):
            line = line.rstrip()  # noqa: PLW2901
            if not line:
                continue
            if part and _begins(line, part[-1], size):
                yield _block("\n".join(part))
                part = []
                size = 0
            part.append(line)
            size += len(line)
        if part:
            yield _block("\n".join(part))


def _begins(line: str, above: str, so_far: int) -> bool:
    """Whether a new block begins with this line; `so_far`: characters of the block above."""
    stripped = line.strip()
    if _is_heading(line) or _is_heading(above.strip()):
        return True
    if section_level(stripped) is not None:
        return True
    if line.startswith(INDENTS):
        return True
    last = above.rstrip()[-1:]
    is_whole = len(above) > 60 and last in "。！？；："
    if is_whole and is_wide(stripped[0]):
        return True
    return so_far > LONGEST


def _is_heading(line: str) -> bool:
    return heading_level(line) is not None


def _block(text: str) -> Block:
    text = text.strip("\n")
    stripped = text.strip()
    level = heading_level(stripped)
    if level is not None:
        return Block(kind="heading", text=stripped, level=level)
    has_lines = "\n" in text
    if has_lines and LIST_ITEM.match(text):
        return Block(kind="list", text=text)
    return Block(kind="paragraph", text=text)
