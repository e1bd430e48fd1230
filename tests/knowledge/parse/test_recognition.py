"""Scans: pages as pictures, turned and crooked, are read as they were written."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pypdfium2
import pytest

from bench.parsing.generated import MARGIN, Drawing, flowing
from bench.parsing.measures import character_errors
from bench.parsing.scans import scan
from journeyman.knowledge.parse import ParseLimits, parse
from journeyman.knowledge.parse.pdf.recognition import available

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not available(), reason="needs journeyman[ocr]")]

PATIENT = ParseLimits(page_seconds=600.0)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_scan_is_set_upright(turn: int, tmp_path: Path) -> None:
    page = Drawing(random.Random(5), size=(420.0, 240.0))
    y, texts = 40.0, [page.paragraph(2) for _ in range(2)]
    for text in texts:
        y = page.wrapped(text, MARGIN, y, 300, size=12) + 12
    picture = (
        pypdfium2.PdfDocument(page.done())[0].render(scale=2).to_pil().rotate(turn, expand=True)
    )
    buffer = io.BytesIO()
    picture.save(buffer, "PDF", resolution=144)
    (tmp_path / "scan.pdf").write_bytes(buffer.getvalue())
    told = " ".join(parse(tmp_path / "scan.pdf", limits=PATIENT).text.split())
    assert character_errors(" ".join(texts), told) < 0.01


@pytest.mark.slow
def test_no_line_of_a_crooked_scan_is_read_upside_down(tmp_path: Path) -> None:
    draw = random.Random(2026)
    drawn = flowing(draw)
    (tmp_path / "scan.pdf").write_bytes(scan(drawn.pdf, draw, degrees=-1.5))
    told = " ".join(parse(tmp_path / "scan.pdf", limits=PATIENT).text.split())
    assert character_errors(" ".join(drawn.texts), told) < 0.01
