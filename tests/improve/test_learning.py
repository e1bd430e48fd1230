"""Learning on the job: corrections at once, memory folded from the journal, versions, unlearning, and exams."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from bench.unlearning.__main__ import by_example
from journeyman.environments import SingleTurn
from journeyman.errors import InputError
from journeyman.improve.unlearning import unlearn
from journeyman.job.job import Job
from journeyman.memory.lessons import lesson
from journeyman.memory.projection import LessonProjection, agrees
from journeyman.models.scripted import ScriptedModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.review import review
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store import lesson_tables as tables
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import Case, CaseResult, Label, Lesson, Message, Recall, Run, Split, ToolSpec
from journeyman.verifiers import Exact

ALL = Recall(kinds=("demonstration", "correction"), withheld=0.0)


def case(n: int, article: str, target: str | None = None, split: Split = "live") -> Case:
    return Case(id=f"c{n:04d}", prompt=f"price of {article}", target=target, split=split)


def job(cases: Sequence[Case]) -> Job:
    return Job(name="prices", environment=SingleTurn(), verifiers=(Exact(),), cases=lambda: cases)


def do(
    workspace: Path,
    cases: Sequence[Case],
    *,
    model: Callable[[Sequence[Message], Sequence[ToolSpec]], str] = by_example,
    name: str = "ada",
) -> Run:
    doing, speaking = job(cases), ScriptedModel(model)
    with open_journal(workspace) as journal, LeaseOwner.enter(workspace) as holder:
        run = open_run(journal, doing, speaking, name=name)
        add_cases(journal, run, cases)
        asyncio.run(
            asyncio.wait_for(
                work(Runner.open(journal, holder, doing, speaking, run, at_once=1)), 60
            )
        )
    return run


def answers(workspace: Path, run: Run) -> dict[str, str | None]:
    with open_journal(workspace) as journal:
        return {o.case_id: o.trajectory.answer for o in outcomes(journal, run)}


def recalled(workspace: Path, prompt: str, recall: Recall = ALL) -> list[str]:
    with open_journal(workspace) as journal:
        experience = LessonProjection(journal, "prices")
        found = asyncio.run(experience.memory(recall).recall(prompt, lambda _: True))
        experience.close()
    return [lesson.text for lesson in found]


def test_a_correction_changes_the_next_case_like_it_at_once(tmp_path: Path) -> None:
    run = do(tmp_path, [case(0, "A-17"), case(1, "灯笼")])
    with open_journal(tmp_path) as journal:
        review(journal, run, "c0000", Label(error=True, by="mei", correction="12 euro"))
        review(journal, run, "c0001", Label(error=True, by="mei", correction="十二元"))
    again = [
        Case(id="next", prompt="what is the price of A-17"),
        Case(id="weiter", prompt="请问 灯笼"),
        Case(id="other", prompt="price of B-20"),
    ]
    assert do(tmp_path, again) == run
    told = answers(tmp_path, run)
    drawn = {
        o.case_id: {lesson.text for lesson in o.trajectory.recalled}
        for o in outcomes_of(tmp_path, run)
    }
    assert told["next"] == ("12 euro" if "12 euro" in drawn["next"] else "unknown")
    assert told["weiter"] == ("十二元" if "十二元" in drawn["weiter"] else "unknown")
    assert told["other"] == "unknown"


def outcomes_of(workspace: Path, run: Run) -> list[CaseResult]:
    with open_journal(workspace) as journal:
        return list(outcomes(journal, run))


def test_own_successes_are_remembered_but_recalled_only_where_the_mind_says_so(
    tmp_path: Path,
) -> None:
    run = do(tmp_path, [case(0, "A-17")], model=lambda *_: "12 euro")
    with open_journal(tmp_path) as journal:
        review(journal, run, "c0000", Label(error=False, by="mei"))
    assert recalled(tmp_path, "price of A-17") == ["12 euro"]
    assert recalled(tmp_path, "price of A-17", Recall(withheld=0.0)) == []


@pytest.mark.parametrize("split", ["exam", "calibration"])
def test_what_measures_is_never_remembered(tmp_path: Path, split: Split) -> None:
    do(tmp_path, [case(0, "A-17", target="12 euro", split=split)])
    assert recalled(tmp_path, "price of A-17") == []


def test_a_known_target_corrects_as_a_person_would(tmp_path: Path) -> None:
    do(tmp_path, [case(0, "A-17", target="12 euro", split="train")])
    assert recalled(tmp_path, "price of A-17") == ["12 euro"]


def test_the_last_label_holds_and_a_rejection_teaches_no_answer(tmp_path: Path) -> None:
    run = do(tmp_path, [case(0, "A-17"), case(1, "B-20")])
    with open_journal(tmp_path) as journal:
        review(journal, run, "c0000", Label(error=True, by="mei", correction="11 euro"))
    assert recalled(tmp_path, "price of A-17") == ["11 euro"]
    with open_journal(tmp_path) as journal:
        review(journal, run, "c0000", Label(error=True, by="jan", correction="12 euro"))
        review(journal, run, "c0001", Label(error=True, by="jan"))
    assert recalled(tmp_path, "price of A-17") == ["12 euro"]
    assert recalled(tmp_path, "B-20") == []


def dump(workspace: Path) -> list[object]:
    """All that is remembered, without the numbers of rows and places, which depend on what else was written."""
    with open_journal(workspace) as journal:
        experience = LessonProjection(journal, "prices")
        memories = experience.advance()
        rows: list[object] = []
        with memories.connection.begin():
            a, s, u = tables.attempts, tables.sources, tables.uses
            for row in memories.connection.execute(select(a).order_by(a.c.place)):
                rests = memories.connection.execute(
                    select(s.c.source).where(s.c.place == row.place)
                )
                used = memories.connection.execute(
                    select(u).where(u.c.place == row.place).order_by(u.c.lesson_id)
                )
                told = [
                    (use.lesson_id, use.rank, use.agreed, use.shown, use.withheld) for use in used
                ]
                rows.append(
                    (
                        row.case_id,
                        row.attempt,
                        row.score,
                        row.weight,
                        row.lesson,
                        sorted(rests.scalars()),
                        told,
                    )
                )
        found = [
            [one.lesson.id for one in memories.search(f"price of A-{n}", kinds=ALL.kinds, k=50)]
            for n in range(9)
        ]
        experience.close()
    return [*rows, found]


PEOPLE = ("mei", "jan", "kim", "王芳")


def labelled(workspace: Path, run: Run, *, silent: str | None = None) -> None:
    """The same labels each time; with `silent`, none that rests on that source."""
    rng = random.Random(4)
    with open_journal(workspace) as journal:
        for n in range(40):
            for _ in range(rng.choice((1, 1, 2))):
                by, error = rng.choice(PEOPLE), rng.random() < 0.6
                label = Label(
                    error=error, by=by, correction=f"{rng.randrange(9)} euro" if error else None
                )
                if silent not in {f"case:c{n:04d}", f"person:{by}"}:
                    review(journal, run, f"c{n:04d}", label)


@pytest.mark.parametrize(
    "source",
    [
        "person:王芳",
        pytest.param("case:c0017", marks=pytest.mark.slow),
        pytest.param("worker:ada", marks=pytest.mark.slow),
    ],
)
def test_unlearning_leaves_what_would_be_there_without_the_source(
    tmp_path: Path, source: str
) -> None:
    cases = [case(n, f"A-{n % 9}") for n in range(40)]
    run = do(tmp_path / "a", cases)
    assert do(tmp_path / "b", cases).id == run.id
    labelled(tmp_path / "a", run)
    before = dump(tmp_path / "a")
    with open_journal(tmp_path / "a") as journal:
        gone = unlearn(journal, "prices", source)
    assert gone.cases > 0
    if source != "worker:ada":
        labelled(tmp_path / "b", run, silent=source)
    after = dump(tmp_path / "a")
    assert after == dump(tmp_path / "b")
    assert after != before
    (tmp_path / "a" / "memory.sqlite").unlink()
    assert dump(tmp_path / "a") == after  # made again from the journal, it is the same


def test_a_memory_of_another_format_is_made_anew(tmp_path: Path) -> None:
    do(tmp_path, [case(0, "A-17", target="12 euro", split="train")])
    before = dump(tmp_path)
    connection = sqlite3.connect(tmp_path / "memory.sqlite")
    with connection:
        connection.execute("PRAGMA user_version=999")
        connection.execute("DROP TABLE uses")
    connection.close()
    assert dump(tmp_path) == before


def test_unlearning_what_is_not_there_says_so(tmp_path: Path) -> None:
    do(tmp_path, [case(0, "A-17")])
    with open_journal(tmp_path) as journal, pytest.raises(InputError, match="person:nobody"):
        unlearn(journal, "prices", "person:nobody")
    with open_journal(tmp_path) as journal:
        assert journal.changes("prices") == []


@pytest.mark.slow
def test_what_is_recalled_is_withheld_at_random_and_scored(tmp_path: Path) -> None:
    first = do(tmp_path, [case(0, "A-17", target="12 euro", split="train")])
    do(tmp_path, [case(n, "A-17", target="12 euro", split="train") for n in range(1, 120)])
    done = {o.case_id: o for o in outcomes_of(tmp_path, first)}
    shown = [bool(done[f"c{n:04d}"].trajectory.recalled) for n in range(1, 120)]
    assert 0.02 < 1 - sum(shown) / len(shown) < 0.25
    with open_journal(tmp_path) as journal:
        experience = LessonProjection(journal, "prices")
        memories = experience.advance()
        ids = [lesson.id for lesson in memories.lessons()]
        found = memories.latest().of_lessons(ids).by_name()
        experience.close()
    told = np.concatenate([used.shown for used in found.values()])
    assert len(told) >= 60  # a delivered case that nobody looks at has no score
    assert set(told) == {0.0, 1.0}
    assert (np.concatenate([used.score for used in found.values()]) == told).all()
    assert {agreed for used in found.values() for agreed in used.agreed} == {
        1.0
    }  # told or not, it says what is right


def test_what_proved_right_is_held_against_what_was_recalled() -> None:
    def said(text: str) -> Lesson:
        return lesson("correction", "price of A-17", text, "mei", ("person:mei",))

    assert agrees(said("12 Euro"), said("12 euro."), None) is True
    assert agrees(said("11 euro"), said("12 euro"), None) is False
    assert (
        agrees(said("11 euro"), None, "11 EURO") is False
    )  # rejected, and nobody said what is right
    assert agrees(said("12 euro"), None, "11 euro") is None
    assert agrees(said("12 euro"), None, None) is None
