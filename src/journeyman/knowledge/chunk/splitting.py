"""The size of a text, and the places where a long text may be cut."""

from __future__ import annotations

import re
from collections.abc import Iterator

WORDS = 150
"""Aimed at: about 350 Chinese characters or 1,000 English ones, so that six of them fill 1,300 tokens of a prompt."""

WORDS_AT_MOST = 200

WIDE_PER_WORD = 2.3
"""Chinese characters that say as much as an English word."""

WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")

WORD = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff]+")

LETTERS_PER_WORD = 12
"""A longer run without a space counts as several words: a URL, base64, a script that writes none."""

CUTS = (
    re.compile(r"\n{2,}"),
    re.compile(r"[。！？!?；;…]+[”’」』）)\"']*|[.!?][\"'”’)\]]*(?=\s)|\n"),
    re.compile(r"[,，、:：)）]|\s"),
)
"""Where to cut, best first: between paragraphs, after a sentence or a line, after part of one."""


def words(text: str) -> float:
    """The size of a text in English words, whatever its language."""
    wide = len(WIDE.findall(text))
    others = 0
    for run in WORD.finditer(text):
        letters = len(run.group())
        others += 1 + (letters - 1) // LETTERS_PER_WORD
    return wide / WIDE_PER_WORD + others


def pieces(
    text: str, start: int, end: int, most: float = WORDS_AT_MOST
) -> Iterator[tuple[int, int]]:
    """The stretch from `start` to `end` in parts of at most `most` words, cut at the best places, none empty."""
    start, end = trimmed(text, start, end)
    while start < end:
        size = words(text[start:end])
        if size <= most:
            yield start, end
            return
        cut = _cut(text, start, end, most)
        yield trimmed(text, start, cut)
        start, end = trimmed(text, cut, end)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _cut(text: str, start: int, end: int, most: float) -> int:
    """The last good place within the first `most` words, but not in their first third; else where they end."""
    limit = _limit(text, start, end, most)
    first_third = start + (limit - start) // 3
    for pattern in CUTS:
        last_good: int | None = None
        for found in pattern.finditer(text, start, limit):
            place = found.end()
            if first_third < place <= limit:
                last_good = place
        if last_good is not None:
            return last_good
    return max(limit, start + 1)


def _limit(text: str, start: int, end: int, most: float) -> int:
    """Where the first `most` words end, found by bisection."""
    letters_at_most = int(most * LETTERS_PER_WORD * 2) + 2
    low = start + 1
    high = min(end, start + letters_at_most)
    while low < high:
        middle = (low + high + 1) // 2
        if words(text[start:middle]) <= most:
            low = middle
        else:
            high = middle - 1
    return low
