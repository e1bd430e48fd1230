"""The text layer of a PDF page as pieces: words with their places, in the page as it is shown."""

from __future__ import annotations

import ctypes
import itertools
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.accents import accents_joined
from journeyman.knowledge.parse.pdf.pieces import Frame, Page, Piece, Word, is_wide, union

CHARACTERS_AT_MOST = 200_000
"""Of one page."""

WIDE_GAP = 1.1
"""In sizes of the font: a wider gap parts pieces."""

ODD_GAP = 0.7
"""So does one of this width that is far wider than the line's other gaps."""

LINE = re.compile("[^\r\n\ufffe\x02]+[\ufffe\x02]?")
"""A hyphen at the end of a line is told by a mark of its own."""
WORD = re.compile(r"\S+")

LIGATURES = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb50-\ufdff\ufe70-\ufefc]")

FIXED_FONT = re.compile(r"mono|courier|consol|cmtt|typewriter|menlo", re.IGNORECASE)
BOLD_FONT = re.compile(r"bold|black|heavy|semib|cmbx|demi", re.IGNORECASE)


def frame_of(page: pdfium.PdfPage) -> Frame:
    width, height = page.get_size()
    return Frame(width=width, height=height)


def pieces_of(
    page: pdfium.PdfPage, text: pdfium.PdfTextPage, frame: Frame
) -> tuple[list[Piece], int]:
    """The pieces in the order of the file, and how many characters they were cut at (0: not cut)."""
    count = text.count_chars()
    kept = min(count, CHARACTERS_AT_MOST)
    if kept <= 0:
        return [], 0
    box_of = _places(page, text, frame)
    characters = accents_joined(_characters(text, kept), box_of)
    pieces: list[Piece] = []
    rotation = page.get_rotation()
    for line in LINE.finditer(characters):
        pieces += _line_pieces(text, characters, line.span(), box_of, rotation)
    return pieces, kept if kept < count else 0


def _characters(text: pdfium.PdfTextPage, count: int) -> str:
    """One character per index of the text layer."""
    whole: str = text.get_text_range(0, count, errors="replace")
    if len(whole) != count:
        codes = (pdfium_c.FPDFText_GetUnicode(text.raw, index) for index in range(count))
        whole = "".join(
            "\ufffd" if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF else chr(code) for code in codes
        )
    return whole.replace("\x00", "\ufffd")


def _places(
    page: pdfium.PdfPage, text: pdfium.PdfTextPage, frame: Frame
) -> Callable[[int], Box | None]:
    """Of a character by its index: its box on the page as it is shown, whatever its rotation and crop."""
    rect = pdfium_c.FS_RECTF()
    at, raw = ctypes.byref(rect), text.raw
    turn_box = turned(page, frame)

    def box_of(index: int) -> Box | None:
        if not pdfium_c.FPDFText_GetLooseCharBox(raw, index, at):
            return None
        return turn_box(rect.left, rect.bottom, rect.right, rect.top)

    return box_of


def turned(page: pdfium.PdfPage, frame: Frame) -> Callable[[float, float, float, float], Box]:
    """From the file's coordinates (left, bottom, right, top) to the page as it is shown."""
    rotation = page.get_rotation()
    left, bottom, right, top = page.get_cropbox()
    wide, high = (
        (frame.width, frame.height) if rotation in {0, 180} else (frame.height, frame.width)
    )
    if not math.isclose(right - left, wide, abs_tol=2) or not math.isclose(
        top - bottom, high, abs_tol=2
    ):
        left, bottom, right, top = page.get_mediabox()

    def to_shown(x0: float, y0: float, x1: float, y1: float) -> Box:
        if rotation == 90:
            return (y0 - bottom, x0 - left, y1 - bottom, x1 - left)
        if rotation == 180:
            return (right - x1, y0 - bottom, right - x0, y1 - bottom)
        if rotation == 270:
            return (top - y1, right - x1, top - y0, right - x0)
        return (x0 - left, top - y1, x1 - left, top - y0)

    return to_shown


def _line_pieces(
    text: pdfium.PdfTextPage,
    characters: str,
    span: tuple[int, int],
    box_of: Callable[[int], Box | None],
    rotation: int,
) -> list[Piece]:
    """The words of one line, parted where the gap is wide."""
    begin, end = span
    words: list[Word] = []
    starts: list[int] = []
    for word in WORD.finditer(characters, begin, end):
        first, last = box_of(word.start()), box_of(word.end() - 1)
        boxes = [box for box in (first, last) if box is not None]
        if boxes and (told := clean(word.group())):
            words.append(Word(told, union(boxes)))
            starts.append(word.start())
    if not words:
        return []
    size = _size(text, starts[0], words[0].box)
    groups: list[int] = [0]
    level = not _is_turned(text, starts[0], rotation)
    gaps = [
        math.inf if level and _on_another_line(before.box, word.box) else _gap(before.box, word.box)
        for before, word in itertools.pairwise(words)
    ]
    usual = max(0.0, sorted(gaps)[len(gaps) // 2]) if len(gaps) > 3 else size
    for n, gap in enumerate(gaps, start=1):
        if gap > WIDE_GAP * size or gap > max(ODD_GAP * size, 2.5 * usual):
            groups.append(n)
    return [
        _piece(text, words[first:last], starts[first], rotation)
        for first, last in zip(groups, [*groups[1:], len(words)], strict=True)
    ]


def _piece(text: pdfium.PdfTextPage, words: list[Word], start: int, rotation: int) -> Piece:
    bold, fixed = _font(text, start)
    return Piece(
        words=words,
        box=union(word.box for word in words),
        height=_size(text, start, words[0].box),
        bold=bold,
        fixed=fixed,
        turned=_is_turned(text, start, rotation),
    )


def _is_turned(text: pdfium.PdfTextPage, index: int, rotation: int) -> bool:
    """Whether a character does not stand upright on the page as it is shown."""
    angle = pdfium_c.FPDFText_GetCharAngle(text.raw, index)
    return angle >= 0 and 20 < (math.degrees(angle) + rotation) % 360 < 340


def _on_another_line(one: Box, other: Box) -> bool:
    """Begins before the other ends, and below it: PDFium joins short lines that stand close."""
    return other[0] < one[2] and other[1] > one[3] - 0.2 * (other[3] - other[1])


def _size(text: pdfium.PdfTextPage, index: int, box: Box) -> float:
    """The font's size as drawn, or the height of its box where the file does not say."""
    matrix = pdfium_c.FS_MATRIX()
    size = pdfium_c.FPDFText_GetFontSize(text.raw, index)
    if pdfium_c.FPDFText_GetMatrix(text.raw, index, ctypes.byref(matrix)):
        size *= math.hypot(matrix.b, matrix.d)
    return size if 0.5 < size < 1_000 else max(1.0, min(box[2] - box[0], box[3] - box[1]))


def _gap(one: Box, other: Box) -> float:
    """The distance between two boxes along the axis where they are further apart."""
    across = max(other[0] - one[2], one[0] - other[2])
    down = max(other[1] - one[3], one[1] - other[3])
    return max(across, down)


def _font(text: pdfium.PdfTextPage, index: int) -> tuple[bool, bool]:
    """Whether a character is bold, and whether its font is of fixed width."""
    buffer, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    length = pdfium_c.FPDFText_GetFontInfo(text.raw, index, buffer, 128, ctypes.byref(flags))
    name = buffer.raw[: max(0, length - 1)].decode("utf-8", "replace") if 0 < length <= 128 else ""
    weight = pdfium_c.FPDFText_GetFontWeight(text.raw, index)
    fixed = bool(flags.value & 1) or FIXED_FONT.search(name) is not None
    return weight >= 600 or BOLD_FONT.search(name) is not None, fixed


def clean(text: str) -> str:
    """Ligatures and presentation forms as letters; control characters out; soft hyphens as hyphens."""
    text = (
        text.replace("\ufffe", "-").replace("\x02", "-").replace("\u00ad", "-").replace("\xa0", " ")
    )
    text = LIGATURES.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return "".join(character for character in text if character >= " ")


def turned_to_read(page: Page) -> Page:
    """The page with its pieces upright: most of the text runs rightwards, or else the page is turned to make it so."""
    turn = _turn(page.pieces)
    if turn == 0:
        return page
    frame = replace(page.frame, turn=turn)
    pieces = [
        replace(
            piece,
            words=[Word(word.text, frame.upright(word.box)) for word in piece.words],
            box=frame.upright(piece.box),
            turned=not piece.turned if turn > 0 else False,
        )
        for piece in page.pieces
    ]
    return replace(
        page,
        frame=frame,
        pieces=pieces,
        pictures=[replace(picture, box=frame.upright(picture.box)) for picture in page.pictures],
        across=[frame.upright(box) for box in (page.across if turn == 180 else page.down)],
        down=[frame.upright(box) for box in (page.down if turn == 180 else page.across)],
    )


def _turn(pieces: list[Piece]) -> int:
    weight = sum(len(piece.text) for piece in pieces)
    single = [piece for piece in pieces if all(is_wide(c) for c in piece.text) and _stands(piece)]
    if sum(len(piece.text) for piece in single) > 0.6 * weight and _goes_down(single):
        return -1
    turned_pieces = [piece for piece in pieces if piece.turned and len(piece.words) > 1]
    if sum(len(piece.text) for piece in turned_pieces) <= 0.6 * weight:
        return 0
    rises = downs = lefts = 0
    for piece in turned_pieces:
        first, last = piece.words[0].box, piece.words[-1].box
        across, down = last[0] - first[0], last[1] - first[1]
        lefts += across < -abs(down)
        rises += down < -abs(across)
        downs += down > abs(across)
    return 180 if lefts > max(rises, downs) else 90 if downs > rises else 270


def _stands(piece: Piece) -> bool:
    """A single character, or several below one another."""
    width, height = piece.box[2] - piece.box[0], piece.box[3] - piece.box[1]
    return len(piece.text) == 1 or height > 1.5 * width


def _goes_down(pieces: list[Piece]) -> bool:
    pairs = list(itertools.pairwise(pieces))
    if len(pairs) < 3:
        return any(len(piece.text) > 2 for piece in pieces)
    below = sum(abs(a.box[0] - b.box[0]) < 0.5 * a.height and b.box[1] > a.box[1] for a, b in pairs)
    return below > 0.6 * len(pairs) or sum(len(piece.text) > 1 for piece in pieces) > 0.6 * len(
        pieces
    )
