"""`journeyman show`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from journeyman.app.finding import chosen_run
from journeyman.app.workspace import DEFAULT_WORKSPACE, existing_journal
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json
from journeyman.cli.text import duration, tokens, verdict
from journeyman.errors import InputError
from journeyman.runtime.review import reason
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcome_of, outcomes
from journeyman.types import Case, CaseResult, Message, Run, Step

app = new_app()


@app.command()
def main(
    case: Annotated[
        str | None, typer.Argument(help="A case's id. Left out: all cases of the run are listed.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="A run, or a job for its latest run. Left out: the latest.")
    ] = None,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="An earlier attempt instead of the last.")
    ] = None,
    open_only: Annotated[
        bool,
        typer.Option("--open", help="List only what wants a person: cases failed or in doubt."),
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Show a case's run step by step, or list the cases of a run."""
    with existing_journal(workspace) as journal:
        chosen = chosen_run(journal, run)
        if case is None:
            _list(journal, chosen, open_only=open_only, as_json=as_json)
            return
        found = journal.case(chosen.id, case)
        if found is None:
            raise InputError(
                f"Run {chosen.id!r} has no case {case!r}.", "List its cases with: journeyman show"
            )
        outcome = outcome_of(found, chosen.worker, journal.events(chosen.id, case, attempt=attempt))
    if as_json:
        print_json(
            {
                "run": chosen.id,
                "case": found.model_dump(mode="json"),
                "outcome": outcome.model_dump(mode="json"),
            }
        )
    else:
        _tell(chosen, found, outcome)


def _list(journal: Journal, run: Run, *, open_only: bool, as_json: bool) -> None:
    shown = (
        o
        for o in outcomes(journal, run)
        if not open_only or (o.closed and o.trajectory.failure is not None)
    )
    if as_json:
        print_json(
            [
                {"id": o.case_id, "verdict": verdict(o)[0], "answer": o.trajectory.answer}
                for o in shown
            ]
        )
        return
    table = Table(
        "case",
        "slice",
        "split",
        "verdict",
        "steps",
        "time",
        "answer",
        title=f"Run {run.id}",
        expand=False,
    )
    for outcome in shown:
        word, colour = verdict(outcome) if outcome.closed else ("pending", "dim")
        trajectory = outcome.trajectory
        said = trajectory.answer or (
            trajectory.failure.message if trajectory.failure else trajectory.stop
        )
        table.add_row(
            escape(outcome.case_id),
            escape(outcome.slice or ""),
            outcome.split,
            f"[{colour}]{word}[/]",
            str(len(trajectory.steps)),
            duration(trajectory.seconds),
            escape(" ".join(said.split())[:200]),
        )
    Console(highlight=False).print(table)


def _tell(run: Run, case: Case, outcome: CaseResult) -> None:
    """The run of one case, for reading from top to bottom."""
    console = Console(highlight=False, soft_wrap=True)
    trajectory = outcome.trajectory
    word, colour = verdict(outcome)
    console.print(
        f"[bold]{escape(case.id)}[/] · {escape(case.slice or 'no slice')} · {case.split} · run {run.id}"
    )
    console.print(f"worker {run.worker} with {run.model}, attempt {outcome.attempt}\n")
    for message in trajectory.opening:
        _say(console, message)
    for number, step in enumerate(trajectory.steps, start=1):
        _step(console, number, step)
    console.rule(f"[{colour}]{word}[/]", align="left")
    console.print(
        f"stopped: {trajectory.stop} after {duration(trajectory.seconds)}, {tokens(trajectory.usage)}"
    )
    console.print(
        f"answer:  {escape(trajectory.answer) if trajectory.answer is not None else '(none)'}"
    )
    if case.target is not None:
        console.print(f"target:  {escape(str(case.target))}")
    for score in outcome.scores:
        value = "not judged" if score.value is None else f"{score.value:g}"
        console.print(f"{score.verifier}: {value} {escape(score.reason)}")
        for name, part in score.fields.items():
            console.print(f"    {escape(name)}: {part:g}")
    if outcome.decision is not None:
        _decision(console, outcome)
    if trajectory.failure is not None:
        console.print(
            f"[yellow]{escape(trajectory.failure.message)}[/]\n{escape(trajectory.failure.hint)}"
        )
    if outcome.at is not None:
        console.print(
            f"[dim]{datetime.fromtimestamp(outcome.at).astimezone():%Y-%m-%d %H:%M:%S %Z}[/]"
        )


def _decision(console: Console, outcome: CaseResult) -> None:
    decision = outcome.decision
    assert decision is not None
    likely = "not known" if decision.score is None else f"{decision.score:.2f}"
    console.print(f"confidence: {likely}")
    console.print(
        f"decision: {'delivered' if decision.deliver else 'escalated'}. {reason(decision, outcome.trajectory.stop)}"
    )
    for check in outcome.trajectory.checks:
        told = "not told" if check.yes is None else f"{check.yes:.2f}"
        console.print(f"    asked about its own answer, {check.question}: P(yes) {told}")
    for person in outcome.unjudged:
        console.print(f"{escape(person)} can't judge it")
    for label in outcome.labels:
        correction = (
            f"; right is: {escape(label.correction)}" if label.correction is not None else ""
        )
        console.print(
            f"label by {escape(label.by)}: {'wrong' if label.error else 'right'}{correction} {escape(label.note)}"
        )


def _step(console: Console, number: int, step: Step) -> None:
    reply = step.reply
    likely = ""
    if reply.logprobs:
        mean = sum(token.logprob for token in reply.logprobs) / len(reply.logprobs)
        likely = f", mean log-probability {mean:.3f}"
    console.rule(
        f"step {number} · {duration(reply.usage.seconds)} · {tokens(reply.usage)}{likely}",
        align="left",
    )
    _say(console, reply.message)
    if reply.malformed is not None:
        console.print(f"[yellow]malformed: {escape(reply.malformed)}[/]")
    for result in step.results:
        _say(console, result)


def _say(console: Console, message: Message) -> None:
    colour = {"system": "dim", "user": "cyan", "assistant": "green", "tool": "magenta"}[
        message.role
    ]
    failed = " (failed)" if message.failed else ""
    console.print(f"[{colour}]{message.role}{failed}:[/] {escape(message.text)}")
    for call in message.tool_calls:
        arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
        console.print(f"    → {escape(call.name)}({escape(arguments)})")
