"""A neighbourhood of the knowledge graph as SVG, without any script: it opens in a browser and prints."""

from __future__ import annotations

from html import escape
from math import cos, pi, sin

from journeyman.types import Record

SIZE = 800
RADIUS = 270
SVG_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" font-family="sans-serif">'
)

Point = tuple[float, float]


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
        count = len(self.neighbours)
        places = [_place(number, count) for number in range(count)]
        middle = (SIZE / 2, SIZE / 2)
        lines: list[str] = []
        for first, second in self.edges:
            line = _line(places[first], places[second], 0.5, "#ccd")
            lines.append(line)
        weights = [neighbour.weight for neighbour in self.neighbours]
        widest = max(weights, default=1.0)
        dots: list[str] = []
        for neighbour, place in zip(self.neighbours, places, strict=True):
            width = 1 + 4 * neighbour.weight / widest
            lines.append(_line(middle, place, width, "#79c"))
            dots.append(_dot(place, 5, neighbour.name))
        dots.append(_dot(middle, 9, self.name))
        title = f"<title>{_text(self.name)}</title>"
        parts = [SVG_HEAD, title, *lines, *dots, "</svg>"]
        return "".join(parts)

    def html(self) -> str:
        """A page of its own."""
        title = _text(self.name)
        head = f'<!doctype html><meta charset="utf-8"><title>{title}</title>'
        return f"{head}{self.svg()}\n"


def _place(number: int, count: int) -> Point:
    """On a circle; every other one stands further out, so that names do not lie on each other."""
    angle = 2 * pi * number / max(count, 1)
    reach = RADIUS
    if number % 2:
        reach += 60
    x = SIZE / 2 + reach * cos(angle)
    y = SIZE / 2 + reach * sin(angle)
    return x, y


def _line(start: Point, end: Point, width: float, colour: str) -> str:
    x1, y1 = start
    x2, y2 = end
    begins = f'x1="{x1:.1f}" y1="{y1:.1f}"'
    ends = f'x2="{x2:.1f}" y2="{y2:.1f}"'
    stroke = f'stroke="{colour}" stroke-width="{width:.1f}"'
    return f"<line {begins} {ends} {stroke}/>"


def _dot(place: Point, radius: float, name: str) -> str:
    x, y = place
    anchor, aside = _anchor(x)
    below = 4.0
    if anchor == "middle":
        below = radius + 14
    at = f'x="{x + aside:.1f}" y="{y + below:.1f}"'
    text = f'<text {at} font-size="13" text-anchor="{anchor}">{_text(name)}</text>'
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="#246"/>'
    return circle + text


def _anchor(x: float) -> tuple[str, int]:
    """On which side of a dot its name stands, and how far aside."""
    if abs(x - SIZE / 2) < 90:
        return "middle", 0
    if x > SIZE / 2:
        return "start", 9
    return "end", -9


def _text(name: str) -> str:
    return escape(name.encode("utf-8", "replace").decode())
