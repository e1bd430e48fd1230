"""Brings the figures that the pages quote up to what was measured, after a benchmark was run again.

    python -m tools.requote

A quoted figure is a number with a comment behind it that names it, `0.97<!-- autonomy.auroc_pooled -->`. It keeps its
number of digits. What a sentence says of a figure is not changed: read the pages afterwards.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
QUOTED = re.compile(r"(-?[\d.,]+)( %)?( \((-?[\d.]+)–(-?[\d.]+)\))?<!-- (\w+)\.(\w+) -->")


def measured(name: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (ROOT / "bench/results" / f"{name}.json").read_text(encoding="utf-8")
    )
    return dict(found["figures"][key])


def again(match: re.Match[str]) -> str:
    value, percent, interval, low, _, name, key = match.groups()
    figure, scale = measured(name, key), 100 if percent else 1
    if figure["value"] is None:
        return match.group()

    def told(number: float, like: str) -> str:
        digits = len(like.partition(".")[2])
        return f"{scale * number:,.{digits}f}" if "," in like else f"{scale * number:.{digits}f}"

    around = (
        f" ({told(figure['low'], low)}–{told(figure['high'], low)})"
        if interval and figure["low"] is not None
        else ""
    )
    return f"{told(figure['value'], value)}{percent or ''}{around}<!-- {name}.{key} -->"


def main() -> None:
    for page in sorted(
        [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "jobs").rglob("README.md")]
    ):
        text = page.read_text(encoding="utf-8")
        changed = QUOTED.sub(again, text)
        if changed != text:
            page.write_text(changed, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
