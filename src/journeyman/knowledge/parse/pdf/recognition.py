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


def available() -> bool:
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


@cache
def _engine() -> Any:
    """Without the model that turns single lines upside down: it does so to lines that stand upright."""
    from rapidocr import RapidOCR  # noqa: PLC0415 - optional, slow to import

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    found = {"Det.limit_type": "max", "Det.limit_side_len": FINDING_DOTS}
    whole = {"Global.log_level": "error", "Global.text_score": SURE, "Global.use_cls": False}
    return RapidOCR(params={**whole, **found, **threads})


def recognised(image: NDArray[np.uint8], *, number: int, scale: float) -> Page:
    """The page with what was read, in points (`scale`: pixels per point). Turned scans are read upright."""
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    height, width = image.shape[:2]
    found = _read(image, 0)
    if found.stands:
        found = max(_read(image, 90), _read(image, 270), key=_read_for_sure)
    elif _read_for_sure(found) < UPRIGHT * found.letters:
        found = max(found, _read(image, 180), key=_read_for_sure)
    frame = Frame(width=width / scale, height=height / scale, turn=found.turn)
    pieces = [
        _piece(quad, text, scale)
        for quad, text in zip(_levelled(found.quads), found.texts, strict=True)
    ]
    return Page(number=number, frame=frame, pieces=pieces, recognised=True)


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
    def stands(self) -> bool:
        """Whether most lines of several characters are taller than wide: the page lies on its side."""
        long = [quad for quad, text in zip(self.quads, self.texts, strict=True) if len(text) > 2]
        tall = sum(abs(q[2][1] - q[0][1]) > 1.5 * abs(q[2][0] - q[0][0]) for q in long)
        return tall > 0.5 * len(long) > 0


def _read_for_sure(found: _Reading) -> float:
    """Letters, each as much as the model is sure of it."""
    return sum(len(text) * score for text, score in zip(found.texts, found.scores, strict=True))


def _read(image: NDArray[np.uint8], turn: int) -> _Reading:
    found = _engine()(np.ascontiguousarray(np.rot90(image, turn // 90)))
    if found.boxes is None or found.txts is None:
        return _Reading(turn, [], [], [])
    quads = [[(float(x), float(y)) for x, y in quad] for quad in found.boxes]
    return _Reading(turn, quads, [" ".join(text.split()) for text in found.txts], [*found.scores])


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
