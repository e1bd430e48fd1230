"""What a PDF page has beside text: pictures, and the rules (thin lines) that tables are drawn with."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.pieces import Page, Picture
from journeyman.knowledge.parse.pdf.textlayer import turned

OBJECTS_AT_MOST = 5_000
SEGMENTS_AT_MOST = 10_000
"""Of one page: a map or a plot has more, and is no table."""

THIN = 3.0
"""Points: a filled box no wider is a rule."""

ToShown = Callable[[float, float, float, float], Box]


def pictures_and_rules(page: pdfium.PdfPage, laid: Page) -> None:
    """Fill in the page's pictures and rules."""
    to_shown = turned(page, laid.frame)
    segments = 0
    count = pdfium_c.FPDFPage_CountObjects(page.raw)
    for index in range(min(count, OBJECTS_AT_MOST)):
        raw = pdfium_c.FPDFPage_GetObject(page.raw, index)
        kind = pdfium_c.FPDFPageObj_GetType(raw)
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE and (box := _bounds(raw)):
            _add_picture(laid, to_shown(*box))
        elif kind == pdfium_c.FPDF_PAGEOBJ_PATH and segments < SEGMENTS_AT_MOST:
            for line in _lines(raw):
                segments += 1
                _add_rule(laid, to_shown(*line))
    if segments >= SEGMENTS_AT_MOST:
        laid.across, laid.down = [], []


def _add_picture(laid: Page, box: Box) -> None:
    width, height = laid.frame.width, laid.frame.height
    left, top, right, bottom = (
        max(0, box[0]),
        max(0, box[1]),
        min(width, box[2]),
        min(height, box[3]),
    )
    if right - left > 8 and bottom - top > 8:
        laid.pictures.append(Picture((left, top, right, bottom)))


def _add_rule(laid: Page, box: Box) -> None:
    left, top, right, bottom = box
    if bottom - top <= THIN < right - left:
        laid.across.append(box)
    elif right - left <= THIN < bottom - top:
        laid.down.append(box)


def _bounds(raw: object) -> Box | None:
    values = [ctypes.c_float() for _ in range(4)]
    if not pdfium_c.FPDFPageObj_GetBounds(raw, *(ctypes.byref(value) for value in values)):
        return None
    return (values[0].value, values[1].value, values[2].value, values[3].value)


def _lines(raw: object) -> Iterator[Box]:
    """The straight lines of a path that is stroked, and the path itself where it is a thin box."""
    bounds = _bounds(raw)
    if bounds is None:
        return
    left, bottom, right, top = bounds
    if right - left <= THIN or top - bottom <= THIN:
        yield bounds
        return
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDFPath_GetDrawMode(raw, ctypes.byref(fill), ctypes.byref(stroke))
    if stroke.value:
        yield from _segments(raw)


def _segments(raw: object) -> Iterator[Box]:
    matrix = pdfium_c.FS_MATRIX()
    pdfium_c.FPDFPageObj_GetMatrix(raw, ctypes.byref(matrix))
    x, y = ctypes.c_float(), ctypes.c_float()
    start: tuple[float, float] | None = None
    before: tuple[float, float] | None = None
    for index in range(min(pdfium_c.FPDFPath_CountSegments(raw), SEGMENTS_AT_MOST)):
        segment = pdfium_c.FPDFPath_GetPathSegment(raw, index)
        pdfium_c.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = pdfium_c.FPDFPathSegment_GetType(segment)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == pdfium_c.FPDF_SEGMENT_LINETO and before is not None:
            yield _box(before, point)
        before = point
        if pdfium_c.FPDFPathSegment_GetClose(segment) and start is not None:
            yield _box(before, start)


def _box(one: tuple[float, float], other: tuple[float, float]) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[0], other[0]),
        max(one[1], other[1]),
    )
