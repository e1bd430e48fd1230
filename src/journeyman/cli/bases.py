"""Finds knowledge bases by name, and prints their progress."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from journeyman.cli.terminal import say
from journeyman.cli.text import shorten
from journeyman.documents import SourceFile
from journeyman.errors import InputError
from journeyman.knowledge.base import KnowledgeBase, Update
from journeyman.knowledge.index.kinds import DEFAULT_INDEX, SUFFIXES, IndexKind
from journeyman.models.embedding import embedder_named
from journeyman.store.journal import folder_of

BaseName = Annotated[str, typer.Option("--base", help="The base's name.")]
EmbedderOption = Annotated[
    str,
    typer.Option(help="use, minilm (English), e5, an endpoint as URL#MODEL, or none: words alone."),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label", help="Of what is added: who may see it. Of a search: what you hold. Repeat it."
    ),
]
DEFAULT_BASE = "main"


class SearchMode(StrEnum):
    """`knowledge.modes.Mode`, as the command line takes it."""

    BASIC = "basic"
    LOCAL = "local"
    GLOBAL = "global"
    DRIFT = "drift"


class IndexName(StrEnum):
    """`knowledge.index.kinds.IndexKind`, as the command line takes it."""

    SQLITE = "sqlite"
    LANCE = "lance"


NAME = re.compile(r"[A-Za-z0-9_\-]{1,64}")


def base_file(workspace: Path | str, name: str, index: IndexKind | None = None) -> Path:
    """The file or folder of a base: the one that is there, or the one that `index` would make.

    Raises InputError for a name that can't be a base's.
    """
    if NAME.fullmatch(name) is None:
        raise InputError(f"{name!r} can't name a base.", "Use letters, digits, - and _.")
    places = {
        kind: folder_of(workspace) / "knowledge" / f"{name}{end}" for kind, end in SUFFIXES.items()
    }
    for place in places.values():
        if place.exists():
            return place
    return places[index or DEFAULT_INDEX]


def open_base(
    workspace: Path | str,
    name: str,
    embedder: str,
    *,
    new: bool = False,
    index: IndexKind | None = None,
) -> KnowledgeBase:
    """A base by its name; `new`: made where it is missing, with that index."""
    place = base_file(workspace, name, index)
    if not new and not place.exists():
        names = ", ".join(base_names(workspace)) or "none"
        raise InputError(
            f"There is no knowledge base {name!r}.",
            f"Make it with: journeyman knowledge add PATH. There are: {names}.",
        )
    return KnowledgeBase.open(place, embedder_named(embedder), index=index)


def base_names(workspace: Path | str) -> list[str]:
    """The bases that there are, in order."""
    folder = folder_of(workspace) / "knowledge"
    ends = SUFFIXES.values()
    names = [place.stem for place in folder.glob("*") if place.suffix in ends]
    return sorted(names)


def brought_up_to_date(
    base: KnowledgeBase,
    paths: Sequence[str],
    labels: Sequence[str],
    template: str | None = None,
    *,
    as_json: bool,
) -> tuple[Update, float]:
    """What was done, and the seconds it took; a line a file, but for programs."""
    began = time.monotonic()

    def told(source: SourceFile) -> None:
        if not as_json:
            say(told_of(source))

    done = asyncio.run(base.update(paths, labels=labels, template=template, told=told))
    return done, time.monotonic() - began


def told_of(source: SourceFile) -> str:
    """One line on a file that was read, or not."""
    name = shown_path(source.document)
    failure = source.failure
    if failure is not None:
        return f"not read: {name}: {failure.message} {failure.hint}"
    pages = ""
    if source.pages is not None:
        pages = f", {source.pages} pages"
    missing = ""
    if source.partial and source.notes:
        missing = f"; incomplete: {shorten(source.notes[0], 80)}"
    contents = f"{source.kind}{pages}, {source.passages} passages"
    return f"{name}: {contents} by {source.template} ({source.why}){missing}"


def shown_path(document: str) -> str:
    """From the current folder, where it lies below."""
    path = Path(document)
    here = Path.cwd()
    if not path.is_relative_to(here):
        return document
    return str(path.relative_to(here))
