"""Named points at which kill tests end the process. Elsewhere a point costs nothing."""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "cases.before_add",
    "cases.after_add",
    "claim.before",
    "claim.after",
    "events.before_append",
    "events.after_append",
    "effect.before",
    "effect.after",
    "case.before_close",
    "case.after_close",
)
"""Every write and every effect of working cases stands between two of these."""

LEARNING_POINTS = ("change.before", "change.after")
"""Beside them, those of learning, examining and promoting."""

WAITING_POINTS = ("wait.before", "wait.after", "emit.before", "emit.after")
"""Those of cases that wait."""

on_reach: Callable[[str], None] | None = None
"""Called with the point's name; None: nobody listens."""


def reach(point: str) -> None:
    if on_reach is not None:
        on_reach(point)
