"""Brings the figures that the pages quote up to what was measured, after a benchmark was run again.

    python -m tools.requote

A quoted figure is a number with a comment behind it that names it, `0.97<!-- autonomy.auroc_pooled -->`. It keeps its
number of digits. The machine of a bench is quoted as `**AMD EPYC, 2 cores**<!-- harness.machine -->`. What a sentence
says of a figure is not changed: read the pages afterwards.
"""

from __future__ import annotations

import re

from bench.lib.figures import Figure
from bench.lib.pages import FIGURE, MACHINE, pages
from bench.lib.places import ROOT
from bench.lib.results import Result, result_of


def measured(name: str) -> Result:
    result = result_of(name)
    if result is None:
        raise SystemExit(
            f"There is no bench/results/{name}.json, but a page quotes it: make bench NAME={name}"
        )
    return result


def told(number: float, like: str, scale: int) -> str:
    """A number with as many digits as the one before had."""
    digits = len(like.partition(".")[2])
    return f"{scale * number:,.{digits}f}" if "," in like else f"{scale * number:.{digits}f}"


def figure_again(match: re.Match[str]) -> str:
    name, key, percent = match["name"], match["key"], match["percent"] or ""
    figure, scale = measured(name).figures[key], 100 if percent else 1
    if figure.value is None:
        return match.group()
    around = _interval(figure, match["low"], scale)
    return f"{told(figure.value, match['value'], scale)}{percent}{around}<!-- {name}.{key} -->"


def _interval(figure: Figure, low: str | None, scale: int) -> str:
    if low is None or figure.low is None or figure.high is None:
        return ""
    return f" ({told(figure.low, low, scale)}–{told(figure.high, low, scale)})"


def machine_again(match: re.Match[str]) -> str:
    name = match["name"]
    return f"**{measured(name).machine.told}**<!-- {name}.machine -->"


def main() -> None:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        changed = MACHINE.sub(machine_again, FIGURE.sub(figure_again, text))
        if changed != text:
            page.write_text(changed, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
