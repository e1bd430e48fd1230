"""`journeyman review`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import click
import typer
from rich.console import Console
from rich.markup import escape

from journeyman.app.finding import user
from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.cli.text import duration
from journeyman.errors import InputError
from journeyman.reports.html.page import hold_lines
from journeyman.runtime.review import ReviewItem
from journeyman.types import CaseResult, Label, Run

app = new_app()

KEYS = "[a]ccept  [e]dit  [r]eject  [c]an't judge  [s]kip  [q]uit"

GIVEN_UP = "can't judge"


@app.command()
def main(
    run: Annotated[
        str | None, typer.Argument(help="A run, or a job for its latest run. Left out: the latest.")
    ] = None,
    case: Annotated[
        str | None,
        typer.Option(
            help="Review this case, by one of --accept, --edit, --reject, --cannot-judge."
        ),
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="The answer is right.")] = False,
    edit: Annotated[
        str | None, typer.Option(help="The answer is wrong; this one is right.")
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="The answer is wrong.")] = False,
    cannot_judge: Annotated[
        bool, typer.Option("--cannot-judge", help="Nobody can tell, or not you.")
    ] = False,
    note: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    by: Annotated[
        str | None, typer.Option(help="Who reviews. Left out: the user of this machine.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many cases.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Review what was escalated or drawn for an audit: accept, edit or reject with one key each."""
    reviewer = by or user()
    with Workspace.open(workspace, new=False) as room:
        chosen = room.chosen_run(run)
        if cannot_judge:
            _one_decision(case, accept, reject, edit is not None, cannot_judge)
            _given_up(room.give_up(chosen, case or "", reviewer, note), reviewer, as_json=as_json)
            return
        if case is not None or accept or reject or edit is not None:
            label = _label(case, accept=accept, edit=edit, reject=reject, by=reviewer, note=note)
            outcome = room.review(chosen, case or "", label)
            _told(outcome, as_json=as_json)
            return
        items = room.inbox(chosen, by=reviewer)[:limit]
        if as_json:
            print_json([shown(item) for item in items])
            return
        for line in hold_lines(room.hold(chosen), chosen.job):
            say(line)
        if not items:
            say(f"Nothing waits in run {chosen.id}.")
        elif not sys.stdin.isatty():
            for item in items:
                say(f"{item.case.id}\t{item.why}")
            say(
                f"{len(items)} cases wait in run {chosen.id}. Review them at a terminal, or with --case and --json."
            )
        else:
            _go_through(room, chosen, items, reviewer)


def shown(item: ReviewItem) -> dict[str, Any]:
    """All that a program needs to show the case and to decide."""
    trajectory = item.outcome.trajectory
    return {
        "case": item.case.id,
        "slice": item.case.slice,
        "prompt": item.case.prompt,
        "answer": trajectory.answer,
        "confidence": item.outcome.confidence,
        "why": item.why,
        "delivered": item.outcome.decision is not None and item.outcome.decision.deliver,
        "stop": trajectory.stop,
        "evidence": [message.text for step in trajectory.steps for message in step.results],
        "at": item.outcome.at,
    }


def _label(
    case: str | None, *, accept: bool, edit: str | None, reject: bool, by: str, note: str
) -> Label:
    _one_decision(case, accept, reject, edit is not None)
    return Label(error=not accept, by=by, correction=edit, note=note)


def _one_decision(case: str | None, *given: bool) -> None:
    if case is None:
        raise InputError("Which case?", "Name it with --case.")
    if sum(given) != 1:
        raise InputError(
            "One decision for a case.",
            "Give one of --accept, --edit TEXT, --reject, --cannot-judge.",
        )


def _given_up(outcome: CaseResult, by: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"case": outcome.case_id, "cannot_judge": by})
    else:
        say(f"{outcome.case_id}: {by} can't judge it.")


def _told(outcome: CaseResult, *, as_json: bool) -> None:
    given = outcome.labels[-1]
    if as_json:
        print_json(
            {
                "case": outcome.case_id,
                "label": given.model_dump(mode="json"),
                "labels": len(outcome.labels),
            }
        )
        return
    word = (
        "corrected"
        if given.correction is not None and given.error
        else "rejected"
        if given.error
        else "accepted"
    )
    say(f"{outcome.case_id}: {word}.")


def _go_through(room: Workspace, run: Run, items: Sequence[ReviewItem], by: str) -> None:
    """One case after the other, one key each; what was decided is kept, whenever one stops."""
    console = Console(highlight=False, soft_wrap=True)
    done = 0
    for number, item in enumerate(items, start=1):
        _show(console, item, f"{number} of {len(items)}")
        label = _ask(item, by)
        if label is None:
            break
        if label == GIVEN_UP:
            _given_up(room.give_up(run, item.case.id, by), by, as_json=False)
        if isinstance(label, Label):
            try:
                outcome = room.review(run, item.case.id, label)
                _told(outcome, as_json=False)
                done += 1
            except InputError as error:
                say(f"{error.message} {error.hint}")
    waiting = len(room.inbox(run, by=by))
    say(f"{done} reviewed, {waiting} still wait.")


def _ask(item: ReviewItem, by: str) -> Label | str | None:
    """A label; "skip"; that it can't be judged; None: stop."""
    while True:
        click.echo(KEYS, nl=False)
        key = click.getchar().lower()
        click.echo()
        if key == "a":
            return Label(error=False, by=by)
        if key == "r":
            return Label(error=True, by=by)
        if key == "s":
            return "skip"
        if key == "c":
            return GIVEN_UP
        if key in {"q", "\x03", "\x04", "\x1b"}:
            return None
        if key == "e":
            text = click.edit(item.outcome.trajectory.answer or "")
            if text is not None and text.strip():
                return Label(error=True, by=by, correction=text.strip())


def _show(console: Console, item: ReviewItem, place: str) -> None:
    trajectory = item.outcome.trajectory
    console.rule(
        f"[bold]{escape(item.case.id)}[/] · {escape(item.case.slice or 'no slice')} · {place}",
        align="left",
    )
    console.print(f"[dim]{escape(item.why)} Worked in {duration(trajectory.seconds)}.[/]\n")
    console.print(f"[cyan]{escape(item.case.prompt)}[/]\n")
    for message in (message for step in trajectory.steps for message in step.results):
        console.print(f"[dim]{message.role}: {escape(message.text[:600])}[/]")
    answer = trajectory.answer
    console.print(
        f"\n[green]answer:[/] {escape(_pretty(answer)) if answer is not None else '(none)'}\n"
    )


def _pretty(answer: str) -> str:
    """JSON on several lines; anything else as it is."""
    try:
        value = json.loads(answer)
    except ValueError:
        return answer
    return (
        json.dumps(value, ensure_ascii=False, indent=2)
        if isinstance(value, dict | list)
        else answer
    )
