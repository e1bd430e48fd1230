"""Opening the journal of a workspace, whichever database keeps it."""

from __future__ import annotations

from pathlib import Path

from journeyman.errors import MissingExtraError
from journeyman.store.journal.places import database_of, folder_of
from journeyman.store.journal.protocol import Journal
from journeyman.store.journal.sqlite import SqliteJournal


def open_journal(workspace: Path | str) -> Journal:
    """The journal of a workspace: of a folder, made where missing, or of a database by its `postgresql://` URL.

    Raises StoreError when it is locked, damaged, written by a newer version, or can't be reached or written.
    """
    url = database_of(workspace)
    if url is None:
        return SqliteJournal.open(Path(workspace))
    try:
        from journeyman.store.journal.postgres import (  # noqa: PLC0415 - an optional part
            PostgresJournal,
        )
    except ImportError:
        raise MissingExtraError("A workspace in PostgreSQL", "postgres") from None
    return PostgresJournal.open(url, folder_of(workspace))
