"""The text layer of a PDF page as pieces: words with their places on the page as it is shown."""

from __future__ import annotations

import ctypes
import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.accents import BoxOf, accents_joined
from journeyman.knowledge.parse.pdf.boxes import distance, height, width
from journeyman.knowledge.parse.pdf.pieces import Frame, Page, Picture, Piece, Word, is_wide, union

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

NAME_AT_MOST = 128
"""Bytes of a font's name, with the zero at its end."""

PLAIN = (("\ufffe", "-"), ("\x02", "-"), ("\u00ad", "-"), ("\xa0", " "))
"""Hyphens at the end of a line, soft hyphens and spaces that do not break, each with what stands for it in text."""

ToShown = Callable[[float, float, float, float], Box]
"""From a box in the file's coordinates, given as left, bottom, right and top, to a box on the page as it is shown."""


@dataclass(frozen=True)
class TextLayer:
    """The text of one page with what is needed to find its places."""

    text: pdfium.PdfTextPage
    characters: str
    """One per index of `text`."""
    box_of: BoxOf
    rotation: int
    """Of the page as it is shown, in degrees."""


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
    as_read = _characters(text, kept)
    characters = accents_joined(as_read, box_of)
    rotation = page.get_rotation()
    layer = TextLayer(text, characters, box_of, rotation)
    pieces: list[Piece] = []
    for line in LINE.finditer(characters):
        begin, end = line.span()
        pieces += _line_pieces(layer, begin, end)
    cut = kept if kept < count else 0
    return pieces, cut


def _characters(text: pdfium.PdfTextPage, count: int) -> str:
    """One character per index of the text layer."""
    whole: str = text.get_text_range(0, count, errors="replace")
    if len(whole) != count:
        characters = [_character(text, index) for index in range(count)]
        whole = "".join(characters)
    return whole.replace("\x00", "\ufffd")


def _character(text: pdfium.PdfTextPage, index: int) -> str:
    """One character; the replacement character for half of a surrogate pair and for no code at all."""
    code = pdfium_c.FPDFText_GetUnicode(text.raw, index)
    is_surrogate = 0xD800 <= code <= 0xDFFF
    if is_surrogate or code > 0x10FFFF:
        return "\ufffd"
    return chr(code)


def _places(page: pdfium.PdfPage, text: pdfium.PdfTextPage, frame: Frame) -> BoxOf:
    """Of a character by its index: its box on the page as it is shown, whatever its rotation and crop."""
    rect = pdfium_c.FS_RECTF()
    reference = ctypes.byref(rect)
    raw = text.raw
    to_shown = turned(page, frame)

    def box_of(index: int) -> Box | None:
        if not pdfium_c.FPDFText_GetLooseCharBox(raw, index, reference):
            return None
        return to_shown(rect.left, rect.bottom, rect.right, rect.top)

    return box_of


def turned(page: pdfium.PdfPage, frame: Frame) -> ToShown:
    """From the file's coordinates (left, bottom, right, top) to the page as it is shown."""
    rotation = page.get_rotation()
    left, bottom, right, top = _visible(page, frame)
    from_bottom = rotation in {90, 180}
    from_right = rotation in {180, 270}
    on_its_side = rotation in {90, 270}

    def to_shown(x0: float, y0: float, x1: float, y1: float) -> Box:
        if from_right:
            near_x = right - x1
            far_x = right - x0
        else:
            near_x = x0 - left
            far_x = x1 - left
        if from_bottom:
            near_y = y0 - bottom
            far_y = y1 - bottom
        else:
            near_y = top - y1
            far_y = top - y0
        if on_its_side:
            return (near_y, near_x, far_y, far_x)
        return (near_x, near_y, far_x, far_y)

    return to_shown


def _visible(page: pdfium.PdfPage, frame: Frame) -> Box:
    """The part of the file's page that is shown (left, bottom, right, top): the crop box, if it has the shown size."""
    crop: Box = page.get_cropbox()
    wide = width(crop)
    high = height(crop)
    if page.get_rotation() in {90, 270}:
        wide, high = high, wide
    same_width = math.isclose(wide, frame.width, abs_tol=2)
    same_height = math.isclose(high, frame.height, abs_tol=2)
    if same_width and same_height:
        return crop
    whole: Box = page.get_mediabox()
    return whole


# --- from words to pieces --------------------------------------------------------------------------------------


def _line_pieces(layer: TextLayer, begin: int, end: int) -> list[Piece]:
    """The words of one line, parted where the gap is wide."""
    words: list[Word] = []
    starts: list[int] = []
    matches = WORD.finditer(layer.characters, begin, end)
    for found in matches:
        word = _word(layer, found)
        if word is None:
            continue
        start = found.start()
        words.append(word)
        starts.append(start)
    if not words:
        return []
    lasts = _lasts(layer, words, starts[0])
    pieces: list[Piece] = []
    first = 0
    for last in lasts:
        start = starts[first]
        of_piece = words[first:last]
        piece = _piece(layer, of_piece, start)
        pieces.append(piece)
        first = last
    return pieces


def _word(layer: TextLayer, found: re.Match[str]) -> Word | None:
    """A word with its place. None: it has no place, or no character that can be shown."""
    begin, end = found.span()
    first = layer.box_of(begin)
    last = layer.box_of(end - 1)
    both = (first, last)
    boxes = [box for box in both if box is not None]
    if not boxes:
        return None
    written = found.group()
    text = clean(written)
    if not text:
        return None
    box = union(boxes)
    return Word(text, box)


def _lasts(layer: TextLayer, words: list[Word], start: int) -> list[int]:
    """Before which words of a line, by their index, a piece ends. `start`: the index of the line's first character."""
    size = _size(layer.text, start, words[0].box)
    level = not _is_turned(layer, start)
    gaps = _gaps(words, level=level)
    wide = WIDE_GAP * size
    odd = _odd_gap(gaps, size)
    lasts: list[int] = []
    for n, gap in enumerate(gaps, start=1):
        if gap > wide or gap > odd:
            lasts.append(n)
    lasts.append(len(words))
    return lasts


def _odd_gap(gaps: list[float], size: float) -> float:
    """A wider gap than this is far wider than the line's other gaps."""
    usual = size
    if len(gaps) > 3:
        usual = _usual(gaps)
    return max(ODD_GAP * size, 2.5 * usual)


def _usual(gaps: list[float]) -> float:
    """The gap in the middle, if all are sorted; 0 where it is negative."""
    middle = len(gaps) // 2
    return max(0.0, sorted(gaps)[middle])


def _gaps(words: list[Word], *, level: bool) -> list[float]:
    """The white between each word and the next; without end where a level line goes on with another line."""
    gaps: list[float] = []
    before = words[0]
    rest = words[1:]
    for word in rest:
        gap = distance(before.box, word.box)
        goes_on = level and _on_another_line(before, word)
        if goes_on:
            gap = math.inf
        gaps.append(gap)
        before = word
    return gaps


def _piece(layer: TextLayer, words: list[Word], start: int) -> Piece:
    bold, fixed = _font(layer.text, start)
    return Piece(
        words=words,
        box=union(word.box for word in words),
        height=_size(layer.text, start, words[0].box),
        bold=bold,
        fixed=fixed,
        turned=_is_turned(layer, start),
    )


def _is_turned(layer: TextLayer, index: int) -> bool:
    """Whether a character does not stand upright on the page as it is shown."""
    angle = pdfium_c.FPDFText_GetCharAngle(layer.text.raw, index)
    if angle < 0:
        return False
    degrees = math.degrees(angle) + layer.rotation
    return 20 < degrees % 360 < 340


def _on_another_line(before: Word, after: Word) -> bool:
    """Begins before the other ends, and below it: PDFium joins short lines that stand close."""
    if not after.left < before.right:
        return False
    slack = 0.2 * height(after.box)
    return after.top > before.bottom - slack


def _size(text: pdfium.PdfTextPage, index: int, box: Box) -> float:
    """The font's size as drawn, or the height of its box where the file does not say."""
    matrix = pdfium_c.FS_MATRIX()
    reference = ctypes.byref(matrix)
    raw = text.raw
    size: float = pdfium_c.FPDFText_GetFontSize(raw, index)
    if pdfium_c.FPDFText_GetMatrix(raw, index, reference):
        size *= math.hypot(matrix.b, matrix.d)
    if 0.5 < size < 1_000:
        return size
    shorter_side = min(width(box), height(box))
    return max(1.0, shorter_side)


def _font(text: pdfium.PdfTextPage, index: int) -> tuple[bool, bool]:
    """Whether a character is bold, and whether its font is of fixed width."""
    name, flags = _font_name(text, index)
    weight = pdfium_c.FPDFText_GetFontWeight(text.raw, index)
    bold_by_name = BOLD_FONT.search(name) is not None
    fixed_by_name = FIXED_FONT.search(name) is not None
    bold = weight >= 600 or bold_by_name
    fixed = bool(flags & 1) or fixed_by_name
    return bold, fixed


def _font_name(text: pdfium.PdfTextPage, index: int) -> tuple[str, int]:
    """The name of a character's font, and the font's flags. An empty name: it is too long, or the file has none."""
    buffer = ctypes.create_string_buffer(NAME_AT_MOST)
    flags = ctypes.c_int()
    reference = ctypes.byref(flags)
    length = pdfium_c.FPDFText_GetFontInfo(text.raw, index, buffer, NAME_AT_MOST, reference)
    if not 0 < length <= NAME_AT_MOST:
        return "", flags.value
    end = length - 1
    name = buffer.raw[:end].decode("utf-8", "replace")
    return name, flags.value


def clean(text: str) -> str:
    """Ligatures and presentation forms as letters; control characters out; soft hyphens as hyphens."""
    for mark, plain in PLAIN:
        text = text.replace(mark, plain)
    text = LIGATURES.sub(_letters, text)
    return "".join(character for character in text if character >= " ")


def _letters(ligature: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", ligature.group())


# --- pages whose text does not run rightwards ------------------------------------------------------------------


def turned_to_read(page: Page) -> Page:
    """The page with its pieces upright: most of the text runs rightwards, or else the page is turned to make it so."""
    turn = _turn(page.pieces)
    if turn == 0:
        return page
    frame = replace(page.frame, turn=turn)
    across = page.across
    down = page.down
    if turn != 180:
        across, down = down, across
    pieces = [_upright(piece, frame) for piece in page.pieces]
    pictures = [_upright_picture(picture, frame) for picture in page.pictures]
    return replace(
        page,
        frame=frame,
        pieces=pieces,
        pictures=pictures,
        across=[frame.upright(rule) for rule in across],
        down=[frame.upright(rule) for rule in down],
    )


def _upright_picture(picture: Picture, frame: Frame) -> Picture:
    box = frame.upright(picture.box)
    return replace(picture, box=box)


def _upright(piece: Piece, frame: Frame) -> Piece:
    box = frame.upright(piece.box)
    words = [Word(word.text, frame.upright(word.box)) for word in piece.words]
    turned_now = not piece.turned
    if frame.turn < 0:
        turned_now = False
    return replace(
        piece,
        words=words,
        box=box,
        turned=turned_now,
    )


def _turn(pieces: list[Piece]) -> int:
    """As in `Frame`: how the page is to be turned for most of its characters to run rightwards."""
    most = 0.6 * _count(pieces)
    vertical = [piece for piece in pieces if _is_in_a_vertical_line(piece)]
    if _count(vertical) > most and _goes_down(vertical):
        return -1
    turned_pieces = [piece for piece in pieces if _is_turned_text(piece)]
    if _count(turned_pieces) <= most:
        return 0
    directions = Counter(map(_direction, turned_pieces))
    downwards = directions[90]
    leftwards = directions[180]
    upwards = directions[270]
    others = max(upwards, downwards)
    if leftwards > others:
        return 180
    if downwards > upwards:
        return 90
    return 270


def _is_turned_text(piece: Piece) -> bool:
    """Whether it is turned, and has the two words by which its direction can be told."""
    return piece.turned and len(piece.words) > 1


def _count(pieces: Iterable[Piece]) -> int:
    """How many characters they have."""
    return sum(len(piece.text) for piece in pieces)


def _direction(piece: Piece) -> int:
    """Where a piece's words go: 0, 90, 180, 270 for rightwards, downwards, leftwards, upwards."""
    first = piece.words[0]
    last = piece.words[-1]
    across = last.left - first.left
    down = last.top - first.top
    if across < -abs(down):
        return 180
    if down < -abs(across):
        return 270
    if down > abs(across):
        return 90
    return 0


def _is_in_a_vertical_line(piece: Piece) -> bool:
    """Whether it is of wide characters only, a single one or several below one another."""
    text = piece.text
    if not all(is_wide(character) for character in text):
        return False
    return len(text) == 1 or height(piece.box) > 1.5 * width(piece.box)


def _goes_down(pieces: list[Piece]) -> bool:
    """Whether most pieces stand below the one before, or most are several characters below one another."""
    columns = sum(len(piece.text) > 1 for piece in pieces)
    if len(pieces) < 4:
        return any(len(piece.text) > 2 for piece in pieces)
    pairs = list(itertools.pairwise(pieces))
    below = 0
    for before, after in pairs:
        below += _is_below(before, after)
    if below > 0.6 * len(pairs):
        return True
    return columns > 0.6 * len(pieces)


def _is_below(before: Piece, after: Piece) -> bool:
    """Whether a piece stands under the one before, and not beside it."""
    slack = 0.5 * before.height
    aligned = abs(before.left - after.left) < slack
    return aligned and after.top > before.top
