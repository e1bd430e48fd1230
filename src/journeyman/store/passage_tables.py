"""The tables of a base's passages, and their migrations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    select,
)

from journeyman.documents import Passage
from journeyman.store import written
from journeyman.store.fulltext.index import FullText
from journeyman.store.fulltext.segments import IndexedText
from journeyman.store.journal.codec import dumps
from journeyman.store.migrations import Migrations

_metadata = MetaData()

sources = Table(
    "sources",
    MetaData(),
    Column("document", Text, primary_key=True),
    Column("body", Text, nullable=False),
)
state = Table(
    "state",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("next_place", Integer, nullable=False),
    Column("embedder", Text),
)
scopes = Table(
    "scopes",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("labels", Text, nullable=False, unique=True),
)
documents = Table(
    "documents",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Integer, nullable=False),
    Column("digest", Text, nullable=False),
)
passages = Table(
    "passages",
    _metadata,
    Column("place", Integer, primary_key=True),
    Column("document", Text, nullable=False, index=True),
    Column("scope", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("entities", Text, nullable=False),
    Column("vector", LargeBinary),
)
gone = Table(
    "gone",
    _metadata,
    Column("place", Integer, primary_key=True),
    Column("generation", Integer, nullable=False, index=True),
)


def full_text() -> FullText:
    """The index of what searches see of passages."""
    return FullText("passages_text")


def searched(passage: Passage) -> str:
    """The text that searches see: what the passage stands under, then itself."""
    if not passage.title:
        return passage.text
    return f"{passage.title}\n{passage.text}"


def body_of(passage: Passage) -> str:
    """The passage as it is stored, without its document."""
    body = passage.model_dump(
        mode="json",
        exclude={"document", "score"},
        exclude_defaults=True,
    )
    return dumps(body)


def passage_of(document: str, body: str) -> Passage:
    fields: dict[str, Any] = json.loads(body)
    return Passage(document=document, **fields)


def make_lists_anew(connection: Connection) -> None:
    """The full-text lists of all passages, from the passages themselves; the old lists are dropped."""
    index = full_text()
    index.metadata.drop_all(connection)
    index.create(connection)
    index.put(connection, _entries(connection))


def _entries(connection: Connection) -> Iterator[IndexedText]:
    query = select(passages).order_by(passages.c.place)
    for row in connection.execute(query):
        passage = passage_of(row.document, row.body)
        text = searched(passage)
        yield IndexedText(id=row.place, text=text, scope=row.scope)


LISTS_FORMAT = 0
"""Of the full-text lists: they are only derived, and made anew in another format (`keep_derived`).

One more with every change of the lists' layout; no migration is needed for it. 0 is what `004_postings` made.
"""


def m001_passages(connection: Connection) -> None:
    """Passages, their documents, and who may see them."""
    _metadata.create_all(connection, checkfirst=False)
    connection.execute(state.insert().values(id=0, generation=0, next_place=1))
    FullText("passages_text").create(connection)


def m002_sources(connection: Connection) -> None:
    """The files that documents were read from."""
    sources.create(connection)


def m003_written(connection: Connection) -> None:
    """What a model wrote of passages."""
    written.create(connection)


def m004_postings(connection: Connection) -> None:
    """The full-text index tells texts that hold a term once from those that hold it more often."""
    make_lists_anew(connection)


MIGRATIONS: Migrations = (
    ("001_passages", m001_passages), ("002_sources", m002_sources), ("003_written", m003_written),
    ("004_postings", m004_postings),
)  # fmt: skip
"""In order. Names are never reused, entries never edited once released."""
