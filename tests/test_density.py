"""Lines do one thing, functions and files stay small; the list of exceptions only shrinks."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from tools.density import (
    SOURCE,
    Density,
    functions,
    median,
    nodes_per_line,
    offenders,
    read,
    summary,
)

MEDIAN_NODES_PER_LINE = 8.95
LINES_A_FILE = 500
EXCEPTIONS = 59
LISTED = (Path(__file__).parent / "density_exceptions.txt").read_text().splitlines()


@functools.cache
def measures() -> Sequence[Density]:
    """Measured by the first test that needs them, so that collecting tests costs nothing."""
    return read([SOURCE])


def only(source: str) -> Density:
    (one,) = functions(dedent(source), "m")
    return one


@pytest.mark.parametrize(
    "file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.relative_to(SOURCE))
)
def test_no_file_is_too_long(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LINES_A_FILE


def test_no_function_is_too_dense_or_too_long_unless_listed() -> None:
    listed = set(LISTED)
    new = [
        f"{one.name}: {one.nodes_per_line:.1f} nodes a line, {one.length} lines"
        for one in offenders(measures())
        if one.name not in listed
    ]
    assert not new, "name the steps (at most 14 nodes a line, 80 lines):\n" + "\n".join(new)


def test_the_list_of_exceptions_only_shrinks() -> None:
    needless = set(LISTED) - {one.name for one in offenders(measures())}
    assert not needless, f"take out of tests/density_exceptions.txt: {sorted(needless)}"
    assert sorted(set(LISTED)) == LISTED
    assert len(LISTED) == EXCEPTIONS, (
        "the number in this test is lowered with the list, and never raised"
    )


def test_the_median_function_is_not_dense() -> None:
    found = median(measures(), nodes_per_line)
    assert found is not None
    assert found <= MEDIAN_NODES_PER_LINE


def test_nodes_and_lines_are_those_of_the_function_itself() -> None:
    bare = only("""
        def f(a):
            return a
    """)
    # FunctionDef, arguments, arg, Return, Name, Load
    assert (bare.nodes, bare.lines, bare.code_lines, bare.length) == (6, 2, 2, 2)


def test_docstring_and_decorators_do_not_count() -> None:
    told = only('''
        @wraps(one)
        @two
        def f(a):
            """Says much.

            In lines.
            """
            return a
    ''')
    assert (told.nodes, told.lines, told.length) == (6, 2, 6)


def test_annotations_count() -> None:
    typed = only("""
        def f(a: int) -> int:
            return a
    """)
    assert typed.nodes == 10


def test_blank_lines_and_comments_are_lines_but_not_of_code() -> None:
    airy = only("""
        def f(a):
            # why

            return a
    """)
    assert (airy.nodes, airy.lines, airy.code_lines) == (6, 4, 2)


def test_an_inner_function_is_measured_apart() -> None:
    outer, inner = functions(
        dedent("""
            def f(a):
                def g(b):
                    return b
                return g
        """),
        "m",
    )
    assert (outer.name, outer.nodes, outer.lines, outer.length) == ("m:f", 6, 2, 4)
    assert (inner.name, inner.nodes, inner.lines) == ("m:f.g", 6, 2)


def test_methods_and_functions_under_a_condition_are_found() -> None:
    source = """
        class A:
            async def f(self): ...
        if True:
            def g(): ...
    """
    assert [one.name for one in functions(dedent(source), "m")] == ["m:A.f", "m:g"]


def test_limits_are_passed_one_above_them() -> None:
    at_limit = Density("m", "f", 1, nodes=28, lines=2, code_lines=2, length=80)
    dense = Density("m", "g", 1, nodes=29, lines=2, code_lines=2, length=2)
    long = Density("m", "h", 1, nodes=81, lines=81, code_lines=81, length=81)
    assert offenders([at_limit, dense, long]) == [dense, long]


def test_the_median_is_over_functions_of_eight_lines_and_more() -> None:
    short = Density("m", "f", 1, nodes=700, lines=7, code_lines=7, length=9)
    counted = Density("m", "g", 1, nodes=80, lines=8, code_lines=8, length=8)
    assert median([short, counted], nodes_per_line) == 10
    assert median([short], nodes_per_line) is None


def test_the_tool_prints_the_figures_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(a):\n    return a\n")
    command = [sys.executable, "-m", "tools.density", "--json", str(tmp_path)]
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert json.loads(told.stdout) == summary(read([tmp_path]))
    assert json.loads(told.stdout)["functions"] == 1
