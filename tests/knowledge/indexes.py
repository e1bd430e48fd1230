"""What the suites of indexes share: passages by the dozen, and opening each implementation."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from journeyman.documents import Passage
from journeyman.knowledge.graph.graph import Graph
from journeyman.knowledge.index import SqliteIndex
from journeyman.knowledge.index.lance import LanceIndex
from journeyman.models.embedding import HashedEmbedder
from journeyman.protocols import Index

T = TypeVar("T")


def run(doing: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(doing)


def passages(document: str, *texts: str, title: str = "") -> list[Passage]:
    return [
        Passage(document=document, id=str(n), text=text, title=title)
        for n, text in enumerate(texts)
    ]


def put(
    index: Index, document: str, *texts: str, labels: Collection[str] = (), title: str = ""
) -> bool:
    return run(index.put(document, passages(document, *texts, title=title), labels=labels))


def found(index: Index, query: str, *, k: int = 8, labels: Collection[str] = ()) -> list[str]:
    """The texts found, best first."""
    return [passage.text for passage in run(index.search(query, k=k, labels=labels))]


def sqlite(folder: Path) -> Index:
    return SqliteIndex.open(folder / "knowledge.sqlite", HashedEmbedder(64))


def lexical(folder: Path) -> Index:
    return SqliteIndex.open(folder / "lexical.sqlite")


def graph(folder: Path) -> Index:
    return Graph(SqliteIndex.open(folder / "graph.sqlite", HashedEmbedder(64)))


def lance(folder: Path) -> Index:
    return LanceIndex.open(folder / "lance", HashedEmbedder(64))


OPENED = {"sqlite": sqlite, "lexical": lexical, "graph": graph, "lance": lance}
"""How each implementation is opened, and opened again, in a folder."""


def main() -> None:
    """For the tests that kill: put documents one after the other, for as long as this process lives."""
    index = OPENED[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for n in range(100_000):
        put(index, f"d{n % 40}", *[f"apples {n} {part}" for part in range(20)])


if __name__ == "__main__":
    main()
