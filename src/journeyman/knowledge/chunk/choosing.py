"""Chooses the template for a document, and says why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
    for rule in (_questions, _tables, _form):
        choice = rule(document)
        if choice is not None:
            return choice
    return _size(document)


def _questions(document: Document) -> Choice | None:
    blocks = [block for block in document.blocks if block.text]
    tables = [block for block in blocks if block.kind == "table"]
    columns = [_names(table.columns) for table in tables]
    if _all_are_pairs(columns):
        why = "Its tables have a column of questions and one of answers."
        return Choice(template="questions", why=why)
    if document.kind in {"json", "jsonl"}:
        keys = [_keys(block.text) for block in blocks[:50]]
        if _all_are_pairs(keys):
            why = "Its records hold a question and an answer each."
            return Choice(template="questions", why=why)
    texts = [block.text for block in blocks]
    return _interview(texts)


def _interview(texts: Sequence[str]) -> Choice | None:
    """By how many parts begin as questions and as answers."""
    count = len(texts)
    asked = sum(QUESTION.match(text) is not None for text in texts)
    answered = sum(_has_answer(text) for text in texts)
    if min(asked, answered) < 3:
        return None
    if asked + answered <= 0.5 * count:
        return None
    why = f"{asked} of its {count} parts begin as questions."
    return Choice(template="questions", why=why)


def _names(columns: Iterable[str]) -> set[str]:
    stripped = [name.strip() for name in columns]
    return {name.lower() for name in stripped}


def _keys(text: str) -> set[str]:
    """What stands before the colon of each line."""
    lines = text.split("\n")
    return _names(line.partition(":")[0] for line in lines)


def _all_are_pairs(names_of_each: Sequence[set[str]]) -> bool:
    """Whether each has a question and an answer. Of none at all: no."""
    if not names_of_each:
        return False
    return all(names & ASKED and names & ANSWERED for names in names_of_each)


def _has_answer(text: str) -> bool:
    """Whether some line of it begins an answer."""
    flags = re.IGNORECASE | re.MULTILINE
    return re.search(ANSWER.pattern, text, flags) is not None


def _tables(document: Document) -> Choice | None:
    if document.kind in {"xlsx", "csv"}:
        return Choice(template="rows", why="It is a table.")
    in_tables = 0
    elsewhere = 0
    for block in document.blocks:
        if block.kind == "table":
            in_tables += len(block.text)
        else:
            elsewhere += len(block.text)
    if in_tables > 2 * elsewhere:
        return Choice(template="rows", why="Most of its text stands in tables.")
    return None


def _form(document: Document) -> Choice | None:
    levels = [section_level(block.text.strip()) for block in document.blocks]
    articles = levels.count(4)
    if articles >= 5:
        why = f"It has {articles} numbered articles."
        return Choice(template="tree", why=why)
    if _is_paper(document):
        return Choice(template="paper", why="It has an abstract and references.")
    if _is_deck(document):
        return Choice(template="slides", why="Its pages are wide and hold few words.")
    return _outline(document)


def _is_paper(document: Document) -> bool:
    texts = [block.text for block in document.blocks]
    short = [text.strip() for text in texts if len(text) < 3_000]
    if not any(map(ABSTRACT.match, short)):
        return False
    return any(map(REFERENCES.match, short))


def _outline(document: Document) -> Choice | None:
    """By its headings: many, on several levels, numbered."""
    headings = [block for block in document.blocks if block.kind == "heading"]
    levels = {heading.level for heading in headings}
    numbered = sum(_is_numbered(heading.text) for heading in headings)
    count = len(headings)
    if count < 8 or len(levels) < 2:
        return None
    if numbered < 0.6 * count:
        return None
    why = f"It has {count} headings on {len(levels)} levels, most of them numbered."
    return Choice(template="tree", why=why)


def _is_numbered(heading: str) -> bool:
    return section_level(heading) is not None or heading[:1].isdigit()


def _is_deck(document: Document) -> bool:
    """Pages that are wider than high, with few words."""
    if document.kind != "pdf" or document.page_size is None:
        return False
    if not document.pages or document.pages < 3:
        return False
    width, height = document.page_size
    words_a_page = words(document.text) / document.pages
    return width > 1.2 * height and words_a_page < 150


def _size(document: Document) -> Choice:
    size = words(document.text)
    if size <= WORDS_AT_MOST:
        return Choice(template="one", why=f"It has {size:.0f} words only.")
    return Choice(template="general", why="Nothing says that it is of a special kind.")
