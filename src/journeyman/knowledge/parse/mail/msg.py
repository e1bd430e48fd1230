"""Outlook messages: subject, people, date and body from their streams."""

from __future__ import annotations

import re
from collections.abc import Iterator

import olefile

from journeyman.documents import Block
from journeyman.knowledge.parse.mail.eml import head_blocks, threaded
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken
from journeyman.knowledge.parse.text.decoding import text_of

SUBJECT, SENDER, ADDRESS, SHOWN_TO, SHOWN_CC = "0037", "0C1A", "0C1F", "0E04", "0E03"
HEADERS, BODY, HTML = "007D", "1000", "1013"
"""Property numbers of the message format."""

STREAM_BYTES = 64 << 20


def read(source: FileToRead) -> Iterator[ParsedPage]:
    try:
        with olefile.OleFileIO(str(source.path)) as opened:
            yield _sheet(opened)
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise broken(source, f"its streams are damaged ({str(error)[:120]})") from None


def _sheet(opened: olefile.OleFileIO) -> ParsedPage:
    subject = _text(opened, SUBJECT)
    fields = {
        "From": _sender(opened),
        "To": _text(opened, SHOWN_TO),
        "Cc": _text(opened, SHOWN_CC),
        "Date": _date(opened),
    }
    blocks = list(head_blocks(subject, fields))
    blocks += _body(opened)
    tops = [parts[0] for parts in opened.listdir()]
    attached = {name for name in tops if name.startswith("__attach")}
    notes: tuple[str, ...] = ()
    if attached:
        notes = (f"{len(attached)} attachments were not read.",)
    return ParsedPage(
        blocks=tuple(blocks),
        title=subject or None,
        notes=notes,
        missing=bool(attached),
    )


def _sender(opened: olefile.OleFileIO) -> str:
    """Name and address, where both are known and the name does not hold the address already."""
    name = _text(opened, SENDER)
    address = _text(opened, ADDRESS)
    if name and "@" in address and address not in name:
        return f"{name} <{address}>"
    return name or address


def _date(opened: olefile.OleFileIO) -> str:
    headers = _text(opened, HEADERS)
    found = re.search(r"^Date:\s*(.+)$", headers, re.MULTILINE)
    return found.group(1).strip() if found else ""


def _body(opened: olefile.OleFileIO) -> list[Block]:
    """The plain text, or else the HTML."""
    text = _text(opened, BODY)
    if text.strip():
        return list(threaded(text))
    page = _bytes(opened, f"{HTML}0102") or _bytes(opened, f"{HTML}001F")
    if not page:
        return []
    from journeyman.knowledge.parse.web.html import parsed  # noqa: PLC0415 - lxml only where it is needed

    blocks, _ = parsed(text_of(page))
    return blocks


def _text(opened: olefile.OleFileIO, number: str) -> str:
    """A property's text, on plain lines."""
    text = _raw_text(opened, number).replace("\x00", "")
    return text.replace("\r\n", "\n").strip()


def _raw_text(opened: olefile.OleFileIO, number: str) -> str:
    """In UTF-16, or in the sender's 8-bit encoding."""
    wide = _bytes(opened, f"{number}001F")
    if wide:
        return wide.decode("utf-16-le", "replace")
    narrow = _bytes(opened, f"{number}001E")
    return text_of(narrow)


def _bytes(opened: olefile.OleFileIO, name: str) -> bytes:
    stream = f"__substg1.0_{name}"
    if not opened.exists(stream):
        return b""
    data: bytes = opened.openstream(stream).read(STREAM_BYTES)
    return data
