"""Joins accents that a file draws by themselves with the letters below them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.boxes import distance, has_middle_in, height, width

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

BLANKS = {" ", TAKEN}

BoxOf = Callable[[int], Box | None]


def accents_joined(characters: str, box_of: BoxOf) -> str:
    """The characters, as many as before: letters have the accents drawn over them, wherever in the line these stand.

    A space that the reading of the file put before or after an accent, and that is none on the page, is taken out.
    """
    if not 0 < len(ACCENT.findall(characters)) <= ACCENTS_AT_MOST:
        return characters
    joined = list(characters)
    for line in LINE.finditer(characters):
        begin, end = line.span()
        accents = [begin + found.start() for found in ACCENT.finditer(line.group())]
        if accents and end - begin <= LINE_AT_MOST:
            boxes = _boxes(joined, range(begin, end), box_of)
            for accent in accents:
                _join(joined, accent, boxes)
    return "".join(joined)


def _boxes(characters: list[str], span: range, box_of: BoxOf) -> dict[int, Box]:
    """Where the characters of a line stand, by their index; without white space and what has no place."""
    boxes: dict[int, Box] = {}
    for index in span:
        character = characters[index]
        if character.isspace():
            continue
        box = box_of(index)
        if box is None:
            continue
        boxes[index] = box
    return boxes


def _join(characters: list[str], accent: int, boxes: dict[int, Box]) -> None:
    """Join an accent with the first letter that it is drawn over, if there is such a letter with this accent."""
    accent_box = boxes.get(accent)
    if accent_box is None:
        return
    for index, box in boxes.items():
        letter = characters[index]
        if index == accent or not letter.isalpha():
            continue
        if not has_middle_in(accent_box, box):
            continue
        mark = characters[accent]
        accented = _accented(letter, mark)
        if len(accented) == 1:
            characters[index] = accented
            characters[accent] = TAKEN
            _close(characters, accent, boxes)
            return


def _accented(letter: str, accent: str) -> str:
    """Both as one character; as two where Unicode has none for them."""
    plain = DOTLESS.get(letter, letter)
    return unicodedata.normalize("NFC", plain + MARKS[accent])


def _close(characters: list[str], accent: int, boxes: dict[int, Box]) -> None:
    """Take out the spaces around an accent, if what stands before and after them touches."""
    begin = accent
    while begin > 0 and characters[begin - 1] in BLANKS:
        begin -= 1
    end = accent + 1
    while end < len(characters) and characters[end] in BLANKS:
        end += 1
    before = boxes.get(begin - 1)
    after = boxes.get(end)
    if before is None or after is None:
        return
    letter_size = max(width(after), height(after))
    widest = 0.08 * letter_size
    if distance(before, after) < widest:
        taken = TAKEN * (end - begin)
        characters[begin:end] = taken
