"""The journal: what happened to cases and workers."""

from journeyman.store.journal.opening import open_journal
from journeyman.store.journal.places import folder_of, has_journal, shown_as
from journeyman.store.journal.protocol import JobMarks, Journal, LeaseLostError

__all__ = [
    "JobMarks",
    "Journal",
    "LeaseLostError",
    "folder_of",
    "has_journal",
    "open_journal",
    "shown_as",
]
