"""One word for one thing: no public class name stands twice, every seam has a consumer, no imports go in a circle."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "journeyman"
FILES = sorted(SOURCE.rglob("*.py"))
PROTOCOL_CLASS = re.compile(r"^ *class ([A-Za-z]\w*)\([^)]*\bProtocol\b", re.MULTILINE)


def module_of(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@functools.cache
def trees() -> Mapping[str, ast.Module]:
    """Each module's tree, parsed by the first test that needs it: collecting tests costs nothing."""
    return {module_of(file): ast.parse(file.read_text()) for file in FILES}


def public_classes() -> dict[str, list[str]]:
    """Each public class name with the modules that define it."""
    found: dict[str, list[str]] = defaultdict(list)
    for module, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module)
    return found


def test_no_public_class_name_stands_for_two_things() -> None:
    twice = {name: modules for name, modules in public_classes().items() if len(modules) > 1}
    assert not twice, f"give each its own name: {twice}"


def protocols() -> Iterator[tuple[str, str]]:
    """Read from the text: a protocol is written `class Name(Protocol)`."""
    for file in FILES:
        for name in PROTOCOL_CLASS.findall(file.read_text()):
            yield module_of(file), name


def test_every_protocol_is_found() -> None:
    parsed: list[tuple[str, str]] = []
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
            if "Protocol" in bases:
                parsed.append((module, node.name))
    assert parsed
    assert sorted(parsed) == sorted(protocols())


def annotations_of(node: ast.AST) -> list[ast.expr]:
    """What a node says of types: of parameters, of a field or of what is returned."""
    found: list[ast.expr | None] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = [*node.args.args, *node.args.kwonlyargs]
        found = [argument.annotation for argument in arguments] + [node.returns]
    elif isinstance(node, ast.AnnAssign):
        found = [node.annotation]
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"cast", "isinstance"}:
        found = list(node.args)
    return [annotation for annotation in found if annotation is not None]


@functools.cache
def all_annotations() -> frozenset[str]:
    """All annotations of the house, as they are written."""
    found: set[str] = set()
    for tree in trees().values():
        for node in ast.walk(tree):
            found |= {ast.unparse(annotation) for annotation in annotations_of(node)}
    return frozenset(found)


@pytest.mark.parametrize(("module", "name"), sorted(protocols()))
def test_every_protocol_has_a_consumer(module: str, name: str) -> None:
    """Something takes it: a parameter, a field or a returned value is annotated with it, outside its own body."""
    taken = any(name in annotation for annotation in all_annotations())
    assert taken, f"nothing takes {module}.{name}: use it, or take it out"


def imported(module: str, tree: ast.AST) -> set[str]:
    """The modules of the house that a module imports when it runs, inside functions too."""
    checked_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in checked_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = inner & trees().keys()
            found |= modules or {node.module}
    return {name for name in found if name in trees() and name != module}


def test_no_imports_go_in_a_circle() -> None:
    graph = {module: imported(module, tree) for module, tree in trees().items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(f"imports go in a circle: {' → '.join(error.args[1])}") from None
