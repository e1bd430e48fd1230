"""What a bench measures, as a digest: a figure is of the sources that it was measured on, and of no others.

A bench says in its `__init__.py` what it measures: `MEASURES`, dotted names of modules, packages and folders, such as
"journeyman.store" or "jobs.analyst". Its own folder and what it imports of `bench` and `tools` count too. `RECORDS`
names what runs only while it records with a model: figures that are folded from recordings do not change with that.

Of Python files the syntax tree counts, without docstrings and places: comments and formatting change nothing. Of data
files the bytes count. The name of a file counts, so that a moved module means measuring again.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from bench.lib.places import BENCH, ROOT

WRITERS = tuple(
    f"bench.lib.{name}" for name in ("machine", "pages", "places", "results", "sources", "stale")
)
"""They write down what was measured, and measure nothing."""
DATA = {".csv", ".json", ".jsonl", ".md", ".sql", ".toml", ".txt"}
PARTS = ("bench", "tools")
"""Of these, what a bench imports is part of it."""


class Bench(NamedTuple):
    """A folder of `bench` that `python -m bench.NAME` runs."""

    name: str
    measures: tuple[str, ...]
    records: tuple[str, ...]


def bench_names(bench: Path = BENCH) -> list[str]:
    return sorted(
        file.parent.name for file in bench.glob("*/__main__.py") if file.parent.name != "lib"
    )


def bench_named(name: str) -> Bench:
    """What a bench says of itself. Raises ValueError where it does not say what it measures."""
    module = import_module(f"bench.{name}")
    measures = tuple(getattr(module, "MEASURES", ()))
    if not measures:
        raise ValueError(
            f"bench {name!r} measures nothing: name modules in MEASURES in bench/{name}/__init__.py"
        )
    return Bench(name, measures, tuple(getattr(module, "RECORDS", ())))


def digest_of_bench(name: str) -> str:
    """The digest of today's sources."""
    return digest(sources_of(bench_named(name)))


def sources_of(bench: Bench, root: Path = ROOT) -> list[Path]:
    """All files that count, in order."""
    own = files_of(f"bench.{bench.name}", root)
    found = set(own) | set(_imported(own, root))
    for name in bench.measures:
        found.update(files_of(name, root))
    return sorted(found)


def files_of(name: str, root: Path = ROOT) -> list[Path]:
    """The files of a module, a package or a folder. Raises ValueError when there are none."""
    place = _place(name, root)
    module = place.with_suffix(".py")
    if module.is_file():
        return [module]
    files = [file for file in place.rglob("*") if file.suffix == ".py" or file.suffix in DATA]
    if not files:
        raise ValueError(
            f"there is no {name!r}: correct what the bench measures in its __init__.py"
        )
    return sorted(files)


def digest(files: Sequence[Path], root: Path = ROOT) -> str:
    """Of the meaning of all files, and their names."""
    whole = hashlib.sha256()
    for file in files:
        name = file.relative_to(root).as_posix()
        whole.update(f"{name}\0{_digest_of_file(file)}\n".encode())
    return whole.hexdigest()


def _digest_of_file(file: Path) -> str:
    if file.suffix == ".py":
        return digest_of_code(file.read_text(encoding="utf-8"))
    return hashlib.sha256(file.read_bytes()).hexdigest()


@lru_cache(maxsize=1_000)
def digest_of_code(text: str) -> str:
    """Of the syntax tree: the same on every Python, whatever comments, docstrings and formatting say."""
    return hashlib.sha256("\n".join(_told(ast.parse(text))).encode()).hexdigest()


def _told(node: ast.AST) -> Iterator[str]:
    """The tree as lines. Empty fields are left out: newer Pythons have more of them."""
    yield type(node).__name__
    for field, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        kept = [one for one in values if one is not None and not _is_remark(one)]
        if kept:
            yield f"{field}:"
        for one in kept:
            if isinstance(one, ast.AST):
                yield from _told(one)
            else:
                yield f"{type(one).__name__} {one!r}"
    yield "."


def _is_remark(value: object) -> bool:
    """A docstring, of a field too; and whether a name is read or written, which its place says already."""
    if isinstance(value, ast.Expr):
        return isinstance(value.value, ast.Constant) and isinstance(value.value.value, str)
    return isinstance(value, ast.expr_context)


def _place(name: str, root: Path) -> Path:
    parts = name.split(".")
    return root.joinpath("src", *parts) if parts[0] == "journeyman" else root.joinpath(*parts)


def _imported(files: Sequence[Path], root: Path) -> set[Path]:
    """What files import of `bench` and `tools`, and what that imports, but for what only writes results down."""
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file.suffix != ".py":
            continue
        for name in imports(file):
            module = _place(name, root).with_suffix(".py")
            if (
                name.split(".")[0] not in PARTS
                or name in WRITERS
                or module in found
                or not module.is_file()
            ):
                continue
            found.add(module)
            waiting.append(module)
    return found


def imports(file: Path) -> Iterator[str]:
    """Dotted names that a file imports anywhere: of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
