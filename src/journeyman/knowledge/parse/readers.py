"""Maps each kind of file to its reader. A reader's libraries are imported at its first file."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from journeyman.errors import MissingExtraError
from journeyman.knowledge.parse.sheets import Reader

READERS = {
    "pdf": "pdf.reader",
    "image": "pdf.image",
    "docx": "office.docx",
    "pptx": "office.pptx",
    "xlsx": "office.xlsx",
    "html": "web.html",
    "epub": "web.epub",
    "markdown": "text.markdown",
    "email": "mail.eml",
    "mbox": "mail.eml",
    "msg": "mail.msg",
    "csv": "text.tabular",
    "json": "text.tabular",
    "jsonl": "text.tabular",
    "code": "text.code",
    "text": "text.plain",
}


def reader_of(kind: str) -> Reader:
    """Raises MissingExtraError where its libraries are not installed."""
    try:
        module = import_module(f"journeyman.knowledge.parse.{READERS[kind]}")
    except ModuleNotFoundError:
        raise MissingExtraError(f"Reading {kind}", "knowledge") from None
    return cast("Reader", module.read)
