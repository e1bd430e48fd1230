"""A knowledge base: files and folders, read, cut and indexed, and updated when the files change.

It stands on an index: a SQLite file, or for millions of passages a folder of LanceDB. A document is known by its file's
absolute path. A file of the same size and time as when it was read is not read again. One that says the same as before
is not embedded again. What is gone from the disk is gone from the base.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import Field

from journeyman.documents import Chunk, Document, Passage, SourceFile
from journeyman.errors import InputError
from journeyman.knowledge.chunk import choose, chunk
from journeyman.knowledge.files import is_under, scan
from journeyman.knowledge.graph.graph import Graph
from journeyman.knowledge.index.kinds import (
    DEFAULT_INDEX,
    BaseIndex,
    IndexKind,
    Labels,
    Passages,
    kind_at,
)
from journeyman.knowledge.index.lance import LanceIndex
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
    """Of the base's own file or folder."""
    kinds: Mapping[str, int] = Field(default_factory=dict)
    """Documents of each kind."""


@dataclass
class KnowledgeBase:
    """Opened with `KnowledgeBase.open(file, embedder)`; closed by `close()`. It belongs to one thread."""

    index: BaseIndex
    limits: ParseLimits = field(default_factory=ParseLimits)
    _graph: Graph | None = None
    """Kept from the first search that needs it: linking all passages takes a hundred times as long as a search."""

    @classmethod
    def open(
        cls,
        file: Path | str,
        embedder: Embedder | None = None,
        *,
        index: IndexKind | None = None,
    ) -> Self:
        """Open a base, or make it where nothing is.

        `index`: what a new base is made with. None: what is there, or else SQLite.
        Raises InputError when the base was made with another embedder or another index.
        """
        return cls(open_index(Path(file), embedder, index))

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
        labels: Labels = (),
        template: str | None = None,
        told: Callable[[SourceFile], None] = lambda source: None,
    ) -> Update:
        """Read what is new or changed under these files and folders, and drop what is gone there.

        `labels` are those that somebody must hold to see these documents; `template` cuts all of them alike. Raises
        InputError for a path that does not exist and was never added; a file that can't be read is told, not raised.
        """
        reader = READER if template is None else f"{READER}/{template}"
        known = {source.document: source for source in self.sources()}
        wanted_labels = tuple(sorted(set(labels)))
        found = await asyncio.to_thread(
            scan,
            list(paths),
            known,
            labels=wanted_labels,
            reader=reader,
        )
        for name in found.gone:
            await self.forget(name)
        read: list[SourceFile] = []
        new = {source.document: source for source in found.new}
        documents = parse_many(new, limits=self.limits)
        while (next_one := await asyncio.to_thread(next, documents, None)) is not None:
            name, document = next_one
            source = await self._take(new[name], document, template)
            read.append(source)
            told(source)
        return Update(
            read=tuple(read),
            unchanged=found.unchanged,
            removed=found.gone,
        )

    async def _take(
        self, source: SourceFile, document: Document | Failure, template: str | None
    ) -> SourceFile:
        """Index a document that was read. Its source is written last: a crash before that reads it once more."""
        if isinstance(document, Failure):
            await self.index.remove(source.document)
            outcome = source.model_copy(update={"failure": document})
        else:
            passages, chosen, why = passages_of(document, source.document, template)
            await self.index.put(source.document, passages, labels=source.labels)
            facts = {
                "sha256": document.sha256,
                "kind": document.kind,
                "pages": document.pages,
                "characters": len(document.text),
                "passages": len(passages),
                "template": chosen,
                "why": why,
                "partial": document.partial,
                "notes": document.notes,
            }
            outcome = source.model_copy(update=facts)
        self.index.put_source(outcome)
        return outcome

    async def remove(self, path: Path | str) -> list[str]:
        """Take out a file, or all that lies under a folder; the documents that went. The files themselves stay."""
        root = await asyncio.to_thread(_resolved, path)
        names = [source.document for source in self.sources()]
        below = [name for name in names if is_under(name, root)]
        for document in below:
            await self.forget(document)
        return below

    async def forget(self, document: str) -> None:
        """Its passages first: a crash in between leaves a source that the next update reads again."""
        await self.index.remove(document)
        self.index.remove_source(document)

    # --- looking

    async def search(
        self, query: str, *, k: int = 8, labels: Labels = (), mode: Mode = "basic"
    ) -> Passages:
        """At most `k` passages, best first. All modes but `basic` need the extra `graph`."""
        if mode == "basic":
            return await self.index.search(query, k=k, labels=labels)
        graph = self.graph()
        searches = {
            "local": graph.search,
            "global": graph.overview,
            "drift": graph.drift,
        }
        search = searches[mode]
        return await search(query, k=k, labels=labels)

    def graph(self) -> Graph:
        """The graph over this base. It follows all changes, other processes' too. InputError where there is none."""
        if self._graph is None:
            self._graph = Graph(self.sqlite_index())
        return self._graph

    def sqlite_index(self) -> SqliteIndex:
        """For what needs the SQLite index: the graph, claims and reports. Raises InputError for another one."""
        if not isinstance(self.index, SqliteIndex):
            raise InputError(
                f"This base was made with the index {self.index.kind!r}, which knows no graph:"
                " it can be searched with the mode 'basic' alone, and has no claims or reports.",
                "Use the mode 'basic', or make a base with the index 'sqlite'.",
            )
        return self.index

    def tidy(self) -> None:
        """After changes: make searches over many passages quick. While nobody else searches."""
        self.index.tidy()

    def sources(self) -> list[SourceFile]:
        return self.index.sources()

    def passages(self, document: str) -> list[Passage]:
        """All of a document, in its order."""
        return self.index.passages(document)

    def stats(self) -> Stats:
        sources = self.sources()
        documents, passages = self.index.counts()
        kinds = Counter(source.kind for source in sources if source.kind is not None)
        by_name = sorted(kinds.items())
        characters = sum(source.characters for source in sources)
        failed = sum(source.failure is not None for source in sources)
        partial = sum(source.partial for source in sources)
        return Stats(
            documents=documents,
            passages=passages,
            characters=characters,
            failed=failed,
            partial=partial,
            bytes=self.index.bytes_on_disk(),
            kinds=dict(by_name),
        )


def open_index(place: Path, embedder: Embedder | None, kind: IndexKind | None) -> BaseIndex:
    """The index at a place, made where nothing is. Raises InputError when what lies there is of another kind."""
    kind_there = kind_at(place)
    if kind is not None and kind_there is not None and kind != kind_there:
        raise InputError(
            f"The base {str(place)!r} was made with the index {kind_there!r}, not {kind!r}.",
            "Leave the index out, or name another base.",
        )
    chosen = kind_there or kind or DEFAULT_INDEX
    if chosen == "lance":
        return LanceIndex.open(place, embedder)
    return SqliteIndex.open(place, embedder)


def passages_of(
    document: Document, name: str, template: str | None = None
) -> tuple[list[Passage], str, str]:
    """A document's passages, by which template, and why by that one."""
    choice = choose(document)
    chosen = choice.template
    why = choice.why
    if template is not None:
        chosen = template
        why = "as it was asked for"
    title = document.title or ""
    chunks = chunk(document, chosen)
    passages = [_passage(piece, name, title) for piece in chunks]
    return passages, chosen, why


def _passage(piece: Chunk, name: str, title: str) -> Passage:
    """A chunk as a passage of the document of that name; `title` is the document's."""
    start = piece.start
    end = piece.end
    boxes = [box for page, box in piece.boxes if page == piece.page]
    return Passage(
        document=name,
        id=f"{start}-{end}",
        text=piece.text,
        title=piece.context or title,
        page=piece.page,
        box=boxes[0] if boxes else None,
        start=start,
        end=end,
    )


def _resolved(path: Path | str) -> str:
    return str(Path(path).resolve())
