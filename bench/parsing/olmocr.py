"""The olmOCR checks, written anew from their definitions: present, absent, order, table and maths.

Text is compared with white space, quotes and dashes made alike and marks of Markdown taken out; `max_diffs` characters
may differ. A table's heading is found when any cell above it (or left of it) says it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Check = Mapping[str, Any]
Tables = list[list[list[str]]]

ALIKE = str.maketrans("‘’‚“”„–—‑‒−\xa0", "'''\"\"\"-----" + " ")


def checks(folder: Path) -> list[Check]:
    lines = (folder / "dataset.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def normalised(text: str) -> str:
    text = re.sub(r"<br\s*/?>", " ", text)
    text = re.sub(r"(\*\*|__)(.*?)\1", r"\2", text)
    text = re.sub(r"(?<!\w)[*_](\S.*?)[*_](?!\w)", r"\1", text)
    return " ".join(unicodedata.normalize("NFC", text).translate(ALIKE).replace("''", '"').split())


def passes(check: Check, markdown: str) -> bool:
    """Whether a parser's Markdown of the check's page passes."""
    return CHECKS[check["type"]](check, markdown)


def _present(check: Check, markdown: str) -> bool:
    text, wanted = normalised(markdown), normalised(check["text"])
    if not check.get("case_sensitive", True):
        text, wanted = text.lower(), wanted.lower()
    first, last = check.get("first_n"), check.get("last_n")
    if first or last:
        text = (text[:first] if first else "") + (text[-last:] if last else "")
    return next(found(wanted, text, check.get("max_diffs", 0)), None) is not None


def _absent(check: Check, markdown: str) -> bool:
    return not _present(check, markdown)


def _order(check: Check, markdown: str) -> bool:
    text, differ = normalised(markdown), check.get("max_diffs", 0)
    before = list(found(normalised(check["before"]), text, differ))
    after = list(found(normalised(check["after"]), text, differ))
    return any(a < b for a in before for b in after)


def found(wanted: str, text: str, differ: int) -> Iterator[int]:
    """The places at which a text ends that differs by so many edits at most (Sellers' algorithm)."""
    if differ == 0:
        yield from (match.end() for match in re.finditer(re.escape(wanted), text))
        return
    row = list(range(len(wanted) + 1))
    for at, letter in enumerate(text):
        before, row[0] = row[0], 0
        for n, other in enumerate(wanted, start=1):
            before, row[n] = row[n], min(before + (letter != other), row[n] + 1, row[n - 1] + 1)
        if row[-1] <= differ:
            yield at + 1


def tables_of(markdown: str) -> Tables:
    """Markdown's tables as cells."""
    tables: Tables = []
    inside = False
    for line in markdown.splitlines():
        if not line.strip().startswith("|"):
            inside = False
            continue
        cells = [
            cell.strip().replace("\\|", "|")
            for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))
        ]
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            continue
        if not inside:
            tables.append([])
            inside = True
        tables[-1].append([normalised(cell) for cell in cells])
    return tables


def _table(check: Check, markdown: str) -> bool:
    for table in tables_of(markdown):
        width = max(map(len, table))
        grid = [row + [""] * (width - len(row)) for row in table]
        for y, row in enumerate(grid):
            for x, cell in enumerate(row):
                if same(cell, check["cell"], check) and _neighbours(check, grid, y, x):
                    return True
    return False


def same(cell: str, wanted: str, check: Check) -> bool:
    wanted = normalised(wanted)
    if cell == wanted:
        return True
    differ = check.get("max_diffs", 0)
    return differ > 0 and next(found(wanted, cell, differ), None) is not None


def _neighbours(check: Check, grid: Sequence[Sequence[str]], y: int, x: int) -> bool:
    def at(row: int, column: int) -> list[str]:
        return [grid[row][column]] if 0 <= row < len(grid) and 0 <= column < len(grid[0]) else []

    near = {
        "up": at(y - 1, x),
        "down": at(y + 1, x),
        "left": at(y, x - 1),
        "right": at(y, x + 1),
        "top_heading": [row[x] for row in grid[:y]],
        "left_heading": list(grid[y][:x]),
    }
    return all(
        any(same(cell, check[side], check) for cell in cells)
        for side, cells in near.items()
        if check.get(side)
    )


def _math(check: Check, markdown: str) -> bool:
    """The formula's LaTeX stands there, whatever its white space and braces."""
    return plain_latex(check["math"]) in plain_latex(markdown)


def plain_latex(text: str) -> str:
    text = re.sub(r"\\(?:left|right|,|;|!|quad|mathrm|operatorname)", "", text)
    return re.sub(r"[\s{}$]", "", text)


CHECKS: Mapping[str, Callable[[Check, str], bool]] = {
    "present": _present,
    "absent": _absent,
    "order": _order,
    "table": _table,
    "math": _math,
}
