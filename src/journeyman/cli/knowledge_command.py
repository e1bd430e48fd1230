"""`journeyman knowledge`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from journeyman.app.workspace import DEFAULT_WORKSPACE
from journeyman.cli.bases import (
    DEFAULT_BASE,
    BaseName,
    EmbedderOption,
    IndexName,
    Labels,
    SearchMode,
    brought_up_to_date,
    open_base,
    shown_path,
    told_of,
)
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.cli.text import duration, shorten
from journeyman.cli.work_command import ModelName
from journeyman.documents import Passage, SourceFile, heading
from journeyman.errors import InputError
from journeyman.knowledge.base import KnowledgeBase
from journeyman.knowledge.chunk import TEMPLATES
from journeyman.knowledge.graph.claims import Reading, claims, extract, shown
from journeyman.knowledge.graph.reports import Report, reports
from journeyman.knowledge.index.kinds import IndexKind
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model

app = new_app()


class KnowledgeAction(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    SEARCH = "search"
    SHOW = "show"
    STATS = "stats"
    CLAIMS = "claims"
    REPORTS = "reports"


@app.command()
def main(
    action: Annotated[KnowledgeAction, typer.Argument(help="What to do.")],
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files and folders; of a search, the words; of show, one file; of claims, a name."
        ),
    ] = None,
    base: BaseName = DEFAULT_BASE,
    embedder: EmbedderOption = "use",
    label: Labels = None,
    template: Annotated[
        str | None, typer.Option(help="Add: cut all alike, instead of by what each file is.")
    ] = None,
    index: Annotated[
        IndexName | None,
        typer.Option(
            help="Add: what a new base is made with, instead of sqlite. lance needs the extra `lancedb`."
        ),
    ] = None,
    mode: Annotated[
        SearchMode, typer.Option(help="Search: all but basic need the extra `graph`.")
    ] = SearchMode.BASIC,
    k: Annotated[
        int, typer.Option("-k", min=1, max=100, help="Search: passages at most; reports: how many.")
    ] = 5,
    tokens: Annotated[
        int,
        typer.Option(
            min=0, help="Claims and reports: that the model may take to write what is lacking."
        ),
    ] = 0,
    model: ModelName = DEFAULT_MODEL,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Keep a base of documents: add files and folders, remove them, search, look what is there.

    `add` reads what is new or changed, and drops what is gone from the disk: run it again after changes. `remove` takes
    files or folders out of the base, and leaves them on the disk. `show` lists the base's files, or one file's
    passages. `claims` lists who does what to whom, `reports` what the documents are about (needs the extra `graph`);
    a model writes both, and only as far as --tokens go. A job uses a base by `[knowledge]` in its job.toml;
    `journeyman ask` asks one.
    """
    names = what or []
    _check(action, names, template)
    kind: IndexKind | None = None if index is None else index.value
    new = action is KnowledgeAction.ADD
    with open_base(workspace, base, embedder, new=new, index=kind) as opened:
        if action is KnowledgeAction.ADD:
            _add(opened, names, label or [], template, as_json=as_json)
        elif action is KnowledgeAction.REMOVE:
            _remove(opened, names, as_json=as_json)
        elif action is KnowledgeAction.SEARCH:
            _search(opened, " ".join(names), label or [], mode, k, as_json=as_json)
        elif action is KnowledgeAction.SHOW:
            _show(opened, names, as_json=as_json)
        elif action is KnowledgeAction.CLAIMS:
            _claims(opened, " ".join(names), label or [], tokens, model, as_json=as_json)
        elif action is KnowledgeAction.REPORTS:
            _reports(opened, label or [], tokens, model, k, as_json=as_json)
        else:
            _stats(opened, as_json=as_json)


def _check(action: KnowledgeAction, names: Sequence[str], template: str | None) -> None:
    """Raises InputError for what can't be done."""
    if action in {KnowledgeAction.ADD, KnowledgeAction.REMOVE} and not names:
        raise InputError(f"Nothing was named to {action}.", "Name files or folders.")
    if action is KnowledgeAction.SEARCH and not " ".join(names).strip():
        raise InputError("Nothing was given to search for.", "Give some words.")
    if template is not None and template not in TEMPLATES:
        raise InputError(
            f"There is no chunk template {template!r}.", f"It is one of {', '.join(TEMPLATES)}."
        )


def _add(
    base: KnowledgeBase,
    paths: Sequence[str],
    labels: Sequence[str],
    template: str | None,
    *,
    as_json: bool,
) -> None:
    done, seconds = brought_up_to_date(base, paths, labels, template, as_json=as_json)
    if done.read or done.removed:
        base.tidy()
    if as_json:
        print_json(done.model_dump(mode="json"))
        return
    failed = sum(source.failure is not None for source in done.read)
    read = len(done.read) - failed
    gone = len(done.removed)
    said = f"{read} read, {done.unchanged} unchanged, {gone} gone"
    not_read = f", {failed} not read" if failed else ""
    say(f"{said}{not_read}, in {duration(seconds)}.")


def _remove(base: KnowledgeBase, paths: Sequence[str], *, as_json: bool) -> None:
    async def remove() -> list[str]:
        return [document for path in paths for document in await base.remove(path)]

    removed = asyncio.run(remove())
    if not removed:
        raise InputError(
            f"The base holds nothing of {paths[0]!r}.",
            "See what it holds: journeyman knowledge show.",
        )
    base.tidy()
    if as_json:
        print_json({"removed": removed})
        return
    for document in removed:
        say(f"removed: {shown_path(document)}")


def _search(
    base: KnowledgeBase,
    query: str,
    labels: Sequence[str],
    mode: SearchMode,
    k: int,
    *,
    as_json: bool,
) -> None:
    found = asyncio.run(base.search(query, k=k, labels=labels, mode=mode.value))
    if as_json:
        print_json([passage.model_dump(mode="json") for passage in found])
        return
    if not found:
        say("Nothing was found.")
    console = Console(highlight=False)
    for n, passage in enumerate(found, start=1):
        console.print(
            f"[bold]{n}. {escape(heading(passage))}[/]  [dim]{escape(shown_path(passage.document))}[/]"
        )
        console.print(f"   {escape(shorten(passage.text, 3 * max(console.width, 40) - 10))}")


def _show(base: KnowledgeBase, names: Sequence[str], *, as_json: bool) -> None:
    sources = {source.document: source for source in base.sources()}
    if not names:
        _list(list(sources.values()), as_json=as_json)
        return
    document = str(Path(names[0]).resolve())
    if document not in sources:
        raise InputError(
            f"The base does not hold {names[0]!r}.", "See what it holds: journeyman knowledge show."
        )
    source = sources[document]
    passages = base.passages(document)
    if as_json:
        told = [passage.model_dump(mode="json") for passage in passages]
        print_json({**source.model_dump(mode="json"), "all_passages": told})
        return
    say(told_of(source))
    for note in source.notes:
        say(f"  {note}")
    for passage in passages:
        say(f"\n[{passage.id}] {heading(passage)}\n{passage.text}")


def _list(sources: Sequence[SourceFile], *, as_json: bool) -> None:
    """All files of a base, as a table."""
    if as_json:
        rows = [source.model_dump(mode="json") for source in sources]
        print_json(rows)
        return
    table = Table("file", "kind", "cut by", "labels", box=SIMPLE_HEAD)
    for column in ("pages", "passages"):
        table.add_column(column, justify="right")
    for source in sources:
        cells = _cells(source)
        table.add_row(*cells)
    Console(highlight=False).print(table)


def _cells(source: SourceFile) -> tuple[str, ...]:
    """A file's row in the table of all."""
    name = shown_path(source.document)
    kind = f"{source.kind}{' (incomplete)' * source.partial}"
    if source.failure is not None:
        kind = "not read"
    template = source.template or ""
    labels = ", ".join(source.labels)
    pages = "" if source.pages is None else str(source.pages)
    passages = str(source.passages)
    return (escape(name), kind, template, escape(labels), pages, passages)


def _claims(
    base: KnowledgeBase,
    about: str,
    labels: Sequence[str],
    tokens: int,
    model: str,
    *,
    as_json: bool,
) -> None:
    def told(passage: Passage, found: int) -> None:
        if not as_json:
            say(f"{heading(passage)}: {found} claims")

    async def read(opened: Model) -> Reading:
        try:
            return await extract(
                base.sqlite_index(), opened, tokens=tokens, labels=labels, told=told
            )
        finally:
            await opened.aclose()

    reading = asyncio.run(read(open_model(model, at_once=1))) if tokens else None
    found = claims(base.sqlite_index(), about=about, labels=labels)
    if as_json:
        told_of_reading = None if reading is None else reading.model_dump(mode="json")
        print_json(
            {
                "reading": told_of_reading,
                "claims": [claim.model_dump(mode="json") for claim in found],
            }
        )
        return
    if reading is not None:
        left = f"; {reading.left} passages are left" if reading.left else ""
        say(
            f"{reading.passages} passages read, {reading.claims} claims, {reading.tokens:,} tokens{left}.\n"
        )
    for line in shown(found):
        say(line)
    if not found:
        say(
            "There are no claims yet: have passages read with --tokens 20000."
            if not about
            else "Nothing names it."
        )


def _reports(
    base: KnowledgeBase, labels: Sequence[str], tokens: int, model: str, most: int, *, as_json: bool
) -> None:
    async def write() -> tuple[list[Report], int]:
        opened = open_model(model, at_once=1) if tokens else None
        try:
            return await reports(base.graph(), opened, tokens=tokens, most=most, labels=labels)
        finally:
            if opened is not None:
                await opened.aclose()

    found, spent = asyncio.run(write())
    if as_json:
        print_json(
            {"tokens": spent, "reports": [report.model_dump(mode="json") for report in found]}
        )
        return
    if not found:
        say("The documents hold no group of names that are mentioned together more than once.")
    for report in found:
        say(
            f"{report.title or 'Not written yet: give --tokens 5000.'}\n  {', '.join(report.entities[:8])}"
        )
        say(
            "".join(
                f"  {line}\n"
                for line in [*filter(None, [report.text]), *map(shown_path, report.passages)]
            )
        )


def _stats(base: KnowledgeBase, *, as_json: bool) -> None:
    stats = base.stats()
    if as_json:
        print_json(stats.model_dump(mode="json"))
        return
    say(
        f"{stats.documents:,} documents, {stats.passages:,} passages, {stats.characters:,} characters"
    )
    say(", ".join(f"{count} {kind}" for kind, count in stats.kinds.items()) or "no kinds yet")
    say(
        f"{stats.failed} files not read, {stats.partial} incomplete; {stats.bytes / 1e6:.1f} MB on disk"
    )
