"""Shared by the parts of the parser: parsed pages, limits, and the errors of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from journeyman.documents import Block
from journeyman.errors import InputError
from journeyman.types import Record


class ParseLimits(Record):
    """What one file may cost at most. What was read before a limit is reached is kept, and says so."""

    page_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Between two pages, or two parts of a file without pages."""
    file_seconds: Annotated[float, Field(gt=0)] = 900.0
    memory_mb: Annotated[int, Field(ge=256)] = 3072
    """Address space of the process that reads: what a scan takes with its recognition model, twice."""
    file_mb: Annotated[float, Field(gt=0)] = 2048.0
    text_mb: Annotated[float, Field(gt=0)] = 256.0
    """Of all that a file unpacks to: a zip archive's members, all blocks together."""


class ParsedPage(Record):
    """One page, slide, worksheet, message or part of a file, in reading order."""

    blocks: tuple[Block, ...] = ()
    page: int | None = None
    """None: this kind of file has no pages."""
    pages: int | None = None
    """How many there are in all. None: not known yet."""
    size: tuple[float, float] | None = None
    """Of the page, in points."""
    title: str | None = None
    notes: tuple[str, ...] = ()
    missing: bool = False
    """Whether something of this sheet could not be read; a note says what."""

    @property
    def told_pages_only(self) -> bool:
        """Said first, so that a page that can't be read is known to be one of many."""
        if self.blocks or self.notes:
            return False
        return self.page is None and self.pages is not None


@dataclass(frozen=True)
class FileToRead:
    """One file about to be read."""

    path: Path
    name: str
    """As the user gave it: what errors say."""
    kind: str
    limits: ParseLimits
    first: int = 1
    """The page to begin at, for files with pages: after one that could not be read."""

    def data(self) -> bytes:
        return self.path.read_bytes()


Sheets = Iterator[ParsedPage]

Reader = Callable[[FileToRead], Sheets]
"""Reads a file of its kind, sheet by sheet. Raises InputError for what can't be read at all."""


def broken(
    source: FileToRead, why: str, hint: str = "Open it in its own program and save it again."
) -> InputError:
    return InputError(f"{source.name!r} can't be read as {source.kind}: {why}.", hint)


def damaged_part(source: FileToRead, error: Exception) -> InputError:
    """For an Office file whose library stumbles over it."""
    reason = str(error)[:120]
    return broken(source, f"a part is missing or damaged ({reason})")
