"""Zip archives under limits (Office and EPUB files). The sizes are checked before anything is unpacked."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from journeyman.errors import InputError
from journeyman.knowledge.parse.sheets import FileToRead, broken

MEMBERS_AT_MOST = 20_000
RATIO_AT_MOST = 200
"""Of unpacked to packed, where it matters (from a megabyte on): text packs 5 to 20 times, a bomb a thousand times."""

MEMBER_BYTES = 128 << 20
"""Of one XML part."""

MEDIA_ENDS = (".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".mp4", ".wav")
XML_ENDS = (".xml", ".rels", ".xhtml", ".opf", ".html")

DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def guarded(source: FileToRead) -> tuple[str, ...]:
    """Notes on an Office file. Raises InputError if it would unpack to too much, or its XML declares entities."""
    with opened(source) as archive:
        names = [name.lower() for name in archive.namelist()]
    if any(name.endswith("vbaproject.bin") for name in names):
        return ("It holds macros, which were not run.",)
    return ()


@contextmanager
def opened(source: FileToRead) -> Iterator[zipfile.ZipFile]:
    """The archive, its sizes and XML heads looked at."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            _sizes(source, archive)
            _declarations(source, archive)
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise broken(source, f"the archive is damaged ({error})") from None
    except RuntimeError as error:
        if "password" not in str(error) and "encrypted" not in str(error):
            raise
        raise InputError(
            f"{source.name!r} needs a password.", "Save a copy without a password."
        ) from None


def _sizes(source: FileToRead, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MEMBERS_AT_MOST:
        raise _bomb(source, f"{len(members):,} parts")
    texts = [member for member in members if not _is_media(member.filename)]
    total = sum(member.file_size for member in texts)
    if total > source.limits.text_mb * 1e6:
        raise _bomb(source, f"{total / 1e6:,.0f} MB of text")
    for member in members:
        size = member.file_size
        ratio = size / max(1, member.compress_size)
        if size > 1 << 20 and ratio > RATIO_AT_MOST:
            raise _bomb(source, f"a part that is {ratio:,.0f} times as large as it is packed")
        if size > MEMBER_BYTES and not _is_media(member.filename):
            raise _bomb(source, f"a part of {size / 1e6:,.0f} MB")


def _bomb(source: FileToRead, why: str) -> InputError:
    return InputError(
        f"{source.name!r} unpacks to more than can be read: {why}.",
        "If it is a real document, save it in parts.",
    )


def _is_media(name: str) -> bool:
    return "/media/" in name or name.lower().endswith(MEDIA_ENDS)


def _declarations(source: FileToRead, archive: zipfile.ZipFile) -> None:
    """Office's XML declares no document type; one that does is after something. EPUB's XHTML may, without entities."""
    is_office = source.kind in {"docx", "pptx", "xlsx"}
    for member in archive.infolist():
        name = member.filename
        if not name.lower().endswith(XML_ENDS):
            continue
        with archive.open(member) as part:
            head = part.read(4096)
        has_entities = b"<!ENTITY" in head.upper()
        if has_entities or (is_office and DECLARES.search(head)):
            raise InputError(
                f"{source.name!r} declares XML entities in {name!r}, which documents do not.",
                "Do not trust it; if it is yours, save it again in its own program.",
            )
