"""How full the lines of functions are: syntax nodes a line.

A function's nodes are everything that Python's parser makes of it, its signature and annotations included.
Its docstring, its decorators and the functions inside it do not count.
Its lines are those from `def` to its end, without the docstring's and without the inner functions'.
Blank lines and comments count as lines: they are room to breathe. `median_nodes_per_code_line` leaves them out,
so that it tells when a median fell by blank lines alone. An inner function is measured as a function of its own.

Of several definitions, this one gives the figures nearest to those the limits were set by (12.3 for this code
at the time, starlette 7.0, mini-swe-agent 6.7, pluggy 5.9): 12.5, 7.0, 7.0 and 6.2.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import statistics
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

NODES_A_LINE = 14
LINES_A_FUNCTION = 80
LINES_THAT_COUNT = 8
"""The median is over functions of at least so many lines of their own."""

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "journeyman"

Function = ast.FunctionDef | ast.AsyncFunctionDef
QUIET = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Density:
    """The measures of one function."""

    module: str
    qualname: str
    line: int
    nodes: int
    lines: int
    """Lines of its own."""
    code_lines: int
    """Lines of its own that hold code."""
    length: int
    """All lines from `def` to the end: docstring and inner functions too."""

    @property
    def name(self) -> str:
        return f"{self.module}:{self.qualname}"

    @property
    def nodes_per_line(self) -> float:
        return self.nodes / self.lines

    @property
    def nodes_per_code_line(self) -> float:
        return self.nodes / self.code_lines

    @property
    def counts(self) -> bool:
        """Whether it is long enough for the median."""
        return self.lines >= LINES_THAT_COUNT

    @property
    def too_dense(self) -> bool:
        return self.nodes_per_line > NODES_A_LINE

    @property
    def too_long(self) -> bool:
        return self.length > LINES_A_FUNCTION


def functions(source: str, module: str) -> list[Density]:
    """Every function of a module's source, inner ones and methods too, in order of their lines."""
    tree = ast.parse(source)
    code = lines_of_code(source)
    return [measured(function, qualname, module, code) for qualname, function in named(tree, "")]


def measured(function: Function, qualname: str, module: str, code: set[int]) -> Density:
    own = lines_of(function) - lines_of_docstring(function)
    for inner in inner_functions(function):
        own -= lines_of(inner)
    return Density(
        module=module,
        qualname=qualname,
        line=function.lineno,
        nodes=sum(1 for _ in own_nodes(function)),
        lines=len(own),
        code_lines=len(own & code),
        length=len(lines_of(function)),
    )


def named(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    """The functions below a node with their qualified names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
            yield from named(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from named(child, f"{prefix}{child.name}.")
        else:
            yield from named(child, prefix)


def inner_functions(function: Function) -> Iterator[Function]:
    for node in ast.walk(function):
        if isinstance(node, Function) and node is not function:
            yield node


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The function's nodes without docstring, decorators and inner functions."""
    left_out: list[ast.AST] = [*function.decorator_list]
    if ast.get_docstring(function, clean=False) is not None:
        left_out.append(function.body[0])
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(
            child
            for child in ast.iter_child_nodes(node)
            if child not in left_out and not isinstance(child, Function)
        )


def lines_of(node: ast.stmt) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def lines_of_docstring(function: Function) -> set[int]:
    if ast.get_docstring(function, clean=False) is None:
        return set()
    return lines_of(function.body[0])


def lines_of_code(source: str) -> set[int]:
    """The numbers of all lines that are neither blank nor only a comment."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in QUIET:
            found.update(range(token.start[0], token.end[0] + 1))
    return found


def median(measures: Iterable[Density], figure: Callable[[Density], float]) -> float | None:
    """The median over functions that are long enough; None where there is none."""
    figures = [figure(one) for one in measures if one.counts]
    return statistics.median(figures) if figures else None


def nodes_per_line(one: Density) -> float:
    return one.nodes_per_line


def nodes_per_code_line(one: Density) -> float:
    return one.nodes_per_code_line


def read(paths: Iterable[Path]) -> list[Density]:
    """The functions of files and of all Python files below folders."""
    found: list[Density] = []
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        base = path.parent
        for file in files:
            module = ".".join(file.relative_to(base).with_suffix("").parts)
            found += functions(file.read_text(encoding="utf-8"), module.removesuffix(".__init__"))
    return found


def offenders(measures: Iterable[Density]) -> list[Density]:
    return [one for one in measures if one.too_dense or one.too_long]


def summary(measures: Sequence[Density]) -> dict[str, float | int | None]:
    per_line = median(measures, nodes_per_line)
    per_code_line = median(measures, nodes_per_code_line)
    return {
        "median_nodes_per_line": None if per_line is None else round(per_line, 2),
        "median_nodes_per_code_line": None if per_code_line is None else round(per_code_line, 2),
        "functions": len(measures),
        "functions_in_median": sum(one.counts for one in measures),
        "too_dense": sum(one.too_dense for one in measures),
        "too_dense_in_median": sum(one.too_dense and one.counts for one in measures),
        "too_long": sum(one.too_long for one in measures),
        "exceptions": len({one.name for one in offenders(measures)}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.density", description="Syntax nodes a line of functions."
    )
    parser.add_argument("path", nargs="*", type=Path, default=[SOURCE])
    parser.add_argument(
        "--worst", type=int, default=20, metavar="N", help="how many of the densest to print"
    )
    parser.add_argument("--json", action="store_true", help="the figures only, as JSON")
    parser.add_argument(
        "--exceptions", action="store_true", help="the functions over a limit only, one a line"
    )
    chosen = parser.parse_args()
    measures = read(chosen.path)
    if chosen.json:
        print(json.dumps(summary(measures), indent=2))
        return
    if chosen.exceptions:
        print("\n".join(sorted({one.name for one in offenders(measures)})))
        return
    for key, figure in summary(measures).items():
        print(f"{key}: {figure}")
    for one in sorted(measures, key=nodes_per_line, reverse=True)[: chosen.worst]:
        print(
            f"{one.nodes_per_line:5.1f} nodes a line, {one.lines:3} lines  {one.name} (line {one.line})"
        )


if __name__ == "__main__":
    main()
