"""`journeyman ask`."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from journeyman.app.assignment import load
from journeyman.app.workspace import DEFAULT_WORKSPACE, Workspace
from journeyman.cli.bases import (
    DEFAULT_BASE,
    BaseName,
    EmbedderOption,
    Labels,
    SearchMode,
    base_file,
    brought_up_to_date,
    open_base,
    shown_path,
)
from journeyman.cli.progress import board_for
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.cli.text import duration, shorten
from journeyman.cli.work_command import ModelName
from journeyman.documents import Passage, heading
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.knowledge.base import KnowledgeBase
from journeyman.knowledge.modes import NEAR
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.models.embedded import EmbeddedModel
from journeyman.protocols import Model
from journeyman.runtime.asking import PASSAGE_TOKENS, asking_job
from journeyman.runtime.review import reason
from journeyman.types import CaseResult
from journeyman.verifiers.citations import CitedSentence, abstains, cited_sentences, shown_to

app = new_app()

CITED = 2
"""Passages that a sentence is shown with, at most."""


@app.command()
def main(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[PATH]... [QUESTION]",
            help="Files and folders, then the question; without paths, --base is asked; without a question, standard"
            " input, a question a line.",
        ),
    ],
    base: BaseName = DEFAULT_BASE,
    embedder: EmbedderOption = "use",
    label: Labels = None,
    mode: Annotated[
        SearchMode, typer.Option(help="How to search; all but basic need the extra `graph`.")
    ] = (SearchMode.BASIC),
    tokens: Annotated[
        int, typer.Option(min=50, help="Of passages that the model reads, about.")
    ] = PASSAGE_TOKENS,
    model: ModelName = DEFAULT_MODEL,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Ask documents a question, and get an answer whose sentences name the passages that they stand in.

    The files are read the first time, and afterwards only what changed. A sentence that stands in no passage is marked.
    Every question is a case: `journeyman review ask` takes what you say of its answer, which is how confidence is
    learned.
    """
    paths, question = _parted(words)
    name = base if not paths else f"ask-{_hash(paths)}"
    with (
        Workspace.open(workspace) as room,
        board_for(as_json=as_json) as board,
        open_base(workspace, name, embedder, new=bool(paths)) as opened,
    ):
        if mode is not SearchMode.BASIC:
            opened.graph()  # before any question: an index that knows no graph is an error now
        engine = open_model(model, at_once=1, progress=board.fetching)
        if isinstance(engine, EmbeddedModel):
            engine.preload()
        seconds = _updated(opened, paths, label or [], as_json=as_json) if paths else 0.0
        seen: dict[str, Sequence[Passage]] = {}

        async def find(query: str) -> Sequence[Passage]:
            labels = label or []
            return await opened.search(query, k=8, labels=labels, mode=mode.value)

        about = f"{base_file(workspace, name).name} {mode.value} {tokens}"
        job = asking_job(
            find,
            about=about,
            labels=label or [],
            tokens=tokens,
            near=NEAR[mode.value],
            on_passages=lambda case, passages: seen.update({case: passages}),
        )
        questions = iter([question]) if question is not None else _questions()
        asyncio.run(_all(questions, room, job, engine, seen, seconds, as_json=as_json))


def _parted(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Paths and the question. None: the last word is a path too, so that questions come by standard input."""
    *paths, last = words
    if not last.strip():
        raise InputError("The question is empty.", "Ask something.")
    if strange := [path for path in paths if not Path(path).exists()]:
        raise InputError(
            f"There is no file or folder {strange[0]!r}.",
            "Correct its path; put the question in quotation marks.",
        )
    return ([*paths, last], None) if Path(last).exists() else (paths, last)


def _hash(paths: Sequence[str]) -> str:
    places = [str(Path(path).resolve()) for path in paths]
    places.sort()
    told = "\0".join(places)
    digest = hashlib.sha256(told.encode())
    return digest.hexdigest()[:12]


def _questions() -> Iterator[str]:
    """Standard input's lines, to its end."""
    while True:
        if sys.stdin.isatty():
            sys.stdout.write("\n? ")
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _updated(
    base: KnowledgeBase, paths: Sequence[str], labels: Sequence[str], *, as_json: bool
) -> float:
    """Seconds that bringing the base in line with the disk took."""
    done, seconds = brought_up_to_date(base, paths, labels, as_json=as_json)
    if not as_json and (done.read or done.removed):
        say(f"{len(done.read)} files read, {len(done.removed)} gone, in {duration(seconds)}.\n")
    return seconds


async def _all(
    questions: Iterator[str], room: Workspace, job: Job, model: Model,
    seen: dict[str, Sequence[Passage]], indexing: float, *, as_json: bool,
) -> None:  # fmt: skip
    await load(model)
    try:
        for question in questions:
            began = time.monotonic()
            outcome = await room.ask(job, model, question)
            answering = time.monotonic() - began
            seconds = {"indexing": indexing, "answering": answering}
            passages = seen.get(outcome.case_id, ())
            tell = _as_json if as_json else _told
            tell(question, outcome, passages, seconds)
    finally:
        await model.aclose()


def _as_json(
    question: str, outcome: CaseResult, passages: Sequence[Passage], seconds: dict[str, float]
) -> None:
    answer, told = outcome.trajectory.answer, _claims(question, outcome)
    shown: dict[str, Any] = {
        "case": outcome.case_id,
        "answer": answer,
        "abstains": None if answer is None else abstains(answer),
        "claims": [
            {**claim.model_dump(mode="json"), "supported": claim.supported} for claim in told
        ],
        "passages": [
            {"number": n, **passage.model_dump(mode="json")}
            for n, passage in enumerate(passages, start=1)
        ],
        "confidence": outcome.confidence,
        "delivered": outcome.decision is not None and outcome.decision.deliver,
        "failure": None
        if outcome.trajectory.failure is None
        else outcome.trajectory.failure.brief.model_dump(mode="json"),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    print_json(shown)


def _claims(question: str, outcome: CaseResult) -> tuple[CitedSentence, ...]:
    answer = outcome.trajectory.answer
    if answer is None or abstains(answer):
        return ()
    return cited_sentences(answer, shown_to(outcome.trajectory), question)


def _told(
    question: str, outcome: CaseResult, passages: Sequence[Passage], seconds: dict[str, float]
) -> None:
    console = Console(highlight=False)
    answer = outcome.trajectory.answer
    if answer is None:
        failure = outcome.trajectory.failure
        console.print(
            "There is no answer."
            if failure is None
            else escape(f"{failure.message} {failure.hint}")
        )
        return
    told = _claims(question, outcome)
    if not told:
        console.print(escape(answer))
    for claim in told:
        marks = "".join(f"[{n}]" for n in claim.found[:CITED])
        flag = "  [yellow]← in no passage[/]" if claim.supported is False else ""
        console.print(f"{escape(claim.text)} [cyan]{escape(marks)}[/]{flag}")
    console.print()
    for number in sorted({n for claim in told for n in claim.found[:CITED]}):
        if number <= len(passages):
            passage = passages[number - 1]
            place = f"[cyan]{escape(f'[{number}]')}[/] {escape(heading(passage))}"
            console.print(f"{place}  [dim]{escape(shown_path(passage.document))}[/]")
            console.print(f"    {escape(shorten(passage.text, 2 * max(console.width, 40) - 10))}")
    decision = outcome.decision
    likely = "not known yet" if outcome.confidence is None else f"{outcome.confidence:.2f}"
    why = "" if decision is None else f" {reason(decision, outcome.trajectory.stop)}"
    console.print(f"[dim]confidence {likely}.{escape(why)} {duration(seconds['answering'])}.[/]")
