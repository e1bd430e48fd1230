"""Which reader reads which kind. A reader's libraries are imported when its first file comes."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from journeyman.errors import MissingExtraError
from journeyman.knowledge.parse.sheets import Reader

READERS = {
    "pdf": "pdf",
    "image": "image",
    "docx": "docx",
    "pptx": "pptx",
    "xlsx": "xlsx",
    "html": "html",
    "epub": "epub",
    "markdown": "markdown",
    "email": "mail",
    "mbox": "mail",
    "msg": "msg",
    "csv": "tabular",
    "json": "tabular",
    "jsonl": "tabular",
    "code": "code",
    "text": "plain",
}


def reader_of(kind: str) -> Reader:
    """Raises MissingExtraError where its libraries are not installed."""
    try:
        module = import_module(f"journeyman.knowledge.parse.{READERS[kind]}")
    except ModuleNotFoundError:
        raise MissingExtraError(f"Reading {kind}", "knowledge") from None
    return cast("Reader", module.read)
