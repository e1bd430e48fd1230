"""The default index: one SQLite file, BM25 and exact vectors, fused by score."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Passage, SourceFile
from journeyman.errors import InputError
from journeyman.knowledge.graph.entities import entities
from journeyman.knowledge.index.fusion import fused
from journeyman.knowledge.index.kinds import IndexKind, Labels, Passages
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

    def __init__(self, store: PassageStore, file: Path, embedder: Embedder | None) -> None:
        self.store = store
        self.file = file
        self.embedder = embedder
        self.vectors = VectorCopy()

    @classmethod
    def open(cls, file: Path | str, embedder: Embedder | None = None) -> Self:
        """Open or make the file. Raises InputError when its vectors are another embedder's."""
        name = None
        if embedder is not None:
            name = embedder.name
        path = Path(file)
        store = PassageStore.open(path, embedder=name)
        return cls(store, path, embedder)

    @property
    def kind(self) -> IndexKind:
        return "sqlite"

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def put(self, document: str, passages: Passages, *, labels: Labels = ()) -> bool:
        checked(document, passages)
        digest = digest_of(passages, labels)
        store = self.store
        with store.reading():
            if store.digest(document) == digest:
                return False
            known = store.vectors(document)
        texts = [searched(passage) for passage in passages]
        vectors = await self._vectors(texts, known)
        kept = list(map(_kept, passages, vectors))
        store.put(
            document,
            kept,
            labels=labels,
            digest=digest,
        )
        return True

    async def _vectors(
        self, texts: Sequence[str], known: Mapping[str, bytes]
    ) -> list[bytes | None]:
        """Packed vectors; a text that the document had before is not embedded again."""
        if self.embedder is None:
            return [None] * len(texts)
        vectors = dict(known)
        new = sorted(set(texts) - known.keys())
        if new:
            rows = await self.embedder.embed(new, kind="passage")
            for text, row in zip(new, rows, strict=True):
                vectors[text] = packed(row)
        return [vectors[text] for text in texts]

    async def remove(self, document: str) -> bool:
        return self.store.remove(document)

    async def search(self, query: str, *, k: int = 8, labels: Labels = ()) -> Passages:
        how_many(k)
        vector = await self.embedded(query)
        depth = max(DEPTH, k)
        with self.store.reading():
            ranked = self.ranked(query, vector, labels=labels, depth=depth)
            best = ranked.fused[:k]
            return self.read(best)

    async def embedded(self, query: str) -> NDArray[np.float32] | None:
        """The query's vector. None: there is no embedder."""
        if self.embedder is None:
            return None
        (vector,) = await self.embedder.embed([query], kind="query")
        return np.asarray(vector)

    def ranked(
        self,
        query: str,
        vector: NDArray[np.float32] | None,
        *,
        labels: Labels,
        depth: int = DEPTH,
    ) -> Ranked:
        """Within the store's `reading()`: what each way of searching finds, and the two fused."""
        scopes = tuple(self.store.visible(labels))
        hits = self.store.lexical(query, k=depth, scopes=scopes)
        lexical = {hit.id: hit.score for hit in hits}
        semantic: dict[int, float] = {}
        if vector is not None:
            self.vectors.follow(self.store)
            nearest = self.vectors.nearest(vector, k=depth, scopes=scopes)
            semantic = dict(nearest)
        return Ranked(
            scopes=scopes,
            lexical=lexical,
            semantic=semantic,
            fused=fused(lexical, semantic),
        )

    def read(self, ranked: Sequence[tuple[int, float]]) -> list[Passage]:
        """Within the store's `reading()`: the passages at these places, with their scores."""
        places = [place for place, _ in ranked]
        passages = self.store.passages(places)
        found: list[Passage] = []
        for place, score in ranked:
            if place in passages:
                passage = passages[place]
                found.append(passage.model_copy(update={"score": score}))
        return found

    def documents(self) -> Mapping[str, frozenset[str]]:
        with self.store.reading():
            return self.store.labels()

    # --- for a knowledge base

    def put_source(self, source: SourceFile) -> None:
        self.store.put_source(source)

    def remove_source(self, document: str) -> None:
        self.store.remove_source(document)

    def sources(self) -> list[SourceFile]:
        with self.store.reading():
            return self.store.sources()

    def passages(self, document: str) -> list[Passage]:
        with self.store.reading():
            return self.store.all_of(document)

    def counts(self) -> tuple[int, int]:
        with self.store.reading():
            return self.store.counts()

    def bytes_on_disk(self) -> int:
        return self.file.stat().st_size

    def tidy(self) -> None:
        """Nothing to do: the file is kept in order with each change."""


def how_many(k: int) -> None:
    """Raises InputError for what no search can give."""
    if not 1 <= k <= MOST_RESULTS:
        raise InputError(f"A search can't give {k!r} passages.", f"Ask for 1 to {MOST_RESULTS}.")


def _kept(passage: Passage, vector: bytes | None) -> Kept:
    mentioned = entities(passage.title, passage.text)
    return Kept(passage=passage, vector=vector, entities=mentioned)


def checked(document: str, passages: Passages) -> None:
    """Raises InputError for a name that can't be kept, for passages of another document, or with the same id."""
    ids = [passage.id for passage in passages]
    for name in (document, *ids):
        _check_name(name)
    for passage in passages:
        if passage.document != document:
            raise InputError(
                f"Passage {passage.id!r} is of document {passage.document!r}, not of {document!r}.",
                "Put each document's passages on their own.",
            )
    counts = Counter(ids)
    for name in ids:
        if counts[name] > 1:
            raise InputError(
                f"Two passages of {document!r} have the id {name!r}.", "Give each one its own."
            )


def _check_name(name: str) -> None:
    written = name.encode("utf-8", "replace").decode()
    if not name or written != name:
        raise InputError(
            f"{name!r} can't name a document or passage.",
            "Use text that can be written as UTF-8.",
        )


def digest_of(passages: Passages, labels: Labels) -> str:
    """Equal for equal content."""
    rows = [passage.model_dump(mode="json", exclude={"score"}) for passage in passages]
    sorted_labels = sorted(set(labels))
    content: list[Any] = [sorted_labels]
    content += rows
    written = json.dumps(content, sort_keys=True)
    data = written.encode()
    return hashlib.sha256(data).hexdigest()
