"""The default index: one SQLite file, BM25 and exact vectors, fused by score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Passage
from journeyman.errors import InputError
from journeyman.knowledge.graph.entities import entities
from journeyman.knowledge.index.fusion import fused
from journeyman.knowledge.index.vectors import VectorCopy, packed
from journeyman.protocols import Embedder
from journeyman.store.passage_tables import searched
from journeyman.store.passages import Kept, PassageStore

DEPTH = 100
"""Passages that each way of searching hands to the fusion."""
MOST_RESULTS = 1_000


@dataclass(frozen=True)
class Ranked:
    """What a search found, before any text is read."""

    scopes: tuple[int, ...]
    """What the one who asked may see."""
    lexical: Mapping[int, float]
    """BM25 by place."""
    semantic: Mapping[int, float]
    """Similarity by place."""
    fused: Sequence[tuple[int, float]]
    """Place and score, best first."""


class SqliteIndex:
    """Opened with `SqliteIndex.open(file, embedder)`; closed by `close()`. It belongs to one thread.

    Without an embedder it searches by BM25 alone.
    """

    def __init__(self, store: PassageStore, embedder: Embedder | None) -> None:
        self.store = store
        self.embedder = embedder
        self.vectors = VectorCopy()

    @classmethod
    def open(cls, file: Path | str, embedder: Embedder | None = None) -> Self:
        """Open or make the file. Raises InputError when its vectors are another embedder's."""
        return cls(
            PassageStore.open(Path(file), embedder=embedder.name if embedder else None), embedder
        )

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def put(
        self, document: str, passages: Sequence[Passage], *, labels: Collection[str] = ()
    ) -> bool:
        checked(document, passages)
        digest = digest_of(passages, labels)
        with self.store.reading():
            if self.store.digest(document) == digest:
                return False
            known = self.store.vectors(document)
        texts = [searched(passage) for passage in passages]
        vectors = await self._vectors(texts, known)
        kept = [
            Kept(passage=passage, vector=vector, entities=entities(passage.title, passage.text))
            for passage, vector in zip(passages, vectors, strict=True)
        ]
        self.store.put(document, kept, labels=labels, digest=digest)
        return True

    async def _vectors(
        self, texts: Sequence[str], known: Mapping[str, bytes]
    ) -> list[bytes | None]:
        """Packed vectors; a text that the document had before is not embedded again."""
        if self.embedder is None:
            return [None] * len(texts)
        new = sorted(set(texts) - known.keys())
        rows = await self.embedder.embed(new, kind="passage") if new else ()
        vectors = {**known, **{text: packed(row) for text, row in zip(new, rows, strict=True)}}
        return [vectors[text] for text in texts]

    async def remove(self, document: str) -> bool:
        return self.store.remove(document)

    async def search(
        self, query: str, *, k: int = 8, labels: Collection[str] = ()
    ) -> Sequence[Passage]:
        how_many(k)
        vector = await self.embedded(query)
        with self.store.reading():
            found = self.ranked(query, vector, labels=labels, depth=max(DEPTH, k))
            return self.read(found.fused[:k])

    async def embedded(self, query: str) -> NDArray[np.float32] | None:
        """The query's vector. None: there is no embedder."""
        return (
            None if self.embedder is None else (await self.embedder.embed([query], kind="query"))[0]
        )

    def ranked(
        self,
        query: str,
        vector: NDArray[np.float32] | None,
        *,
        labels: Collection[str],
        depth: int = DEPTH,
    ) -> Ranked:
        """Within the store's `reading()`: what each way of searching finds, and the two fused."""
        scopes = tuple(self.store.visible(labels))
        lexical = {hit.id: hit.score for hit in self.store.lexical(query, k=depth, scopes=scopes)}
        semantic: dict[int, float] = {}
        if vector is not None:
            self.vectors.follow(self.store)
            semantic = dict(self.vectors.nearest(vector, k=depth, scopes=scopes))
        return Ranked(
            scopes=scopes, lexical=lexical, semantic=semantic, fused=fused(lexical, semantic)
        )

    def read(self, ranked: Sequence[tuple[int, float]]) -> list[Passage]:
        """Within the store's `reading()`: the passages at these places, with their scores."""
        found = self.store.passages([place for place, _ in ranked])
        return [
            found[place].model_copy(update={"score": score})
            for place, score in ranked
            if place in found
        ]

    def documents(self) -> Mapping[str, frozenset[str]]:
        with self.store.reading():
            return self.store.labels()


def how_many(k: int) -> None:
    """Raises InputError for what no search can give."""
    if not 1 <= k <= MOST_RESULTS:
        raise InputError(f"A search can't give {k!r} passages.", f"Ask for 1 to {MOST_RESULTS}.")


def checked(document: str, passages: Sequence[Passage]) -> None:
    """Raises InputError for a name that can't be kept, for passages of another document, or with the same id."""
    for name in (document, *(passage.id for passage in passages)):
        if not name or name.encode("utf-8", "replace").decode() != name:
            raise InputError(
                f"{name!r} can't name a document or passage.",
                "Use text that can be written as UTF-8.",
            )
    if strange := [passage for passage in passages if passage.document != document]:
        raise InputError(
            f"Passage {strange[0].id!r} is of document {strange[0].document!r}, not of {document!r}.",
            "Put each document's passages on their own.",
        )
    ids = [passage.id for passage in passages]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise InputError(
            f"Two passages of {document!r} have the id {twice!r}.", "Give each one its own."
        )


def digest_of(passages: Sequence[Passage], labels: Collection[str]) -> str:
    """Equal for equal content."""
    told = [
        [*sorted(set(labels))],
        *(passage.model_dump(mode="json", exclude={"score"}) for passage in passages),
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
