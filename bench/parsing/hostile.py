"""Broken and hostile files: by hand, and sound ones of every kind damaged by a seeded draw."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping

import docx
import openpyxl
import pptx
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from bench.parsing.compound import compound, message
from bench.parsing.generated import columns, table

Made = Mapping[str, Callable[[], bytes]]

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def files(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` files with their names: those by hand first, damaged ones after."""
    made = {**by_hand_pdf(), **by_hand_office(), **by_hand_text()}
    yield from ((name, make()) for name, make in list(made.items())[:count])
    draw = random.Random(seed)
    sound = sound_files(seed)
    for n in range(max(0, count - len(made))):
        name = draw.choice(sorted(sound))
        yield f"damaged_{n}_{name}", damaged(draw, sound[name])


def sound_files(seed: int) -> dict[str, bytes]:
    draw = random.Random(seed)
    return {
        "columns.pdf": columns(draw, 2).pdf,
        "table.pdf": table(draw, "grid").pdf,
        "letter.docx": _docx(),
        "deck.pptx": _pptx(),
        "book.xlsx": _xlsx(),
        "book.epub": _epub("<html><body><h1>One</h1><p>Text</p></body></html>"),
        "page.html": b"<html><body><h1>Head</h1><p>Text</p><table><tr><td>1<td>2</table></body></html>"
        * 20,
        "mail.eml": b"From: a@x.org\nTo: b@x.org\nSubject: hello\nContent-Type: text/plain\n\nText\n> quoted\n"
        * 5,
        "mail.msg": message("Hello", "Text of the message\n" * 50),
        "data.json": json.dumps([{"a": n, "b": str(n)} for n in range(200)]).encode(),
        "data.csv": b"name,size\n" + b"".join(b"x%d,%d\n" % (n, n) for n in range(200)),
        "note.txt": "第一条 文本。\n".encode("gb18030") * 50,
        "notes.md": b"# Head\n\ntext *em*\n\n- a\n- b\n\n| a | b |\n|---|---|\n| 1 | 2 |\n" * 20,
        "picture.png": _png(60, 40),
    }


def damaged(draw: random.Random, data: bytes) -> bytes:
    """Cut short, with bytes changed, a part taken out, or a part doubled."""
    how, size = draw.randrange(4), len(data)
    if how == 0:
        return data[: draw.randrange(1, size)]
    if how == 1:
        changed = bytearray(data)
        for _ in range(draw.choice([1, 5, 50, 500])):
            changed[draw.randrange(size)] = draw.randrange(256)
        return bytes(changed)
    first, last = sorted((draw.randrange(size), draw.randrange(size)))
    return data[:first] + data[last:] if how == 2 else data[:last] + data[first:]


# --- PDF -------------------------------------------------------------------------------------------------------


def pdf(objects: list[bytes], *, root: int = 1) -> bytes:
    """A PDF of the given objects, numbered from 1."""
    out = bytearray(b"%PDF-1.7\n")
    places: list[int] = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table_at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        root,
        table_at,
    )
    return bytes(out)


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def one_page(content: bytes, *, box: bytes = b"[0 0 595 842]", packed: bool = False) -> bytes:
    body = zlib.compress(content) if packed else content
    stream = b"<</Length %d%s>>\nstream\n%s\nendstream" % (
        len(body),
        b"/Filter/FlateDecode" if packed else b"",
        body,
    )
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox %s/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
        % box
    )
    return pdf([CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, stream, FONT])


WORDS = b"BT /F 12 Tf 50 700 Td (Some words) Tj ET "


def by_hand_pdf() -> Made:
    loop = b"<</Type/Pages/Kids[2 0 R]/Count 1>>"
    two = [
        b"<</Type/Pages/Kids[3 0 R]/Count 2>>",
        b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 3 0 R]/Count 1>>",
    ]
    form = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 4 0 R>>>>/Length 5>>"
        b"\nstream\n/X Do\nendstream"
    )
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</XObject<</X 4 0 R>>>>>>"
    return {
        "tree_is_a_loop.pdf": lambda: pdf([CATALOG, loop]),
        "tree_is_a_long_loop.pdf": lambda: pdf([CATALOG, *two]),
        "a_billion_pages.pdf": lambda: pdf([CATALOG, b"<</Type/Pages/Kids[]/Count 1000000000>>"]),
        "no_pages.pdf": lambda: pdf([CATALOG, b"<</Type/Pages/Kids[]/Count 0>>"]),
        "form_draws_itself.pdf": lambda: pdf(
            [CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, form]
        ),
        "million_lines.pdf": lambda: one_page(b"0 0 m 9 9 l S " * 1_000_000, packed=True),
        "million_words.pdf": lambda: one_page(WORDS * 300_000, packed=True),
        "content_unpacks_to_half_a_gigabyte.pdf": lambda: one_page(b" " * (1 << 29), packed=True),
        "nested_states.pdf": lambda: one_page(b"q " * 2_000_000 + WORDS, packed=True),
        "nested_arrays.pdf": lambda: pdf([b"[" * 200_000 + b"]" * 200_000, CATALOG], root=2),
        "huge_page.pdf": lambda: one_page(WORDS, box=b"[0 0 2000000000 2000000000]"),
        "endless_page.pdf": lambda: one_page(WORDS, box=b"[0 0 1e38 1e38]"),
        "negative_page.pdf": lambda: one_page(WORDS, box=b"[500 500 -500 -500]"),
        "empty_page.pdf": lambda: one_page(b"", box=b"[0 0 0 0]"),
        "words_far_away.pdf": lambda: one_page(b"BT /F 12 Tf 1e30 -1e30 Td (far) Tj ET " + WORDS),
        "huge_letters.pdf": lambda: one_page(b"BT /F 1e9 Tf 0 0 Td (large) Tj ET " + WORDS),
        "picture_too_large.pdf": lambda: _pdf_with_picture(100_000, 100_000),
        "table_of_objects_is_a_loop.pdf": lambda: one_page(WORDS).replace(
            b"/Root", b"/Prev 9/Root"
        ),
        "length_is_itself.pdf": lambda: one_page(WORDS).replace(b"/Length 39", b"/Length 4 0 R"),
        "password.pdf": _locked_pdf,
        "only_a_head.pdf": lambda: b"%PDF-1.7\n",
        "cut_in_half.pdf": lambda: one_page(WORDS * 50)[:900],
        "zeros.pdf": lambda: b"%PDF-1.4\n" + b"\0" * 5_000_000,
        "is_html.pdf": lambda: b"<!DOCTYPE html><html><body><p>not a PDF</p></body></html>",
        "runs_a_program.pdf": lambda: one_page(WORDS).replace(
            CATALOG, b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/Launch/F(/bin/sh)>>>>"
        ),
    }


def _pdf_with_picture(width: int, height: int) -> bytes:
    image = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceRGB/Length 3>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>"
    draw = b"<</Length 28>>\nstream\nq 595 0 0 842 0 0 cm /X Do Q \nendstream"
    picture = image % (width, height) + b"\nstream\nabc\nendstream"
    return pdf([CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, draw, picture])


def _locked_pdf() -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt="secret")
    canvas.drawString(50, 700, "locked")
    canvas.save()
    return buffer.getvalue()


# --- Office ----------------------------------------------------------------------------------------------------


def _docx() -> bytes:
    document, buffer = docx.Document(), io.BytesIO()
    document.add_heading("Letter", 1)
    for _ in range(20):
        document.add_paragraph("Some text of a letter.")
    document.add_table(3, 3).cell(0, 0).text = "cell"
    document.save(buffer)
    return buffer.getvalue()


def _pptx() -> bytes:
    deck, buffer = pptx.Presentation(), io.BytesIO()
    for n in range(3):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Slide {n}"
    deck.save(buffer)
    return buffer.getvalue()


def _xlsx() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for n in range(100):
        book.active.append([n, str(n), n / 7])
    book.save(buffer)
    return buffer.getvalue()


def _epub(chapter: str, *, href: str = "a.xhtml") -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="c.opf"/></rootfiles></container>'
    )
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="{href}"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    return zipped({"META-INF/container.xml": container, "c.opf": package, "a.xhtml": chapter})


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def replaced(data: bytes, part: str, content: str | bytes) -> bytes:
    """An Office file with one part exchanged or added."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**members, part: content})


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def by_hand_office() -> Made:
    word = "word/document.xml"
    nested = f"<w:document {W}><w:body>{'<w:p>' * 50_000}{'</w:p>' * 50_000}</w:body></w:document>"
    wide = (
        f'<worksheet {SHEET}><dimension ref="A1:XFD1048576"/><sheetData><row r="1048576">'
        '<c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    )
    return {
        "zip_bomb.docx": lambda: replaced(_docx(), word, b"\0" * 300_000_000),
        "bomb_of_spaces.xlsx": lambda: replaced(
            _xlsx(), "xl/sharedStrings.xml", b" " * 200_000_000
        ),
        "too_many_parts.pptx": lambda: replaced_many(_pptx(), 30_000),
        "billion_laughs.docx": lambda: replaced(_docx(), word, f"{BOMB}<x>&a11;</x>"),
        "billion_laughs.xlsx": lambda: replaced(_xlsx(), "xl/workbook.xml", f"{BOMB}<x>&a11;</x>"),
        "outside_entity.docx": lambda: replaced(_docx(), word, f"{OUTSIDE}<x>&e;</x>"),
        "outside_entity.pptx": lambda: replaced(
            _pptx(), "ppt/slides/slide1.xml", f"{OUTSIDE}<x>&e;</x>"
        ),
        "nested_paragraphs.docx": lambda: replaced(_docx(), word, nested),
        "empty_document.docx": lambda: replaced(_docx(), word, b""),
        "not_xml.docx": lambda: replaced(_docx(), word, b"hello"),
        "no_relations.docx": lambda: zipped({word: f"<w:document {W}/>"}),
        "claims_a_million_rows.xlsx": lambda: replaced(_xlsx(), "xl/worksheets/sheet1.xml", wide),
        "macros.docm": lambda: replaced(_docx(), "word/vbaProject.bin", b"\xd0\xcf\x11\xe0 macro"),
        "is_text.docx": lambda: b"just words, no archive\n" * 10,
        "is_docx.txt": _docx,
        "is_docx.pdf": _docx,
        "plain_archive.docx": lambda: zipped({"readme.txt": "hello"}),
        "archive_in_archive.docx": lambda: zipped(
            {"a.zip": zipped({"b.zip": zipped({"c.txt": "x" * 1000})})}
        ),
        "leaves_the_archive.epub": lambda: _epub("<p>x</p>", href="../../../../../etc/passwd"),
        "laughs.epub": lambda: _epub(f"{BOMB}<html><body><p>&a11;</p></body></html>"),
        "no_chapters.epub": lambda: _epub("", href="missing.xhtml"),
        "locked.xlsx": lambda: compound(
            {"EncryptedPackage": b"\1" * 5000, "EncryptionInfo": b"\2" * 5000}
        ),
        "old_office.doc": lambda: compound({"WordDocument": b"\1" * 5000}),
        "cut_short.msg": lambda: message("Hello", "x" * 9000)[:3000],
        "no_streams.msg": lambda: compound({"__properties_version1.0": b""}),
        "only_a_head.zip": lambda: b"PK\x03\x04" + b"\0" * 100,
    }


def replaced_many(data: bytes, count: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**members, **{f"junk/{n}.xml": "<a/>" for n in range(count)}})


# --- text and pictures -----------------------------------------------------------------------------------------


def _png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(buffer, "PNG")
    return buffer.getvalue()


def _png_that_claims(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b""
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")):
        chunks += (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )
    return b"\x89PNG\r\n\x1a\n" + chunks


def by_hand_text() -> Made:
    boundary = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(3_000)
    )
    return {
        "empty.txt": lambda: b"",
        "zeros.txt": lambda: b"\0" * 1_000_000,
        "noise.bin": lambda: random.Random(5).randbytes(200_000),
        "one_long_line.txt": lambda: b"word " * 4_000_000,
        "one_long_word.txt": lambda: b"x" * 5_000_000,
        "half_a_character.txt": lambda: "文本".encode("utf-16") + b"\x00",
        "nested.json": lambda: b"[" * 1_000_000,
        "nested_closed.json": lambda: b"[" * 100_000 + b"]" * 100_000,
        "not_json.json": lambda: b"{'a': 1, }",
        "bad_lines.jsonl": lambda: b'{"a": 1}\n{"a": \n\xff\xfe\n{"a": 3}\n',
        "million_columns.csv": lambda: b"," * 1_000_000 + b"\n1\n",
        "open_quote.csv": lambda: b'a,b\n"' + b"x,y\n" * 500_000,
        "nested.html": lambda: b"<html><body>" + b"<div>" * 300_000 + b"deep",
        "million_cells.html": lambda: (
            b"<html><body><table>" + b"<tr><td colspan=1000 rowspan=1000>x" * 5_000
        ),
        "entities.html": lambda: BOMB.encode() + b"<html><body><p>&a11; text</p></body></html>",
        "script_only.html": lambda: (
            b"<html><head><script>while(1);</script></head><body></body></html>"
        ),
        "nested_quotes.md": lambda: b">" * 100_000 + b" deep",
        "open_brackets.md": lambda: b"# x\n\n" + b"[" * 100_000,
        "many_stars.md": lambda: b"# x\n\n" + b"*a_ " * 50_000,
        "nested_parts.eml": lambda: b"From: a@x\nTo: b@x\nSubject: s\n" + boundary,
        "bad_fields.eml": lambda: (
            b"From: =?x?q?=?= <\nTo: (((((\nSubject: =?utf-8?b?////?=\nDate: never\n\ntext"
        ),
        "long_field.eml": lambda: b"From: a@x\nTo: " + b"(" * 200_000 + b"\nSubject: s\n\ntext",
        "deep.py": lambda: b"x = " + b"(" * 100_000,
        "picture_too_large.png": lambda: _png_that_claims(60_000, 60_000),
        "cut_short.png": lambda: _png(400, 300)[:60],
        "not_a_picture.jpg": lambda: b"\xff\xd8\xff" + b"junk" * 100,
    }
