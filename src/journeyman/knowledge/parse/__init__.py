"""Turns any file into a `Document`, in a child process with limits of time and memory.

`parse` gives a whole document, `parse_many` many of them from several processes, `stream` the sheets of one as they are
read, in bounded memory.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from journeyman.documents import Block, Document
from journeyman.errors import InputError, boundary
from journeyman.knowledge.parse.child import ParseRequest
from journeyman.knowledge.parse.pdf.furniture import marked
from journeyman.knowledge.parse.processes import ProcessEndedError, reading_process
from journeyman.knowledge.parse.sheets import ParsedPage, ParseLimits, Sheets
from journeyman.system.cores import usable_cores
from journeyman.types import Failure

__all__ = ["ParseLimits", "ParsedPage", "parse", "parse_many", "stream"]

PAGES_GIVEN_UP = 5
"""Pages of one file that may take too long or end the process, before the rest is given up too."""


@dataclass
class FileInfo:
    """What `stream` learns of the file beside its sheets."""

    kind: str = ""
    sha256: str = ""


def parse(path: str | Path, *, limits: ParseLimits = ParseLimits()) -> Document:
    """The whole file. Raises InputError when nothing of it can be read; a part of it comes with `partial` and notes."""
    told = FileInfo()
    gathered = _Gathered()
    for sheet in _sheets(Path(path), limits, told):
        gathered.add(sheet)
    if not any(block.text for block in gathered.blocks):
        gathered.notes.append("No text was found in it.")
    return Document(
        name=str(path),
        kind=told.kind,
        sha256=told.sha256,
        blocks=tuple(gathered.blocks),
        title=gathered.title,
        pages=gathered.pages,
        page_size=gathered.page_size,
        partial=gathered.missing,
        notes=tuple(gathered.notes),
    )


def stream(path: str | Path, *, limits: ParseLimits = ParseLimits()) -> Iterator[ParsedPage]:
    """Page by page (slide, sheet, part), as they are read. Raises InputError like `parse`."""
    told = FileInfo()
    yield from _sheets(Path(path), limits, told)


def parse_many(
    paths: Iterable[str | Path],
    *,
    limits: ParseLimits = ParseLimits(),
    processes: int | None = None,
) -> Iterator[tuple[str, Document | Failure]]:
    """Each path with its document, or with what went wrong; in the order in which they are done.

    `processes`: how many read at once; None: one per core that this process may use.
    """
    at_once = processes or usable_cores()
    waiting = iter(paths)
    with ThreadPoolExecutor(at_once, thread_name_prefix="parse") as pool:

        def begin(count: int) -> set[Future[Parsed]]:
            begun: set[Future[Parsed]] = set()
            for path in itertools.islice(waiting, count):
                reading = pool.submit(_attempt, path, limits)
                begun.add(reading)
            return begun

        running = begin(2 * at_once)
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                running |= begin(len(done))
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


Parsed = tuple[str, Document | Failure]
"""A path, and what came of it."""


def _attempt(path: str | Path, limits: ParseLimits) -> Parsed:
    name = str(path)
    document: Document | None = None
    doing = f"Parsing {name!r}"
    with boundary(doing) as outcome:
        document = parse(path, limits=limits)
    if document is not None:
        return name, document
    failure = outcome.failure
    assert failure is not None
    return name, failure.brief


@dataclass
class _Gathered:
    blocks: list[Block] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    title: str | None = None
    pages: int | None = None
    page_size: tuple[float, float] | None = None
    missing: bool = False

    def add(self, sheet: ParsedPage) -> None:
        self.blocks += sheet.blocks
        recent = self.notes[-50:]
        self.notes += [note for note in sheet.notes if note not in recent]
        self.title = self.title or sheet.title
        self.page_size = self.page_size or sheet.size
        self.missing |= sheet.missing
        if sheet.pages is not None:
            self.pages = sheet.pages


def _checked(path: Path, limits: ParseLimits) -> Path:
    name = str(path)
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"There is no file {name!r} ({error}).", "Correct its path.") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{name!r} is no file.", "Give a file; of a folder, give the files in it.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{name!r} may not be read.", "Check its permissions.")
    size = status.st_size
    most = limits.file_mb
    if size > most * 1e6:
        raise InputError(
            f"{name!r} has {size / 1e6:,.0f} MB.",
            f"Split it; {most:g} MB are the limit.",
        )
    return path.absolute()


def _sheets(path: Path, limits: ParseLimits, told: FileInfo) -> Sheets:
    sheets = _raw_sheets(path, limits, told)
    first = next(sheets, None)
    if first is None:
        return
    sheets = itertools.chain((first,), sheets)
    if told.kind == "pdf":
        sheets = marked(sheets)
    yield from sheets


def _raw_sheets(path: Path, limits: ParseLimits, told: FileInfo) -> Iterator[ParsedPage]:
    """As the process says them. A page that takes too long, or ends the process, is left out; the next one is tried."""
    absolute = _checked(path, limits)
    page = 0
    pages: int | None = None
    given_up = 0
    file_end = time.monotonic() + limits.file_seconds
    while True:
        job = ParseRequest(path=str(absolute), name=str(path), limits=limits, first=page + 1)
        try:
            for sheet in _asked(job, told):
                page = sheet.page or page
                pages = sheet.pages or pages
                if not sheet.told_pages_only:
                    yield sheet
            return
        except ProcessEndedError as error:
            failure = str(error)
        given_up += 1
        page += 1
        if not pages:
            raise InputError(
                f"{str(path)!r} {failure}; nothing of it was read.", "Split it, or save it again."
            )
        too_many = given_up >= PAGES_GIVEN_UP or time.monotonic() >= file_end
        is_last = too_many or page >= pages
        yield _left_out(page, pages, failure, with_rest=is_last)
        if is_last:
            told.sha256 = told.sha256 or _sha256(absolute)
            return


def _left_out(page: int, pages: int, failure: str, *, with_rest: bool) -> ParsedPage:
    """In place of a page that could not be read, and of all behind it where these are given up."""
    what = f"page {page}"
    if with_rest and page < pages:
        what = f"pages {page} to {pages}"
    note = f"Without {what}: it {failure}."
    return ParsedPage(page=page, pages=pages, notes=(note,), missing=True)


def _asked(job: ParseRequest, told: FileInfo) -> Iterator[ParsedPage]:
    """One process's words. After sheets have come, a failure is a note; before, it is raised."""
    has_text = job.first > 1
    failure: Failure | None = None
    with reading_process() as process:
        for said in process.ask(job):
            if said.kind is not None:
                told.kind = said.kind
            elif said.sha256 is not None:
                told.sha256 = said.sha256
            elif said.sheet is not None:
                has_text |= bool(said.sheet.blocks)
                yield said.sheet
            else:
                failure = said.failure
    if failure is None:
        return
    if not has_text:
        raise InputError(failure.message, failure.hint)
    told.sha256 = _sha256(Path(job.path))
    note = f"The rest is missing: {failure.message}"
    yield ParsedPage(notes=(note,), missing=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
