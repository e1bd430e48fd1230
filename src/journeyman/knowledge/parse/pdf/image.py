"""Pictures of pages: each frame is recognised like a scanned page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from journeyman.errors import MissingExtraError
from journeyman.knowledge.parse.pdf.layout import blocks_of
from journeyman.knowledge.parse.pdf.pieces import Page
from journeyman.knowledge.parse.pdf.recognition import available, recognised
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken

PIXELS_AT_MOST = 200_000_000
DOTS_AT_MOST = 2_000
"""Of the longer side, when it is read."""

DOTS_PER_INCH = 200
"""Taken where the picture does not say."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    if not available():
        what = f"Reading the picture {source.name!r}"
        raise MissingExtraError(what, "ocr")
    Image.MAX_IMAGE_PIXELS = PIXELS_AT_MOST
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source.path) as image:
                yield from _frames(source, image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        why = f"it has more than {PIXELS_AT_MOST:,} dots"
        raise broken(source, why, "Make it smaller.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        message = str(error)
        why = message[:200]
        raise broken(source, why, "Save it again as PNG.") from None


def _frames(source: FileToRead, image: Image.Image) -> Iterator[ParsedPage]:
    """The pages from `source.first` on. Only a TIFF has more than one."""
    count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    scale = _dots_per_point(image)
    for number, frame in enumerate(ImageSequence.Iterator(image), start=1):
        if number > count:
            break
        if number >= source.first:
            page = _page(frame, number, scale)
            yield ParsedPage(blocks=blocks_of(page), page=number, pages=count)


def _dots_per_point(image: Image.Image) -> float:
    across = image.info.get("dpi", (DOTS_PER_INCH,))[0]
    plausible = 50 <= across <= 1_200
    return float(across) / 72 if plausible else DOTS_PER_INCH / 72


def _page(frame: Image.Image, number: int, scale: float) -> Page:
    """What is read on a frame. `scale`: its dots per point."""
    upright = ImageOps.exif_transpose(frame)
    longer_side = max(upright.size)
    upright.thumbnail((DOTS_AT_MOST, DOTS_AT_MOST))
    shrunk = max(upright.size) / longer_side
    rgb = np.asarray(upright.convert("RGB"))
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    dots_per_point = scale * shrunk
    return recognised(bgr, number=number, scale=dots_per_point)
