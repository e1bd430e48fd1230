"""A knowledge base: files and folders, read, cut, indexed, and kept in line with what is on the disk.

One SQLite file holds all of it. A document is known by its file's absolute path. A file of the same size and time as
when it was read is not read again; one that says the same as before is not embedded again; what is gone there is gone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import Field

from journeyman.documents import Document, Passage, SourceFile
from journeyman.knowledge.chunk import choose, chunk
from journeyman.knowledge.files import is_under, scan
from journeyman.knowledge.index.sqlite import SqliteIndex
from journeyman.knowledge.modes import Mode
from journeyman.knowledge.parse import ParseLimits, parse_many
from journeyman.protocols import Embedder
from journeyman.types import Failure, Record

READER = "1"
"""Grows when files are to be read or cut differently: all are then read again at the next update."""


class Update(Record):
    """What an update did."""

    read: tuple[SourceFile, ...] = ()
    """Files that were new or had changed, those of which nothing could be read among them."""
    unchanged: int = 0
    removed: tuple[str, ...] = ()


class Stats(Record):
    """How much is in a base."""

    documents: int
    """That can be searched."""
    passages: int
    characters: int
    failed: int
    """Files of which nothing could be read."""
    partial: int
    """Documents of which something is missing."""
    bytes: int
    """Of the base's own file."""
    kinds: Mapping[str, int] = Field(default_factory=dict)
    """Documents of each kind."""


@dataclass
class KnowledgeBase:
    """Opened with `KnowledgeBase.open(file, embedder)`; closed by `close()`. It belongs to one thread."""

    file: Path
    index: SqliteIndex
    limits: ParseLimits = field(default_factory=ParseLimits)

    @classmethod
    def open(cls, file: Path | str, embedder: Embedder | None = None) -> Self:
        """Open or make the file. Raises InputError when its vectors are another embedder's."""
        return cls(Path(file), SqliteIndex.open(file, embedder))

    def close(self) -> None:
        self.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- keeping it in line with the disk

    async def update(
        self,
        paths: Iterable[Path | str],
        *,
        labels: Collection[str] = (),
        template: str | None = None,
        told: Callable[[SourceFile], None] = lambda source: None,
    ) -> Update:
        """Read what is new or changed under these files and folders, and drop what is gone there.

        `labels` are those that somebody must hold to see these documents; `template` cuts all of them alike. Raises
        InputError for a path that does not exist and was never added; a file that can't be read is told, not raised.
        """
        reader = READER if template is None else f"{READER}/{template}"
        known = {source.document: source for source in self.sources()}
        found = await asyncio.to_thread(
            scan, list(paths), known, labels=tuple(sorted(set(labels))), reader=reader
        )
        for name in found.gone:
            await self.forget(name)
        new = {source.document: source for source in found.new}
        read: list[SourceFile] = []
        outcomes = parse_many(new, limits=self.limits)
        while (outcome := await asyncio.to_thread(next, outcomes, None)) is not None:
            name, document = outcome
            source = await self._take(new[name], document, template)
            read.append(source)
            told(source)
        return Update(read=tuple(read), unchanged=found.unchanged, removed=found.gone)

    async def _take(
        self, source: SourceFile, document: Document | Failure, template: str | None
    ) -> SourceFile:
        """Index a document that was read. Its source is written last: a crash before that reads it once more."""
        if isinstance(document, Failure):
            await self.index.remove(source.document)
            source = source.model_copy(update={"failure": document})
        else:
            passages, chosen, why = passages_of(document, source.document, template)
            await self.index.put(source.document, passages, labels=source.labels)
            source = source.model_copy(
                update={
                    "sha256": document.sha256, "kind": document.kind, "pages": document.pages,
                    "characters": len(document.text), "passages": len(passages), "template": chosen, "why": why,
                    "partial": document.partial, "notes": document.notes,
                }
            )  # fmt: skip
        self.index.store.put_source(source)
        return source

    async def remove(self, path: Path | str) -> list[str]:
        """Take out a file, or all that lies under a folder; the documents that went. The files themselves stay."""
        root = await asyncio.to_thread(lambda: str(Path(path).resolve()))
        fitting = [source.document for source in self.sources() if is_under(source.document, root)]
        for document in fitting:
            await self.forget(document)
        return fitting

    async def forget(self, document: str) -> None:
        """Its passages first: a crash in between leaves a source that the next update reads again."""
        await self.index.remove(document)
        self.index.store.remove_source(document)

    # --- looking

    async def search(
        self, query: str, *, k: int = 8, labels: Collection[str] = (), mode: Mode = "basic"
    ) -> Sequence[Passage]:
        """At most `k` passages, best first. All modes but `basic` need the extra `graph`."""
        if mode == "basic":
            return await self.index.search(query, k=k, labels=labels)
        from journeyman.knowledge.graph.graph import Graph  # noqa: PLC0415 - optional

        graph = Graph(self.index)
        way = {"local": graph.search, "global": graph.overview, "drift": graph.drift}[mode]
        return await way(query, k=k, labels=labels)

    def sources(self) -> list[SourceFile]:
        with self.index.store.reading():
            return self.index.store.sources()

    def passages(self, document: str) -> list[Passage]:
        """All of a document, in its order."""
        with self.index.store.reading():
            return self.index.store.all_of(document)

    def stats(self) -> Stats:
        sources = self.sources()
        with self.index.store.reading():
            documents, passages = self.index.store.counts()
        kinds = Counter(source.kind for source in sources if source.kind is not None)
        return Stats(
            documents=documents,
            passages=passages,
            characters=sum(source.characters for source in sources),
            failed=sum(source.failure is not None for source in sources),
            partial=sum(source.partial for source in sources),
            bytes=self.file.stat().st_size,
            kinds=dict(sorted(kinds.items())),
        )


def passages_of(
    document: Document, name: str, template: str | None = None
) -> tuple[list[Passage], str, str]:
    """A document's passages, by which template, and why by that one."""
    choice = choose(document)
    chosen, why = (
        (choice.template, choice.why) if template is None else (template, "as it was asked for")
    )
    passages = [
        Passage(
            document=name,
            id=f"{piece.start}-{piece.end}",
            text=piece.text,
            title=piece.context or document.title or "",
            page=piece.page,
            box=next((box for page, box in piece.boxes if page == piece.page), None),
            start=piece.start,
            end=piece.end,
        )
        for piece in chunk(document, chosen)
    ]
    return passages, chosen, why
