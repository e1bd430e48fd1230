"""E-mail (EML, mbox): who wrote what to whom and when, with quoted parts apart."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
from collections.abc import Iterator
from email.message import EmailMessage

from journeyman.documents import Block
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage
from journeyman.knowledge.parse.text.decoding import text_of
from journeyman.knowledge.parse.text.plain import blocks_of

SHOWN = ("From", "To", "Cc", "Date")

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


def read(source: FileToRead) -> Iterator[ParsedPage]:
    data = source.data()
    if source.kind != "mbox":
        yield _sheet(data)
        return
    messages = re.split(rb"(?:^|\n)From [^\n]*\n", data)
    for message in messages[1 : MESSAGES_AT_MOST + 1]:
        yield _sheet(message)
    if len(messages) - 1 > MESSAGES_AT_MOST:
        yield ParsedPage(
            notes=(f"Only the first {MESSAGES_AT_MOST:,} messages are read.",), missing=True
        )


def _sheet(data: bytes) -> ParsedPage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    notes: list[str] = []
    subject = _field(message, "Subject")
    blocks = [*head_blocks(subject, {name: _field(message, name) for name in SHOWN})]
    blocks += _body(message, notes)
    attached = [name for part in _attachments(message) if (name := _filename(part))]
    if attached:
        notes.append(f"Attachments were not read: {', '.join(attached[:20])}.")
    return ParsedPage(
        blocks=tuple(blocks), title=subject or None, notes=tuple(notes), missing=bool(attached)
    )


def head_blocks(subject: str, fields: dict[str, str]) -> Iterator[Block]:
    """The subject as heading, then who, to whom, when."""
    yield Block(kind="heading", text=subject or "(no subject)", level=1)
    if told := "\n".join(f"{name}: {value}" for name, value in fields.items() if value):
        yield Block(kind="paragraph", text=told, name="head")


def _field(message: EmailMessage, name: str) -> str:
    """A field's text. What is not written by the rules is taken as it stands, bytes in whatever encoding they seem."""
    raw = next((str(told) for key, told in message.raw_items() if key.lower() == name.lower()), "")
    if re.search("[\udc80-\udcff]", raw):
        return " ".join(text_of(raw.encode("utf-8", "surrogateescape")).split())
    try:
        value = str(message[name] or "")
    except (ValueError, IndexError, AttributeError, TypeError, RecursionError):
        value = raw
    return " ".join(value.split())


def _filename(part: EmailMessage) -> str | None:
    try:
        return part.get_filename()
    except (ValueError, IndexError, AttributeError, TypeError, RecursionError):
        return "an attachment"


def _attachments(message: EmailMessage) -> Iterator[EmailMessage]:
    for n, part in enumerate(message.walk()):
        if n >= PARTS_AT_MOST:
            return
        if (
            not part.is_multipart()
            and part.get_content_disposition() in {"attachment", "inline"}
            and _filename(part)
        ):
            yield part


def _body(message: EmailMessage, notes: list[str]) -> list[Block]:
    """The plain text, or else the HTML; of each the first."""
    texts: dict[str, EmailMessage] = {}
    for n, part in enumerate(message.walk()):
        if n >= PARTS_AT_MOST:
            notes.append(f"Only the first {PARTS_AT_MOST:,} parts are read.")
            break
        if not part.is_multipart() and part.get_content_disposition() != "attachment":
            texts.setdefault(part.get_content_type(), part)
    if "text/plain" in texts and (text := _text(texts["text/plain"])).strip():
        return list(threaded(text))
    if "text/html" in texts:
        from journeyman.knowledge.parse.web.html import parsed  # noqa: PLC0415 - lxml only where it is needed

        return parsed(_text(texts["text/html"]))[0]
    return []


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    return text_of(data, part.get_content_charset())


def threaded(text: str) -> Iterator[Block]:
    """Paragraphs, with what is quoted as quotes of their level, and the line that opens a quotation with it."""
    for level, group in itertools.groupby(_levels(text.split("\n")), key=lambda each: each[0]):
        for block in blocks_of("\n".join(line for _, line in group)):
            yield Block(kind="quote", text=block.text, level=level) if level else block


def _levels(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each line without its marks, and how often it is quoted; an empty line belongs to what is above it."""
    below = before = 0
    for n, line in enumerate(lines):
        marks = re.match(r"^(?:>\s?)+", line)
        depth = marks.group().count(">") if marks else 0
        opens = not depth and WROTE.match(line.strip())
        if not depth and (BELOW.match(line.strip()) or (opens and not _quoted_next(lines, n))):
            below += 1
        level = (
            before if not line.strip() else below + depth + bool(opens and _quoted_next(lines, n))
        )
        before = level
        yield level, line[marks.end() :] if marks else line


def _quoted_next(lines: list[str], at: int) -> bool:
    following = next((line for line in lines[at + 1 : at + 4] if line.strip()), "")
    return following.startswith(">")
