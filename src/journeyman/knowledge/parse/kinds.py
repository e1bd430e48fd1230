"""The kind of a file, by its content first, because a name can be wrong."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Final

from journeyman.errors import InputError
from journeyman.knowledge.parse.text.decoding import text_of

HEAD_BYTES = 65_536

IMAGES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
)

ZIPPED = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

NAMED: Final = {
    ".md": "markdown", ".markdown": "markdown", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".eml": "email", ".mbox": "mbox", ".htm": "html", ".html": "html", ".xhtml": "html",
}  # fmt: skip

LANGUAGES: Final = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".tsx": "typescript", ".java": "java", ".kt": "kotlin", ".scala": "scala", ".go": "go",
    ".rs": "rust", ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".hpp": "cpp", ".cs": "csharp", ".rb": "ruby",
    ".php": "php", ".swift": "swift", ".sh": "shell", ".sql": "sql", ".lua": "lua", ".r": "r", ".jl": "julia",
    ".pl": "perl", ".ex": "elixir", ".hs": "haskell", ".dart": "dart",
}  # fmt: skip

MAIL_FIELDS = re.compile(
    r"^(from|to|cc|subject|date|message-id|received|return-path|mime-version|content-type|reply-to|delivered-to|"
    r"x-[\w-]+|dkim-signature|authentication-results|sender): ?",
    re.IGNORECASE,
)

HTML = re.compile(
    r"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)


def kind_of(path: Path, name: str) -> str:
    """One of the kinds of `Document.kind`, or mbox. Raises InputError for what is no document that can be read."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise InputError(f"{name!r} is empty.", "Give a file with something in it.")
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if _is_image(head):
        return "image"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path, name)
    if head.startswith(OLE):
        return _compound(path, name)
    if head.startswith(b"{\\rtf"):
        raise InputError(f"{name!r} is RTF, which is not read.", "Save it as .docx or .pdf.")
    text = _textual(head, name)
    suffix = path.suffix.lower()
    return _by_words(text, suffix)


def _is_image(head: bytes) -> bool:
    if head.startswith(IMAGES):
        return True
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _zipped(path: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist()[:100_000])
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise InputError(
            f"{name!r} is a zip archive (Office or EPUB) that is cut short or damaged: {error}.",
            "Get the file again, or save it again in its own program.",
        ) from None
    for member, kind in ZIPPED.items():
        if member in members:
            return kind
    if "META-INF/container.xml" in members:
        return "epub"
    if "content.xml" in members:
        raise InputError(
            f"{name!r} is an OpenDocument file, which is not read.",
            "Save it as .docx, .xlsx or .pptx.",
        )
    raise InputError(
        f"{name!r} is a zip archive, no document.", "Unpack it, and give the files in it."
    )


def _compound(path: Path, name: str) -> str:
    import olefile  # noqa: PLC0415 - optional

    try:
        with olefile.OleFileIO(path) as opened:
            streams = {parts[0] for parts in opened.listdir()}
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise InputError(
            f"{name!r} is a damaged Office file: {error}.", "Save it again in its own program."
        ) from None
    if "__properties_version1.0" in streams:
        return "msg"
    if "EncryptedPackage" in streams or "EncryptionInfo" in streams:
        raise InputError(
            f"{name!r} needs a password.", "Save a copy without a password, and give that."
        )
    raise InputError(
        f"{name!r} is an Office file from before 2007.", "Save it as .docx, .xlsx or .pptx."
    )


def _textual(head: bytes, name: str) -> str:
    """The head as text, or InputError: NULs and control characters are no text in any encoding."""
    text = text_of(head, cut=True)
    sample = text[:4096]
    control = sum(map(_is_control, sample))
    if not text or control > 0.02 * len(sample):
        raise InputError(
            f"{name!r} is neither text nor a kind of document that is known.",
            "Give PDF, Office, HTML, Markdown, e-mail, EPUB, CSV, JSON, code, an image or text.",
        )
    return text


def _is_control(character: str) -> bool:
    return character < " " and character not in "\t\n\r\f\x1b\b"


def _by_words(text: str, suffix: str) -> str:
    """Text in any encoding: by what it begins with, then by its name, then by its form."""
    if HTML.match(text[:4096]):
        return "html"
    _, first_line_end, rest = text.partition("\n")
    if text.startswith("From ") and first_line_end and _is_mail(rest):
        return "mbox"
    if _is_mail(text):
        return "email"
    if suffix in {".json", ".jsonl", ".ndjson"}:
        return _json_form(text, suffix)
    if suffix in LANGUAGES:
        return "code"
    named = NAMED.get(suffix, "text")
    return "text" if named in {"email", "mbox"} else named


def _json_form(text: str, suffix: str) -> str:
    """Lines of records are JSONL whatever the name says."""
    lines = text.lstrip().split("\n", 2)
    if len(lines) > 1:
        first, second = lines[:2]
        if first.rstrip().endswith("}") and second.startswith("{"):
            return "jsonl"
    return NAMED[suffix]


def _is_mail(text: str) -> bool:
    """Whether it begins with at least two fields of a mail's head, and has nothing else up to the first empty line."""
    fields = 0
    for line in text.splitlines()[:200]:
        if not line.strip():
            break
        if MAIL_FIELDS.match(line):
            fields += 1
        elif not fields or not _may_go_on(line):
            return False
    return fields >= 2


def _may_go_on(line: str) -> bool:
    """Whether a line of a head goes on with the field above, or is some other field."""
    is_indented = line[0] in " \t"
    return is_indented or re.match(r"^[\w-]+:", line) is not None
