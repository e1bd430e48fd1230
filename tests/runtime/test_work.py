"""The durable loop over cases: several at a time, several processes, stops, retries, and nothing paid twice."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from journeyman.cli.tables import notes
from journeyman.environments import SingleTurn, Tools, effect
from journeyman.errors import InputError, ModelBusyError, ModelTimeoutError
from journeyman.job.job import Job
from journeyman.models.recorded import RecordedModel
from journeyman.models.scripted import ScriptedModel
from journeyman.protocols import Model
from journeyman.reports.csv import cell
from journeyman.reports.html.page import html_page
from journeyman.reports.metrics import RunMetrics, run_metrics
from journeyman.reports.writer import write_report
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import (
    Budget,
    Case,
    CaseResult,
    Message,
    Reply,
    Run,
    ToolCall,
    ToolSpec,
    Usage,
)
from journeyman.verifiers import Exact

CASES = [
    Case(id=f"c{n}", prompt=f"say {n}", target=str(n), slice="odd" if n % 2 else "偶数")
    for n in range(12)
]


def job(cases: Iterable[Case] = CASES, **settings: Any) -> Job:
    given = {"name": "job", "environment": SingleTurn(), "verifiers": (Exact(),), **settings}
    return Job(cases=lambda: cases, **given)


def echo(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    """Right on all but two cases."""
    number = messages[-1].text.split()[-1]
    return "wrong" if number in {"3", "4"} else number


def do(
    workspace: Path,
    doing: Job,
    model: Model,
    *,
    stop_after: int | None = None,
    retry: bool = False,
    fresh: bool = False,
    at_once: int = 3,
) -> tuple[Run, RunMetrics]:
    with open_journal(workspace) as journal, LeaseOwner.enter(workspace) as holder:
        run = open_run(journal, doing, model, fresh=fresh)
        add_cases(journal, run, doing.cases(), retry_failed=retry)
        stop, told = asyncio.Event(), []

        def count(outcome: CaseResult) -> None:
            told.append(outcome)
            if len(told) == stop_after:
                stop.set()

        shift = replace(
            Runner.open(journal, holder, doing, model, run, at_once=at_once, on_case_closed=count),
            stop=stop,
        )
        asyncio.run(asyncio.wait_for(work(shift), 60))
        return run, run_metrics(journal, run)


def test_every_case_is_worked_scored_and_counted(tmp_path: Path) -> None:
    _, seen = do(tmp_path, job(), ScriptedModel(echo), at_once=1)
    assert (seen.cases, seen.closed, seen.correct.count, seen.correct.total) == (12, 12, 10, 12)
    assert [(row.slice, row.correct.count, row.correct.total) for row in seen.slices] == [
        ("odd", 5, 6),
        ("偶数", 5, 6),
    ]
    assert seen.mean_confidence is not None


def test_tokens_that_an_engine_does_not_tell_are_unknown_everywhere(tmp_path: Path) -> None:
    def silent(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        told = Message(role="assistant", content=echo(messages, tools))
        return Reply(message=told, usage=Usage(prompt_tokens=None, completion_tokens=2))

    _, seen = do(tmp_path, job(), ScriptedModel(silent))
    assert seen.correct.count == 10
    assert (seen.prompt_tokens, seen.cached_tokens, seen.completion_tokens) == (None, None, 24)
    assert seen.tokens_per_correct is None
    assert "not told by the engine" in html_page(seen, [])
    assert "Tokens: ? read, 24 written." in notes(seen)


def test_the_same_again_pays_for_nothing(tmp_path: Path) -> None:
    first, _ = do(tmp_path, job(), ScriptedModel(echo))
    model = ScriptedModel(echo)
    second, seen = do(tmp_path, job(), model)
    assert second == first
    assert (model.calls, seen.model_calls) == ([], 12)


def test_stopped_it_goes_on_where_it_was(tmp_path: Path) -> None:
    first = ScriptedModel(echo)
    _, seen = do(tmp_path, job(), first, stop_after=4)
    assert 4 <= seen.closed < 12
    second = ScriptedModel(echo)
    _, seen = do(tmp_path, job(), second)
    assert seen.closed == 12
    assert len(first.calls) + len(second.calls) == 12


def test_a_failing_case_ends_typed_and_the_stream_goes_on(tmp_path: Path) -> None:
    def script(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Any:
        return (
            ModelBusyError("busy", "wait")
            if messages[-1].text == "say 5"
            else echo(messages, tools)
        )

    run, seen = do(tmp_path, job(), ScriptedModel(script))
    assert [(one.failure.kind, one.count) for one in seen.failures] == [("model_busy", 1)]
    assert (seen.correct.total, seen.not_judged) == (11, 1)
    same, seen = do(tmp_path, job(), ScriptedModel(echo), retry=True)
    assert same == run
    assert (seen.correct.count, seen.correct.total, seen.failures) == (10, 12, ())
    with open_journal(tmp_path) as journal:
        attempts = {o.case_id: o.attempt for o in outcomes(journal, run)}
        assert attempts["c5"] == 2
        assert journal.events(run.id, "c5", attempt=1)


def test_a_changed_mind_is_a_new_version_and_fresh_a_new_run(tmp_path: Path) -> None:
    runs = [
        do(tmp_path, job(), ScriptedModel(echo))[0],
        do(tmp_path, job(instructions="BE BRIEF"), ScriptedModel(echo))[0],
        do(tmp_path, job(), ScriptedModel(echo), fresh=True)[0],
        do(tmp_path, job(), ScriptedModel(echo, name="other"))[0],
    ]
    assert [(run.id, run.worker) for run in runs] == [
        ("job-1", "ada@1"),
        ("job-2", "ada@2"),
        ("job-3", "ada@1"),
        ("job-4", "ada@3"),
    ]


def test_without_targets_nothing_is_scored_and_the_report_says_so(tmp_path: Path) -> None:
    untold = [case.model_copy(update={"target": None}) for case in CASES]
    run, seen = do(tmp_path, job(untold), ScriptedModel(echo))
    assert (seen.correct.value, seen.targets_known, seen.not_judged) == (None, False, 12)
    with open_journal(tmp_path) as journal:
        written = write_report(journal, run, tmp_path / "report")
    assert "Nothing was scored" in written.html.read_text(encoding="utf-8")
    assert (written.png, written.why_no_png) == (None, "nothing was scored")


def test_the_journal_replays_as_a_recorded_model(tmp_path: Path) -> None:
    sealed = job(
        [case.model_copy(update={"split": "exam"}) for case in CASES]
    )  # recalls nothing, draws nothing
    _, seen = do(tmp_path / "a", sealed, ScriptedModel(echo))
    with open_journal(tmp_path / "a") as journal:
        recorded = RecordedModel(dict(journal.replies()), "scripted")
    _, again = do(tmp_path / "b", sealed, recorded)
    assert again.correct == seen.correct


def test_a_budget_stops_a_case_and_says_which(tmp_path: Path) -> None:
    def look(word: str) -> str:
        """Look."""
        return word

    def never_ends(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> ToolCall:
        return ToolCall(id=f"x{len(messages)}", name="look", arguments={"word": str(len(messages))})

    doing = job(CASES[:2], environment=Tools(functions=(look,)), budget=Budget(steps=3))
    _, seen = do(tmp_path, doing, ScriptedModel(never_ends))
    assert (seen.stops, seen.failures, seen.correct.count) == ({"steps": 2}, (), 0)


RUNG: list[str] = []


@effect("once")
def ring(times: int) -> str:
    """Ring."""
    RUNG.append("x")
    return "rung"


def test_an_effect_that_outlasts_the_budget_is_in_doubt(tmp_path: Path) -> None:
    @effect("once")
    async def slow(times: int) -> str:
        """Take long."""
        await asyncio.sleep(30)
        return "done"

    calls = [ToolCall(id="1", name="slow", arguments={"times": 1})]
    doing = job(CASES[:1], environment=Tools(functions=(slow,)), budget=Budget(seconds=0.3))
    _, seen = do(tmp_path, doing, ScriptedModel(calls))
    assert (seen.in_doubt, seen.stops) == (1, {"in_doubt": 1})


def test_a_timeout_of_the_model_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    _, seen = do(tmp_path, job(CASES[:1]), ScriptedModel([ModelTimeoutError("slow", "wait")]))
    assert seen.failures[0].failure.kind == "model_timeout"


def test_calls_with_equal_ids_are_told_apart(tmp_path: Path) -> None:
    RUNG.clear()
    lines = [ToolCall(id="call_0", name="ring", arguments={"times": n}) for n in (1, 2)]
    _, seen = do(
        tmp_path, job(CASES[:1], environment=Tools(functions=(ring,))), ScriptedModel([*lines, "0"])
    )
    assert (len(RUNG), seen.tool_calls, seen.correct.count) == (2, 2, 1)


def test_no_cases_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no cases"):
        do(tmp_path, job([]), ScriptedModel(echo))


def _join(workspace: str, barrier: Any) -> None:
    barrier.wait()
    do(Path(workspace), job(), ScriptedModel(_slow_echo))


def _slow_echo(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    return echo(messages, tools)


@pytest.mark.slow
def test_a_second_process_may_join(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    helpers = [context.Process(target=_join, args=(str(tmp_path), barrier)) for _ in range(3)]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join(60)
        assert helper.exitcode == 0
    with open_journal(tmp_path) as journal:
        (run,) = journal.runs()
        seen = run_metrics(journal, run)
    assert (seen.closed, seen.model_calls, seen.correct.count) == (12, 12, 10)


@pytest.mark.pictures
def test_a_report_escapes_what_comes_from_outside(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>"
    cases = [
        Case(id=f"a{evil}", prompt="say 1", target="1", slice=evil),
        Case(id="b", prompt="say 2", target="2", slice="中文 slice"),
    ]
    answers: Callable[..., str] = lambda messages, tools: f"{evil}=1+1"  # noqa: E731
    run, _ = do(tmp_path, job(cases), ScriptedModel(answers))
    with open_journal(tmp_path) as journal:
        written = write_report(journal, run, tmp_path / "report")
        page = html_page(run_metrics(journal, run), list(outcomes(journal, run)))
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert "中文 slice" in written.csv[0].read_text(encoding="utf-8-sig")
    assert written.png is None or written.png.stat().st_size > 10_000


def test_no_cell_becomes_a_formula() -> None:
    assert [cell(v) for v in ("=1+1", " @x", "-2", "plain", None, 3)] == [
        "'=1+1",
        "' @x",
        "'-2",
        "plain",
        None,
        3,
    ]
