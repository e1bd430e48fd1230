"""E-mail (EML, mbox): sender, recipients, date and text, with quoted parts apart."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from itertools import groupby, islice
from operator import itemgetter

from journeyman.documents import Block
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, Sheets
from journeyman.knowledge.parse.text.decoding import text_of
from journeyman.knowledge.parse.text.plain import blocks_of

SHOWN = ("From", "To", "Cc", "Date")

UNDECODED = re.compile("[\udc80-\udcff]")
"""Bytes that are no ASCII, as the library hands them on."""

MESSAGES_AT_MOST = 20_000

PARTS_AT_MOST = 1_000

WROTE = re.compile(
    r"^(?:on .{5,200} wrote:|.{2,100}于.{4,80}写道[:：]|在.{4,120}写道[:：]|.{2,80} schrieb .*:)$",
    re.IGNORECASE,
)

BELOW = re.compile(
    r"^(?:-{2,}\s*(?:original message|forwarded message|原始邮件|转发邮件信息|邮件原件).*|_{10,})$",
    re.IGNORECASE,
)
"""What some programs put above the message that is answered, instead of marks before its lines."""


def read(source: FileToRead) -> Sheets:
    data = source.data()
    if source.kind != "mbox":
        yield _sheet(data)
        return
    parts = re.split(rb"(?:^|\n)From [^\n]*\n", data)
    messages = parts[1:]
    for message in messages[:MESSAGES_AT_MOST]:
        yield _sheet(message)
    if len(messages) > MESSAGES_AT_MOST:
        note = f"Only the first {MESSAGES_AT_MOST:,} messages are read."
        yield ParsedPage(notes=(note,), missing=True)


def _sheet(data: bytes) -> ParsedPage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    notes: list[str] = []
    subject = _field(message, "Subject")
    fields = {name: _field(message, name) for name in SHOWN}
    head = head_blocks(subject, fields)
    body = _body(message, notes)
    blocks = (*head, *body)
    filenames = map(_filename, _attachments(message))
    names = list(filter(None, filenames))
    if names:
        listed = ", ".join(names[:20])
        notes.append(f"Attachments were not read: {listed}.")
    return ParsedPage(
        blocks=blocks,
        title=subject or None,
        notes=tuple(notes),
        missing=bool(names),
    )


def head_blocks(subject: str, fields: dict[str, str]) -> Iterator[Block]:
    """The subject as heading, then who, to whom, when."""
    heading = subject or "(no subject)"
    yield Block(kind="heading", text=heading, level=1)
    filled = [f"{name}: {value}" for name, value in fields.items() if value]
    if filled:
        text = "\n".join(filled)
        yield Block(kind="paragraph", text=text, name="head")


def _field(message: EmailMessage, name: str) -> str:
    """A field's text. What is not written by the rules is taken as it stands, bytes in whatever encoding they seem."""
    raw = _raw_field(message, name)
    if UNDECODED.search(raw):
        data = raw.encode("utf-8", "surrogateescape")
        text = text_of(data)
        return " ".join(text.split())
    try:
        decoded = message[name]
        value = str(decoded or "")
    except (ValueError, IndexError, AttributeError, TypeError, RecursionError):
        value = raw
    return " ".join(value.split())


def _raw_field(message: EmailMessage, name: str) -> str:
    """As it was sent; "" where there is none."""
    wanted = name.lower()
    for key, value in message.raw_items():
        if key.lower() == wanted:
            return str(value)
    return ""


def _filename(part: EmailMessage) -> str | None:
    try:
        return part.get_filename()
    except (ValueError, IndexError, AttributeError, TypeError, RecursionError):
        return "an attachment"


def _attachments(message: EmailMessage) -> Iterator[EmailMessage]:
    for part in islice(message.walk(), PARTS_AT_MOST):
        if part.is_multipart():
            continue
        disposition = part.get_content_disposition()
        if disposition in {"attachment", "inline"} and _filename(part):
            yield part


def _body(message: EmailMessage, notes: list[str]) -> list[Block]:
    """The plain text, or else the HTML; of each the first."""
    texts = _texts(message, notes)
    plain = texts.get("text/plain")
    page = texts.get("text/html")
    if plain is not None:
        text = _text(plain)
        if text.strip():
            return list(threaded(text))
    if page is not None:
        from journeyman.knowledge.parse.web.html import parsed  # noqa: PLC0415 - lxml only where it is needed

        blocks, _ = parsed(_text(page))
        return blocks
    return []


def _texts(message: EmailMessage, notes: list[str]) -> dict[str, EmailMessage]:
    """The first part of each kind that is no attachment."""
    texts: dict[str, EmailMessage] = {}
    parts = message.walk()
    for number, part in enumerate(parts):
        if number >= PARTS_AT_MOST:
            notes.append(f"Only the first {PARTS_AT_MOST:,} parts are read.")
            break
        if part.is_multipart():
            continue
        if part.get_content_disposition() != "attachment":
            kind = part.get_content_type()
            texts.setdefault(kind, part)
    return texts


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset()
    if not isinstance(payload, bytes):
        return ""
    return text_of(payload, charset)


def threaded(text: str) -> Iterator[Block]:
    """Paragraphs, with what is quoted as quotes of their level, and the line that opens a quotation with it."""
    lines = text.split("\n")
    levels = _levels(lines)
    for level, group in groupby(levels, key=itemgetter(0)):
        same_level = [line for _, line in group]
        part = "\n".join(same_level)
        blocks = blocks_of(part)
        for block in blocks:
            if level:
                yield Block(kind="quote", text=block.text, level=level)
            else:
                yield block


def _levels(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each line without its marks, and how often it is quoted; an empty line belongs to what is above it."""
    below = 0
    level = 0
    for number, line in enumerate(lines):
        depth, unmarked = _unquoted(line)
        stripped = line.strip()
        opens = not depth and WROTE.match(stripped) is not None
        is_marked = opens and _quoted_next(lines, number)
        is_above = not depth and BELOW.match(stripped) is not None
        if is_above or (opens and not is_marked):
            below += 1
        if stripped:
            level = below + depth
        if is_marked:
            level += 1
        yield level, unmarked


def _unquoted(line: str) -> tuple[int, str]:
    """How many marks a line begins with, and the rest of it."""
    marks = re.match(r"^(?:>\s?)+", line)
    if marks is None:
        return 0, line
    depth = marks.group().count(">")
    return depth, line[marks.end() :]


def _quoted_next(lines: list[str], at: int) -> bool:
    """Whether the next line with words in it is marked as quoted; three lines are looked at."""
    for line in lines[at + 1 : at + 4]:
        if line.strip():
            return line.startswith(">")
    return False
