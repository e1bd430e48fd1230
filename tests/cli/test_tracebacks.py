"""Where a fault arose is kept with the case, shown on request, and told to no model and no inbox."""

from __future__ import annotations

import json
from pathlib import Path

from journeyman import Case, ScriptedModel, Worker
from journeyman.environments import SingleTurn
from journeyman.errors import TRACEBACK_CHARACTERS, boundary
from journeyman.job.job import Job
from journeyman.protocols import Environment
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcome_of
from journeyman.types import CaseInput, CaseResult, Failure
from journeyman.verifiers import Exact, Python
from tests.cli.commands import Cli, endpoint, said
from tests.loopback import Answer, Asked

TRACEBACK = "Traceback (most recent call last)"
LINE = "return STOCK[number]"
"""The line of the job's tool that breaks."""


def looks_up(number: str) -> object:
    call = {"name": "stock", "arguments": json.dumps({"number": number})}
    return {"id": "c", "type": "function", "function": call}


def reads_on(asked: Asked) -> Answer:
    """Asks for an article that there is not; then goes on with what it read."""
    if asked.json["messages"][-1]["role"] == "user":
        return said("", [looks_up("X-99")])
    return said("4")


def test_a_tools_traceback_is_shown_on_request_and_never_to_a_model_or_an_inbox(
    cli: Cli, tmp_path: Path
) -> None:
    assert cli("new", "mail", "--kind", "tools").code == 0
    bodies: list[str] = []

    def script(asked: Asked) -> Answer:
        bodies.append(asked.body.decode())
        return reads_on(asked)

    with endpoint(script) as model:
        worked = cli("work", "mail", "--limit", 1, "--model", model)
    assert worked.code == 0
    assert any("KeyError" in body for body in bodies)  # it reads what went wrong
    for text in (*bodies, worked.out, cli("review").out, cli("review", "--json").out):
        assert TRACEBACK not in text
        assert LINE not in text
    shown = cli("show", "case-1")
    assert "KeyError" in shown.out
    assert TRACEBACK not in shown.out
    assert TRACEBACK not in cli("show", "case-1", "--json").out
    asked_for = cli("show", "case-1", "--traceback")
    assert TRACEBACK in asked_for.out
    assert LINE in asked_for.out
    (step, _) = cli("show", "case-1", "--traceback", "--json").json["outcome"]["trajectory"][
        "steps"
    ]
    assert LINE in step["results"][0]["details"]["traceback"]


def breaks(case_input: CaseInput) -> Environment:
    raise ZeroDivisionError("no environment today")


def broken(case: Case, answer: str | None) -> float:
    raise ZeroDivisionError("no verdict today")


def reopened(folder: Path) -> CaseResult:
    """The only case of the only run, read again from the disk."""
    with open_journal(folder) as journal:
        (run,) = journal.runs()
        case = journal.case(run.id, "c")
        assert case is not None
        return outcome_of(case, run.worker, journal.events(run.id, "c"))


def test_an_environments_traceback_is_kept_and_the_library_has_it(tmp_path: Path) -> None:
    worker = Worker(
        Job(name="j", environment=breaks, verifiers=(Exact(),), fingerprint="j"),
        model=ScriptedModel([]),
        workspace=tmp_path,
    )
    result = worker.do(Case(id="c", prompt="p", target="t"))
    worker.close()
    assert result.trajectory.failure is not None
    traceback = result.trajectory.failure.traceback
    assert traceback is not None
    assert 'raise ZeroDivisionError("no environment today")' in traceback
    assert TRACEBACK not in result.why
    assert reopened(tmp_path).trajectory.failure == result.trajectory.failure


def test_a_verifiers_traceback_is_kept_with_its_score(tmp_path: Path) -> None:
    job = Job(
        name="j",
        environment=SingleTurn(),
        verifiers=(Python(function=broken),),
        fingerprint="j",
    )
    worker = Worker(job, model=ScriptedModel(["a"]), workspace=tmp_path)
    worker.do(Case(id="c", prompt="p", target="t"))
    worker.close()
    (score,) = reopened(tmp_path).scores
    assert score.value is None
    assert TRACEBACK not in score.reason
    assert score.failure is not None
    assert 'raise ZeroDivisionError("no verdict today")' in str(score.failure.traceback)


def test_a_traceback_is_bounded_and_no_row_has_an_empty_one() -> None:
    with boundary("here") as caught:
        raise ValueError("x" * 3 * TRACEBACK_CHARACTERS)
    assert caught.failure is not None
    assert len(str(caught.failure.traceback)) == TRACEBACK_CHARACTERS
    assert caught.failure.brief.traceback is None
    assert set(caught.failure.brief.model_dump()) == {"kind", "message", "hint"}
    old = Failure.model_validate({"kind": "fault", "message": "m", "hint": "h"})
    assert old.traceback is None
