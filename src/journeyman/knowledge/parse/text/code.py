"""Code: one block for each top-level symbol with its comments; nothing is left out."""

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


Start = tuple[int, str | None]
"""Number of the line, from 0, at which a symbol begins, with its name; None: what stands between symbols."""
Starts = Sequence[Start]


def python_starts(text: str) -> Starts | None:
    """By the language's own parser. None: it is no sound Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    starts: list[Start] = []
    for node in tree.body:
        line = _first_line(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            starts.append((line, node.name))
        elif starts:
            _, name_before = starts[-1]
            if name_before is not None:
                starts.append((line, None))
    return starts


def _first_line(node: ast.stmt) -> int:
    """From 0, with its decorators."""
    first = node.lineno
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    for decorator in decorators:
        first = min(first, decorator.lineno)
    return first - 1


def _starts(lines: Sequence[str], language: str) -> Starts:
    """By what a line without indent says; a comment above belongs to it."""
    has_c_functions = language in {"c", "cpp", "java", "csharp", "dart"}
    starts: list[Start] = []
    for number, line in enumerate(lines):
        if not line or line[0] in " \t})]*#/":
            continue
        found = DEFINES.match(line) or ASSIGNED.match(line)
        names_types = line.startswith(("typedef", "using"))
        if found is None and has_c_functions and not names_types:
            found = C_FUNCTION.match(line)
        if found is not None:
            name = found.group(1).strip('"`')
            starts.append((number, name or None))
    return starts


def _blocks(lines: Sequence[str], starts: Starts) -> Iterator[Block]:
    """From each start, moved up over its comments, to the next."""
    begins = _begins(lines, starts)
    ends = [first for first, _ in begins[1:]]
    ends.append(len(lines))
    for begin, end in zip(begins, ends, strict=True):
        first, name = begin
        text = "\n".join(lines[first:end])
        text = text.strip("\n").rstrip()
        if text.strip():
            yield Block(kind="code", text=text, name=name)


def _begins(lines: Sequence[str], starts: Starts) -> list[Start]:
    """The starts with the comments above them; what stands above the first one has no name."""
    begins: list[Start] = [(0, None)]
    for line, name in starts:
        above, _ = begins[-1]
        first = _over_comments(lines, line, above)
        if first > above or begins == [(0, None)]:
            begins.append((first, name))
    return begins


def _over_comments(lines: Sequence[str], line: int, above: int) -> int:
    """The first line of the comments that end just above a line, not beyond `above`."""
    while line > above and line > 0 and COMMENT.match(lines[line - 1]):
        line -= 1
    return line
