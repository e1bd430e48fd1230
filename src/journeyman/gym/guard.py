"""Gives scorers that evaluate an answer as Python code an `eval` that only does arithmetic.

reasoning-gym hands some answers to `eval`, and others to sympy's parser, which does the same: an answer could run any
code, and give itself full marks.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Mapping
from typing import Any

FUNCTIONS = frozenset((
    "Symbol", "Integer", "Float", "Rational", "Function", "Add", "Mul", "Pow", "Abs", "sqrt", "exp", "log", "ln", "sin",
    "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "acot", "asec", "acsc", "sinh", "cosh", "tanh", "coth",
    "asinh", "acosh", "atanh",
))  # fmt: skip
"""What may be called: what sympy's parser writes around names and numbers, and elementary functions."""

NODES = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Call, ast.keyword, ast.Tuple, ast.List, ast.Set, ast.Dict,
    ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.Compare, ast.cmpop,
)  # fmt: skip


def sums_only(
    source: Any, names: Mapping[str, Any] | None = None, more: Mapping[str, Any] | None = None
) -> Any:
    """The value of an expression of numbers, texts, lists and elementary functions. Raises ValueError for any other."""
    if not isinstance(source, str):
        raise TypeError("only text is evaluated")
    tree = ast.parse(source.strip(), mode="eval")
    for node in ast.walk(tree):
        if not _may_be_evaluated(node):
            raise ValueError(f"{type(node).__name__} is more than a sum")
    known: Mapping[str, Any] = {"__builtins__": {}}
    if names is not None:
        known = names
    code = compile(tree, "<answer>", "eval")
    return eval(code, dict(known), more)  # noqa: S307 - the tree is what may be evaluated


def _may_be_evaluated(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
    return isinstance(node, NODES)


def guard(package: str) -> None:
    """Put it into the place of `eval` in all loaded modules of a package, and in sympy's parser."""
    parser = importlib.import_module("sympy.parsing.sympy_parser")
    vars(parser)["eval"] = sums_only
    prefix = f"{package}."
    for name, module in list(sys.modules.items()):
        if name.startswith(prefix):
            vars(module)["eval"] = sums_only
