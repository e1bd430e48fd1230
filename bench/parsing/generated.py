"""PDFs with known truth, drawn from a seed: columns, tables, turned pages, Chinese, vertical text, headers and footers.

Needs no font file: the base fonts of PDF and the Chinese one that every reader brings along. Only vertical text and
scans in Chinese need one (`chinese_font`), for their letters are drawn.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

WORDS = [
    "river",
    "stone",
    "window",
    "market",
    "letter",
    "garden",
    "engine",
    "travel",
    "summer",
    "winter",
    "number",
    "people",
    "answer",
    "question",
    "method",
    "result",
    "measure",
    "pressure",
    "water",
    "energy",
    "system",
    "paper",
    "border",
    "signal",
    "culture",
    "history",
    "project",
    "service",
    "member",
    "account",
    "balance",
    "contract",
    "payment",
    "interest",
    "quality",
    "control",
    "process",
    "machine",
    "learning",
    "network",
    "storage",
    "weather",
    "station",
    "mountain",
    "valley",
]

HANZI = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种"
    "面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本"
    "去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比"
    "或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总"
    "次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做"
    "必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权"
)

MARGIN = 60.0


@dataclass
class Truth:
    """A PDF, and what a reader of it knows."""

    name: str
    pdf: bytes
    texts: list[str] = field(default_factory=list)
    """Paragraphs in reading order."""
    tables: list[list[list[str]]] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    """Headers and footers."""
    chinese: bool = False


class Drawing:
    """A canvas whose coordinates run down from the top, with text wrapped into columns."""

    def __init__(self, draw: random.Random, *, size: tuple[float, float] = A4) -> None:
        self.draw = draw
        self.buffer = io.BytesIO()
        self.waiting: list[tuple[float, float, str, str, float]] = []
        self.width, self.height = size
        self.canvas = Canvas(self.buffer, pagesize=size, invariant=1)
        if "STSong-Light" not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))

    def sentence(self, words: int) -> str:
        told = [self.draw.choice(WORDS) for _ in range(words)]
        return f"{told[0].capitalize()} {' '.join(told[1:])}."

    def paragraph(self, sentences: int = 4) -> str:
        return " ".join(self.sentence(self.draw.randint(8, 14)) for _ in range(sentences))

    def hanzi(self, count: int) -> str:
        told = [self.draw.choice(HANZI) for _ in range(count)]
        for at in range(12, count - 1, 15):
            told[at] = "，"
        return "".join(told[:-1]) + "。"

    def text(
        self, words: str, x: float, y: float, *, font: str = "Helvetica", size: float = 10.0
    ) -> None:
        self.waiting.append((y, x, words, font, size))

    def wrapped(
        self,
        words: str,
        x: float,
        y: float,
        width: float,
        *,
        font: str = "Helvetica",
        size: float = 10.0,
    ) -> float:
        """Draw a paragraph; gives the height below it. A last mark alone hangs behind the line before, as is usual."""
        wide = font in {"STSong-Light", "SimHei"}
        parts, glue, line = list(words) if wide else words.split(), "" if wide else " ", ""
        for n, part in enumerate(parts):
            longer = f"{line}{glue}{part}" if line else part
            if (
                pdfmetrics.stringWidth(longer, font, size) > width
                and line
                and not (wide and n == len(parts) - 1)
            ):
                self.text(line, x, y, font=font, size=size)
                y, line = y + 1.25 * size, part
            else:
                line = longer
        self.text(line, x, y, font=font, size=size)
        return y + 1.25 * size

    def draw_waiting(self, *, as_written: bool = False) -> None:
        """Line by line across the whole page, as printers do: so the order in the file is not the order of reading."""
        for y, x, words, font, size in self.waiting if as_written else sorted(self.waiting):
            self.canvas.setFont(font, size)
            self.canvas.drawString(x, self.height - y, words)
        self.waiting.clear()

    def next_page(self) -> None:
        self.draw_waiting()
        self.canvas.showPage()

    def done(self) -> bytes:
        self.draw_waiting()
        self.canvas.save()
        return self.buffer.getvalue()


def columns(draw: random.Random, count: int, *, chinese: bool = False) -> Truth:
    page = Drawing(draw)
    font = "STSong-Light" if chinese else "Times-Roman"
    title = page.hanzi(12)[:-1] if chinese else page.sentence(5)[:-1]
    page.text(title, MARGIN, 80, font=font, size=18)
    texts, gutter = [title], 20.0
    width = (page.width - 2 * MARGIN - (count - 1) * gutter) / count
    for n in range(count):
        y = 120.0
        while y < 640:
            told = page.hanzi(draw.randint(60, 120)) if chinese else page.paragraph(3)
            y = page.wrapped(told, MARGIN + n * (width + gutter), y, width, font=font) + 8
            texts.append(told)
    kind = "chinese_" if chinese else ""
    return Truth(f"{kind}columns_{count}", page.done(), texts, chinese=chinese)


def table_cells(draw: random.Random, *, chinese: bool = False) -> list[list[str]]:
    rows, width = draw.randint(4, 12), draw.randint(3, 6)
    if chinese:
        names = ["".join(draw.sample(HANZI, 3)) for _ in range(width)]
        labels = ["".join(draw.sample(HANZI, 4)) for _ in range(rows)]
    else:
        names = [word.capitalize() for word in draw.sample(WORDS, width)]
        labels = [
            " ".join(draw.sample(WORDS, draw.randint(1, 2))).capitalize() for _ in range(rows)
        ]
    body = [[label, *(f"{draw.uniform(1, 5000):,.1f}" for _ in names[1:])] for label in labels]
    return [names, *body]


def table(draw: random.Random, style: str, *, chinese: bool = False) -> Truth:
    """`style`: grid, rules (above and below only) or none."""
    page = Drawing(draw)
    font = "STSong-Light" if chinese else "Helvetica"
    before = page.hanzi(80) if chinese else page.paragraph(3)
    after = page.hanzi(80) if chinese else page.paragraph(3)
    y = page.wrapped(before, MARGIN, 80, page.width - 2 * MARGIN, font=font) + 20
    cells = table_cells(draw, chinese=chinese)
    width, step = (page.width - 2 * MARGIN) / len(cells[0]), 18.0
    top = y
    for row in cells:
        for n, cell in enumerate(row):
            page.text(cell, MARGIN + n * width + 4, y + 13, font=font, size=9)
        y += step
    right = MARGIN + width * len(cells[0])
    if style != "none":
        heights = (
            [top + n * step for n in range(len(cells) + 1)]
            if style == "grid"
            else [top, top + step, y]
        )
        for at in heights:
            page.canvas.line(MARGIN, page.height - at, right, page.height - at)
    if style == "grid":
        for n in range(len(cells[0]) + 1):
            page.canvas.line(
                MARGIN + n * width, page.height - top, MARGIN + n * width, page.height - y
            )
    page.wrapped(after, MARGIN, y + 30, page.width - 2 * MARGIN, font=font)
    kind = "chinese_" if chinese else ""
    return Truth(f"{kind}table_{style}", page.done(), [before, after], [cells], chinese=chinese)


def table_wrapped(draw: random.Random, style: str) -> Truth:
    """Cells of several lines. `style`: grid or rules (above and below only)."""
    page = Drawing(draw)
    before = page.paragraph(3)
    y = page.wrapped(before, MARGIN, 80, page.width - 2 * MARGIN) + 20
    widths = [100.0, 220.0, 70.0, 85.0]
    cells = [["Item", "What it is", "Count", "Price"]]
    for _ in range(draw.randint(4, 7)):
        told = " ".join(draw.sample(WORDS, draw.randint(3, 14))).capitalize()
        cells.append(
            [
                draw.choice(WORDS).capitalize(),
                told,
                str(draw.randint(1, 90)),
                f"{draw.uniform(1, 900):.2f}",
            ]
        )
    heights = [y]
    for row in cells:
        x, below = MARGIN, y
        for cell, width in zip(row, widths, strict=True):
            below = max(below, page.wrapped(cell, x + 4, y + 13, width - 10, size=9))
            x += width
        y = below
        heights.append(y)
    right = MARGIN + sum(widths)
    for at in heights if style == "grid" else [heights[0], heights[1], heights[-1]]:
        page.canvas.line(MARGIN, page.height - at, right, page.height - at)
    if style == "grid":
        for at in [MARGIN + sum(widths[:n]) for n in range(5)]:
            page.canvas.line(at, page.height - heights[0], at, page.height - heights[-1])
    return Truth(f"table_wrapped_{style}", page.done(), [before], [cells])


def table_two_heads(draw: random.Random) -> Truth:
    """A name over two columns each, said in the truth for both, with rules above and below only."""
    page = Drawing(draw)
    before = page.paragraph(3)
    y = page.wrapped(before, MARGIN, 80, page.width - 2 * MARGIN) + 20
    first, second = (word.capitalize() for word in draw.sample(WORDS, 2))
    years = ["2023", "2024"]
    cells = [["", first, first, second, second], ["Name", *years, *years]]
    cells += [
        [draw.choice(WORDS).capitalize(), *(f"{draw.uniform(1, 99):.1f}" for _ in range(4))]
        for _ in range(draw.randint(4, 9))
    ]
    top, width = y, 95.0
    for n, row in enumerate(cells):
        for m, cell in enumerate(row):
            if n > 0 or m == 0:
                page.text(cell, MARGIN + m * width + 4, y + 13, size=9)
        if n == 0:
            for name, m in ((first, 1), (second, 3)):
                drawn = pdfmetrics.stringWidth(name, "Helvetica", 9)
                page.text(name, MARGIN + m * width + 45 + (width - 50 - drawn) / 2, y + 13, size=9)
                page.canvas.line(
                    MARGIN + m * width + 2,
                    page.height - y - 17,
                    MARGIN + (m + 2) * width - 40,
                    page.height - y - 17,
                )
        y += 18
    for at in (top, top + 36, y):
        page.canvas.line(MARGIN, page.height - at, MARGIN + 5 * width, page.height - at)
    return Truth("table_two_heads", page.done(), [before], [cells])


def turned(draw: random.Random, by: int) -> Truth:
    """A page that is turned by its entry in the file, so that it is read upright."""
    page = Drawing(draw, size=A4 if by == 180 else (A4[1], A4[0]))
    texts = [page.paragraph() for _ in range(4)]
    page.canvas.setPageRotation(by)
    if by in {90, 270}:  # the canvas exchanges the sides of a page that lies
        page.canvas.translate(*((0, page.width) if by == 270 else (page.height, 0)))
        page.canvas.rotate(-90 if by == 270 else 90)
    elif by == 180:
        page.canvas.translate(page.width, page.height)
        page.canvas.rotate(180)
    y = 80.0
    for told in texts:
        y = page.wrapped(told, MARGIN, y, page.width - 2 * MARGIN) + 10
    return Truth(f"turned_{by}", page.done(), texts)


def sideways(draw: random.Random) -> Truth:
    """Text that runs upwards on a page that is not turned."""
    page = Drawing(draw)
    texts = [page.paragraph() for _ in range(4)]
    page.canvas.translate(page.width, 0)
    page.canvas.rotate(90)
    page.height, page.width = page.width, page.height
    y = 80.0
    for told in texts:
        y = page.wrapped(told, MARGIN, y, page.width - 2 * MARGIN) + 10
    return Truth("sideways", page.done(), texts)


@cache
def chinese_font() -> Path | None:
    """A font file with Chinese letters: from the package mplfonts. None: it is not installed."""
    found = find_spec("mplfonts")
    path = Path(found.origin).parent / "fonts" / "SimHei.ttf" if found and found.origin else None
    if path is None or not path.exists():
        return None
    pdfmetrics.registerFont(TTFont("SimHei", path))
    return path


def vertical(draw: random.Random) -> Truth:
    """Chinese in lines from top to bottom, from right to left."""
    page = Drawing(draw)
    assert chinese_font() is not None
    texts = [page.hanzi(draw.randint(50, 110)) for _ in range(3)]
    x = page.width - MARGIN
    for told in texts:
        for start in range(0, len(told), 40):
            for n, character in enumerate(told[start : start + 40]):
                page.text(character, x, 80 + n * 14, font="SimHei", size=12)
            x -= 22
        x -= 22
    page.draw_waiting(as_written=True)
    return Truth("vertical", page.done(), texts, chinese=True)


def furnished(draw: random.Random) -> Truth:
    """Several pages with a running title and a page number."""
    page = Drawing(draw)
    head, texts, edges = page.sentence(4)[:-1], list[str](), list[str]()
    for number in range(1, 6):
        page.text(head, MARGIN, 40, size=9)
        page.text(f"Page {number} of 5", page.width / 2 - 20, page.height - 30, size=9)
        edges += [head, f"Page {number} of 5"]
        y = 80.0
        while y < 700:
            told = page.paragraph(3)
            y = page.wrapped(told, MARGIN, y, page.width - 2 * MARGIN) + 10
            texts.append(told)
        page.next_page()
    return Truth("furnished", page.done(), texts, edges=edges)


def flowing(draw: random.Random, *, chinese: bool = False) -> Truth:
    """One plain column: what scans are made of."""
    page = Drawing(draw)
    assert not chinese or chinese_font() is not None
    font, texts, y = "SimHei" if chinese else "Times-Roman", list[str](), 80.0
    while y < 560:
        told = page.hanzi(draw.randint(60, 110)) if chinese else page.paragraph(3)
        y = page.wrapped(told, MARGIN, y, page.width - 2 * MARGIN, font=font, size=11) + 12
        texts.append(told)
    return Truth("flowing_zh" if chinese else "flowing_en", page.done(), texts, chinese=chinese)


def many_pages(count: int, seed: int = 0) -> bytes:
    page = Drawing(random.Random(seed))
    for number in range(count):
        page.wrapped(page.paragraph(8), MARGIN, 80, page.width - 2 * MARGIN)
        page.text(f"Page {number + 1}", MARGIN, page.height - 30)
        page.next_page()
    return page.done()


MAKERS: Sequence[Callable[[random.Random], Truth]] = (
    lambda draw: columns(draw, 1),
    lambda draw: columns(draw, 2),
    lambda draw: columns(draw, 3),
    lambda draw: columns(draw, 1, chinese=True),
    lambda draw: columns(draw, 2, chinese=True),
    lambda draw: table(draw, "grid"),
    lambda draw: table(draw, "rules"),
    lambda draw: table(draw, "none"),
    lambda draw: table(draw, "grid", chinese=True),
    lambda draw: table(draw, "none", chinese=True),
    lambda draw: table_wrapped(draw, "grid"),
    lambda draw: table_wrapped(draw, "rules"),
    table_two_heads,
    lambda draw: turned(draw, 90),
    lambda draw: turned(draw, 180),
    lambda draw: turned(draw, 270),
    sideways,
    furnished,
)


def documents(seed: int, rounds: int = 1) -> list[Truth]:
    """One of each kind, `rounds` times."""
    draw = random.Random(seed)
    makers = [*MAKERS, vertical] if chinese_font() else MAKERS
    return [maker(draw) for _ in range(rounds) for maker in makers]
