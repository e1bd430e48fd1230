"""One word for one thing: no public class name stands twice, every seam has a consumer, no imports go in a circle."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "journeyman"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text()) for file in FILES}


def module_of(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_of(file): tree for file, tree in TREES.items()}


def public_classes() -> dict[str, list[str]]:
    """Each public class name with the modules that define it."""
    found: dict[str, list[str]] = defaultdict(list)
    for module, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module)
    return found


def test_no_public_class_name_stands_for_two_things() -> None:
    twice = {name: modules for name, modules in public_classes().items() if len(modules) > 1}
    assert not twice, f"give each its own name: {twice}"


def protocols() -> Iterator[tuple[str, str]]:
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
            if "Protocol" in bases:
                yield module, node.name


@pytest.mark.parametrize(("module", "name"), sorted(protocols()))
def test_every_protocol_has_a_consumer(module: str, name: str) -> None:
    """Something takes it: a parameter, a field or a returned value is annotated with it, outside its own body."""
    for tree in MODULES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == name:
                continue
            annotations: list[ast.expr | None] = []
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                annotations = [argument.annotation for argument in arguments] + [node.returns]
            elif isinstance(node, ast.AnnAssign):
                annotations = [node.annotation]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"cast", "isinstance"}:
                annotations = list(node.args)
            for annotation in annotations:
                if annotation is not None and name in ast.unparse(annotation):
                    return
    raise AssertionError(f"nothing takes {module}.{name}: use it, or take it out")


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
            modules = inner & MODULES.keys()
            found |= modules or {node.module}
    return {name for name in found if name in MODULES and name != module}


def test_no_imports_go_in_a_circle() -> None:
    graph = {module: imported(module, tree) for module, tree in MODULES.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(f"imports go in a circle: {' → '.join(error.args[1])}") from None
