"""Text in pictures: scans, photographs, posters. RapidOCR's models come in its wheel and read English and Chinese."""

from __future__ import annotations

import math
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Box
from journeyman.knowledge.parse.pieces import Frame, Page, Piece, Word

MISSING = "Reading it needs an optional part: pip install 'journeyman[ocr]'"

SURE = 0.5
"""Lines that the model itself gives less are left out."""

FINDING_DOTS = 1280
"""Of the longer side, in which lines are looked for; they are read in full. At 2,000 it takes 3.5 times as long."""

Quad = list[tuple[float, float]]


def available() -> bool:
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # noqa: PLC0415 - optional, slow to import

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    found = {"Det.limit_type": "max", "Det.limit_side_len": FINDING_DOTS}
    return RapidOCR(params={"Global.log_level": "error", "Global.text_score": SURE, **found, **threads})


def recognised(image: NDArray[np.uint8], *, number: int, scale: float) -> Page:
    """The page with what was read, in points (`scale`: pixels per point). Turned scans are read upright."""
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    height, width = image.shape[:2]
    frame = Frame(width=width / scale, height=height / scale)
    quads, texts = _lines(image)
    turn = 0
    if _stands(quads, texts):
        turn, quads, texts = _best_turn(image)
    frame = Frame(width=frame.width, height=frame.height, turn=turn)
    pieces = [_piece(quad, text, scale) for quad, text in zip(_levelled(quads), texts, strict=True)]
    return Page(number=number, frame=frame, pieces=pieces, recognised=True)


def _lines(image: NDArray[np.uint8]) -> tuple[list[Quad], list[str]]:
    found = _engine()(np.ascontiguousarray(image))
    if found.boxes is None or found.txts is None:
        return [], []
    quads = [[(float(x), float(y)) for x, y in quad] for quad in found.boxes]
    return quads, [" ".join(text.split()) for text in found.txts]


def _stands(quads: list[Quad], texts: list[str]) -> bool:
    """Whether most lines of several characters are taller than wide: the page lies on its side."""
    long = [quad for quad, text in zip(quads, texts, strict=True) if len(text) > 2]
    tall = sum(abs(q[2][1] - q[0][1]) > 1.5 * abs(q[2][0] - q[0][0]) for q in long)
    return tall > 0.5 * len(long) > 0


def _best_turn(image: NDArray[np.uint8]) -> tuple[int, list[Quad], list[str]]:
    """Both ways of setting it upright; the one in which more is read."""
    tries = []
    for turn, times in ((90, 1), (270, 3)):
        quads, texts = _lines(np.rot90(image, times))
        tries.append((sum(map(len, texts)), turn, quads, texts))
    _, turn, quads, texts = max(tries, key=lambda each: each[0])
    return turn, quads, texts


def _levelled(quads: list[Quad]) -> list[Quad]:
    """Turned by the median slope of the lines, so that a crooked scan has level lines."""
    wide = [quad for quad in quads if quad[1][0] - quad[0][0] > 3 * abs(quad[3][1] - quad[0][1])]
    if not wide:
        return quads
    slope = median(math.atan2(quad[1][1] - quad[0][1], quad[1][0] - quad[0][0]) for quad in wide)
    if abs(slope) < 0.002:
        return quads
    sine, cosine = math.sin(-slope), math.cos(-slope)
    return [[(x * cosine - y * sine, x * sine + y * cosine) for x, y in quad] for quad in quads]


def _piece(quad: Quad, text: str, scale: float) -> Piece:
    xs, ys = [x / scale for x, _ in quad], [y / scale for _, y in quad]
    tops, bottoms = (ys[0] + ys[1]) / 2, (ys[2] + ys[3]) / 2
    box = (min(xs), min(tops, bottoms), max(xs), max(tops, bottoms))
    return Piece(words=_words(text, box), box=box, height=max(1.0, box[3] - box[1]))


def _words(text: str, box: Box) -> list[Word]:
    """Words with their places, by their share of the line's characters."""
    left, top, right, bottom = box
    step = (right - left) / max(1, len(text))
    words, at = [], 0
    for part in text.split(" "):
        words.append(Word(part, (left + at * step, top, left + (at + len(part)) * step, bottom)))
        at += len(part) + 1
    return words
