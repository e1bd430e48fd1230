"""The templates: each cuts a document in the way that fits its kind.

A template is a function from the outlined document to stretches in the order of the text, that do not overlap and leave
nothing but white space out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from journeyman.knowledge.chunk.outline import Outlined, Unit, one_line
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


Template = Callable[[Outlined], list[BlockStretch]]

BlockRun = Sequence[Unit]
Stretches = Iterator[BlockStretch]


def _context(*parts: str) -> str:
    filled = [part for part in parts if part]
    different = dict.fromkeys(filled)
    return " > ".join(different)


def _columns(unit: Unit) -> str:
    return " | ".join(unit.block.columns)


def _is_table(unit: Unit) -> bool:
    return unit.block.kind == "table"


def _is_heading(unit: Unit) -> bool:
    return unit.block.kind == "heading"


def _first_heading(units: BlockRun) -> str:
    """The text of the first heading, or none."""
    for unit in units:
        if _is_heading(unit):
            return unit.block.text
    return ""


def _packed(whole: Outlined, units: BlockRun, context: str = "", most: float = WORDS) -> Stretches:
    """Neighbouring units together up to `most` words; a longer one is cut, and its parts say whose they are."""
    at_most = most * WORDS_AT_MOST / WORDS
    waiting: list[Unit] = []
    size = 0.0
    for unit in units:
        own_size = words(unit.block.text)
        is_full = size >= most or size + own_size > at_most
        if waiting and is_full:
            yield from _stretches(whole, waiting, context, most)
            waiting = []
            size = 0.0
        waiting.append(unit)
        size += own_size
    yield from _stretches(whole, waiting, context, most)


def _stretches(whole: Outlined, units: BlockRun, context: str, most: float) -> Stretches:
    if not units:
        return
    start = units[0].start
    end = units[-1].end
    if not context:
        context = _context(*units[0].path)
    at_most = most * WORDS_AT_MOST / WORDS
    parts = list(pieces(whole.text, start, end, at_most))
    parent = None
    if len(parts) > 1:
        parent = trimmed(whole.text, start, end)
    for part_start, part_end in parts:
        stretch = BlockStretch(part_start, part_end, context, parent)
        yield stretch


def _alone(whole: Outlined, start: int, end: int, context: str) -> Stretches:
    """The text between two places, cut where it is too long."""
    parts = pieces(whole.text, start, end)
    for part_start, part_end in parts:
        yield BlockStretch(part_start, part_end, context)


def _sections(units: BlockRun) -> Iterator[list[Unit]]:
    """From each heading to the next; headings that follow one another stay together."""
    section: list[Unit] = []
    for unit in units:
        has_text = any(not _is_heading(above) for above in section)
        if _is_heading(unit) and has_text:
            yield section
            section = []
        section.append(unit)
    if section:
        yield section


# --- the templates ---------------------------------------------------------------------------------------------


def general(whole: Outlined) -> list[BlockStretch]:
    """Paragraphs together up to the size aimed at, within one section; tables by rows."""
    found: list[BlockStretch] = []
    sections = list(_sections(whole.units))
    for section in _joined_sections(sections):
        for are_tables, group in groupby(section, key=_is_table):
            units = list(group)
            if are_tables:
                found += _rows_of_all(whole, units)
            else:
                found += _packed(whole, units)
    return found


def _rows_of_all(whole: Outlined, tables: BlockRun) -> Iterator[BlockStretch]:
    for table in tables:
        yield from _rows(whole, table)


def _joined_sections(sections: list[list[Unit]]) -> Iterator[list[Unit]]:
    """A very short section goes together with the next one, if that is no higher."""
    waiting: list[Unit] = []
    for section in sections:
        if waiting and not _can_join(waiting, section):
            yield waiting
            waiting = []
        waiting = [*waiting, *section]
        if _size(waiting) >= WORDS / 3:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _can_join(waiting: BlockRun, section: BlockRun) -> bool:
    size = _size(waiting) + _size(section)
    is_lower = _rank(section) >= _rank(waiting)
    return is_lower and size <= WORDS


def _size(units: BlockRun) -> float:
    return sum(words(unit.block.text) for unit in units)


def _rank(units: BlockRun) -> int:
    first = units[0]
    if not _is_heading(first):
        return 99
    return first.block.level or 3


def rows(whole: Outlined) -> list[BlockStretch]:
    """Tables row by row, with the columns' names as context; what is no table as in general."""
    found: list[BlockStretch] = []
    for are_tables, group in groupby(whole.units, key=_is_table):
        units = tuple(group)
        if not are_tables:
            found += general(replace(whole, units=units))
            continue
        for table in units:
            found += _single_rows(whole, table)
    return found


def _rows(whole: Outlined, unit: Unit) -> Stretches:
    """A table's rows: each line of its text is one."""
    columns = _columns(unit)
    context = _context(*unit.path, columns)
    begin = unit.start
    at = unit.start
    size = 0.0
    lines = unit.block.text.split("\n")
    for line in lines:
        own_size = words(line)
        is_full = size + own_size > ROW_WORDS
        if size and is_full:
            yield from _alone(whole, begin, at, context)
            begin = at
            size = 0.0
        size += own_size
        at += len(line) + 1
    yield from _alone(whole, begin, unit.end, context)


def questions(whole: Outlined) -> list[BlockStretch]:
    """Each question with its answer."""
    groups: list[list[Unit]] = []
    for unit in whole.units:
        if not groups or _is_table(groups[-1][0]) or _begins_question(unit):
            groups.append([])
        groups[-1].append(unit)
    found: list[BlockStretch] = []
    for group in groups:
        first = group[0]
        if _is_table(first):
            found += _single_rows(whole, first)
        else:
            found += _kept(whole, group, _context(*first.path))
    return found


def _begins_question(unit: Unit) -> bool:
    """Whether a question begins here. A table stands by itself."""
    if QUESTION.match(unit.block.text):
        return True
    return _asks(unit) or _is_table(unit) or _is_pair(unit)


def _asks(unit: Unit) -> bool:
    """A heading or a short line of its own that ends with a question mark."""
    text = unit.block.text
    if ASKS.search(text) is None:
        return False
    if _is_heading(unit):
        return True
    return "\n" not in text and words(text) < 40


def _is_pair(unit: Unit) -> bool:
    return unit.block.text.lower().startswith(("question:", "instruction:", "问题", "query:"))


def _single_rows(whole: Outlined, unit: Unit) -> Stretches:
    """Each row one; the row of the names goes with the first."""
    context = _context(*unit.path, _columns(unit))
    names_come_first = unit.block.cells[:1] == (unit.block.columns,)
    lines = unit.block.text.split("\n")
    begin = unit.start
    at = unit.start
    for number, line in enumerate(lines):
        end = at + len(line)
        is_first = number == 0 and end < unit.end
        if not (is_first and names_come_first):
            yield from _alone(whole, begin, end, context)
            begin = end
        at = end + 1


def _kept(
    whole: Outlined, units: BlockRun, context: str, most: float = WORDS_AT_MOST
) -> list[BlockStretch]:
    """One stretch, or if it is too long several that name it as their parent."""
    aimed_at = most * WORDS / WORDS_AT_MOST
    stretches = _stretches(whole, units, context, aimed_at)
    return list(stretches)


def tree(whole: Outlined) -> list[BlockStretch]:
    """Each article or lowest section of a law or manual alone, under its headings."""
    groups: list[list[Unit]] = []
    for unit in whole.units:
        begins = _is_article(unit) or _is_heading(unit)
        if not groups or (begins and not _only_headings(groups[-1])):
            groups.append([])
        groups[-1].append(unit)
    found: list[BlockStretch] = []
    for group in groups:
        for are_tables, part in groupby(group, key=_is_table):
            units = list(part)
            if are_tables:
                found += _rows_of_all(whole, units)
            else:
                context = _context(*units[-1].path)
                found += _kept(whole, units, context)
    return found


def _is_article(unit: Unit) -> bool:
    return section_level(unit.block.text) == 4


def _only_headings(units: BlockRun) -> bool:
    """Whether no article and no text is among them."""
    headings = [unit for unit in units if _is_heading(unit)]
    has_article = any(map(_is_article, headings))
    return len(headings) == len(units) and not has_article


REFERENCES = re.compile(
    r"^\W*(?:\d+\.?\s*)?(?:references|bibliography|literature cited|参考文献|參考文獻)\W*$",
    re.IGNORECASE,
)


def paper(whole: Outlined) -> list[BlockStretch]:
    """As in general, with the paper's title in every context, and references entry by entry."""
    title = whole.title or one_line(_first_heading(whole.units))
    cut = _references_at(whole.units)
    body = replace(whole, units=whole.units[:cut])
    found: list[BlockStretch] = []
    for stretch in general(body):
        context = _context(title, stretch.context)
        titled = replace(stretch, context=context)
        found.append(titled)
    entries = whole.units[cut:]
    context = _context(title, "References")
    size = ROW_WORDS * 1.5
    found += _packed(whole, entries, context, size)
    return found


def _references_at(units: BlockRun) -> int:
    """Where the heading of the references stands; the end where there is none."""
    for number, unit in enumerate(units):
        if REFERENCES.match(unit.block.text):
            return number
    return len(units)


def slides(whole: Outlined) -> list[BlockStretch]:
    """Each slide, or page, one."""
    found: list[BlockStretch] = []
    for _, group in groupby(whole.units, key=lambda unit: unit.block.page):
        units = list(group)
        heading = one_line(_first_heading(units))
        context = _context(whole.title, heading)
        found += _kept(whole, units, context)
    return found


def mails(whole: Outlined) -> list[BlockStretch]:
    """Each message; what it quotes apart from what it says itself."""
    found: list[BlockStretch] = []
    for message in _messages(whole.units):
        subject = one_line(message[0].block.text)
        head = _head_of(message)
        context = _context(subject, " · ".join(head.split("\n")))
        quoted_context = _context(subject, "quoted")
        for is_quoted, group in groupby(message, key=_is_quote):
            units = list(group)
            found += _kept(whole, units, quoted_context if is_quoted else context)
    return found


def _is_quote(unit: Unit) -> bool:
    return unit.block.kind == "quote"


def _is_head(unit: Unit) -> bool:
    return unit.block.name == "head"


def _head_of(message: BlockRun) -> str:
    """Who wrote to whom and when; "" where the message does not say."""
    for unit in message:
        if _is_head(unit):
            return unit.block.text
    return ""


def _messages(units: BlockRun) -> Iterator[list[Unit]]:
    """A message begins with a heading that a head follows."""
    message: list[Unit] = []
    for next_number, unit in enumerate(units, start=1):
        following = units[next_number : next_number + 1]
        head_follows = any(map(_is_head, following))
        begins = _is_heading(unit) and head_follows
        if message and begins:
            yield message
            message = []
        message.append(unit)
    if message:
        yield message


def symbols(whole: Outlined) -> list[BlockStretch]:
    """Each function or class; short neighbours that have no name together."""
    found: list[BlockStretch] = []
    groups = groupby(whole.units, key=_has_name)
    for are_named, group in groups:
        units = list(group)
        if not are_named:
            found += _packed(whole, units)
            continue
        for unit in units:
            name = unit.block.name or ""
            found += _kept(whole, [unit], name)
    return found


def _has_name(unit: Unit) -> bool:
    return unit.block.name is not None


def one(whole: Outlined) -> list[BlockStretch]:
    """The whole document, whatever its size."""
    length = len(whole.text)
    start, end = trimmed(whole.text, 0, length)
    stretch = BlockStretch(start, end, whole.title)
    return [stretch]


def nested(whole: Outlined) -> list[BlockStretch]:
    """Short stretches to be found by, in long ones to be read."""
    found: list[BlockStretch] = []
    for section in _sections(whole.units):
        for outer in _packed(whole, section, "", PARENT_WORDS):
            found += _children(whole, outer)
    return found


def _children(whole: Outlined, outer: BlockStretch) -> Stretches:
    parent = (outer.start, outer.end)
    children = pieces(whole.text, *parent, CHILD_WORDS)
    for start, end in children:
        yield BlockStretch(start, end, outer.context, parent)


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
