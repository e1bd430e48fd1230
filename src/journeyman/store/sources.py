"""The files of a knowledge base, in an SQLite file of their own, for an index that is not in SQLite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, delete, select

from journeyman.documents import SourceFile
from journeyman.store.connect import connect, store_errors
from journeyman.store.journal.codec import dumps
from journeyman.store.migrations import Migrations, migrate
from journeyman.store.passage_tables import sources


def m001_sources(connection: Connection) -> None:
    """The files that documents were read from."""
    sources.create(connection)


MIGRATIONS: Migrations = (("001_sources", m001_sources),)


class SourceStore:
    """Opened with `SourceStore.open(file)`; closed by `close()`. It belongs to one thread."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open or make the file."""
        with store_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            connection = connect(file, writes=True)
            try:
                with connection.begin():
                    migrate(connection, MIGRATIONS)
            except BaseException:
                _end(connection)
                raise
        return cls(connection)

    def close(self) -> None:
        _end(self.connection)

    def put(self, source: SourceFile) -> None:
        """Write what became of a file, in place of what was known of it."""
        body = source.model_dump(mode="json", exclude={"document"}, exclude_defaults=True)
        of_document = sources.c.document == source.document
        removal = delete(sources).where(of_document)
        row = sources.insert().values(document=source.document, body=dumps(body))
        with store_errors(), self.connection.begin():
            self.connection.execute(removal)
            self.connection.execute(row)

    def remove(self, document: str) -> bool:
        """False: it was not there."""
        of_document = sources.c.document == document
        with store_errors(), self.connection.begin():
            removed = self.connection.execute(delete(sources).where(of_document))
        return removed.rowcount > 0

    def all(self) -> list[SourceFile]:
        """By their documents."""
        in_order = select(sources).order_by(sources.c.document)
        with store_errors(), self.connection.begin():
            rows = self.connection.execute(in_order).all()
        found: list[SourceFile] = []
        for row in rows:
            body = json.loads(row.body)
            found.append(SourceFile(document=row.document, **body))
        return found


def _end(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()
