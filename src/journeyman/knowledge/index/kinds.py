"""The kinds of index that a knowledge base can use, and the methods that it needs from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, Protocol

from journeyman.documents import Passage, SourceFile
from journeyman.protocols import Index

IndexKind = Literal["sqlite", "lance"]
"""`sqlite`: one file, every way to search, up to some hundred thousand passages. `lance`: a folder, for millions,
searched by BM25 and vectors alone; it needs the extra `lancedb`."""

Labels = Collection[str]
Passages = Sequence[Passage]

DEFAULT_INDEX: IndexKind = "sqlite"
SUFFIXES: dict[IndexKind, str] = {"sqlite": ".sqlite", "lance": ".lance"}


class BaseIndex(Index, Protocol):
    """An index that also keeps which files its documents were read from."""

    @property
    def kind(self) -> IndexKind: ...

    def put_source(self, source: SourceFile) -> None: ...

    def remove_source(self, document: str) -> None: ...

    def sources(self) -> list[SourceFile]:
        """By their documents."""
        ...

    def passages(self, document: str) -> list[Passage]:
        """All of a document, in its order."""
        ...

    def counts(self) -> tuple[int, int]:
        """Documents and passages."""
        ...

    def bytes_on_disk(self) -> int: ...

    def tidy(self) -> None:
        """Make searches over many passages quick, after changes; while nobody else searches."""
        ...


def kind_at(place: Path) -> IndexKind | None:
    """Which index lies there: a file is SQLite's, a folder LanceDB's. None: nothing lies there yet."""
    if place.is_dir():
        return "lance"
    return "sqlite" if place.exists() else None
