"""Passages in one SQLite file: text, place, access labels, vector and entities.

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

from sqlalchemy import Connection, Table, delete, func, select, update

from journeyman.documents import Passage, SourceFile
from journeyman.errors import InputError
from journeyman.store import written
from journeyman.store.connect import connect, end, store_errors
from journeyman.store.fulltext.ranking import Hit
from journeyman.store.fulltext.segments import IndexedText
from journeyman.store.journal import upcast
from journeyman.store.journal.codec import dumps
from journeyman.store.migrations import keep_derived, migrate
from journeyman.store.passage_tables import (
    LISTS_FORMAT,
    MIGRATIONS,
    body_of,
    documents,
    full_text,
    gone,
    make_lists_anew,
    passage_of,
    passages,
    scopes,
    searched,
    sources,
    state,
)

BATCH = 2_000


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
        self.text = full_text()

    @classmethod
    def open(cls, file: Path, *, embedder: str | None) -> Self:
        """Open or make the file. Raises InputError when its vectors are another embedder's."""
        with store_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            writer = connect(file, writes=True)
            try:
                _wiping(writer)
                with writer.begin():
                    migrate(writer, MIGRATIONS, store="knowledge base", place="index file")
                    keep_derived(writer, LISTS_FORMAT, make_lists_anew)
                reader = connect(file, writes=False)
            except BaseException:
                end(writer)
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
        end(self.reader)
        end(self.writer)

    def _same_embedder(self, connection: Connection) -> None:
        query = select(state.c.embedder, state.c.next_place)
        row = connection.execute(query).one()
        has_passages = row.next_place > 1
        is_same = row.embedder == self.embedder
        if has_passages and not is_same:
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
            before = self.writer.execute(select(state)).one()
            generation = before.generation + 1
            self._take_out(document, generation)
            scope = self._scope(labels)
            rows = _rows_of(kept, document, scope, before.next_place)
            if rows:
                self.writer.execute(passages.insert(), rows)
            entries = (
                IndexedText(id=place, text=each.searched, scope=scope)
                for place, each in enumerate(kept, before.next_place)
            )
            self.text.put(self.writer, entries)
            added = documents.insert().values(id=document, scope=scope, digest=digest)
            self.writer.execute(added)
            after = update(state).values(
                generation=generation,
                next_place=before.next_place + len(rows),
                embedder=self.embedder,
            )
            self.writer.execute(after)

    def remove(self, document: str) -> bool:
        """Take a document out, with all that was kept of it. False: it was not there."""
        with store_errors(), self.writer.begin():
            generation = self._next_generation()
            removed = self._take_out(document, generation)
            if removed:
                self._note(generation)
        return removed

    def _next_generation(self) -> int:
        last = self.writer.execute(select(state.c.generation)).scalar_one()
        return int(last) + 1

    def _note(self, generation: int) -> None:
        changed = update(state).values(generation=generation)
        self.writer.execute(changed)

    def _take_out(self, document: str, generation: int) -> bool:
        writer = self.writer
        of_document = passages.c.document == document
        query = select(passages.c.place).where(of_document)
        places = writer.execute(query).scalars().all()
        self.text.remove(writer, places)
        written.forget(writer, places)
        rows = [{"place": place, "generation": generation} for place in places]
        if rows:
            writer.execute(gone.insert(), rows)
        writer.execute(delete(passages).where(of_document))
        taken = delete(documents).where(documents.c.id == document)
        return writer.execute(taken).rowcount > 0

    def _scope(self, labels: Collection[str]) -> int:
        names = sorted(set(labels))
        stored = dumps(names)
        known = select(scopes.c.id).where(scopes.c.labels == stored)
        row = self.writer.execute(known).first()
        if row is not None:
            return int(row.id)
        highest = func.coalesce(func.max(scopes.c.id), -1)
        last = self.writer.execute(select(highest)).scalar_one()
        number = int(last) + 1
        added = scopes.insert().values(id=number, labels=stored)
        self.writer.execute(added)
        return number

    # --- what a model wrote

    def put_claims(
        self, place: int, told: Sequence[Mapping[str, Any]], entities: Mapping[str, int]
    ) -> None:
        """A passage's claims, with what it now is known to mention. A passage that went in the meantime stays gone."""
        mentioned = dumps(dict(entities))
        with store_errors(), self.writer.begin():
            passage = update(passages).where(passages.c.place == place)
            changed = self.writer.execute(passage.values(entities=mentioned))
            if changed.rowcount:
                generation = self._next_generation()
                written.put_claims(self.writer, place, told, generation)
                self._note(generation)

    def put_report(self, report: str, body: Mapping[str, Any], places: Sequence[int]) -> None:
        """A report that rests on these places; where one of them went in the meantime, it is not kept."""
        writer = self.writer
        wanted = sorted(set(places))
        chosen = passages.c.place.in_(wanted)
        query = select(func.count()).select_from(passages).where(chosen)
        with store_errors(), writer.begin():
            count = writer.execute(query).scalar_one()
            if count == len(wanted):
                written.put_report(writer, report, body, wanted)

    # --- the files behind the documents

    def put_source(self, source: SourceFile) -> None:
        document = source.document
        fields = source.model_dump(
            mode="json",
            exclude={"document"},
            exclude_defaults=True,
        )
        earlier = delete(sources).where(sources.c.document == document)
        row = sources.insert().values(document=document, body=dumps(fields))
        with store_errors(), self.writer.begin():
            self.writer.execute(earlier)
            self.writer.execute(row)

    def remove_source(self, document: str) -> bool:
        """False: it was not there."""
        chosen = delete(sources).where(sources.c.document == document)
        with store_errors(), self.writer.begin():
            removed = self.writer.execute(chosen)
            return removed.rowcount > 0

    def sources(self) -> list[SourceFile]:
        """Within `reading()`: all, by their documents."""
        query = select(sources).order_by(sources.c.document)
        found: list[SourceFile] = []
        for row in self.reader.execute(query):
            fields = upcast.source_file(json.loads(row.body))
            source = SourceFile(document=row.document, **fields)
            found.append(source)
        return found

    def counts(self) -> tuple[int, int]:
        """Within `reading()`: documents and passages."""
        of_documents = self._count(documents)
        of_passages = self._count(passages)
        return of_documents, of_passages

    def _count(self, table: Table) -> int:
        query = select(func.count()).select_from(table)
        count = self.reader.execute(query).scalar_one()
        return int(count)

    def all_of(self, document: str) -> list[Passage]:
        """Within `reading()`: a document's passages in their order."""
        columns = passages.c
        of_document = columns.document == document
        query = select(columns.body).where(of_document)
        in_order = query.order_by(columns.place)
        bodies = self.reader.execute(in_order).scalars()
        return [passage_of(document, body) for body in bodies]

    # --- reading: all inside one `reading()`, so that all parts of a search see the same moment

    @contextmanager
    def reading(self) -> Iterator[None]:
        with store_errors(), self.reader.begin():
            yield

    def digest(self, document: str) -> str | None:
        """What the document was put with. None: it is not there."""
        chosen = documents.c.id == document
        query = select(documents.c.digest).where(chosen)
        return self.reader.execute(query).scalar_one_or_none()

    def labels(self) -> dict[str, frozenset[str]]:
        """Each document's labels, by the document's id."""
        labels_of = self._labels_of_scopes()
        columns = documents.c
        query = select(columns.id, columns.scope).order_by(columns.id)
        found: dict[str, frozenset[str]] = {}
        for row in self.reader.execute(query):
            found[row.id] = labels_of[row.scope]
        return found

    def _labels_of_scopes(self) -> dict[int, frozenset[str]]:
        labels_of: dict[int, frozenset[str]] = {}
        for row in self.reader.execute(select(scopes)):
            names = json.loads(row.labels)
            labels_of[row.id] = frozenset(names)
        return labels_of

    def vectors(self, document: str) -> dict[str, bytes]:
        """The vectors that the document has, by the text that they stand for."""
        columns = passages.c
        of_document = columns.document == document
        embedded = columns.vector.is_not(None)
        query = select(columns.body, columns.vector).where(of_document, embedded)
        found: dict[str, bytes] = {}
        for row in self.reader.execute(query):
            passage = passage_of(document, row.body)
            text = searched(passage)
            found[text] = row.vector
        return found

    def visible(self, labels: Collection[str]) -> list[int]:
        """The scopes that somebody with these labels may see: those that ask for no other."""
        held = set(labels)
        asked = self._labels_of_scopes()
        return [scope for scope, names in asked.items() if held.issuperset(names)]

    def lexical(self, query: str, *, k: int, scopes: Collection[int]) -> list[Hit]:
        """The best places by BM25."""
        return self.text.search(
            self.reader,
            query,
            k=k,
            scopes=scopes,
        )

    def passages(self, places: Sequence[int]) -> dict[int, Passage]:
        """The passages at these places; one that is gone is missing."""
        columns = passages.c
        query = select(columns.place, columns.document, columns.body)
        found: dict[int, Passage] = {}
        for start in range(0, len(places), BATCH):
            end = start + BATCH
            chosen = columns.place.in_(places[start:end])
            for row in self.reader.execute(query.where(chosen)):
                passage = passage_of(row.document, row.body)
                found[row.place] = passage
        return found

    def among(self, scopes: Collection[int]) -> frozenset[int]:
        """The places of these scopes."""
        in_order = sorted(scopes)
        chosen = passages.c.scope.in_(in_order)
        query = select(passages.c.place).where(chosen)
        places = self.reader.execute(query).scalars()
        return frozenset(places)

    def claims(self) -> written.Claims:
        """All claims with their places, in the order of these."""
        return written.all_claims(self.reader)

    def read_since(self, generation: int) -> frozenset[int]:
        """Places that a model has read for claims after that generation: what they mention may have changed then."""
        return written.read_since(self.reader, generation)

    def mentions(self, places: Collection[int]) -> dict[int, str]:
        """What each of these mentions, as JSON: name to count."""
        in_order = sorted(places)
        chosen = passages.c.place.in_(in_order)
        query = select(passages.c.place, passages.c.entities)
        mentioned: dict[int, str] = {}
        for row in self.reader.execute(query.where(chosen)):
            mentioned[row.place] = row.entities
        return mentioned

    def report(self, name: str) -> dict[str, Any] | None:
        """None: it was not written, or what it rested on has changed."""
        reader = self.reader
        return written.report(reader, name)

    def generation(self) -> int:
        """Grows with each document that is put or removed, and each passage that is read for claims."""
        query = select(state.c.generation)
        return int(self.reader.execute(query).scalar_one())

    def gone_since(self, generation: int) -> list[int]:
        """Places that went after that generation."""
        later = gone.c.generation > generation
        query = select(gone.c.place).where(later)
        places = self.reader.execute(query).scalars()
        return list(places)

    def after(self, place: int) -> Iterator[Sequence[Known]]:
        """All passages behind a place, in the order of their places, some at a time."""
        while known := self._known_after(place):
            yield known
            place = known[-1].place

    def _known_after(self, place: int) -> list[Known]:
        """The next passages behind a place."""
        columns = passages.c
        behind = columns.place > place
        query = (
            select(columns.place, columns.scope, columns.vector, columns.entities)
            .where(behind)
            .order_by(columns.place)
            .limit(BATCH)
        )
        known: list[Known] = []
        rows = self.reader.execute(query)
        for row in rows:
            passage = Known(row.place, row.scope, row.vector, row.entities)
            known.append(passage)
        return known


def _wiping(connection: Connection) -> None:
    """What is deleted is overwritten in the file, not only left out."""
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("PRAGMA secure_delete=ON")


def _rows_of(kept: Sequence[Kept], document: str, scope: int, first: int) -> list[dict[str, Any]]:
    """The rows of a document's passages, numbered from `first` on."""
    rows: list[dict[str, Any]] = []
    for place, each in enumerate(kept, first):
        row = {
            "place": place,
            "document": document,
            "scope": scope,
            "body": body_of(each.passage),
            "entities": dumps(dict(each.entities)),
            "vector": each.vector,
        }
        rows.append(row)
    return rows
