"""PDF, page by page: the text layer with its places, or recognition where there is no usable one."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import replace

import pypdfium2 as pdfium

from journeyman.errors import InputError
from journeyman.knowledge.parse.pdf.boxes import area, overlap
from journeyman.knowledge.parse.pdf.layout import blocks_of
from journeyman.knowledge.parse.pdf.pieces import Page, Piece
from journeyman.knowledge.parse.pdf.recognition import MISSING, available, recognised
from journeyman.knowledge.parse.pdf.rules import pictures_and_rules
from journeyman.knowledge.parse.pdf.textlayer import frame_of, pieces_of, turned_to_read
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken

USABLE_CHARACTERS = 100
"""With so many, a text layer is taken as it is, whatever pictures there are."""

NO_PAGES = "it has no pages, or its list of them is damaged"

POINTS_AT_MOST = 14_400.0
"""Of a side: what the format itself allows (200 inches)."""

DOTS_AT_MOST = 2_000.0
"""Of the longer side of a page that is recognised: more makes the recognition model scale it down."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    document = _opened(source)
    try:
        count = len(document)
        title = _title(document)
        if count == 0:
            raise broken(source, NO_PAGES)
        yield ParsedPage(pages=count, title=title)
        for index in range(source.first - 1, count):
            sheet = _sheet(document, index)
            yield sheet.model_copy(update={"page": index + 1, "pages": count, "title": title})
    finally:
        document.close()


def _title(document: pdfium.PdfDocument) -> str | None:
    title = document.get_metadata_dict(skip_empty=True).get("Title")
    return (title or "").strip("\x00 ") or None


def _opened(source: FileToRead) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(source.path)
        len(document)
    except pdfium.PdfiumError as error:
        raise _why_not_opened(source, str(error)) from None
    return document


def _why_not_opened(source: FileToRead, message: str) -> InputError:
    """The error for the user. `message`: what PDFium says."""
    name = repr(source.name)
    words = message.lower()
    if "password" in words:
        hint = "Save a copy without a password, and give that."
        return InputError(f"{name} needs a password.", hint)
    if "security" in words:
        hint = "Print it to a new PDF."
        return InputError(f"{name} is encrypted in an unknown way.", hint)
    if "Success" in message:
        return broken(source, NO_PAGES)
    return broken(source, message.rstrip("."))


def _sheet(document: pdfium.PdfDocument, index: int) -> ParsedPage:
    number = index + 1
    try:
        page = document[index]
    except pdfium.PdfiumError as error:
        return _left_out(f"Page {number} is damaged and left out: {error}")
    try:
        size = page.get_size()
        width, height = size
        longer_side = max(width, height)
        if not 0 < longer_side <= POINTS_AT_MOST * 4:
            points = f"{width:.0f} × {height:.0f} points"
            return _left_out(f"Page {number} says that it is {points} large and is left out.")
        sheet = _read_page(page, number)
        return sheet.model_copy(update={"size": size})
    finally:
        page.close()


def _left_out(note: str) -> ParsedPage:
    return ParsedPage(notes=(note,), missing=True)


def _read_page(page: pdfium.PdfPage, number: int) -> ParsedPage:
    notes: list[str] = []
    layer, cut = _text_layer(page, number)
    if cut:
        notes.append(f"Of page {number} only the first {cut:,} characters are read.")
    pictures_and_rules(page, layer)
    best: Page | None = None
    if _unusable(layer):
        found, note = _recognise(page, layer)
        if note is not None:
            notes.append(note)
        if found.pieces:
            best = _together(layer, found)
    if best is None:
        best = turned_to_read(layer)
    blocks = blocks_of(best)
    missing = bool(notes)
    return ParsedPage(blocks=blocks, notes=tuple(notes), missing=missing)


def _text_layer(page: pdfium.PdfPage, number: int) -> tuple[Page, int]:
    """The page with the pieces of its text layer, and how many characters they were cut at (0: not cut)."""
    frame = frame_of(page)
    text = page.get_textpage()
    try:
        pieces, cut = pieces_of(page, text, frame)
    finally:
        text.close()
    laid = Page(number, frame, pieces)
    return laid, cut


def _unusable(page: Page) -> bool:
    """No text that can be used, and pictures where there may be some: a scan, or a poster."""
    text = _text(page)
    if _garbled(text):
        return True
    if not page.pictures:
        return False
    if len(text) >= USABLE_CHARACTERS:
        return False
    width, height = page.frame.size
    covered = sum(area(picture.box) for picture in page.pictures)
    share = covered / (width * height)
    return share > 0.2


def _text(page: Page) -> str:
    return "".join(piece.text for piece in page.pieces)


def _garbled(text: str) -> bool:
    """Glyphs without a meaning: private use, unassigned, replacement characters."""
    bad = sum(_means_nothing(character) for character in text)
    return bad > 0.3 * len(text)


def _means_nothing(character: str) -> bool:
    if character == "\ufffd" or character < " ":
        return True
    return "\ue000" <= character <= "\uf8ff"


def _together(layer: Page, found: Page) -> Page:
    """What was recognised, but where the text layer says it itself (and means something)."""
    if found.frame.turn or _garbled(_text(layer)):
        return found
    own = [piece for piece in layer.pieces if not piece.turned]
    added = [piece for piece in found.pieces if not _is_said(piece, own)]
    return replace(found, pieces=own + added)


def _is_said(piece: Piece, others: list[Piece]) -> bool:
    """Whether others stand where a piece stands."""
    box = piece.box
    return any(overlap(box, other.box) for other in others)


def _recognise(page: pdfium.PdfPage, layer: Page) -> tuple[Page, str | None]:
    """The page as the recognition model reads it, and a note where it can't."""
    number = layer.number
    frame = layer.frame
    nothing = Page(number, frame, [])
    if not available():
        return nothing, f"Page {number} is a scan. {MISSING}"
    longer_side = max(frame.width, frame.height)
    scale = min(200 / 72, DOTS_AT_MOST / longer_side)
    try:
        image = page.render(scale=scale).to_numpy()
    except (pdfium.PdfiumError, ctypes.ArgumentError) as error:
        return nothing, f"Page {number} can't be drawn: {error}."
    found = recognised(image, number=number, scale=scale)
    found.pictures = []
    return found, None
