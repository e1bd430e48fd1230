"""Pictures of pages: each frame is recognised like a scanned page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from journeyman.errors import MissingExtraError
from journeyman.knowledge.parse.pdf.layout import blocks_of
from journeyman.knowledge.parse.pdf.recognition import available, recognised
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken

PIXELS_AT_MOST = 200_000_000
DOTS_AT_MOST = 2_000
"""Of the longer side, when it is read."""

DOTS_PER_INCH = 200
"""Taken where the picture does not say."""


def read(source: FileToRead) -> Iterator[ParsedPage]:
    if not available():
        raise MissingExtraError(f"Reading the picture {source.name!r}", "ocr")
    Image.MAX_IMAGE_PIXELS = PIXELS_AT_MOST
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source.path) as image:
                yield from _frames(source, image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise broken(
            source, f"it has more than {PIXELS_AT_MOST:,} dots", "Make it smaller."
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise broken(source, str(error)[:200], "Save it again as PNG.") from None


def _frames(source: FileToRead, image: Image.Image) -> Iterator[ParsedPage]:
    count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    dots = image.info.get("dpi", (DOTS_PER_INCH,))[0]
    per_point = float(dots) / 72 if 50 <= dots <= 1_200 else DOTS_PER_INCH / 72
    for number, frame in enumerate(ImageSequence.Iterator(image), start=1):
        if number > count:
            break
        if number < source.first:
            continue
        upright = ImageOps.exif_transpose(frame)
        width, height = upright.size
        upright.thumbnail((DOTS_AT_MOST, DOTS_AT_MOST))
        shrunk = max(upright.size) / max(width, height)
        pixels = np.asarray(upright.convert("RGB"))[:, :, ::-1]
        page = recognised(np.ascontiguousarray(pixels), number=number, scale=per_point * shrunk)
        yield ParsedPage(blocks=blocks_of(page), page=number, pages=count)
