"""The floors hold, inside functions too. Sizes are in test_density.py."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "journeyman"
FILES = sorted(SOURCE.rglob("*.py"))


def floors() -> dict[str, int]:
    """Each part's floor, from import-linter's own contract: 0 is the highest."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ][0]
    return {
        part.strip(): n for n, layer in enumerate(contract["layers"]) for part in layer.split("|")
    }


def part_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The parts of journeyman that a file imports anywhere, with the line."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("journeyman.")
        ):
            yield node.module.split(".")[1], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "journeyman":
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.Import):
            named = [alias.name for alias in node.names if alias.name.startswith("journeyman.")]
            yield from ((name.split(".")[1], node.lineno) for name in named)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_imports_only_look_down(file: Path) -> None:
    height, part = floors(), part_of(file)
    if part == "__init__":
        return
    for other, line in imports(ast.parse(file.read_text())):
        assert other == part or height[other] > height[part], (
            f"{file.name}:{line} imports {other}, not below {part}"
        )


def test_the_loop_stays_readable() -> None:
    assert len((SOURCE / "worker.py").read_text().splitlines()) <= 200


def test_only_runtime_and_improve_write_to_the_journal() -> None:
    writers = {
        "append",
        "add_cases",
        "open_run",
        "retry",
        "claim",
        "release",
        "renew",
        "suspend",
        "emit",
    }
    for file in FILES:
        if part_of(file) in {"runtime", "improve", "store"}:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in writers
            ):
                owner = ast.unparse(node.func.value)
                assert "journal" not in owner, f"{file.name}:{node.lineno} writes to the journal"


def test_only_the_boundary_catches_everything() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or ast.unparse(node.type) in {
                    "Exception",
                    "BaseException",
                }
                reraises = any(
                    isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)
                )
                assert not broad or reraises or file.name == "errors.py", (
                    f"{file.name}:{node.lineno}"
                )


def test_what_systems_do_not_share_stands_in_one_room() -> None:
    """What macOS or Windows lacks is asked for in system/ alone, which knows what to do without it."""
    beside = [file for file in FILES if part_of(file) != "system"]
    benches = [file for file in (ROOT / "bench").rglob("*.py") if ".work" not in file.parts]
    for file in [*beside, *benches]:
        text = file.read_text()
        for word in ("sched_getaffinity", "import fcntl", "add_signal_handler", "RLIMIT_AS"):
            assert word not in text, f"{file}: {word} stands outside system/"
