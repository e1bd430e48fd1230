"""The figures and machines that pages quote, with the comment behind each that names it.

A figure: `0.97<!-- autonomy.auroc_pooled -->`, also with its interval. The machine that a bench ran on:
`**AMD EPYC, 2 cores**<!-- harness.machine -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench.lib.figures import Figure
from bench.lib.places import ROOT
from bench.lib.results import Result

FIGURE = re.compile(
    r"(?P<value>-?[\d.,]+)(?P<percent> %)?(?: \((?P<low>-?[\d.]+)–(?P<high>-?[\d.]+)\))?"
    r"<!-- (?P<name>\w+)\.(?P<key>\w+) -->"
)
MACHINE = re.compile(r"\*\*(?P<told>[^*\n]+)\*\*<!-- (?P<name>\w+)\.machine -->")
MARK = re.compile(r"<!-- \w+\.\w+ -->")
TIME_UNIT = re.compile(r"(ms|s|min)\b|.*\bseconds?\b|cases/h")
TIME_KEY = {"ms", "s", "second", "seconds"}


class Quote(NamedTuple):
    """A figure as it stands on a page; parts that it does not have are empty."""

    value: str
    percent: str
    low: str
    high: str
    name: str
    key: str


def pages(root: Path = ROOT) -> list[Path]:
    """Every page that may quote a figure."""
    return sorted(
        [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "jobs").rglob("README.md")]
    )


def quotes(text: str) -> Iterator[Quote]:
    for match in FIGURE.finditer(text):
        yield Quote(**match.groupdict(default=""))


def machines(text: str) -> dict[str, str]:
    """What a page says of the machine, by bench."""
    return {match["name"]: match["told"] for match in MACHINE.finditer(text)}


def is_a_time(key: str, figure: Figure) -> bool:
    """Whether a figure is a time or a rate, which is another one on another machine. A ratio of times is none."""
    return bool(TIME_UNIT.match(figure.unit)) or bool(TIME_KEY & set(key.split("_")))


def unnamed_machines(text: str, result: Callable[[str], Result]) -> list[str]:
    """Benches of whose times a page quotes one without naming the machine."""
    timed = {
        quote.name
        for quote in quotes(text)
        if is_a_time(quote.key, result(quote.name).figures[quote.key])
    }
    return sorted(timed - machines(text).keys())
