"""Scans as an office makes them: a page drawn, turned a little, blurred, with noise, as a JPEG."""

from __future__ import annotations

import io
import random

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

DOTS_PER_INCH = 150


def scan(pdf: bytes, draw: random.Random, *, degrees: float, noise: float = 14.0) -> bytes:
    """A PDF of one picture."""
    image = pypdfium2.PdfDocument(pdf)[0].render(scale=DOTS_PER_INCH / 72).to_pil().convert("L")
    image = image.rotate(degrees, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    image = image.filter(ImageFilter.GaussianBlur(0.7))
    pixels = np.asarray(image, dtype=np.float32) * 0.9 + 10
    pixels += np.random.default_rng(draw.randrange(1 << 30)).normal(0, noise, pixels.shape)
    packed = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(packed, "JPEG", quality=55)
    buffer = io.BytesIO()
    Image.open(packed).save(buffer, "PDF", resolution=DOTS_PER_INCH)
    return buffer.getvalue()
