"""The templates: each cuts a document in the way that fits its kind.

A template is a function from the outlined document to stretches in the order of the text, that do not overlap and leave
nothing but white space out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from journeyman.documents import Block, Document
from journeyman.knowledge.chunk.splitting import WORDS, WORDS_AT_MOST, pieces, trimmed, words
from journeyman.knowledge.parse.pdf.outline import section_level

ROW_WORDS = 40
"""Rows of a table that stand in one chunk, if they are short."""

CHILD_WORDS, PARENT_WORDS = 60, 400

QUESTION = re.compile(
    r"^\s*(?:q\s*\d*|question\s*\d*|问题?\s*\d*|問題?\s*\d*)\s*[:：.、]", re.IGNORECASE
)
ANSWER = re.compile(r"^\s*(?:a\s*\d*|answer\s*\d*|答案?\s*\d*|回答)\s*[:：.、]", re.IGNORECASE)
ASKS = re.compile(r"[?？]\s*$")


@dataclass(frozen=True)
class BlockStretch:
    start: int
    end: int
    context: str = ""
    parent: tuple[int, int] | None = None


@dataclass(frozen=True)
class Unit:
    """A block where it stands in the text, with the headings above it from the highest down."""

    block: Block
    start: int
    end: int
    path: tuple[str, ...]


@dataclass(frozen=True)
class Outlined:
    """A document with the path of headings of each block."""

    text: str
    units: tuple[Unit, ...]
    title: str


Template = Callable[[Outlined], list[BlockStretch]]

BlockRun = Sequence[Unit]


def outlined(document: Document) -> Outlined:
    """Headings (and articles of laws) open; those of the same or a lower rank close."""
    units: list[Unit] = []
    path: list[tuple[int, str]] = []
    for block, span in zip(document.blocks, document.spans, strict=True):
        if span is None:
            continue
        if block.kind == "heading":
            level = block.level or 3
            path = [each for each in path if each[0] < level]
            units.append(Unit(block, *span, tuple(name for _, name in path)))
            path.append((level, " ".join(block.text.split())[:120]))
        else:
            units.append(Unit(block, *span, tuple(name for _, name in path)))
    return Outlined(document.text, tuple(units), document.title or "")


def _context(*parts: str) -> str:
    return " > ".join(dict.fromkeys(part for part in parts if part))


def _packed(
    whole: Outlined, units: BlockRun, context: str = "", most: float = WORDS
) -> Iterator[BlockStretch]:
    """Neighbouring units together up to `most` words; a longer one is cut, and its parts say whose they are."""
    waiting: list[Unit] = []
    size = 0.0
    for unit in units:
        own = words(unit.block.text)
        if waiting and (size + own > most * WORDS_AT_MOST / WORDS or size >= most):
            yield from _stretches(whole, waiting, context, most)
            waiting, size = [], 0.0
        waiting.append(unit)
        size += own
    yield from _stretches(whole, waiting, context, most)


def _stretches(
    whole: Outlined, units: BlockRun, context: str, most: float
) -> Iterator[BlockStretch]:
    if not units:
        return
    start, end = units[0].start, units[-1].end
    context = context or _context(*units[0].path)
    parts = list(pieces(whole.text, start, end, most * WORDS_AT_MOST / WORDS))
    parent = trimmed(whole.text, start, end) if len(parts) > 1 else None
    yield from (BlockStretch(*part, context, parent) for part in parts)


def _sections(units: BlockRun) -> Iterator[list[Unit]]:
    """From each heading to the next; headings that follow one another stay together."""
    section: list[Unit] = []
    for unit in units:
        if unit.block.kind == "heading" and any(each.block.kind != "heading" for each in section):
            yield section
            section = []
        section.append(unit)
    if section:
        yield section


# --- the templates ---------------------------------------------------------------------------------------------


def general(whole: Outlined) -> list[BlockStretch]:
    """Paragraphs together up to the size aimed at, within one section; tables by rows."""
    found: list[BlockStretch] = []
    for section in _joined_sections(list(_sections(whole.units))):
        for tables, group in groupby(section, key=lambda unit: unit.block.kind == "table"):
            units = list(group)
            found += (
                [s for unit in units for s in _rows(whole, unit)]
                if tables
                else _packed(whole, units)
            )
    return found


def _joined_sections(sections: list[list[Unit]]) -> Iterator[list[Unit]]:
    """A very short section goes together with the next one, if that is no higher."""
    waiting: list[Unit] = []
    for section in sections:
        if waiting and (_size(waiting) + _size(section) > WORDS or _rank(section) < _rank(waiting)):
            yield waiting
            waiting = []
        waiting = [*waiting, *section]
        if _size(waiting) >= WORDS / 3:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _size(units: BlockRun) -> float:
    return sum(words(unit.block.text) for unit in units)


def _rank(units: BlockRun) -> int:
    return (units[0].block.level or 3) if units[0].block.kind == "heading" else 99


def rows(whole: Outlined) -> list[BlockStretch]:
    """Tables row by row, with the columns' names as context; what is no table as in general."""
    found: list[BlockStretch] = []
    for table, group in groupby(whole.units, key=lambda unit: unit.block.kind == "table"):
        units = tuple(group)
        if table:
            found += [s for unit in units for s in _single_rows(whole, unit)]
        else:
            found += general(replace(whole, units=units))
    return found


def _rows(whole: Outlined, unit: Unit) -> Iterator[BlockStretch]:
    """A table's rows: each line of its text is one."""
    columns = " | ".join(unit.block.columns)
    context = _context(*unit.path, columns)
    begin = at = unit.start
    size = 0.0
    for line in unit.block.text.split("\n"):
        own = words(line)
        if size and size + own > ROW_WORDS:
            yield from (BlockStretch(*part, context) for part in pieces(whole.text, begin, at))
            begin, size = at, 0.0
        at += len(line) + 1
        size += own
    yield from (BlockStretch(*part, context) for part in pieces(whole.text, begin, unit.end))


def questions(whole: Outlined) -> list[BlockStretch]:
    """Each question with its answer."""
    groups: list[list[Unit]] = []
    for unit in whole.units:
        begins = (
            QUESTION.match(unit.block.text)
            or _asks(unit)
            or unit.block.kind == "table"
            or _is_pair(unit)
        )
        if begins or not groups or groups[-1][0].block.kind == "table":
            groups.append([])
        groups[-1].append(unit)
    found: list[BlockStretch] = []
    for group in groups:
        table = group[0].block.kind == "table"
        found += (
            _single_rows(whole, group[0])
            if table
            else _kept(whole, group, _context(*group[0].path))
        )
    return found


def _asks(unit: Unit) -> bool:
    """A heading or a short line of its own that ends with a question mark."""
    text = unit.block.text
    return ASKS.search(text) is not None and (
        unit.block.kind == "heading" or ("\n" not in text and words(text) < 40)
    )


def _is_pair(unit: Unit) -> bool:
    return unit.block.text.lower().startswith(("question:", "instruction:", "问题", "query:"))


def _single_rows(whole: Outlined, unit: Unit) -> Iterator[BlockStretch]:
    """Each row one; the row of the names goes with the first."""
    context = _context(*unit.path, " | ".join(unit.block.columns))
    begin = at = unit.start
    for n, line in enumerate(unit.block.text.split("\n")):
        end = at + len(line)
        names = n == 0 and unit.block.cells[:1] == (unit.block.columns,) and end < unit.end
        if not names:
            yield from (BlockStretch(*part, context) for part in pieces(whole.text, begin, end))
            begin = end
        at = end + 1


def _kept(
    whole: Outlined, units: BlockRun, context: str, most: float = WORDS_AT_MOST
) -> list[BlockStretch]:
    """One stretch, or if it is too long several that name it as their parent."""
    return list(_stretches(whole, units, context, most * WORDS / WORDS_AT_MOST))


def tree(whole: Outlined) -> list[BlockStretch]:
    """Each article or lowest section of a law or manual alone, under its headings."""
    groups: list[list[Unit]] = []
    for unit in whole.units:
        article = section_level(unit.block.text) == 4
        heading = unit.block.kind == "heading"
        only_headings = bool(groups) and all(
            each.block.kind == "heading" and section_level(each.block.text) != 4
            for each in groups[-1]
        )
        if not groups or ((article or heading) and not only_headings):
            groups.append([])
        groups[-1].append(unit)
    found: list[BlockStretch] = []
    for group in groups:
        for tables, part in groupby(group, key=lambda unit: unit.block.kind == "table"):
            units = list(part)
            context = _context(*units[-1].path)
            found += (
                [s for unit in units for s in _rows(whole, unit)]
                if tables
                else _kept(whole, units, context)
            )
    return found


REFERENCES = re.compile(
    r"^\W*(?:\d+\.?\s*)?(?:references|bibliography|literature cited|参考文献|參考文獻)\W*$",
    re.IGNORECASE,
)


def paper(whole: Outlined) -> list[BlockStretch]:
    """As in general, with the paper's title in every context, and references entry by entry."""
    first = next((unit.block.text for unit in whole.units if unit.block.kind == "heading"), "")
    title = whole.title or " ".join(first.split())[:120]
    cut = next(
        (n for n, unit in enumerate(whole.units) if REFERENCES.match(unit.block.text)),
        len(whole.units),
    )
    body = replace(whole, units=whole.units[:cut])
    found = [
        replace(stretch, context=_context(title, stretch.context)) for stretch in general(body)
    ]
    entries = whole.units[cut:]
    return [*found, *_packed(whole, entries, _context(title, "References"), ROW_WORDS * 1.5)]


def slides(whole: Outlined) -> list[BlockStretch]:
    """Each slide, or page, one."""
    found: list[BlockStretch] = []
    for _, group in groupby(whole.units, key=lambda unit: unit.block.page):
        units = list(group)
        title = next((unit.block.text for unit in units if unit.block.kind == "heading"), "")
        found += _kept(whole, units, _context(whole.title, " ".join(title.split())[:120]))
    return found


def mails(whole: Outlined) -> list[BlockStretch]:
    """Each message; what it quotes apart from what it says itself."""
    found: list[BlockStretch] = []
    for message in _messages(whole.units):
        subject = " ".join(message[0].block.text.split())[:120]
        head = next((unit.block.text for unit in message if unit.block.name == "head"), "")
        about = _context(subject, " · ".join(head.split("\n")))
        for quoted, group in groupby(message, key=lambda unit: unit.block.kind == "quote"):
            found += _kept(whole, list(group), _context(subject, "quoted") if quoted else about)
    return found


def _messages(units: BlockRun) -> Iterator[list[Unit]]:
    """A message begins with a heading that a head follows."""
    message: list[Unit] = []
    for n, unit in enumerate(units):
        begins = (
            unit.block.kind == "heading"
            and n + 1 < len(units)
            and units[n + 1].block.name == "head"
        )
        if begins and message:
            yield message
            message = []
        message.append(unit)
    if message:
        yield message


def symbols(whole: Outlined) -> list[BlockStretch]:
    """Each function or class; short neighbours that have no name together."""
    found: list[BlockStretch] = []
    for named, group in groupby(whole.units, key=lambda unit: unit.block.name is not None):
        units = list(group)
        if named:
            found += [s for unit in units for s in _kept(whole, [unit], unit.block.name or "")]
        else:
            found += _packed(whole, units)
    return found


def one(whole: Outlined) -> list[BlockStretch]:
    """The whole document, whatever its size."""
    start, end = trimmed(whole.text, 0, len(whole.text))
    return [BlockStretch(start, end, whole.title)]


def nested(whole: Outlined) -> list[BlockStretch]:
    """Short stretches to be found by, in long ones to be read."""
    found: list[BlockStretch] = []
    for section in _sections(whole.units):
        for outer in _packed(whole, section, "", PARENT_WORDS):
            inner = pieces(whole.text, outer.start, outer.end, CHILD_WORDS)
            found += [
                BlockStretch(*part, outer.context, (outer.start, outer.end)) for part in inner
            ]
    return found


TEMPLATES: Mapping[str, Template] = {
    "general": general,
    "questions": questions,
    "rows": rows,
    "tree": tree,
    "paper": paper,
    "slides": slides,
    "mails": mails,
    "symbols": symbols,
    "one": one,
    "nested": nested,
}
