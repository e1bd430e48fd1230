"""Progress of the work: a bar on a terminal, plain lines elsewhere, nothing for programs."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from journeyman.cli.text import duration, shorten, verdict
from journeyman.types import CaseResult, Run


class Board(Protocol):
    """What is told of the work as it goes on."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def fetching(self, what: str, done: int, total: int) -> None:
        """Bytes of a file so far."""
        ...

    def begin(self, run: Run, *, total: int) -> None: ...

    def closed(self, outcome: CaseResult) -> None: ...

    def stopping(self) -> None: ...


class SilentBoard:
    """Says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def fetching(self, what: str, done: int, total: int) -> None: ...

    def begin(self, run: Run, *, total: int) -> None: ...

    def closed(self, outcome: CaseResult) -> None: ...

    def stopping(self) -> None: ...


@dataclass
class Tally:
    """Counts for the line under the bar."""

    total: int = 0
    done: int = 0
    correct: int = 0
    scored: int = 0
    tokens: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, outcome: CaseResult) -> None:
        self.done += 1
        self.scored += outcome.correct is not None
        self.correct += outcome.correct is True
        self.tokens += outcome.trajectory.usage.total_tokens or 0

    @property
    def line(self) -> str:
        """Rate, accuracy so far, tokens, time left."""
        passed = time.monotonic() - self.began
        share = "nothing scored"
        if self.scored:
            share = f"{self.correct}/{self.scored} right"
        left = "?"
        rate = "starting"
        if self.done:
            open_cases = self.total - self.done
            left = duration(passed / self.done * open_cases)
        if self.done and passed > 0:
            rate = f"{self.done / passed * 3600:,.0f} cases/h"
        return f"{rate} · {share} · {self.tokens:,} tokens · {left} left"


def case_line(outcome: CaseResult, width: int) -> tuple[str, str]:
    """One case on one line, and the colour of its verdict."""
    word, colour = verdict(outcome)
    trajectory = outcome.trajectory
    said = (
        trajectory.failure.message
        if trajectory.failure
        else trajectory.answer or f"no answer ({trajectory.stop})"
    )
    head = f"{word:<8} {_padded(outcome.case_id, 20)} {_padded(outcome.slice or '', 16)} {trajectory.seconds:6.1f} s  "
    return head + shorten(said, max(20, width - cell_len(head))), colour


def _padded(text: str, width: int) -> str:
    """Exactly so many columns."""
    short = shorten(text, width)
    return short + " " * (width - cell_len(short))


class PlainBoard:
    """A line per case, for logs and pipes."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.last_percent = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def fetching(self, what: str, done: int, total: int) -> None:
        tenths = done * 10 // max(total, 1)
        percent = tenths * 10
        if percent != self.last_percent:
            self.last_percent = percent
            megabytes = total / 1e6
            self.say(f"Fetching {what}: {percent} % of {megabytes:,.0f} MB")

    def begin(self, run: Run, *, total: int) -> None:
        self.tally = Tally(total=total)
        self.say(f"{run.worker} works {total} cases of {run.job} with {run.model} (run {run.id}).")

    def closed(self, outcome: CaseResult) -> None:
        tally = self.tally
        tally.add(outcome)
        line = case_line(outcome, 110)[0]
        self.say(line)
        if tally.done % 10 == 0 or tally.done == tally.total:
            self.say(f"  {tally.done}/{tally.total} · {tally.line}")

    def stopping(self) -> None:
        self.say(
            "Stopping at the next step; run the same command again to go on. Ctrl-C again stops at once."
        )


class RichBoard:
    """A bar with rate, accuracy, tokens and time left; each finished case stands above it."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.tally = Tally()
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            console=self.console,
        )
        self.task: TaskID | None = None
        self.fetch: TaskID | None = None

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def fetching(self, what: str, done: int, total: int) -> None:
        if self.fetch is None:
            self.fetch = self.bar.add_task(f"Fetching {what}", total=total, note="")
        self.bar.update(
            self.fetch, completed=done, note=f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        )

    def begin(self, run: Run, *, total: int) -> None:
        self.tally = Tally(total=total)
        self.console.print(
            f"[bold]{run.worker}[/] works {total} cases of [bold]{run.job}[/] with {run.model}"
        )
        self.task = self.bar.add_task(run.id, total=total, note="starting")

    def closed(self, outcome: CaseResult) -> None:
        self.tally.add(outcome)
        line, colour = case_line(outcome, self.console.width)
        text = Text(line, overflow="ellipsis", no_wrap=True)
        text.stylize(colour, 0, 8)
        self.console.print(text)
        assert self.task is not None
        note = f"{self.tally.done}/{self.tally.total} · {self.tally.line}"
        self.bar.update(self.task, completed=self.tally.done, note=note)

    def stopping(self) -> None:
        self.console.print(
            "Stopping at the next step; run it again to go on. Ctrl-C again stops at once."
        )


def board_for(*, as_json: bool) -> Board:
    """Nothing for programs, a bar on a terminal, plain lines elsewhere."""
    if as_json:
        return SilentBoard()
    return RichBoard() if sys.stdout.isatty() else PlainBoard()
