"""Code: one block for each symbol at the top level, with what comments on it; nothing is left out."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

from journeyman.documents import Block
from journeyman.knowledge.parse.kinds import LANGUAGES
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage
from journeyman.knowledge.parse.text.decoding import text_of

DEFINES = re.compile(
    r"^(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([^)]*\))?|unsafe|"
    r"extern|inline|virtual|override|sealed|open|data|const|constexpr|template\s*<[^>]*>)\s+)*"
    r"(?:class|struct|interface|trait|enum|impl|fn|func|function|def|fun|module|namespace|object|type|record|sub|macro_rules!|"
    r"create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|index|trigger))\s*(?:<[^>]*>\s*)?\(?\s*([\w.:$\"`-]*)",
    re.IGNORECASE,
)

C_FUNCTION = re.compile(r"^[A-Za-z_][\w\s*&:<>,~]*?\b([A-Za-z_~][\w:~]*)\s*\([^;]*$")

ASSIGNED = re.compile(
    r"^(?:export\s+)?(?:const|let|var)\s+(\w+)\s*=\s*(?:async\s*)?(?:function|\([^)]*\)\s*=>|\w+\s*=>|class)"
)

COMMENT = re.compile(r"^\s*(?:#(?!\s*(?:include|define|if|endif|pragma))|//|/\*|\*|--|@|///)")


def read(source: FileToRead) -> Iterator[ParsedPage]:
    language = LANGUAGES.get(source.path.suffix.lower(), "")
    text = text_of(source.data()).replace("\x00", "")
    lines = text.split("\n")
    starts = python_starts(text) if language == "python" else None
    if starts is None:
        starts = _starts(lines, language)
    yield ParsedPage(blocks=tuple(_blocks(lines, starts)), title=None)


Starts = Sequence[tuple[int, str | None]]
"""Line numbers from 0 at which a symbol begins, with its name; None: what stands between symbols."""


def python_starts(text: str) -> Starts | None:
    """By the language's own parser. None: it is no sound Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    starts: list[tuple[int, str | None]] = []
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            starts.append((first, node.name))
        elif starts and starts[-1][1] is not None:
            starts.append((first, None))
    return starts


def _starts(lines: Sequence[str], language: str) -> Starts:
    """By what a line without indent says; a comment above belongs to it."""
    starts: list[tuple[int, str | None]] = []
    for n, line in enumerate(lines):
        if not line or line[0] in " \t})]*#/":
            continue
        found = DEFINES.match(line) or ASSIGNED.match(line)
        if (
            found is None
            and language in {"c", "cpp", "java", "csharp", "dart"}
            and not line.startswith(("typedef", "using"))
        ):
            found = C_FUNCTION.match(line)
        if found is not None:
            starts.append((n, found.group(1).strip('"`') or None))
    return starts


def _blocks(lines: Sequence[str], starts: Starts) -> Iterator[Block]:
    """From each start, moved up over its comments, to the next."""
    begins: list[tuple[int, str | None]] = [(0, None)]
    for at, name in starts:
        while at > begins[-1][0] and at > 0 and COMMENT.match(lines[at - 1]):
            at -= 1  # noqa: PLW2901
        if at > begins[-1][0] or begins == [(0, None)]:
            begins.append((at, name))
    for (first, name), (last, _) in zip(begins, [*begins[1:], (len(lines), None)], strict=True):
        text = "\n".join(lines[first:last]).strip("\n").rstrip()
        if text.strip():
            yield Block(kind="code", text=text, name=name)
