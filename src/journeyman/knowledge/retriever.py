"""Searches a knowledge base for an environment. It opens the base at the first search."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from journeyman.documents import Passage
from journeyman.knowledge.index.kinds import IndexKind
from journeyman.knowledge.modes import Mode
from journeyman.protocols import Embedder

if TYPE_CHECKING:
    from journeyman.knowledge.base import KnowledgeBase


class Retriever:
    """`find` is what `RetrievalEnvironment` asks. It belongs to one thread; cheap until the first search."""

    def __init__(
        self,
        file: Path,
        embedder: Embedder | None = None,
        *,
        paths: Sequence[Path] = (),
        labels: Sequence[str] = (),
        mode: Mode = "basic",
        k: int = 5,
        index: IndexKind | None = None,
    ) -> None:
        """`paths` are brought up to date in the base at the first search; without any, the base is taken as it is.

        `index`: what a new base is made with, as `KnowledgeBase.open` has it.
        """
        self.file, self.embedder, self.paths = file, embedder, paths
        self.labels, self.mode, self.k = labels, mode, k
        self.index = index
        self._base: KnowledgeBase | None = None

    def identity(self) -> tuple[object, ...]:
        """Which documents are searched and how. What stands in them may change: bases follow the disk."""
        embedder = None
        if self.embedder is not None:
            embedder = self.embedder.name
        paths = sorted(map(str, self.paths))
        labels = tuple(self.labels)
        return (self.file.name, paths, embedder, labels, self.mode, self.k)

    async def find(self, query: str) -> Sequence[Passage]:
        if self._base is None:
            self._base = await self._opened()
        return await self._base.search(
            query,
            k=self.k,
            labels=self.labels,
            mode=self.mode,
        )

    async def _opened(self) -> KnowledgeBase:
        from journeyman.knowledge.base import KnowledgeBase  # noqa: PLC0415 - numpy takes a tenth of a second

        base = KnowledgeBase.open(self.file, self.embedder, index=self.index)
        weakref.finalize(self, base.close)
        if self.paths:
            update = await base.update(self.paths, labels=self.labels)
            if update.read or update.removed:
                base.tidy()
        return base
