"""What happened, and what became of it."""

from journeyman.store.journal.opening import open_journal
from journeyman.store.journal.protocol import Journal, LeaseLostError

__all__ = ["Journal", "LeaseLostError", "open_journal"]
