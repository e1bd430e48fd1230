"""PDF, page by page: the text layer with its places, or recognition where a page has none that can be used."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import replace

import pypdfium2 as pdfium

from journeyman.documents import Box
from journeyman.errors import InputError
from journeyman.knowledge.parse.pdf.layout import blocks_of
from journeyman.knowledge.parse.pdf.pieces import Page
from journeyman.knowledge.parse.pdf.recognition import MISSING, available, recognised
from journeyman.knowledge.parse.pdf.rules import pictures_and_rules
from journeyman.knowledge.parse.pdf.textlayer import frame_of, pieces_of, turned_to_read
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken

USABLE_CHARACTERS = 100
"""With so many, a text layer is taken as it is, whatever pictures there are."""

POINTS_AT_MOST = 14_400.0
"""Of a side: what the format itself allows (200 inches)."""

DOTS_AT_MOST = 2_000.0
"""Of the longer side of a page that is recognised: more makes the recognition model scale it down."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    document = _opened(source)
    try:
        count = len(document)
        title = (document.get_metadata_dict(skip_empty=True).get("Title") or "").strip(
            "\x00 "
        ) or None
        if count == 0:
            raise broken(source, "it has no pages, or its list of them is damaged")
        yield ParsedPage(pages=count, title=title)
        for index in range(source.first - 1, count):
            sheet = _sheet(document, index)
            yield sheet.model_copy(update={"page": index + 1, "pages": count, "title": title})
    finally:
        document.close()


def _opened(source: FileToRead) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(source.path)
        len(document)
    except pdfium.PdfiumError as error:
        said = str(error)
        if "password" in said.lower():
            raise InputError(
                f"{source.name!r} needs a password.",
                "Save a copy without a password, and give that.",
            ) from None
        if "security" in said.lower():
            raise InputError(
                f"{source.name!r} is encrypted in an unknown way.", "Print it to a new PDF."
            ) from None
        why = (
            "it has no pages, or its list of them is damaged"
            if "Success" in said
            else said.rstrip(".")
        )
        raise broken(source, why) from None
    return document


def _sheet(document: pdfium.PdfDocument, index: int) -> ParsedPage:
    number = index + 1
    try:
        page = document[index]
    except pdfium.PdfiumError as error:
        return ParsedPage(notes=(f"Page {number} is damaged and left out: {error}",), missing=True)
    try:
        width, height = page.get_size()
        if not 0 < max(width, height) <= POINTS_AT_MOST * 4:
            note = f"Page {number} says that it is {width:.0f} × {height:.0f} points large and is left out."
            return ParsedPage(notes=(note,), missing=True)
        return _read_page(page, number).model_copy(update={"size": (width, height)})
    finally:
        page.close()


def _read_page(page: pdfium.PdfPage, number: int) -> ParsedPage:
    frame, notes = frame_of(page), list[str]()
    text = page.get_textpage()
    try:
        pieces, cut = pieces_of(page, text, frame)
    finally:
        text.close()
    if cut:
        notes.append(f"Of page {number} only the first {cut:,} characters are read.")
    laid = Page(number=number, frame=frame, pieces=pieces)
    pictures_and_rules(page, laid)
    missing = bool(cut)
    if _unusable(laid):
        found, note = _recognise(page, laid)
        notes += [note] if note else []
        missing |= note is not None
        if found.pieces:
            return ParsedPage(
                blocks=blocks_of(_together(laid, found)), notes=tuple(notes), missing=missing
            )
    return ParsedPage(blocks=blocks_of(turned_to_read(laid)), notes=tuple(notes), missing=missing)


def _unusable(page: Page) -> bool:
    """No text that can be used, and pictures where there may be some: a scan, or a poster."""
    text = "".join(piece.text for piece in page.pieces)
    if not page.pictures:
        return _garbled(text)
    width, height = page.frame.size
    covered = sum((p.box[2] - p.box[0]) * (p.box[3] - p.box[1]) for p in page.pictures) / (
        width * height
    )
    return (len(text) < USABLE_CHARACTERS and covered > 0.2) or _garbled(text)


def _garbled(text: str) -> bool:
    """Glyphs without a meaning: private use, unassigned, replacement characters."""
    bad = sum(c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or c < " " for c in text)
    return bad > 0.3 * len(text)


def _together(layer: Page, found: Page) -> Page:
    """What was recognised, but where the text layer says it itself (and means something)."""
    if found.frame.turn or _garbled("".join(piece.text for piece in layer.pieces)):
        return found
    own = [piece for piece in layer.pieces if not piece.turned]
    return replace(
        found,
        pieces=[*own, *(p for p in found.pieces if not any(_overlap(p.box, o.box) for o in own))],
    )


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _recognise(page: pdfium.PdfPage, laid: Page) -> tuple[Page, str | None]:
    """The page as the recognition model reads it, and a note where it can't."""
    if not available():
        return Page(
            number=laid.number, frame=laid.frame, pieces=[]
        ), f"Page {laid.number} is a scan. {MISSING}"
    width, height = laid.frame.width, laid.frame.height
    scale = min(200 / 72, DOTS_AT_MOST / max(width, height))
    try:
        image = page.render(scale=scale).to_numpy()
    except (pdfium.PdfiumError, ctypes.ArgumentError) as error:
        note = f"Page {laid.number} can't be drawn: {error}."
        return Page(number=laid.number, frame=laid.frame, pieces=[]), note
    found = recognised(image, number=laid.number, scale=scale)
    found.pictures = []
    return found, None
