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
from journeyman.environments.tools import traceback_of
from journeyman.errors import InputError
from journeyman.runtime.review import reason
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcome_of, outcomes
from journeyman.types import Case, CaseResult, Message, Run, Score, Step, ToolCall, Trajectory

COLOURS = {"system": "dim", "user": "cyan", "assistant": "green", "tool": "magenta"}

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
    traceback: Annotated[
        bool,
        typer.Option("--traceback", help="Say where in the code a fault of this case arose."),
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
    if not traceback:
        outcome = _without_tracebacks(outcome)
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
    part = escape(case.slice or "no slice")
    console.print(f"[bold]{escape(case.id)}[/] · {part} · {case.split} · run {run.id}")
    console.print(f"worker {run.worker} with {run.model}, attempt {outcome.attempt}\n")
    for message in trajectory.opening:
        _say(console, message)
    for number, step in enumerate(trajectory.steps, start=1):
        _step(console, number, step)
    word, colour = verdict(outcome)
    console.rule(f"[{colour}]{word}[/]", align="left")
    _ending(console, case, outcome)


def _ending(console: Console, case: Case, outcome: CaseResult) -> None:
    """How it stopped, with what answer, and what became of that."""
    trajectory = outcome.trajectory
    taken = duration(trajectory.seconds)
    console.print(f"stopped: {trajectory.stop} after {taken}, {tokens(trajectory.usage)}")
    answer = "(none)"
    if trajectory.answer is not None:
        answer = escape(trajectory.answer)
    console.print(f"answer:  {answer}")
    if case.target is not None:
        console.print(f"target:  {escape(str(case.target))}")
    for score in outcome.scores:
        _score(console, score)
    if outcome.decision is not None:
        _decision(console, outcome)
    failure = trajectory.failure
    if failure is not None:
        console.print(f"[yellow]{escape(failure.message)}[/]\n{escape(failure.hint)}")
        _traceback(console, failure.traceback)
    if outcome.at is not None:
        local = datetime.fromtimestamp(outcome.at).astimezone()
        console.print(f"[dim]{local:%Y-%m-%d %H:%M:%S %Z}[/]")


def _score(console: Console, score: Score) -> None:
    value = "not judged"
    if score.value is not None:
        value = f"{score.value:g}"
    why = escape(score.reason)
    console.print(f"{score.verifier}: {value} {why}")
    for name, part in score.fields.items():
        console.print(f"    {escape(name)}: {part:g}")
    if score.failure is not None:
        _traceback(console, score.failure.traceback)


def _without_tracebacks(outcome: CaseResult) -> CaseResult:
    """The same case, with no word about where in the code it failed."""
    scores: list[Score] = []
    for score in outcome.scores:
        unexplained = score.model_copy(update={"failure": None})
        scores.append(unexplained)
    changed = {"trajectory": _without(outcome.trajectory), "scores": tuple(scores)}
    return outcome.model_copy(update=changed)


def _without(trajectory: Trajectory) -> Trajectory:
    failure = trajectory.failure
    steps = map(_without_traceback, trajectory.steps)
    changed: dict[str, object] = {"steps": tuple(steps)}
    if failure is not None:
        changed["failure"] = failure.brief
    return trajectory.model_copy(update=changed)


def _without_traceback(step: Step) -> Step:
    results: list[Message] = []
    for message in step.results:
        told = message
        if traceback_of(message) is not None:
            told = message.model_copy(update={"details": None})
        results.append(told)
    return step.model_copy(update={"results": tuple(results)})


def _traceback(console: Console, told: str | None) -> None:
    if told is not None:
        console.print(f"[dim]{escape(told.rstrip())}[/]")


def _decision(console: Console, outcome: CaseResult) -> None:
    decision = outcome.decision
    assert decision is not None
    likely = "not known" if decision.score is None else f"{decision.score:.2f}"
    console.print(f"confidence: {likely}")
    decided = "delivered" if decision.deliver else "escalated"
    why = reason(decision, outcome.trajectory.stop)
    console.print(f"decision: {decided}. {why}")
    for check in outcome.trajectory.checks:
        told = "not told" if check.yes is None else f"{check.yes:.2f}"
        console.print(f"    asked about its own answer, {check.question}: P(yes) {told}")
    for person in outcome.unjudged:
        console.print(f"{escape(person)} can't judge it")
    for label in outcome.labels:
        word = "wrong" if label.error else "right"
        correction = ""
        if label.correction is not None:
            correction = f"; right is: {escape(label.correction)}"
        by = escape(label.by)
        note = escape(label.note)
        console.print(f"label by {by}: {word}{correction} {note}")


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
    colour = COLOURS[message.role]
    failed = " (failed)" if message.failed else ""
    text = escape(message.text)
    console.print(f"[{colour}]{message.role}{failed}:[/] {text}")
    _traceback(console, traceback_of(message))
    for call in message.tool_calls:
        console.print(f"    → {_spelled(call)}")


def _spelled(call: ToolCall) -> str:
    """A call as Python would spell it."""
    pairs = [f"{name}={value!r}" for name, value in call.arguments.items()]
    name = escape(call.name)
    arguments = escape(", ".join(pairs))
    return f"{name}({arguments})"
