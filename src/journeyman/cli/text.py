"""Text that fits a terminal: a Chinese character takes two columns."""

from __future__ import annotations

from rich.cells import cell_len

from journeyman.types import CaseResult, Usage


def shorten(text: str, width: int) -> str:
    """At most `width` columns on one line, with … where something is left out."""
    line = " ".join(text.split())
    if cell_len(line) <= width:
        return line
    kept = 0
    used = 1
    while (used := used + cell_len(line[kept])) <= width:
        kept += 1
    return line[:kept].rstrip() + "…"


def verdict(outcome: CaseResult) -> tuple[str, str]:
    """A word for how a case ended, and its colour."""
    trajectory = outcome.trajectory
    if trajectory.stop == "in_doubt":
        return "in doubt", "magenta"
    if trajectory.failure is not None:
        return "failed", "yellow"
    if outcome.correct is None:
        return "done", "cyan"
    return ("right", "green") if outcome.correct else ("wrong", "red")


def tokens(usage: Usage) -> str:
    """`1,240 tokens (1,100 cached) + 56`."""
    cached = ""
    if usage.cached_tokens is not None:
        cached = f" ({usage.cached_tokens:,} cached)"
    read = count(usage.prompt_tokens)
    written = count(usage.completion_tokens)
    return f"{read}{cached} + {written} tokens"


def count(number: int | None) -> str:
    """`1,240`; `?` where it is not known."""
    return "?" if number is None else f"{number:,}"


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes} min {rest:02d} s"
        if minutes < 60
        else f"{minutes // 60} h {minutes % 60:02d} min"
    )
