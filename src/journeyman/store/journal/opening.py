"""Opening the journal of a workspace, whichever database keeps it."""

from __future__ import annotations

from pathlib import Path

from journeyman.store.journal.protocol import Journal
from journeyman.store.journal.sqlite import SqliteJournal


def open_journal(workspace: Path | str) -> Journal:
    """The journal of a workspace: of a folder, made where missing.

    Raises StoreError when it is locked, damaged, written by a newer version, or can't be written.
    """
    return SqliteJournal.open(Path(workspace))
