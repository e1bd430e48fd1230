"""A neighbourhood of the knowledge graph as SVG, without any script: it opens in a browser and prints."""

from __future__ import annotations

from html import escape
from math import cos, pi, sin

from journeyman.types import Record

SIZE = 800
RADIUS = 270


class Neighbour(Record):
    name: str
    weight: float
    """How much the two are mentioned together."""


class Neighbourhood(Record):
    """An entity and those that are mentioned together with it, the nearest first."""

    name: str
    neighbours: tuple[Neighbour, ...]
    edges: tuple[tuple[int, int], ...]
    """Pairs of neighbours that are mentioned together as well, by their places."""

    def svg(self) -> str:
        """The entity in the middle, the others around it; a line is as wide as they are near."""
        places = [self._place(n) for n in range(len(self.neighbours))]
        most = max((neighbour.weight for neighbour in self.neighbours), default=1.0)
        middle = SIZE / 2
        lines = [_line(*places[a], *places[b], 0.5, "#ccd") for a, b in self.edges]
        lines += [
            _line(middle, middle, x, y, 1 + 4 * neighbour.weight / most, "#79c")
            for neighbour, (x, y) in zip(self.neighbours, places, strict=True)
        ]
        dots = [
            _dot(x, y, 5, each.name) for each, (x, y) in zip(self.neighbours, places, strict=True)
        ]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" font-family="sans-serif">'
            f"<title>{_text(self.name)}</title>"
            f"{''.join(lines)}{''.join(dots)}{_dot(middle, middle, 9, self.name)}</svg>"
        )

    def html(self) -> str:
        """A page of its own."""
        return (
            f'<!doctype html><meta charset="utf-8"><title>{_text(self.name)}</title>{self.svg()}\n'
        )

    def _place(self, number: int) -> tuple[float, float]:
        angle = 2 * pi * number / max(len(self.neighbours), 1)
        reach = RADIUS + (60 if number % 2 else 0)
        return SIZE / 2 + reach * cos(angle), SIZE / 2 + reach * sin(angle)


def _line(x1: float, y1: float, x2: float, y2: float, width: float, colour: str) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:.1f}"/>'


def _dot(x: float, y: float, radius: float, name: str) -> str:
    anchor = "middle" if abs(x - SIZE / 2) < 90 else "start" if x > SIZE / 2 else "end"
    aside = {"middle": 0, "start": 9, "end": -9}[anchor]
    below = radius + 14 if anchor == "middle" else 4
    told = f'<text x="{x + aside:.1f}" y="{y + below:.1f}" font-size="13" text-anchor="{anchor}">{_text(name)}</text>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="#246"/>{told}'


def _text(name: str) -> str:
    return escape(name.encode("utf-8", "replace").decode())
