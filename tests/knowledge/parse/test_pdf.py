"""PDF: reading order, tables to cells, turned pages, Chinese, headers and footers, limits; all from generated truth."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest
from reportlab.pdfbase import pdfmetrics

from bench.parsing.generated import MARGIN, WORDS, Drawing, Truth, documents, many_pages
from bench.parsing.hostile import CATALOG, FONT, pdf
from bench.parsing.measures import cell_counts, order_kept, squeezed
from journeyman.documents import Document
from journeyman.knowledge.parse import ParseLimits, parse, stream
from journeyman.knowledge.parse.pdf.layout import flowed
from journeyman.knowledge.parse.pdf.pieces import Frame
from journeyman.knowledge.parse.pdf.textlayer import clean

TRUTHS = documents(seed=11)


def parsed(truth: Truth, folder: Path) -> Document:
    path = folder / f"{truth.name}.pdf"
    path.write_bytes(truth.pdf)
    return parse(path)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)
def test_what_was_drawn_is_read_in_order(truth: Truth, tmp_path: Path) -> None:
    document = parsed(truth, tmp_path)
    right, pairs = order_kept(truth.texts, document.text)
    assert right == pairs
    missing = [text for text in truth.texts if squeezed(text) not in squeezed(document.text)]
    assert missing == []
    tables = [block.cells for block in document.blocks if block.kind == "table"]
    assert cell_counts(truth.tables, tables) == cell_counts(truth.tables, truth.tables)
    edges = [block.text for block in document.blocks if block.kind in {"header", "footer"}]
    assert sorted(edges) == sorted(truth.edges)
    assert not document.partial


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)
def test_boxes_lie_on_the_page_as_it_is_shown(truth: Truth, tmp_path: Path) -> None:
    wide = truth.name in {"turned_90", "turned_270"}
    width, height = (842, 595) if wide else (595, 842)
    document = parsed(truth, tmp_path)
    assert document.page_size == pytest.approx((width, height), abs=1)
    for block in document.blocks:
        assert block.box is not None
        left, top, right, bottom = block.box
        assert 0 <= left < right <= width + 1
        assert 0 <= top < bottom <= height + 1


def test_columns_names_come_with_a_table(tmp_path: Path) -> None:
    for truth in TRUTHS:
        for cells in truth.tables:
            (table,) = (block for block in parsed(truth, tmp_path).blocks if block.kind == "table")
            assert table.columns == tuple(cells[0])


def test_headings_have_levels(tmp_path: Path) -> None:
    document = parsed(TRUTHS[1], tmp_path)
    assert [(block.level, block.text) for block in document.blocks if block.kind == "heading"] == [
        (1, TRUTHS[1].texts[0])
    ]


def test_pages_stream(tmp_path: Path) -> None:
    (tmp_path / "many.pdf").write_bytes(many_pages(40))
    pages = [(sheet.page, sheet.pages) for sheet in stream(tmp_path / "many.pdf")]
    assert pages == [(n, 40) for n in range(1, 41)]
    document = parse(tmp_path / "many.pdf")
    assert document.pages == 40
    assert sum(block.kind == "footer" for block in document.blocks) == 40


def test_a_page_that_takes_too_long_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    slow = zlib.compress(b"BT /F 12 Tf 50 700 Td (Some words) Tj ET " * 1_000_000)
    quick = zlib.compress(b"BT /F 12 Tf 50 700 Td (Quick page) Tj ET ")
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Resources<</Font<</F 8 0 R>>>>>>"
    stream_of = b"<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream"
    objects = [
        CATALOG,
        b"<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>",
        *(page % number for number in (6, 7, 6)),
        *(stream_of % (len(data), data) for data in (quick, slow)),
        FONT,
    ]
    (tmp_path / "slow.pdf").write_bytes(pdf(objects))
    document = parse(tmp_path / "slow.pdf", limits=ParseLimits(page_seconds=1.0))
    assert [(block.page, block.text) for block in document.blocks] == [
        (1, "Quick page"),
        (3, "Quick page"),
    ]
    assert document.partial
    assert document.notes == ("Without page 2: it took longer than 1 s for one page or part.",)
    assert len(document.sha256) == 64


def test_ligatures_and_broken_words_are_whole() -> None:
    assert clean("e\ufb03cient \ufb02ow") == "efficient flow"
    assert clean("\ufedf\ufe8e") == "لا"
    assert (
        flowed(["a long-", "standing compan-", "ion of No-", "Body"])
        == "a longstanding companion of No- Body"
    )
    assert flowed(["中文在行末", "继续"]) == "中文在行末继续"


@pytest.mark.parametrize("turn", [0, 90, 180, 270, -1])
def test_a_frame_turns_boxes_there_and_back(turn: int) -> None:
    frame, draw = Frame(width=600, height=800, turn=turn), random.Random(turn)
    for _ in range(50):
        left, top = draw.uniform(0, 500), draw.uniform(0, 700)
        box = (left, top, left + 30, top + 10)
        assert frame.shown(frame.upright(box)) == pytest.approx(box)
        width, height = frame.size
        turned = frame.upright(box)
        assert 0 <= turned[0] < turned[2] <= width + 1e-6
        assert 0 <= turned[1] < turned[3] <= height + 1e-6


# --- what real pages do ----------------------------------------------------------------------------------------


def read(page: Drawing, folder: Path) -> Document:
    path = folder / "drawn.pdf"
    path.write_bytes(page.done())
    return parse(path)


def test_accents_drawn_over_their_letters_join_them(tmp_path: Path) -> None:
    page = Drawing(random.Random(0))

    def at(before: str) -> float:
        return 100.0 + float(pdfmetrics.stringWidth(before, "Helvetica", 12))

    def accent(mark: str, before: str, letter: str) -> None:
        wide = pdfmetrics.stringWidth(letter, "Helvetica", 12) - pdfmetrics.stringWidth(
            mark, "Helvetica", 12
        )
        page.canvas.drawString(at(before) + wide / 2, 700, mark)

    page.canvas.setFont("Helvetica", 12)
    page.canvas.drawString(100, 700, "We thank Jan Min")
    accent("´", "We thank J", "a")
    page.canvas.drawString(at("We thank Jan Min"), 700, "ar and Muller, `so` ~ 2 ^ 3.")
    accent("´", "We thank Jan Min", "a")
    accent("¨", "We thank Jan Minar and M", "u")
    assert read(page, tmp_path).text == "We thank Ján Minár and Müller, `so` ~ 2 ^ 3."


@pytest.mark.parametrize("numbers", [(1, 2, 3, 4), (1, 3, 2, 4)], ids=["by rows", "by columns"])
def test_numbers_tell_whether_a_grid_is_read_by_rows(
    numbers: tuple[int, ...], tmp_path: Path
) -> None:
    page = Drawing(random.Random(1))
    texts = {}
    for n, number in enumerate(numbers):
        x, y = MARGIN + 260 * (n % 2), 100 + 150 * (n // 2)
        page.text(f"{number}. {page.sentence(3)[:-1]}", x, y, size=14)
        texts[number] = page.paragraph(3)
        page.wrapped(texts[number], x, y + 20, 220)
    told = read(page, tmp_path).text
    assert order_kept([texts[number] for number in (1, 2, 3, 4)], told) == (3, 3)


def test_titles_between_rows_do_not_join_columns_nor_do_names_reach_over_others(
    tmp_path: Path,
) -> None:
    page = Drawing(random.Random(2))
    xs = [60.0, 80.0, 125.0, 250.0, 300.0, 350.0, 400.0]
    page.text("Reading", 268, 100, size=8)
    page.text("Writing", 368, 100, size=8)
    rows = [["#", "Level", "Task", "First", "Last", "First", "Last"]]
    titles = ["Measuring", "Finding out", "Explaining"]
    for n in range(9):
        if n % 3 == 0:
            rows.append([titles[n // 3]])
        level = ("Easy", "Normal", "Hard")[n % 3]
        rows.append([str(n + 1), level, f"{level} {WORDS[n]}", *(f"0.{n}{m}" for m in range(4))])
    for n, row in enumerate(rows):
        for x, cell in zip(xs, row, strict=False):
            page.text(cell, x, 115 + 10 * n, size=8)
    (table,) = (block for block in read(page, tmp_path).blocks if block.kind == "table")
    assert table.cells[0] == ("", "", "", "Reading", "Reading", "Writing", "Writing")
    assert table.cells[1] == tuple(rows[0])
    assert [row for row in table.cells[2:] if row[0].isdigit()] == [
        tuple(row) for row in rows if row[0].isdigit()
    ]


def test_a_cell_that_nearly_touches_the_next_is_a_cell_of_its_own(tmp_path: Path) -> None:
    page = Drawing(random.Random(2))
    wide = pdfmetrics.stringWidth("Pressure mountain", "Helvetica", 9)
    rows = [
        ["Name", "First", "Second"],
        *([word, f"{n}1.5", f"{n}2.5"] for n, word in enumerate(WORDS[:5])),
    ]
    rows.append(["Pressure mountain", "453.8", "69.4"])
    for n, row in enumerate(rows):
        for x, cell in zip((60.0, 64.0 + wide, 220.0), row, strict=True):
            page.text(cell, x, 100 + 18 * n, size=9)
    (table,) = (block for block in read(page, tmp_path).blocks if block.kind == "table")
    assert table.cells == tuple(map(tuple, rows))


def test_a_poster_has_no_header(tmp_path: Path) -> None:
    page = Drawing(random.Random(3))
    page.text("by the school", 300, 60, size=10)
    for n, words in enumerate(("THE", "POWER", "OF TELLING", "STORIES", "WELL")):
        page.text(words, 150, 300 + 60 * n, size=30)
    assert "by the school" in [
        block.text for block in read(page, tmp_path).blocks if block.kind != "header"
    ]
