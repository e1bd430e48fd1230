"""Headings and articles by their words: numbered sections, 第…章, 第…条, Chapter, Article."""

from __future__ import annotations

import re

NUMERAL = "[〇零一二三四五六七八九十百千两0-9０-９]{1,7}"

CHINESE = tuple(
    (re.compile(rf"^\s*第\s*{NUMERAL}\s*{unit}(?=[\s　、：:．.]|$|[^\s，。的])"), level)
    for unit, level in (("[编卷部]分?", 1), ("[章回篇]", 2), ("节", 3), ("条", 4))
)

ENGLISH = (
    (
        re.compile(
            r"^(?:part|book|title)\s+(?:[ivxlcdm]+|\d+|one|two|three|four|five)\b[.:—\- ]?",
            re.IGNORECASE,
        ),
        1,
    ),
    (
        re.compile(
            r"^(?:chapter|appendix|annex)\s+(?:[ivxlcdm]+|\d+|[a-z])\b[.:—\- ]?", re.IGNORECASE
        ),
        2,
    ),
    (re.compile(r"^(?:section|§+)\s*\d+[\d.]*\b[.:—\- ]?", re.IGNORECASE), 3),
    (
        re.compile(
            r"^(?:article|art\.|rule|clause)\s+(?:\d+[a-z]?|[ivxlcdm]+)\b[.:—\- ]?", re.IGNORECASE
        ),
        4,
    ),
)

NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,3}){0,4})\.?[\s　、]+(?=[A-Z\u3400-\u9fff\"“‘(])")

CHINESE_LIST = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十]{1,3}[）)])\s*\S"
)

ENDS = ".。!！?？;；,，:：…"

HEADING_AT_MOST = 100
"""Characters; wide ones count two."""


def section_level(line: str) -> int | None:
    """The rank of the section or article that a line begins: 1 part, 2 chapter, 3 section, 4 article. None: none."""
    for pattern, level in (*CHINESE, *ENGLISH):
        if pattern.match(line):
            return level
    return None


def heading_level(line: str) -> int | None:
    """The level, if a line alone can be a heading by its words: numbered, short, no sentence. None: it can't."""
    line = line.strip()
    if not _may_be_heading(line):
        return None
    level = section_level(line)
    if level == 4 and len(line) >= 40:
        return None
    if level is not None:
        return level
    numbered = NUMBERED.match(line)
    if numbered:
        number = numbered.group(1)
        return number.count(".") + 1
    if CHINESE_LIST.match(line) and len(line) <= 30:
        return 3
    return None


def _may_be_heading(line: str) -> bool:
    """Whether it is one line, short, and does not end as a sentence does."""
    if not line or "\n" in line:
        return False
    if line[-1] in ENDS:
        return False
    shown_width = 0
    for character in line:
        shown_width += 2 if character > "\u2e80" else 1
    return shown_width <= HEADING_AT_MOST
