"""What learning did to a worker: folded from the journal, by hand and through the report."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean

import pytest

from journeyman.environments import SingleTurn
from journeyman.improve.exams import Examined, ExamRoom, examine
from journeyman.improve.learning import champion_of
from journeyman.improve.versions import propose, roll_back
from journeyman.job.job import Job
from journeyman.memory.lessons import lesson
from journeyman.models.scripted import ScriptedModel
from journeyman.reports.html.learning import learned_html, sentences
from journeyman.reports.learning import Done, Learned, against_chance, curve, learned
from journeyman.reports.writer import Written, write_report
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.runtime.versions import Version, config_hash_of
from journeyman.store.journal import Journal, open_journal
from journeyman.store.journal.replay import bodies
from journeyman.types import (
    Case,
    Lesson,
    Message,
    Proposal,
    Recalled,
    Run,
    Split,
    ToolSpec,
    WorkerSpec,
)
from journeyman.verifiers import Exact

GOOD = lesson("rule", "", "say it twice", "teacher", ("case:a",))
BAD = lesson("rule", "", "say <nothing>", "teacher", ("case:b",))


def rule_bound(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    """Right on every third case; on all with the good rule; with the bad one right on no odd case."""
    system, number = messages[0].text, int(messages[-1].text.split()[-1])
    if BAD.text in system:
        return f"{number} {number}" if number % 6 == 0 else "nothing"
    return f"{number} {number}" if GOOD.text in system or number % 3 == 0 else str(number)


def cases(count: int, start: int = 0, split: Split = "train") -> list[Case]:
    """The even and the odd ones are slices."""
    return [
        Case(
            id=f"{split[0]}{n:04d}",
            prompt=f"say {n}",
            target=f"{n} {n}",
            split=split,
            slice="odd" if n % 2 else "even",
        )
        for n in range(start, start + count)
    ]


class World:
    def __init__(self, journal: Journal, holder: LeaseOwner, workspace: Path) -> None:
        self.journal, self.holder, self.workspace = journal, holder, workspace
        self.model = ScriptedModel(rule_bound)
        self.job = Job(
            name="say", environment=SingleTurn(), verifiers=(Exact(),), instructions="Speak."
        )

    @property
    def champion(self) -> Version:
        return champion_of(self.journal, "say", config_hash_of(self.job, self.model, "ada"), "ada")

    def work(self, given: Sequence[Case], *, fresh: bool = False) -> Run:
        run = open_run(self.journal, self.job, self.model, fresh=fresh)
        add_cases(self.journal, run, given)
        shift = Runner.open(self.journal, self.holder, self.job, self.model, run, at_once=1)
        asyncio.run(asyncio.wait_for(work(shift), 60))
        return run

    def propose(self, rule: Lesson) -> Version:
        proposal = Proposal(worker_spec=WorkerSpec(playbook=(rule,)), why="a <new> rule")
        return propose(self.journal, "say", self.champion, proposal, by="test", cost={})

    def examine(self, challenger: Version) -> Examined:
        room = ExamRoom(self.journal, self.holder, self.job, self.model)
        return asyncio.run(examine(room, self.champion, challenger, cases(60, 1000, "exam")))

    def learned(self, run: Run) -> Learned:
        found = learned(self.journal, run)
        assert found is not None
        return found

    def report(self, run: Run) -> Written:
        return write_report(self.journal, run, self.workspace / "report")


@pytest.fixture
def world(tmp_path: Path) -> object:
    with open_journal(tmp_path) as journal, LeaseOwner.enter(tmp_path) as holder:
        yield World(journal, holder, tmp_path)


def test_where_nothing_was_learned_nothing_is_shown(world: World) -> None:
    run = world.work([case.model_copy(update={"target": None}) for case in cases(4)])
    assert learned(world.journal, run) is None
    written = world.report(run)
    assert "What learning did" not in written.html.read_text()
    assert (written.learned, len(written.csv), written.learning_png) == (None, 2, None)


@pytest.mark.slow
def test_versions_are_told_with_their_exam_and_their_cases(world: World) -> None:
    world.work(cases(30))
    examined = world.examine(world.propose(GOOD))
    assert examined.promoted
    held = world.examine(world.propose(BAD))
    run = world.work(cases(60))
    told = world.learned(run)
    first, second, third = told.versions
    assert [one.champion for one in told.versions] == [False, True, False]
    assert (first.cases, first.correct.count, first.exam) == (30, 10, None)
    assert (second.cases, second.correct.count, third.cases) == (30, 30, 0)
    assert (third.correct.value, third.tokens_per_case, third.tokens_per_correct, third.curve) == (
        None,
        None,
        None,
        (),
    )
    assert second.exam is not None
    assert (second.exam.outcome, second.exam.promoted, second.exam.champion) == ("promote", True, 1)
    gains = [pair.difference for pair in examined.verdict.pairs if pair.difference is not None]
    assert (second.exam.cases, second.exam.gain.value) == (len(gains), fmean(gains))
    assert second.exam.gain.low is not None
    assert 0 < second.exam.gain.low < fmean(gains) <= (second.exam.gain.high or 0), (
        "all of the few may have gained"
    )
    assert third.exam is not None
    assert (third.exam.promoted, third.exam.outcome) == (False, held.verdict.outcome)
    assert [(part.first, part.last, part.correct.count) for part in first.curve] == [
        (1, 10, 4), (11, 20, 3), (21, 30, 3),
    ]  # fmt: skip
    assert [(part.first, part.last) for part in second.curve] == [(31, 40), (41, 50), (51, 60)]
    assert first.tokens_per_correct is not None
    assert first.tokens_per_case is not None
    assert first.tokens_per_correct == pytest.approx(3 * first.tokens_per_case)
    assert told.falls == ()
    assert told.remembered == 60


@pytest.mark.slow
def test_what_a_version_lost_is_told_by_slice(world: World) -> None:
    world.work(cases(36))
    bad = world.propose(BAD)
    roll_back(world.journal, "say", "ada", bad.config_hash, number=bad.number)
    told = world.learned(world.work(cases(84)))
    (fall,) = told.falls
    assert (fall.slice, fall.before, fall.after) == ("odd", "ada@1", "ada@2")
    assert (fall.right_before.count, fall.right_before.total) == (6, 18)
    assert (fall.right_after.count, fall.right_after.total) == (0, 24)
    assert fall.fall.low is not None
    assert fall.fall.low > 0
    worst = told.versions[1]
    assert (worst.worst_slices, worst.worst_tenth.value, worst.worst_tenth.total) == (
        ("odd",),
        0.0,
        24,
    )
    assert "more than chance" in learned_html(told)


def test_a_case_worked_again_counts_once(world: World) -> None:
    world.work(cases(6))
    run = world.work(cases(9), fresh=True)
    told = world.learned(run)
    assert (told.worked_again, told.versions[0].cases) == (6, 9)
    assert "6 cases were worked again" in " ".join(sentences(told))


def test_another_ground_is_another_story(world: World) -> None:
    world.work(cases(30))
    world.job = replace(world.job, instructions="Speak up.")
    run = world.work(cases(6, 100))
    (only,) = world.learned(run).versions
    assert (only.label, only.cases) == (run.worker, 6)


@pytest.mark.slow
@pytest.mark.pictures
def test_the_report_shows_it_and_escapes_what_comes_from_outside(world: World) -> None:
    world.work(cases(30))
    world.examine(world.propose(GOOD))
    written = world.report(world.work(cases(60)))
    page = written.html.read_text(encoding="utf-8")
    assert "What learning did" in page
    assert "promoted, after" in page
    assert "a &lt;new&gt; rule" in page
    assert "<new>" not in page
    assert [file.name for file in written.csv] == [
        "slices.csv", "cases.csv", "versions.csv", "learning.csv", "slices_lost.csv",
    ]  # fmt: skip
    with written.csv[2].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["version"], row["exam"], row["cases"]) for row in rows] == [
        ("ada@1", "", "30"), ("ada@2", "promote", "30"),
    ]  # fmt: skip
    with written.csv[3].open(encoding="utf-8-sig", newline="") as file:
        assert [row["accuracy"] for row in csv.DictReader(file)][3:] == ["1.0"] * 3
    if find_spec("matplotlib") is not None:
        assert written.learning_png is not None
        assert written.learning_png.stat().st_size > 10_000


def test_the_best_lesson_is_told_or_withheld_by_chance(world: World) -> None:
    """Of every case that recalled something, the journal says which; together they are all of these cases."""
    run = world.work(cases(40))
    told = world.learned(run)
    events = [event for _, event in world.journal.news(run.id, ("recalled",))]
    found = bodies(events, Recalled)
    withheld = [body for body in found if body.lessons[-1].id not in body.shown]
    assert told.best_withheld.total == len(withheld)
    assert told.best_told.total == len(found) - len(withheld) > 0
    assert "best lesson told" in learned_html(
        told.model_copy(update={"best_withheld": told.best_told})
    )
    nobody, _ = against_chance([])
    assert "best lesson told" not in learned_html(told.model_copy(update={"best_withheld": nobody}))


# --- by hand ---------------------------------------------------------------------------------------------------


def done(
    n: int, *, correct: bool | None = True, recalled: int = 0, shown: int = 0, withheld: float = 0.1
) -> Done:
    return Done(
        version=1, at=float(n), slice=None, correct=correct, tokens=10, memory_tokens=0, recalled=recalled, shown=shown,
        withheld=withheld, best_shown=shown > 0, place=n,
    )  # fmt: skip


def test_what_was_told_is_compared_with_what_chance_withheld() -> None:
    nothing = [
        done(1, correct=False, recalled=1),
        done(2, correct=True, recalled=1),
        done(3, correct=False, recalled=2),
    ]
    told = [
        *(done(n, correct=n % 4 != 0, recalled=1, shown=1) for n in range(8)),
        *(done(n, correct=n % 2 == 0, recalled=2, shown=1) for n in range(4)),
    ]
    apart = [
        done(1, correct=True),  # nothing was recalled
        done(2, correct=None, recalled=1),  # not judged
        done(3, correct=True, recalled=9, shown=9),  # no case like it was told nothing
        done(4, correct=True, recalled=5),  # no case like it was told something
        done(5, correct=True, recalled=1, withheld=0.0),  # no chance
    ]
    share, min_similarity = against_chance([*nothing, *told, *apart])
    assert (share.count, share.total) == (1, 3)
    assert min_similarity.value is not None
    assert min_similarity.value == pytest.approx((2 * 6 / 8 + 2 / 4) / 3)
    assert min_similarity.low is not None
    assert min_similarity.high is not None
    assert min_similarity.low < min_similarity.value < min_similarity.high


def test_without_a_draw_that_told_nothing_the_comparison_is_unknown() -> None:
    share, min_similarity = against_chance([done(1, recalled=1, shown=1)])
    assert (share.value, min_similarity.value) == (None, None)
    assert against_chance([])[1].value is None


def test_a_curve_has_stretches_of_about_equal_length() -> None:
    assert list(curve([])) == []
    assert [(part.first, part.last) for part in curve([done(n) for n in range(1, 8)])] == [(1, 7)]
    long = list(curve([done(n) for n in range(1, 1001)]))
    assert len(long) == 12
    assert {part.correct.total for part in long} <= {83, 84}


def test_what_chance_withheld_is_drawn_as_a_level(world: World) -> None:
    told = world.learned(world.work(cases(12)))
    share, min_similarity = against_chance(
        [done(1, correct=False, recalled=1), done(2, recalled=1, shown=1)]
    )
    page = learned_html(
        told.model_copy(update={"nothing_told": share, "told_alike": min_similarity})
    )
    assert "chance withheld all" in page
    assert page.count("stroke-dasharray") == 1
    assert (
        learned_html(told.model_copy(update={"nothing_told": against_chance([])[0]})).count(
            "stroke-dasharray"
        )
        == 0
    )
