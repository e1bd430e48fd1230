"""A workspace puts the parts together: what commands and the library ask it for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from journeyman import Budget, Case, ScriptedModel, Worker, Workspace, tool
from journeyman.app.assignment import Assignment
from journeyman.app.learners import learner_named
from journeyman.errors import InputError


def shelf(messages: Any, tools: Any) -> str:
    """Knows the even numbers, and all of them once it was shown an example."""
    number = int(messages[-1].text.split()[-1])
    shown = any(message.role == "assistant" for message in messages)
    return f"shelf {number % 7}" if shown or number % 2 == 0 else "not known"


def cases(numbers: range, split: str) -> list[dict[str, Any]]:
    return [
        {"prompt": f"Where is article {n}", "target": f"shelf {n % 7}", "split": split}
        for n in numbers
    ]


def test_a_workspace_that_is_not_there_is_not_made_for_reading(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no journal"):
        Workspace.open(tmp_path / "none", new=False)
    assert not (tmp_path / "none").exists()
    Workspace.open(tmp_path / "some").close()
    with Workspace.open(tmp_path / "some", new=False) as room:
        assert list(tmp_path.glob("some/holders/*")) == []
        with pytest.raises(InputError, match="no run"):
            room.chosen_run()


def test_the_same_run_by_the_library_and_by_the_workspace(tmp_path: Path) -> None:
    model = ScriptedModel(shelf)
    done = Worker("shelves", model=model, workspace=tmp_path).do("Where is article 4", id="a4")
    with Workspace.open(tmp_path) as room:
        run = room.chosen_run("shelves")
        assert run.id == done.run.id
        assert [item.case.id for item in room.inbox(run)] == ["a4"]
        assert room.metrics(run).closed == 1
        found = room.result(run, "a4")
        assert found is not None
        assert found.trajectory.answer == done.answer == "shelf 4"
        assert room.result(run, "a5") is None


@pytest.mark.slow
def test_what_an_earlier_version_did_is_done(tmp_path: Path) -> None:
    """A version that passed its exam works on in a run of its own; answers from before stay reachable."""
    model = ScriptedModel(shelf)
    ada = Worker("shelves", model=model, workspace=tmp_path)
    before = ada.do("Where is article 7", id="odd")
    assert before.answer == "not known"
    trained = ada.work(cases(range(0, 60, 2), "train"))
    learned = ada.learn(cases(range(100, 160), "exam"))
    assert learned.promoted
    assert learned.version is not None
    after = ada.do("Where is article 9")
    assert after.answer == "shelf 2"
    assert after.run.id != before.run.id
    again = ada.do("Where is article 7", id="odd")
    assert (again.answer, again.run.id) == ("not known", before.run.id)
    assert again.correct("shelf 0").record.labels[-1].correction == "shelf 0"
    asked = len(model.calls)
    summary = ada.work(cases(range(0, 60, 2), "train"))
    assert (summary.closed, summary.accuracy) == (trained.closed, trained.accuracy) == (30, 1.0)
    assert len(model.calls) == asked
    assert ada.exam(learned.version.number, cases(range(100, 160), "exam")).promoted


def test_a_version_that_is_not_there_and_a_learner_that_is_none(tmp_path: Path) -> None:
    ada = Worker("shelves", model=ScriptedModel(shelf), workspace=tmp_path)
    with pytest.raises(InputError, match="no version 7"):
        ada.exam(7, [])
    with pytest.raises(InputError, match="no learner 'magic'"):
        ada.learn(by="magic")
    with Workspace.open(tmp_path) as room:
        job = room.job("arith")
        assert learner_named("rules", job).name == "rules"
        given = Assignment(job, ScriptedModel(shelf))
        assert room.champion(given).label == "ada@1"


def test_threads_have_loops_of_their_own(tmp_path: Path) -> None:
    ada = Worker("shelves", model=ScriptedModel(shelf), workspace=tmp_path)
    answers: dict[int, str | None] = {}

    def ask(n: int) -> None:
        answers[n] = ada.do(f"Where is article {n}").answer

    threads = [threading.Thread(target=ask, args=(n,)) for n in (2, 4, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {2: "shelf 2", 4: "shelf 4", 6: "shelf 6"}


def test_a_tool_is_checked_where_it_is_defined() -> None:
    def bad(item) -> str:  # type: ignore[no-untyped-def]
        """No type."""
        return str(item)

    with pytest.raises(InputError, match="item"):
        tool(bad)

    @tool
    def good(item: str) -> str:
        """Fine."""
        return item

    assert good("x") == "x"


def test_a_budget_ends_the_case(tmp_path: Path) -> None:
    ada = Worker("x", model=ScriptedModel(["a"]), budget=Budget(tokens=1), workspace=tmp_path)
    assert ada.do(Case(id="c", prompt="p")).answer == "a"
    assert ada._desk.given.job.budget.tokens == 1
