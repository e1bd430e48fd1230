"""Indexes of passages behind one seam: SQLite for up to some hundred thousand passages, LanceDB for millions."""

from __future__ import annotations

from journeyman.knowledge.index.sqlite import SqliteIndex

__all__ = ["SqliteIndex"]
