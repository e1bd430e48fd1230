"""The pictures of a PDF page, and the rules (thin lines) that draw its tables."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from journeyman.documents import Box
from journeyman.knowledge.parse.pdf.boxes import height, width
from journeyman.knowledge.parse.pdf.pieces import Page, Picture
from journeyman.knowledge.parse.pdf.textlayer import ToShown, turned

OBJECTS_AT_MOST = 5_000
SEGMENTS_AT_MOST = 10_000
"""Of one page: a map or a plot has more, and is no table."""

THIN = 3.0
"""Points: a filled box no wider is a rule."""

Point = tuple[float, float]


def pictures_and_rules(page: pdfium.PdfPage, laid: Page) -> None:
    """Fill in the page's pictures and rules."""
    to_shown = turned(page, laid.frame)
    segments = 0
    objects = pdfium_c.FPDFPage_CountObjects(page.raw)
    objects_read = min(objects, OBJECTS_AT_MOST)
    for index in range(objects_read):
        raw = pdfium_c.FPDFPage_GetObject(page.raw, index)
        kind = pdfium_c.FPDFPageObj_GetType(raw)
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            _add_picture(laid, raw, to_shown)
        elif kind == pdfium_c.FPDF_PAGEOBJ_PATH and segments < SEGMENTS_AT_MOST:
            segments += _add_rules(laid, raw, to_shown)
    if segments >= SEGMENTS_AT_MOST:
        laid.across = []
        laid.down = []


def _add_picture(laid: Page, raw: object, to_shown: ToShown) -> None:
    """Add the part of a picture that is on the page, if it is larger than a few points."""
    bounds = _bounds(raw)
    if bounds is None:
        return
    frame = laid.frame
    left, top, right, bottom = to_shown(*bounds)
    left = max(0, left)
    top = max(0, top)
    right = min(frame.width, right)
    bottom = min(frame.height, bottom)
    if right - left > 8 and bottom - top > 8:
        box = (left, top, right, bottom)
        laid.pictures.append(Picture(box))


def _add_rules(laid: Page, raw: object, to_shown: ToShown) -> int:
    """Add the thin lines of a path that are level or upright. How many lines of all kinds it has."""
    lines = 0
    for line in _lines(raw):
        lines += 1
        box = to_shown(*line)
        across = width(box)
        down = height(box)
        if down <= THIN < across:
            laid.across.append(box)
        elif across <= THIN < down:
            laid.down.append(box)
    return lines


def _bounds(raw: object) -> Box | None:
    """Left, bottom, right and top of an object in the file's coordinates. None: the file does not say."""
    sides = [ctypes.c_float() for _ in range(4)]
    references = [ctypes.byref(side) for side in sides]
    if not pdfium_c.FPDFPageObj_GetBounds(raw, *references):
        return None
    left, bottom, right, top = sides
    return (left.value, bottom.value, right.value, top.value)


def _lines(raw: object) -> Iterator[Box]:
    """The straight lines of a path that is stroked, and the path itself where it is a thin box."""
    bounds = _bounds(raw)
    if bounds is None:
        return
    left, bottom, right, top = bounds
    if right - left <= THIN or top - bottom <= THIN:
        yield bounds
        return
    if _is_stroked(raw):
        yield from _segments(raw)


def _is_stroked(raw: object) -> bool:
    fill = ctypes.c_int()
    stroke = ctypes.c_int()
    pdfium_c.FPDFPath_GetDrawMode(raw, ctypes.byref(fill), ctypes.byref(stroke))
    return bool(stroke.value)


def _segments(raw: object) -> Iterator[Box]:
    """A box around each straight segment, in the file's coordinates."""
    matrix = pdfium_c.FS_MATRIX()
    reference = ctypes.byref(matrix)
    pdfium_c.FPDFPageObj_GetMatrix(raw, reference)
    start: Point | None = None
    before: Point | None = None
    count = pdfium_c.FPDFPath_CountSegments(raw)
    segments_read = min(count, SEGMENTS_AT_MOST)
    for index in range(segments_read):
        segment = pdfium_c.FPDFPath_GetPathSegment(raw, index)
        point = _point(segment, matrix)
        kind = pdfium_c.FPDFPathSegment_GetType(segment)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == pdfium_c.FPDF_SEGMENT_LINETO and before is not None:
            yield _box(before, point)
        before = point
        closes = pdfium_c.FPDFPathSegment_GetClose(segment)
        if closes and start is not None:
            yield _box(point, start)


def _point(segment: object, matrix: Any) -> Point:
    """Where a segment ends, after its path's own transformation."""
    c_x = ctypes.c_float()
    c_y = ctypes.c_float()
    pdfium_c.FPDFPathSegment_GetPoint(segment, ctypes.byref(c_x), ctypes.byref(c_y))
    x = c_x.value
    y = c_y.value
    across = matrix.a * x + matrix.c * y + matrix.e
    up = matrix.b * x + matrix.d * y + matrix.f
    return (across, up)


def _box(one: Point, other: Point) -> Box:
    """The box around two points."""
    one_x, one_y = one
    other_x, other_y = other
    left = min(one_x, other_x)
    bottom = min(one_y, other_y)
    right = max(one_x, other_x)
    top = max(one_y, other_y)
    return (left, bottom, right, top)
