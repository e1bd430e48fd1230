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
    headers = _text(opened, HEADERS)
    date = re.search(r"^Date:\s*(.+)$", headers, re.MULTILINE)
    sender, address = _text(opened, SENDER), _text(opened, ADDRESS)
    fields = {
        "From": f"{sender} <{address}>"
        if sender and "@" in address and address not in sender
        else sender or address,
        "To": _text(opened, SHOWN_TO),
        "Cc": _text(opened, SHOWN_CC),
        "Date": date.group(1).strip() if date else "",
    }
    blocks: list[Block] = list(head_blocks(_text(opened, SUBJECT), fields))
    body = _text(opened, BODY)
    if body.strip():
        blocks += threaded(body)
    elif page := _bytes(opened, f"{HTML}0102") or _bytes(opened, f"{HTML}001F"):
        from journeyman.knowledge.parse.web.html import parsed  # noqa: PLC0415 - lxml only where it is needed

        blocks += parsed(text_of(page))[0]
    attached = {parts[0] for parts in opened.listdir() if parts[0].startswith("__attach")}
    notes = (f"{len(attached)} attachments were not read.",) if attached else ()
    return ParsedPage(
        blocks=tuple(blocks),
        title=_text(opened, SUBJECT) or None,
        notes=notes,
        missing=bool(attached),
    )


def _text(opened: olefile.OleFileIO, number: str) -> str:
    """A property in UTF-16, or in the sender's 8-bit encoding."""
    wide = _bytes(opened, f"{number}001F")
    text = wide.decode("utf-16-le", "replace") if wide else text_of(_bytes(opened, f"{number}001E"))
    return text.replace("\x00", "").replace("\r\n", "\n").strip()


def _bytes(opened: olefile.OleFileIO, name: str) -> bytes:
    stream = f"__substg1.0_{name}"
    if not opened.exists(stream):
        return b""
    data: bytes = opened.openstream(stream).read(STREAM_BYTES)
    return data
