"""Chunks rebuild the text they come from, whatever the template; each template cuts where its kind of document does."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.documents import Block, Document
from journeyman.errors import InputError
from journeyman.knowledge.chunk import TEMPLATES, choose, chunk
from journeyman.knowledge.chunk.splitting import WORDS_AT_MOST, pieces, words

SHA = "0" * 64


def document(*blocks: Block, kind: str = "text", **more: Any) -> Document:
    return Document(name="a", kind=kind, sha256=SHA, blocks=blocks, **more)


def heading(text: str, level: int = 1) -> Block:
    return Block(kind="heading", text=text, level=level)


def paragraph(text: str, **more: Any) -> Block:
    return Block(kind="paragraph", text=text, **more)


def table(*rows: tuple[str, ...]) -> Block:
    text = "\n".join(" | ".join(row) for row in rows)
    return Block(kind="table", text=text, cells=rows, columns=rows[0])


# --- any document ----------------------------------------------------------------------------------------------

TEXT = st.text(
    st.sampled_from(string.ascii_letters[:6] + " \n\n.。，中文字?？|:"), min_size=0, max_size=300
)

CELL = st.text(st.sampled_from("ab 中1"), min_size=1, max_size=8).map(str.strip)


def as_table(rows: list[list[str]]) -> Block:
    width = min(map(len, rows))
    return table(*(tuple(row[:width]) for row in rows))


BLOCKS = st.one_of(
    st.builds(
        Block,
        kind=st.sampled_from(
            ["paragraph", "list", "code", "quote", "caption", "header", "footer", "figure"]
        ),
        text=st.one_of(TEXT, TEXT.map(lambda text: (text + " word。") * 40)),
        page=st.one_of(st.none(), st.integers(1, 3)),
        box=st.one_of(st.none(), st.just((1.0, 2.0, 3.0, 4.0))),
        name=st.one_of(st.none(), st.just("head"), st.just("f")),
        level=st.one_of(st.none(), st.integers(1, 3)),
    ),
    st.builds(heading, TEXT.filter(str.strip), st.integers(1, 6)),
    st.builds(as_table, st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=30)),
    st.sampled_from(
        [
            paragraph("第三条 内容。"),
            paragraph("Q: what?"),
            paragraph("A: that."),
            heading("References"),
        ]
    ),
)


@given(st.lists(BLOCKS, max_size=25), st.sampled_from(sorted(TEMPLATES)))
def test_chunks_rebuild_the_text(blocks: list[Block], template: str) -> None:
    whole = document(*blocks)
    chunks = chunk(whole, template)
    at = 0
    for each in chunks:
        assert each.text == whole.text[each.start : each.end] != ""
        assert each.start >= at
        assert whole.text[at : each.start].strip() == ""
        if each.parent is not None:
            assert each.parent[0] <= each.start < each.end <= each.parent[1] <= len(whole.text)
        at = each.end
    assert whole.text[at:].strip() == ""


@given(st.lists(BLOCKS, max_size=25))
def test_chunks_have_their_size(blocks: list[Block]) -> None:
    for each in chunk(document(*blocks), "general"):
        assert words(each.text) <= WORDS_AT_MOST


@given(st.lists(BLOCKS, max_size=15))
def test_spans_are_where_blocks_stand(blocks: list[Block]) -> None:
    whole = document(*blocks)
    for block, span in zip(whole.blocks, whole.spans, strict=True):
        if span is not None:
            assert whole.text[slice(*span)] == block.text
        else:
            assert block.kind in {"header", "footer"} or not block.text


@given(st.text(max_size=3000), st.floats(1, 50))
def test_any_text_can_be_cut(text: str, most: float) -> None:
    at = 0
    for start, end in pieces(text, 0, len(text), most):
        assert text[at:start].strip() == ""
        assert start < end
        assert words(text[start:end]) <= most or end - start == 1
        at = end
    assert text[at:].strip() == ""


def test_sizes_fit_both_languages() -> None:
    english = "The tenant pays the rent on the first working day of every month. " * 40
    chinese = "承租人应当按照约定的期限支付租金，并妥善保管租赁物。" * 60
    for text, low, high in ((english, 500, 1_300), (chinese, 250, 480)):
        chunks = chunk(document(paragraph(text)), "general")
        assert all(low < len(each.text) < high for each in chunks[:-1])
        assert all(each.text[-1] in ".。" for each in chunks)


# --- the templates ---------------------------------------------------------------------------------------------


def test_each_row_is_found_under_its_columns() -> None:
    chunks = chunk(
        document(
            heading("Sales"), table(("Year", "EUR"), ("2024", "1"), ("2025", "2")), kind="xlsx"
        )
    )
    assert [(each.context, each.text) for each in chunks] == [
        ("", "Sales"),
        ("Sales > Year | EUR", "Year | EUR\n2024 | 1"),
        ("Sales > Year | EUR", "2025 | 2"),
    ]


def test_a_law_is_cut_by_its_articles() -> None:
    law = document(
        heading("合同法", 1),
        heading("第一章 总则", 2),
        *(paragraph(f"第{n}条 内容是这样的。") for n in "一二三"),
        paragraph("第三条还有一款。"),
        heading("第二章 分则", 2),
        *(paragraph(f"第{n}条 内容是这样的。") for n in "四五"),
    )
    assert choose(law).template == "tree"
    assert choose(law).why == "It has 6 numbered articles."
    told = [(each.context, each.text) for each in chunk(law)]
    assert told[-1] == ("合同法 > 第二章 分则", "第五条 内容是这样的。")
    assert ("合同法 > 第一章 总则", "第二条 内容是这样的。") in told


def test_questions_stay_with_their_answers() -> None:
    faq = document(
        *(paragraph(text) for n in range(4) for text in (f"Q{n}: how?", f"A{n}: so.", "and more"))
    )
    assert choose(faq).template == "questions"
    assert [each.text for each in chunk(faq)] == [
        f"Q{n}: how?\n\nA{n}: so.\n\nand more" for n in range(4)
    ]
    sheet = document(table(("问题", "答案"), ("一？", "甲"), ("二？", "乙")), kind="csv")
    assert choose(sheet).template == "questions"
    assert [each.text for each in chunk(sheet)] == ["问题 | 答案\n一？ | 甲", "二？ | 乙"]


def test_slides() -> None:
    deck = document(
        *(b for n in (1, 2) for b in (heading(f"S{n}"), paragraph("text"))), kind="pptx"
    )
    paged = deck.model_copy(
        update={
            "blocks": tuple(
                b.model_copy(update={"page": 1 + n // 2}) for n, b in enumerate(deck.blocks)
            )
        }
    )
    assert [(each.page, each.context, each.text) for each in chunk(paged)] == [
        (1, "S1", "S1\n\ntext"),
        (2, "S2", "S2\n\ntext"),
    ]


def test_a_pdf_is_slides_by_the_shape_of_its_pages_not_by_where_its_text_ends() -> None:
    """A letter whose text stands in the upper third is wider than high in all that is written, and no slide."""
    lines = [
        paragraph("one line of a few words, and no more " * 14, page=n, box=(60, 80, 540, 200))
        for n in (1, 2, 3)
    ]
    letter = document(*lines, kind="pdf", pages=3, page_size=(595.0, 842.0))
    assert choose(letter).template == "general"
    assert choose(letter.model_copy(update={"page_size": (842.0, 595.0)})).template == "slides"


def test_a_mail_says_its_own_apart_from_what_it_quotes() -> None:
    mail = document(
        heading("Lunch"),
        paragraph("From: Ann", name="head"),
        paragraph("Fine."),
        Block(kind="quote", text="Shall we?"),
        kind="email",
    )
    assert [(each.context, each.text) for each in chunk(mail)] == [
        ("Lunch > From: Ann", "Lunch\n\nFrom: Ann\n\nFine."),
        ("Lunch > quoted", "Shall we?"),
    ]


def test_code_by_symbol() -> None:
    code = document(
        *(
            Block(kind="code", text=text, name=name)
            for name, text in [(None, "import os"), ("f", "def f(): ..."), ("g", "def g(): ...")]
        ),
        kind="code",
    )
    assert [(each.context, each.text) for each in chunk(code)] == [
        ("", "import os"),
        ("f", "def f(): ..."),
        ("g", "def g(): ..."),
    ]


def test_a_paper_names_its_title_everywhere() -> None:
    body = "Some sentence of the body that goes on for a while. " * 10
    paper = document(
        heading("On Rivers"), heading("Abstract", 2), paragraph(body), heading("1 Method", 2), paragraph(body * 3),
        heading("References", 2), *(paragraph(f"[{n}] A. Author, A title of a work, {1990 + n}.") for n in range(20)),
    )  # fmt: skip
    assert choose(paper).template == "paper"
    chunks = chunk(paper)
    assert all(each.context.startswith("On Rivers") for each in chunks)
    assert sum(each.context == "On Rivers > References" for each in chunks) >= 3


def test_a_short_document_is_one_chunk_and_a_long_one_is_not() -> None:
    assert choose(document(paragraph("short"))).template == "one"
    assert choose(document(*(paragraph("a longer paragraph. " * 40),) * 5)).template == "general"


def test_found_by_little_read_in_large() -> None:
    chunks = chunk(
        document(*(paragraph("One sentence of eight words stands here now. " * 12),) * 4), "nested"
    )
    assert all(each.parent is not None for each in chunks)
    assert len({each.parent for each in chunks}) < len(chunks)


def test_places_come_along() -> None:
    whole = document(
        paragraph("a", page=2, box=(1, 2, 3, 4)), paragraph("b", page=3, box=(5, 6, 7, 8))
    )
    (only,) = chunk(whole, "one")
    assert (only.page, only.boxes) == (2, ((2, (1, 2, 3, 4)), (3, (5, 6, 7, 8))))


def test_an_unknown_template() -> None:
    with pytest.raises(InputError, match=r"no chunk template 'x'\. It is one of general, "):
        chunk(document(), "x")
