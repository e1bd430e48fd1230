"""Accents that a file draws by themselves over their letter, as typesetters did, made one with it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from journeyman.documents import Box

MARKS = dict(zip("´`ˆ^˜~¨ˇ˘¯˙˚˝¸", map(chr, (
    0x301, 0x300, 0x302, 0x302, 0x303, 0x303, 0x308, 0x30C, 0x306, 0x304, 0x307, 0x30A, 0x30B, 0x327,
)), strict=True))  # fmt: skip
"""What joins with a letter, by what is drawn."""

DOTLESS = {"ı": "i", "ȷ": "j"}

ACCENT = re.compile("[" + re.escape("".join(MARKS)) + "]")

LINE = re.compile("[^\r\n]+")

ACCENTS_AT_MOST = 500
"""Of one page: with more it shows the marks themselves."""

LINE_AT_MOST = 1_000
"""Characters of a line in which letters are sought."""

TAKEN = "\x01"
"""Stands where nothing is to be read any more: text is cleaned of it like of every control character."""

BoxOf = Callable[[int], Box | None]


def accents_joined(characters: str, box_of: BoxOf) -> str:
    """The characters, as many as before: letters have the accents drawn over them, wherever in the line these stand.

    A space that the reading of the file put before or after an accent, and that is none on the page, is taken out.
    """
    if not 0 < len(ACCENT.findall(characters)) <= ACCENTS_AT_MOST:
        return characters
    told = list(characters)
    for line in LINE.finditer(characters):
        begin, end = line.span()
        accents = [begin + found.start() for found in ACCENT.finditer(line.group())]
        if accents and end - begin <= LINE_AT_MOST:
            boxes = {
                at: box
                for at in range(begin, end)
                if not told[at].isspace() and (box := box_of(at)) is not None
            }
            for accent in accents:
                _join(told, accent, boxes)
    return "".join(told)


def _join(told: list[str], accent: int, boxes: dict[int, Box]) -> None:
    if accent not in boxes:
        return
    for at, box in boxes.items():
        if at != accent and told[at].isalpha() and _within(boxes[accent], box):
            letter = unicodedata.normalize(
                "NFC", DOTLESS.get(told[at], told[at]) + MARKS[told[accent]]
            )
            if len(letter) == 1:
                told[at], told[accent] = letter, TAKEN
                _close(told, accent, boxes)
                return


def _within(one: Box, other: Box) -> bool:
    x, y = (one[0] + one[2]) / 2, (one[1] + one[3]) / 2
    return other[0] < x < other[2] and other[1] < y < other[3]


def _close(told: list[str], accent: int, boxes: dict[int, Box]) -> None:
    """Take out the spaces around an accent, if what stands before and after them touches."""
    first, last = accent, accent
    while first - 1 in range(len(told)) and told[first - 1] in {" ", TAKEN}:
        first -= 1
    while last + 1 < len(told) and told[last + 1] in {" ", TAKEN}:
        last += 1
    before, after = boxes.get(first - 1), boxes.get(last + 1)
    if before is None or after is None:
        return
    across = max(after[0] - before[2], before[0] - after[2])
    down = max(after[1] - before[3], before[1] - after[3])
    if max(across, down) < 0.08 * max(after[2] - after[0], after[3] - after[1]):
        told[first : last + 1] = TAKEN * (last + 1 - first)
