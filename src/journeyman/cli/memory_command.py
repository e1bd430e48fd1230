"""`journeyman memory`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from journeyman.app.finding import chosen_run
from journeyman.app.workspace import DEFAULT_WORKSPACE, existing_journal
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.cli.text import shorten
from journeyman.memory.projection import LessonProjection
from journeyman.memory.recall import LessonStats, lesson_stats
from journeyman.types import Lesson

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's name, as `journeyman work` tells it.")],
    like: Annotated[
        str | None, typer.Option(help="Only what would be looked at for a case of these words.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the latest first.")] = 40,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """List what a job's workers remember, with what each lesson has proved to be worth."""
    with existing_journal(workspace) as journal:
        latest = chosen_run(journal, job)
        experience = LessonProjection(journal, latest.job)
        try:
            memories = experience.advance()
            every = ("demonstration", "correction")
            if like is None:
                found = memories.lessons(limit=limit)
            else:
                found = [one.lesson for one in memories.search(like, kinds=every, k=limit)]
            known = lesson_stats(found, memories.latest())
        finally:
            experience.close()
    if as_json:
        rows = [(lesson.model_dump(mode="json"), known[lesson.id]) for lesson in found]
        print_json(
            [{**row, **one.model_dump(mode="json"), "recalled": one.recalled} for row, one in rows]
        )
        return
    if not found:
        say(f"Nothing is remembered of {latest.job!r} yet: a case is, once somebody has judged it.")
        return
    table = Table("case", "holds", "kind", "by", box=SIMPLE_HEAD, title=f"{latest.job}")
    for column in ("uses", "worth", "95 %", "sound"):
        table.add_column(column, justify="right")
    for lesson in found:
        cells = _cells(lesson, known[lesson.id])
        table.add_row(*cells)
    Console(highlight=False).print(table)


def _cells(lesson: Lesson, standing: LessonStats) -> tuple[str, ...]:
    """A lesson's row in the table."""
    about = escape(shorten(lesson.about, 44))
    text = escape(shorten(lesson.text, 30))
    kind = lesson.kind if standing.recalled else f"{lesson.kind} {why(standing)}"
    by = escape(lesson.by)
    worth = standing.worth
    uses = str(worth.uses)
    if not worth.uses:
        return (about, text, kind, by, uses, "–", "", "–")
    value = f"{worth.value:+.2f}"
    between = f"{worth.low:+.2f} – {worth.high:+.2f}"
    sound = f"{standing.sound:.0%}"
    return (about, text, kind, by, uses, value, between, sound)


def why(standing: LessonStats) -> str:
    """A lesson is not told."""
    return "shut out" if standing.shut_out else "retired" if standing.worth.retired else "unsound"
