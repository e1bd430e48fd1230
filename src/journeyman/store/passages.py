"""Passages of documents in one SQLite file: their text, where it stands, who may see it, its vector and its entities.

A document is put or removed in one transaction, full-text index included, so that a crash leaves it whole or not there.
Passages are numbered by `place`, which grows and is never used again: whoever holds a copy of them in memory asks for
what came after the last place it knows, and for what is gone since then.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)

from journeyman.documents import Passage, SourceFile
from journeyman.errors import InputError
from journeyman.store import written
from journeyman.store.connect import connect, store_errors
from journeyman.store.fulltext.index import FullText
from journeyman.store.fulltext.ranking import Hit
from journeyman.store.fulltext.segments import IndexedText
from journeyman.store.journal import upcast
from journeyman.store.journal.codec import dumps
from journeyman.store.journal.migrations import Migrations, migrate

BATCH = 2_000

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
    index = FullText("passages_text")
    index.metadata.drop_all(connection)
    index.create(connection)
    rows = connection.execute(select(passages).order_by(passages.c.place))
    index.put(
        connection,
        (
            IndexedText(
                id=row.place, text=searched(_passage(row.document, row.body)), scope=row.scope
            )
            for row in rows
        ),
    )


MIGRATIONS: Migrations = (
    ("001_passages", m001_passages), ("002_sources", m002_sources), ("003_written", m003_written),
    ("004_postings", m004_postings),
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A passage as it is written."""

    passage: Passage
    vector: bytes | None
    """Packed by whoever embeds. None: there is no embedder."""
    entities: Mapping[str, int] = field(default_factory=dict)
    """What it mentions, and how often."""

    @property
    def searched(self) -> str:
        return searched(self.passage)


def searched(passage: Passage) -> str:
    """The text that searches see: what the passage stands under, then itself."""
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text


@dataclass(frozen=True)
class Known:
    """A passage as a copy in memory needs it."""

    place: int
    scope: int
    vector: bytes | None
    entities: str
    """JSON: name to count."""


class PassageStore:
    """Opened with `PassageStore.open(file)`; closed by `close()`. It belongs to one thread."""

    def __init__(self, writer: Connection, reader: Connection, embedder: str | None) -> None:
        self.writer = writer
        self.reader = reader
        self.embedder = embedder
        self.text = FullText("passages_text")

    @classmethod
    def open(cls, file: Path, *, embedder: str | None) -> Self:
        """Open or make the file. Raises InputError when its vectors are another embedder's."""
        with store_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            writer = connect(file, writes=True)
            try:
                _wiping(writer)
                with writer.begin():
                    migrate(writer, MIGRATIONS)
                reader = connect(file, writes=False)
            except BaseException:
                _end(writer)
                raise
        opened = cls(writer, reader, embedder)
        try:
            with opened.reading():
                opened._same_embedder(reader)
        except BaseException:
            opened.close()
            raise
        return opened

    def close(self) -> None:
        _end(self.reader)
        _end(self.writer)

    def _same_embedder(self, connection: Connection) -> None:
        row = connection.execute(select(state.c.embedder, state.c.next_place)).one()
        if row.next_place > 1 and row.embedder != self.embedder:
            raise InputError(
                f"The index holds vectors of the embedder {row.embedder!r}, not of {self.embedder!r}.",
                "Open it with that embedder, or index the documents anew in another file.",
            )

    # --- writing

    def put(
        self, document: str, kept: Sequence[Kept], *, labels: Collection[str], digest: str
    ) -> None:
        """Make these all the passages of the document, in one transaction that waits for the disk."""
        with store_errors(), self.writer.begin():
            self._same_embedder(self.writer)
            now = self.writer.execute(select(state)).one()
            self._take_out(document, now.generation + 1)
            scope = self._scope(labels)
            rows = [
                {
                    "place": now.next_place + n,
                    "document": document,
                    "scope": scope,
                    "body": _body(each.passage),
                    "entities": dumps(dict(each.entities)),
                    "vector": each.vector,
                }
                for n, each in enumerate(kept)
            ]
            if rows:
                self.writer.execute(passages.insert(), rows)
            entries = (
                IndexedText(id=now.next_place + n, text=each.searched, scope=scope)
                for n, each in enumerate(kept)
            )
            self.text.put(self.writer, entries)
            self.writer.execute(documents.insert().values(id=document, scope=scope, digest=digest))
            self.writer.execute(
                update(state).values(
                    generation=now.generation + 1,
                    next_place=now.next_place + len(rows),
                    embedder=self.embedder,
                )
            )

    def remove(self, document: str) -> bool:
        """Take a document out, with all that was kept of it. False: it was not there."""
        with store_errors(), self.writer.begin():
            generation = self.writer.execute(select(state.c.generation)).scalar_one() + 1
            there = self._take_out(document, generation)
            if there:
                self.writer.execute(update(state).values(generation=generation))
        return there

    def _take_out(self, document: str, generation: int) -> bool:
        places = list(
            self.writer.execute(
                select(passages.c.place).where(passages.c.document == document)
            ).scalars()
        )
        self.text.remove(self.writer, places)
        written.forget(self.writer, places)
        if places:
            self.writer.execute(
                gone.insert(), [{"place": place, "generation": generation} for place in places]
            )
        self.writer.execute(delete(passages).where(passages.c.document == document))
        return self.writer.execute(delete(documents).where(documents.c.id == document)).rowcount > 0

    def _scope(self, labels: Collection[str]) -> int:
        told = dumps(sorted(set(labels)))
        row = self.writer.execute(select(scopes.c.id).where(scopes.c.labels == told)).first()
        if row is not None:
            return int(row.id)
        number = (
            self.writer.execute(select(func.coalesce(func.max(scopes.c.id), -1))).scalar_one() + 1
        )
        self.writer.execute(scopes.insert().values(id=number, labels=told))
        return int(number)

    # --- what a model wrote

    def put_claims(
        self, place: int, told: Sequence[Mapping[str, Any]], entities: Mapping[str, int]
    ) -> None:
        """A passage's claims, with what it now is known to mention. A passage that went in the meantime stays gone."""
        with store_errors(), self.writer.begin():
            changed = self.writer.execute(
                update(passages)
                .where(passages.c.place == place)
                .values(entities=dumps(dict(entities)))
            )
            if changed.rowcount:
                generation = self.writer.execute(select(state.c.generation)).scalar_one() + 1
                written.put_claims(self.writer, place, told, generation)
                self.writer.execute(update(state).values(generation=generation))

    def put_report(self, report: str, body: Mapping[str, Any], places: Sequence[int]) -> None:
        """A report that rests on these places; where one of them went in the meantime, it is not kept."""
        wanted = sorted(set(places))
        with store_errors(), self.writer.begin():
            there = select(func.count()).select_from(passages).where(passages.c.place.in_(wanted))
            if self.writer.execute(there).scalar_one() == len(wanted):
                written.put_report(self.writer, report, body, wanted)

    # --- the files behind the documents

    def put_source(self, source: SourceFile) -> None:
        with store_errors(), self.writer.begin():
            self.writer.execute(delete(sources).where(sources.c.document == source.document))
            told = source.model_dump(mode="json", exclude={"document"}, exclude_defaults=True)
            self.writer.execute(sources.insert().values(document=source.document, body=dumps(told)))

    def remove_source(self, document: str) -> bool:
        """False: it was not there."""
        with store_errors(), self.writer.begin():
            return (
                self.writer.execute(delete(sources).where(sources.c.document == document)).rowcount
                > 0
            )

    def sources(self) -> list[SourceFile]:
        """Within `reading()`: all, by their documents."""
        rows = self.reader.execute(select(sources).order_by(sources.c.document))
        return [
            SourceFile(document=row.document, **upcast.source_file(json.loads(row.body)))
            for row in rows
        ]

    def counts(self) -> tuple[int, int]:
        """Within `reading()`: documents and passages."""
        many, pieces = (
            int(self.reader.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (documents, passages)
        )
        return many, pieces

    def all_of(self, document: str) -> list[Passage]:
        """Within `reading()`: a document's passages in their order."""
        query = (
            select(passages.c.body)
            .where(passages.c.document == document)
            .order_by(passages.c.place)
        )
        return [_passage(document, row.body) for row in self.reader.execute(query)]

    # --- reading: all inside one `reading()`, so that all parts of a search see the same moment

    @contextmanager
    def reading(self) -> Iterator[None]:
        with store_errors(), self.reader.begin():
            yield

    def digest(self, document: str) -> str | None:
        """What the document was put with. None: it is not there."""
        query = select(documents.c.digest).where(documents.c.id == document)
        return self.reader.execute(query).scalar_one_or_none()

    def labels(self) -> dict[str, frozenset[str]]:
        """Each document's labels, by the document's id."""
        of = {
            row.id: frozenset(json.loads(row.labels)) for row in self.reader.execute(select(scopes))
        }
        rows = self.reader.execute(
            select(documents.c.id, documents.c.scope).order_by(documents.c.id)
        )
        return {row.id: of[row.scope] for row in rows}

    def vectors(self, document: str) -> dict[str, bytes]:
        """The vectors that the document has, by the text that they stand for."""
        query = select(passages.c.body, passages.c.vector).where(passages.c.document == document)
        rows = self.reader.execute(query.where(passages.c.vector.is_not(None)))
        return {searched(_passage(document, row.body)): row.vector for row in rows}

    def visible(self, labels: Collection[str]) -> list[int]:
        """The scopes that somebody with these labels may see: those that ask for no other."""
        held = set(labels)
        return [
            row.id
            for row in self.reader.execute(select(scopes))
            if held.issuperset(json.loads(row.labels))
        ]

    def lexical(self, query: str, *, k: int, scopes: Collection[int]) -> list[Hit]:
        """The best places by BM25."""
        return self.text.search(self.reader, query, k=k, scopes=scopes)

    def passages(self, places: Sequence[int]) -> dict[int, Passage]:
        """The passages at these places; one that is gone is missing."""
        found: dict[int, Passage] = {}
        for start in range(0, len(places), BATCH):
            query = select(passages.c.place, passages.c.document, passages.c.body)
            rows = self.reader.execute(
                query.where(passages.c.place.in_(places[start : start + BATCH]))
            )
            found |= {row.place: _passage(row.document, row.body) for row in rows}
        return found

    def among(self, scopes: Collection[int]) -> frozenset[int]:
        """The places of these scopes."""
        query = select(passages.c.place).where(passages.c.scope.in_(sorted(scopes)))
        return frozenset(self.reader.execute(query).scalars())

    def claims(self) -> list[tuple[int, dict[str, Any]]]:
        """All claims with their places, in the order of these."""
        return written.all_claims(self.reader)

    def read_since(self, generation: int) -> frozenset[int]:
        """Places that a model has read for claims after that generation: what they mention may have changed then."""
        return written.read_since(self.reader, generation)

    def mentions(self, places: Collection[int]) -> dict[int, str]:
        """What each of these mentions, as JSON: name to count."""
        query = select(passages.c.place, passages.c.entities).where(
            passages.c.place.in_(sorted(places))
        )
        return {row.place: row.entities for row in self.reader.execute(query)}

    def report(self, name: str) -> dict[str, Any] | None:
        """None: it was not written, or what it rested on has changed."""
        return written.report(self.reader, name)

    def generation(self) -> int:
        """Grows with each document that is put or removed, and each passage that is read for claims."""
        return int(self.reader.execute(select(state.c.generation)).scalar_one())

    def gone_since(self, generation: int) -> list[int]:
        """Places that went after that generation."""
        return list(
            self.reader.execute(
                select(gone.c.place).where(gone.c.generation > generation)
            ).scalars()
        )

    def after(self, place: int) -> Iterator[Sequence[Known]]:
        """All passages behind a place, in the order of their places, some at a time."""
        columns = (passages.c.place, passages.c.scope, passages.c.vector, passages.c.entities)
        while rows := self.reader.execute(
            select(*columns).where(passages.c.place > place).order_by(passages.c.place).limit(BATCH)
        ).all():
            yield [Known(row.place, row.scope, row.vector, row.entities) for row in rows]
            place = rows[-1].place


def _body(passage: Passage) -> str:
    return dumps(
        passage.model_dump(mode="json", exclude={"document", "score"}, exclude_defaults=True)
    )


def _passage(document: str, body: str) -> Passage:
    told: dict[str, Any] = json.loads(body)
    return Passage(document=document, **told)


def _wiping(connection: Connection) -> None:
    """What is deleted is overwritten in the file, not only left out."""
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("PRAGMA secure_delete=ON")


def _end(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()
