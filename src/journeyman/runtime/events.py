"""What people and programs emit, for cases that wait for it."""

from __future__ import annotations

from journeyman.errors import InputError
from journeyman.store.journal import Journal
from journeyman.types import Json


def emit(journal: Journal, name: str, payload: Json = None) -> bool:
    """Let the cases go on that wait for this name; returns whether it is the name's first emit, which holds.

    They are worked by whoever works their run, in this process or another. Raises InputError for an empty name.
    """
    if not name.strip():
        raise InputError("The event has no name.", "Name what the cases wait for.")
    return journal.emit(name, payload)
