"""Boxes on a page: left, top, right and bottom in points, with y growing downwards."""

from __future__ import annotations

from journeyman.documents import Box


def width(box: Box) -> float:
    return box[2] - box[0]


def height(box: Box) -> float:
    return box[3] - box[1]


def area(box: Box) -> float:
    return width(box) * height(box)


def middle_x(box: Box) -> float:
    return (box[0] + box[2]) / 2


def middle_y(box: Box) -> float:
    return (box[1] + box[3]) / 2


def has_middle_in(box: Box, region: Box) -> bool:
    """Whether a box's middle lies in a region and not on its border."""
    left, top, right, bottom = region
    if not left < middle_x(box) < right:
        return False
    return top < middle_y(box) < bottom


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share more than a border."""
    left, top, right, bottom = one
    other_left, other_top, other_right, other_bottom = other
    across = left < other_right and other_left < right
    down = top < other_bottom and other_top < bottom
    return across and down


def distance(one: Box, other: Box) -> float:
    """The white between two boxes along the axis where they are further apart; negative where they overlap."""
    left, top, right, bottom = one
    other_left, other_top, other_right, other_bottom = other
    across = max(other_left - right, left - other_right)
    down = max(other_top - bottom, top - other_bottom)
    return max(across, down)
