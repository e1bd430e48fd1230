"""Curves of the report as SVG: a unit square with axes, lines and levels."""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.reports.trust import Point

WIDTH, HEIGHT, LEFT, BOTTOM = 340, 240, 44, 34
"""Of one picture, and of its margins, in pixels."""


def to_pixels(x: float, y: float) -> tuple[float, float]:
    """From the unit square to the picture."""
    width = WIDTH - LEFT - 10
    height = HEIGHT - BOTTOM - 10
    across = LEFT + x * width
    down = (HEIGHT - BOTTOM) - y * height
    return across, down


def picture(title: str, across: str, up: str, drawn: str) -> str:
    """Titles are markup already."""
    x0, y0 = to_pixels(0, 0)
    x1, y1 = to_pixels(1, 1)
    middle = (x0 + x1) / 2
    marks = "".join(map(_mark, (0, 0.5, 1)))
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    axes = f"M{x0} {y1}V{y0}H{x1}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" {size} role="img" aria-label="{title}">'
        f'<path d="{axes}" stroke="var(--line)" fill="none"/>'
        f"{marks}"
        f"{drawn}"
        f'<text x="{middle:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{across}</text>'
        f'<text x="{x0 + 6}" y="{y1 + 8}">{title}: {up}</text>'
        "</svg>"
    )


def _mark(share: float) -> str:
    """A number beside the upright axis."""
    x, y = to_pixels(0, share)
    place = f'x="{x - 6}" y="{y + 4:.0f}"'
    number = f"{share:g}"
    return f'<text class="dim" {place} text-anchor="end">{number}</text>'


def centre(x: float, y: float) -> str:
    """The attributes of a circle's place, given in pixels."""
    return f'cx="{x:.1f}" cy="{y:.1f}"'


def line(
    points: Sequence[Point], *, across: float = 1.0, colour: str = "--bar", dashed: bool = False
) -> str:
    if not points:
        return ""
    places = [to_pixels(point.x / across, point.y) for point in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="var({colour})" stroke-width="2"{dash}/>'


def horizontal_line(y: float, colour: str) -> str:
    ends = [Point(x=0, y=y), Point(x=1, y=y)]
    return line(
        ends,
        colour=colour,
        dashed=True,
    )
