"""The process that reads files: it takes one request per line and answers line by line. Run as a module.

Whatever a file does (a fault in a native library, a loop, all the memory) it does to this process alone. Nothing but
JSON goes back, so that even a process taken over by a file can only say text.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from journeyman.errors import InputError, MissingExtraError, boundary
from journeyman.knowledge.parse.kinds import kind_of
from journeyman.knowledge.parse.readers import reader_of
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, ParseLimits
from journeyman.system.memory import limit_memory
from journeyman.types import Failure, Record


class ParseRequest(Record):
    path: str
    name: str
    limits: ParseLimits
    first: int = 1


class ParseReply(Record):
    """One line of the child: exactly one of these stands in it, or none for "ready"."""

    kind: str | None = None
    sheet: ParsedPage | None = None
    failure: Failure | None = None
    sha256: str | None = None
    """The last line of a job that did not fail."""


def main() -> None:
    """Read jobs until the parent closes the pipe. Libraries that print do not disturb the answers."""
    own_output = os.dup(1)
    answers = os.fdopen(own_output, "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    warnings.simplefilter("ignore")
    say(answers, ParseReply())
    for line in sys.stdin.buffer:
        job = ParseRequest.model_validate_json(line)
        do(job, answers)


def say(answers: BinaryIO, said: ParseReply) -> None:
    answers.write(said.model_dump_json(exclude_defaults=True).encode("utf-8", "replace") + b"\n")
    answers.flush()


ROOM = 6
"""Bytes for each character of text: three of UTF-8, in a buffer that doubles as it grows."""


def ask_for_room(said: ParseReply) -> None:
    """Raises MemoryError where writing the sheet as JSON would take too much: pydantic ends the process instead."""
    if said.sheet is not None:
        characters = sum(len(block.text) for block in said.sheet.blocks)
        bytearray(ROOM * characters)


def do(job: ParseRequest, answers: BinaryIO) -> None:
    limit_memory(job.limits.memory_mb << 20)
    with boundary(f"Reading {job.name!r}") as outcome:
        try:
            for said in read(job):
                ask_for_room(said)
                say(answers, said)
        except MemoryError:
            raise InputError(
                f"{job.name!r} needs more than {job.limits.memory_mb:,} MB to be read.",
                "Split it, or raise memory_mb of the limits.",
            ) from None
        except ModuleNotFoundError:
            raise MissingExtraError(f"Reading {job.name!r}", "knowledge") from None
        except RecursionError:
            raise InputError(
                f"{job.name!r} is nested deeper than any real document.",
                "Save it again in its own program.",
            ) from None
    if outcome.failure is not None:
        say(answers, ParseReply(failure=explained(outcome.failure, job.name)))


def explained(failure: Failure, name: str) -> Failure:
    """A library's own exception on a damaged file is the file's fault, and told so."""
    if failure.kind != "fault":
        return failure
    return Failure(
        kind=InputError.kind,
        message=f"{name!r} is damaged: {failure.message[:300]}.",
        hint="Open it in its own program and save it again.",
    )


def read(job: ParseRequest) -> Iterator[ParseReply]:
    path = Path(job.path)
    limits = job.limits
    kind = kind_of(path, job.name)
    yield ParseReply(kind=kind)
    source = FileToRead(
        path=path,
        name=job.name,
        kind=kind,
        limits=limits,
        first=job.first,
    )
    read_sheets = reader_of(kind)
    room = limits.text_mb * 1e6
    for sheet in read_sheets(source):
        room -= sum(len(block.text) for block in sheet.blocks)
        if room < 0:
            note = f"Only the first {limits.text_mb:g} MB of its text are read."
            yield ParseReply(sheet=ParsedPage(notes=(note,), missing=True))
            break
        yield ParseReply(sheet=sound(sheet))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    yield ParseReply(sha256=digest.hexdigest())


HALF = re.compile("[\ud800-\udfff]")
"""Half of a character in UTF-16: no text by itself, but some files hold it."""


def sound(sheet: ParsedPage) -> ParsedPage:
    """The sheet with nothing in it that can't be written as UTF-8."""
    texts = [sheet.title or "", *sheet.notes]
    for block in sheet.blocks:
        texts.append(block.text)
        texts.append(block.name or "")
    if not any(HALF.search(text) for text in texts):
        return sheet
    mended = _replaced(sheet.model_dump())
    return ParsedPage.model_validate(mended)


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return HALF.sub("\ufffd", value)
    if isinstance(value, tuple | list):
        return [_replaced(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _replaced(inner) for key, inner in value.items()}
    return value


if __name__ == "__main__":
    main()
