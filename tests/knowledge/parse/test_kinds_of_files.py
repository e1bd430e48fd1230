"""Each kind of file becomes a document with its structure; the kind is told by the content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docx.opc.packuri import PackURI
from docx.opc.part import Part

from bench.parsing.compound import message
from bench.parsing.hostile import zipped
from journeyman.documents import Block, Document
from journeyman.knowledge.markdown import markdown
from journeyman.knowledge.parse import parse

Put = Callable[[str, str | bytes], Document]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a file and parse it."""

    def written(name: str, content: str | bytes) -> Document:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return parse(path)

    return written


def told(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in document.blocks]


def only_table(document: Document) -> Block:
    (found,) = (block for block in document.blocks if block.kind == "table")
    return found


def test_word(tmp_path: Path) -> None:
    written = docx.Document()
    written.core_properties.title = "Lease"
    written.add_heading("Rent", 1)
    written.add_paragraph("It is 900 EUR.")
    written.add_paragraph("first", style="List Bullet")
    table = written.add_table(2, 2)
    for n, text in enumerate(["Month", "Paid", "May", "900"]):
        table.cell(n // 2, n % 2).text = text
    written.add_paragraph("after the table")
    written.sections[0].header.paragraphs[0].text = "Secret"
    written.save(str(tmp_path / "a.docx"))
    document = parse(tmp_path / "a.docx")
    assert (document.kind, document.title, document.pages) == ("docx", "Lease", None)
    assert told(document) == [
        ("heading", "Rent"),
        ("paragraph", "It is 900 EUR."),
        ("list", "first"),
        ("table", "Month | Paid\nMay | 900"),
        ("paragraph", "after the table"),
        ("header", "Secret"),
    ]
    assert only_table(document).columns == ("Month", "Paid")
    assert "Secret" not in document.text


def test_footnotes_of_word(tmp_path: Path) -> None:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    notes = f"<w:footnotes {space}><w:footnote><w:p><w:r><w:t>See page 3.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    written = docx.Document()
    written.add_paragraph("Text")
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, notes.encode(), written.part.package)
    written.part.relate_to(
        part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    )
    written.save(str(tmp_path / "a.docx"))
    assert told(parse(tmp_path / "a.docx"))[-1] == ("paragraph", "See page 3.")


def test_a_merged_cell_of_word_stands_in_each_column(tmp_path: Path) -> None:
    written = docx.Document()
    table = written.add_table(2, 3)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "both"
    table.cell(0, 2).text = "c"
    table.cell(1, 0).text = "x"
    written.save(str(tmp_path / "a.docx"))
    assert only_table(parse(tmp_path / "a.docx")).cells == (("both", "both", "c"), ("x", "", ""))


def test_slides_are_pages(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for name in ("Plan", "计划"):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = name
        slide.placeholders[1].text = "one\ntwo"
    slide.notes_slide.notes_text_frame.text = "say it slowly"
    deck.save(str(tmp_path / "a.pptx"))
    document = parse(tmp_path / "a.pptx")
    assert [(block.page, block.kind, block.text) for block in document.blocks] == [
        (1, "heading", "Plan"),
        (1, "list", "one\ntwo"),
        (2, "heading", "计划"),
        (2, "list", "one\ntwo"),
        (2, "quote", "say it slowly"),
    ]
    assert document.pages == 2
    assert document.blocks[0].box is not None


def test_sheets_are_pages_and_rows_are_typed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sales"
    for row in (
        ["Year", "EUR"],
        [2024, 1.5],
        [2025, 2],
        [None, None],
        ["Other", "Table"],
        ["x", True],
    ):
        sheet.append(row)
    book.create_sheet("二").append(["单格"])
    book.save(tmp_path / "a.xlsx")
    document = parse(tmp_path / "a.xlsx")
    assert [(block.page, block.text) for block in document.blocks] == [
        (1, "Sales"),
        (1, "Year | EUR\n2024 | 1.5\n2025 | 2"),
        (1, "Other | Table\nx | TRUE"),
        (2, "二"),
        (2, "单格"),
    ]


def test_a_long_sheet_is_several_blocks_that_know_the_columns(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["name", "size"])
    for n in range(450):
        book.active.append([f"n{n}", n])
    book.save(tmp_path / "a.xlsx")
    tables = [block for block in parse(tmp_path / "a.xlsx").blocks if block.kind == "table"]
    assert [len(block.cells) for block in tables] == [200, 200, 51]
    assert {block.columns for block in tables} == {("name", "size")}


def test_html(put: Put) -> None:
    document = put(
        "a.html",
        "<html><head><title>Hi</title><script>x()</script></head><body><nav>menu</nav><h2>Head</h2>"
        "<p>Some <b>bold</b> text.<br>second</p><ul><li>a<li>b</ul><div style='display: none'>hidden</div>"
        "<table><tr><th>A<th>B</tr><tr><td rowspan=2>1<td>2</tr><tr><td>3</tr></table>"
        "<pre>x = 1\n  y</pre><blockquote><p>said</p></blockquote></body></html>",
    )
    assert document.title == "Hi"
    assert told(document) == [
        ("header", "menu"),
        ("heading", "Head"),
        ("paragraph", "Some bold text.\nsecond"),
        ("list", "a"),
        ("list", "b"),
        ("table", "A | B\n1 | 2\n1 | 3"),
        ("code", "x = 1\n  y"),
        ("quote", "said"),
    ]


def test_markdown_there_and_back(put: Put) -> None:
    document = put(
        "a.md",
        "---\ntitle: M\n---\n# H\n\ntext *em*\n\n- a\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```py\nz=1\n```\n> q\n",
    )
    assert document.title == "M"
    assert [kind for kind, _ in told(document)] == [
        "heading",
        "paragraph",
        "list",
        "table",
        "code",
        "quote",
    ]
    assert (
        markdown(document)
        == "# H\n\ntext em\n\na\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n```\nz=1\n```\n\n> q"
    )


MAIL = (
    b"From: Ann <a@x.org>\nTo: b@x.org\nSubject: =?utf-8?b?5L2g5aW9?=\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n"
    b"MIME-Version: 1.0\nContent-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: 8bit\n\n"
) + "好的，明天见。\n\nOn Sunday Bob wrote:\n> 能来吗？\n>> earlier\n".encode("gb2312")


def test_mail(put: Put) -> None:
    document = put("a.eml", MAIL)
    assert (document.kind, document.title) == ("email", "你好")
    assert [(b.kind, b.level, b.text) for b in document.blocks[2:]] == [
        ("paragraph", None, "好的，明天见。"),
        ("quote", 1, "On Sunday Bob wrote:\n能来吗？"),
        ("quote", 2, "earlier"),
    ]


def test_what_stands_below_an_original_message_is_quoted(put: Put) -> None:
    body = "Fine.\n\n-----原始邮件-----\n发件人: Bob\n\nShall we?\n"
    document = put("a.eml", b"From: a@x\nTo: b@x\nSubject: s\n\n" + body.encode())
    assert [(b.kind, b.text) for b in document.blocks[2:]] == [
        ("paragraph", "Fine."),
        ("quote", "-----原始邮件-----\n发件人: Bob"),
        ("quote", "Shall we?"),
    ]


def test_attachments_are_named_as_missing(put: Put) -> None:
    parts = (
        'From: a@x\nTo: b@x\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
        "--b\nContent-Type: text/html\n\n<p>Hello</p>\n--b\n"
        'Content-Type: application/pdf\nContent-Disposition: attachment; filename="bill.pdf"\n\nxx\n--b--\n'
    )
    document = put("a.eml", parts)
    assert ("paragraph", "Hello") in told(document)
    assert document.partial
    assert document.notes == ("Attachments were not read: bill.pdf.",)


def test_a_field_in_bare_bytes(put: Put) -> None:
    head = "Subject: 会议通知：明天下午三点\nFrom: 张三 <a@x.org>\nTo: b@x.org\n\n".encode(
        "gb18030"
    )
    assert put("a.eml", head + "请准时参加。".encode("gb18030")).text.startswith(
        "会议通知：明天下午三点\n\nFrom: 张三 <a@x.org>"
    )


def test_half_a_character_does_not_stop_a_file(put: Put) -> None:
    assert put("a.json", '{"a": "x\\ud800y"}').text == "a: x\ufffdy"


def test_a_folder_of_mails(put: Put) -> None:
    one = b"From a@x Mon Jan  1 10:00:00 2024\nFrom: a@x\nTo: b@x\nSubject: s1\n\nfirst\n\n"
    document = put("a.mbox", one + one.replace(b"s1", b"s2"))
    assert [b.text for b in document.blocks if b.kind == "heading"] == ["s1", "s2"]


def test_outlook_message(put: Put) -> None:
    document = put("a.msg", message("问题", "Can you come?\n\n> no\n", sender="Ann", to="Bob"))
    assert (document.kind, document.title) == ("msg", "问题")
    assert document.blocks[1].text == "From: Ann\nTo: Bob\nDate: Mon, 1 Jan 2024 10:00:00 +0000"
    assert [(b.kind, b.text) for b in document.blocks[2:]] == [
        ("paragraph", "Can you come?"),
        ("quote", "no"),
    ]


def test_epub(put: Put) -> None:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="O/c.opf"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<dc:title>Book</dc:title></metadata><manifest><item id="b" href="2.xhtml"/><item id="a" href="ch%201.xhtml"/>'
        '</manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    page = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body><h1>{}</h1></body></html>'
    members = {
        "META-INF/container.xml": container,
        "O/c.opf": package,
        "O/2.xhtml": page.format("Two"),
        "O/ch 1.xhtml": page.format("One &amp; only"),
    }
    document = put("a.epub", zipped(members))
    assert (document.title, document.text) == ("Book", "One & only\n\nTwo")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_in_any_dialect_and_encoding(put: Put, separator: str) -> None:
    text = "\n".join(
        separator.join(row) for row in (["姓名", "城市"], ["张三", "北京"], ["李四", '"a b"'])
    )
    document = put("a.csv", text.encode("gb18030"))
    assert only_table(document).cells == (("姓名", "城市"), ("张三", "北京"), ("李四", "a b"))
    assert only_table(document).columns == ("姓名", "城市")


def test_records(put: Put) -> None:
    flat = put("a.jsonl", '{"q": 1, "a": "x"}\n{"q": 2, "b": null}\nbad\n')
    assert only_table(flat).cells == (("q", "a", "b"), ("1", "x", ""), ("2", "", "null"))
    assert flat.partial
    nested = put("a.json", '{"who": {"name": "Ann", "tags": ["x", "y"]}, "n": 1.5}')
    assert nested.text == "who.name: Ann\nwho.tags: x, y\n\nn: 1.5"


def test_code_by_symbol(put: Put) -> None:
    python = put(
        "a.py",
        '"""Doc."""\nimport os\n\n# about f\n@dec\ndef f():\n    return 1\n\nX = 2\n\nclass C:\n    pass\n',
    )
    assert [block.name for block in python.blocks] == [None, "f", None, "C"]
    assert python.blocks[1].text.startswith("# about f\n@dec\n")
    go = put(
        "a.go",
        "package a\n\n// F does.\nfunc F(x int) int {\n\treturn x\n}\n\ntype T struct {\n\tx int\n}\n",
    )
    assert [block.name for block in go.blocks] == [None, "F", "T"]
    assert (
        go.text.replace("\n\n", "\n")
        == "package a\n// F does.\nfunc F(x int) int {\n\treturn x\n}\ntype T struct {\n\tx int\n}"
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Grüße, 世界"),
        ("utf-8-sig", "Grüße, 世界"),
        ("utf-16", "Grüße, 世界"),
        ("utf-16-le", "plain words without a mark"),
        ("utf-32", "Grüße, 世界"),
        ("gb18030", "第一条 为了规范合同，保护当事人的权益，制定本法。"),
        ("big5", "臺灣的天氣很好，我們去公園散步。"),
        ("shift_jis", "これは日本語の文章です。東京へ行きます。"),
        ("euc_jp", "これは日本語の文章です。東京へ行きます。"),
        ("euc_kr", "대한민국의 수도는 서울입니다."),
        ("cp1252", "Café déjà vu, naïve résumé über “straße” – 5 €."),
        ("cp1251", "Съешь ещё этих мягких французских булок, да выпей чаю."),
    ],
)
def test_text_in_any_encoding(put: Put, encoding: str, text: str) -> None:
    assert put("a.txt", text.encode(encoding)).text == text


def test_plain_text_has_headings_articles_and_lists(put: Put) -> None:
    document = put(
        "a.txt",
        "第一章 总则\n第一条 为了规范，制定本法。\n第二条 本法适用。\n\n1.2 Scope\nIt covers all.\n\n- a\n- b\n",
    )
    assert [(b.kind, b.level, b.text) for b in document.blocks] == [
        ("heading", 2, "第一章 总则"),
        ("paragraph", None, "第一条 为了规范，制定本法。"),
        ("paragraph", None, "第二条 本法适用。"),
        ("heading", 2, "1.2 Scope"),
        ("paragraph", None, "It covers all."),
        ("list", None, "- a\n- b"),
    ]


def test_right_to_left_text_keeps_its_order(put: Put) -> None:
    assert (
        put("a.html", "<html><body dir=rtl><p>שלום עולם 123</p><p>مرحبا</p></body></html>").text
        == "שלום עולם 123\n\nمرحبا"
    )


def test_the_content_tells_the_kind_not_the_name(put: Put) -> None:
    assert put("a.pdf", "<html><body><p>no PDF</p></body></html>").kind == "html"
    assert put("a.html", MAIL).kind == "email"
    assert put("a.json", '{"a": 1}\n{"a": 2}\n').kind == "jsonl"
