"""Which template fits a document, and why."""

from __future__ import annotations

import re
from collections import Counter

from journeyman.documents import Document
from journeyman.knowledge.chunk.splitting import WORDS_AT_MOST, words
from journeyman.knowledge.chunk.templates import ANSWER, QUESTION, REFERENCES
from journeyman.knowledge.parse.pdf.outline import section_level
from journeyman.types import Record

BY_KIND = {
    "pptx": ("slides", "It is a deck of slides."),
    "email": ("mails", "It is an e-mail."),
    "mbox": ("mails", "It is a folder of e-mails."),
    "msg": ("mails", "It is an e-mail."),
    "code": ("symbols", "It is code."),
}

ABSTRACT = re.compile(r"^\W*(?:abstract|summary|摘\s*要)\b", re.IGNORECASE)

ASKED = {"question", "questions", "query", "instruction", "问题", "问", "提问", "問題", "q"}
ANSWERED = {"answer", "answers", "response", "output", "reply", "答案", "答", "回答", "回复", "a"}


class Choice(Record):
    template: str
    why: str


def choose(document: Document) -> Choice:
    """By the kind of file where that settles it, else by what stands in it."""
    if document.kind in BY_KIND:
        template, why = BY_KIND[document.kind]
        return Choice(template=template, why=why)
    return _questions(document) or _tables(document) or _form(document) or _size(document)


def _questions(document: Document) -> Choice | None:
    blocks = [block for block in document.blocks if block.text]
    columns = [
        {name.strip().lower() for name in block.columns}
        for block in blocks
        if block.kind == "table"
    ]
    if columns and all(names & ASKED and names & ANSWERED for names in columns):
        return Choice(
            template="questions", why="Its tables have a column of questions and one of answers."
        )
    keys = [
        {line.partition(":")[0].strip().lower() for line in block.text.split("\n")}
        for block in blocks[:50]
    ]
    if (
        document.kind in {"json", "jsonl"}
        and keys
        and all(names & ASKED and names & ANSWERED for names in keys)
    ):
        return Choice(template="questions", why="Its records hold a question and an answer each.")
    asked = sum(QUESTION.match(block.text) is not None for block in blocks)
    answered = sum(
        re.search(ANSWER.pattern, block.text, re.IGNORECASE | re.MULTILINE) is not None
        for block in blocks
    )
    if min(asked, answered) >= 3 and asked + answered > 0.5 * len(blocks):
        return Choice(
            template="questions", why=f"{asked} of its {len(blocks)} parts begin as questions."
        )
    return None


def _tables(document: Document) -> Choice | None:
    if document.kind in {"xlsx", "csv"}:
        return Choice(template="rows", why="It is a table.")
    sizes = Counter[bool]()
    for block in document.blocks:
        sizes[block.kind == "table"] += len(block.text)
    if sizes[True] > 2 * sizes[False]:
        return Choice(template="rows", why="Most of its text stands in tables.")
    return None


def _form(document: Document) -> Choice | None:
    articles = sum(section_level(block.text.strip()) == 4 for block in document.blocks)
    if articles >= 5:
        return Choice(template="tree", why=f"It has {articles} numbered articles.")
    heads = [block.text.strip() for block in document.blocks if len(block.text) < 3_000]
    if any(ABSTRACT.match(text) for text in heads) and any(
        REFERENCES.match(text) for text in heads
    ):
        return Choice(template="paper", why="It has an abstract and references.")
    if _is_deck(document):
        return Choice(template="slides", why="Its pages are wide and hold few words.")
    levels = {block.level for block in document.blocks if block.kind == "heading"}
    headings = sum(block.kind == "heading" for block in document.blocks)
    numbered = sum(
        section_level(b.text) is not None or b.text[:1].isdigit()
        for b in document.blocks
        if b.kind == "heading"
    )
    if headings >= 8 and len(levels) >= 2 and numbered >= 0.6 * headings:
        return Choice(
            template="tree",
            why=f"It has {headings} headings on {len(levels)} levels, most of them numbered.",
        )
    return None


def _is_deck(document: Document) -> bool:
    """Pages that are wider than high, with few words."""
    if (
        document.kind != "pdf"
        or document.page_size is None
        or not document.pages
        or document.pages < 3
    ):
        return False
    width, height = document.page_size
    return width > 1.2 * height and words(document.text) / document.pages < 150


def _size(document: Document) -> Choice:
    size = words(document.text)
    if size <= WORDS_AT_MOST:
        return Choice(template="one", why=f"It has {size:.0f} words only.")
    return Choice(template="general", why="Nothing says that it is of a special kind.")
