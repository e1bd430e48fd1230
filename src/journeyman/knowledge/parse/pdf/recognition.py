"""Text in pictures: scans, photographs, posters. RapidOCR's models come in its wheel and read English and Chinese."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.pieces import Frame, Page, Piece, Word

MISSING = "Reading it needs an optional part: pip install 'journeyman[ocr]'"

SURE = 0.5
"""Lines that the model itself gives less are left out."""

UPRIGHT = 0.8
"""Of upright print the model is surer than this; where it is not, the page is tried upside down too."""

FINDING_DOTS = 1280
"""Of the longer side, in which lines are looked for; they are read in full. At 2,000 it takes 3.5 times as long."""

Quad = list[tuple[float, float]]
"""The corners of a line, from the upper left one on, clockwise."""

Pixels = NDArray[np.uint8]


def available() -> bool:
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


@cache
def _engine() -> Any:
    """Without the model that turns single lines upside down: it does so to lines that stand upright."""
    from rapidocr import RapidOCR  # noqa: PLC0415 - optional, slow to import

    settings = {
        "Global.log_level": "error",
        "Global.text_score": SURE,
        "Global.use_cls": False,
        "Det.limit_type": "max",
        "Det.limit_side_len": FINDING_DOTS,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return RapidOCR(params=settings)


def recognised(image: Pixels, *, number: int, scale: float) -> Page:
    """The page with what was read, in points (`scale`: pixels per point). Turned scans are read upright."""
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    pixels_down, pixels_across, _ = image.shape
    reading = _read_upright(image)
    width = pixels_across / scale
    height = pixels_down / scale
    frame = Frame(width, height, reading.turn)
    pieces: list[Piece] = []
    quads = _levelled(reading.quads)
    for quad, text in zip(quads, reading.texts, strict=True):
        piece = _piece(quad, text, scale)
        pieces.append(piece)
    return Page(number, frame, pieces, recognised=True)


@dataclass(frozen=True)
class _Reading:
    """What was read when the page was set upright by so many degrees."""

    turn: int
    quads: list[Quad]
    texts: list[str]
    scores: list[float]

    @property
    def letters(self) -> int:
        return sum(map(len, self.texts))

    @property
    def sure_letters(self) -> float:
        """Letters, each as much as the model is sure of it."""
        letters = [len(text) for text in self.texts]
        pairs = zip(letters, self.scores, strict=True)
        return sum(count * score for count, score in pairs)

    @property
    def lies_on_its_side(self) -> bool:
        """Whether most lines of several characters are taller than wide."""
        long_lines = 0
        tall_lines = 0
        for quad, text in zip(self.quads, self.texts, strict=True):
            if len(text) > 2:
                long_lines += 1
                tall_lines += _is_tall(quad)
        return tall_lines > 0.5 * long_lines > 0


def _is_tall(quad: Quad) -> bool:
    left, top = quad[0]
    right, bottom = quad[2]
    return abs(bottom - top) > 1.5 * abs(right - left)


def _sure_letters(reading: _Reading) -> float:
    return reading.sure_letters


def _read_upright(image: Pixels) -> _Reading:
    """What is read as the image is, or turned so that more of it can be read."""
    reading = _read(image, 0)
    if reading.lies_on_its_side:
        return max(_read(image, 90), _read(image, 270), key=_sure_letters)
    if reading.sure_letters < UPRIGHT * reading.letters:
        return max(reading, _read(image, 180), key=_sure_letters)
    return reading


def _read(image: Pixels, turn: int) -> _Reading:
    quarters = turn // 90
    upright = np.ascontiguousarray(np.rot90(image, quarters))
    engine = _engine()
    found = engine(upright)
    if found.boxes is None or found.txts is None:
        return _Reading(turn, [], [], [])
    quads = [_quad(corners) for corners in found.boxes]
    texts = [" ".join(text.split()) for text in found.txts]
    scores = list(found.scores)
    return _Reading(turn, quads, texts, scores)


def _quad(corners: Any) -> Quad:
    quad: Quad = []
    for x, y in corners:
        corner = (float(x), float(y))
        quad.append(corner)
    return quad


def _levelled(quads: list[Quad]) -> list[Quad]:
    """Turned by the median slope of the lines, so that a crooked scan has level lines."""
    wide = [quad for quad in quads if _is_wide(quad)]
    if not wide:
        return quads
    slopes = map(_slope, wide)
    slope = median(slopes)
    if abs(slope) < 0.002:
        return quads
    levelled: list[Quad] = []
    for quad in quads:
        level = _turned(quad, -slope)
        levelled.append(level)
    return levelled


def _is_wide(quad: Quad) -> bool:
    """Whether a line is so long that its slope can be told."""
    left, top = quad[0]
    right, _ = quad[1]
    _, bottom = quad[3]
    return right - left > 3 * abs(bottom - top)


def _slope(quad: Quad) -> float:
    """Of a line's upper edge, as an angle."""
    left_x, left_y = quad[0]
    right_x, right_y = quad[1]
    return math.atan2(right_y - left_y, right_x - left_x)


def _turned(quad: Quad, angle: float) -> Quad:
    """About the image's corner."""
    sine = math.sin(angle)
    cosine = math.cos(angle)
    corners: Quad = []
    for x, y in quad:
        turned_x = x * cosine - y * sine
        turned_y = x * sine + y * cosine
        corner = (turned_x, turned_y)
        corners.append(corner)
    return corners


def _piece(quad: Quad, text: str, scale: float) -> Piece:
    corners = [(x / scale, y / scale) for x, y in quad]
    xs, ys = zip(*corners, strict=True)
    left = min(xs)
    right = max(xs)
    upper = (ys[0] + ys[1]) / 2
    lower = (ys[2] + ys[3]) / 2
    top = min(upper, lower)
    bottom = max(upper, lower)
    box = (left, top, right, bottom)
    words = _words(text, box)
    height = max(1.0, bottom - top)
    return Piece(words, box, height)


def _words(text: str, box: Box) -> list[Word]:
    """Words with their places, by their share of the line's characters."""
    left, top, right, bottom = box
    characters = max(1, len(text))
    step = (right - left) / characters
    words: list[Word] = []
    begin = 0
    for part in text.split(" "):
        end = begin + len(part)
        word_left = left + begin * step
        word_right = left + end * step
        place = (word_left, top, word_right, bottom)
        words.append(Word(part, place))
        begin = end + 1
    return words
