"""Deciding in the loop: deliver or escalate, labels from verifiers and people, replays, crashes, histories."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from journeyman.assess.power import missing_allowed
from journeyman.autonomy.backtest import history_cases, outlook
from journeyman.autonomy.tracker import AutonomyTracker, remade, rule_of, uniform
from journeyman.environments import SingleTurn
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.memory.projection import LessonProjection
from journeyman.models.scripted import ScriptedModel
from journeyman.reports.html.page import hold_lines
from journeyman.reports.metrics import run_metrics
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.review import give_up, inbox, review
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.runtime.stopping import resume, stop
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import Assessed, Case, Closed, Event, Label, Message, Run, Split, ToolSpec
from journeyman.verifiers import Exact

EASY, HARD = "translate the sentence", "估计一下这个数字"


def case(n: int, *, known: bool = True, split: Split = "live") -> Case:
    """Half are easy; half of the hard ones come out wrong."""
    hard = n % 2 == 0
    target = f"word {n}" if not hard else f"number {n}" if n % 4 else "something else"
    return Case(
        id=f"c{n:04d}",
        prompt=f"{HARD if hard else EASY} {n}",
        target=target if known else None,
        split=split,
    )


def answer(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    *_, n = messages[-1].text.split()
    return f"{'number' if messages[-1].text.startswith(HARD) else 'word'} {n}"


def job(cases: Sequence[Case]) -> Job:
    return Job(
        name="words", environment=SingleTurn(), verifiers=(Exact(),), cases=lambda: cases,
        allowed_error=0.2, confidence=0.9, audit_rate=0.25,
    )  # fmt: skip


def do(
    workspace: Path,
    doing: Job,
    *,
    backtest: int | None = None,
    fresh: bool = False,
    at_once: int = 3,
) -> Run:
    model = ScriptedModel(answer)
    with open_journal(workspace) as journal, LeaseOwner.enter(workspace) as holder:
        run = open_run(journal, doing, model, backtest=backtest, fresh=fresh)
        add_cases(journal, run, doing.cases())
        asyncio.run(
            asyncio.wait_for(
                work(Runner.open(journal, holder, doing, model, run, at_once=at_once)), 60
            )
        )
    return run


def shuffled(*numbers: int, known: bool = True) -> list[Case]:
    cases = [case(n, known=known) for n in range(*numbers)]
    random.Random(3).shuffle(cases)
    return cases


@pytest.mark.slow
def test_a_worker_earns_its_autonomy_and_each_decision_can_be_made_again(tmp_path: Path) -> None:
    run = do(tmp_path, job(shuffled(300)))
    with open_journal(tmp_path) as journal:
        done = list(outcomes(journal, run))
        delivered = [o for o in done if o.decision is not None and o.decision.deliver]
        assert len(delivered) > 60
        assert sum(not o.correct for o in delivered) <= 0.2 * len(delivered)
        audited = [o for o in delivered if o.decision is not None and o.decision.audit]
        assert 0 < len(audited) < len(delivered)
        assert all(bool(o.labels) == (o.decision is not None and o.decision.audit) for o in done)
        made = list(remade(journal, run))
        assert len(made) == 300
        assert all(before == again for before, again in made)
        folded = AutonomyTracker(journal, run).autonomy
        assert (folded.settled, folded.labels) == (
            300,
            sum(o.decision is not None and o.decision.audit for o in done),
        )


def test_what_nobody_knows_waits_in_the_inbox_and_a_review_is_a_label_at_once(
    tmp_path: Path,
) -> None:
    run = do(tmp_path, job([case(n, known=False) for n in range(6)]), at_once=1)
    with open_journal(tmp_path) as journal:
        assert [item.case.id for item in inbox(journal, run)] == [f"c{n:04d}" for n in range(6)]
        assert AutonomyTracker(journal, run).autonomy.labels == 0
        review(journal, run, "c0001", Label(error=False, by="mei"))
        now = AutonomyTracker(journal, run).autonomy  # the one before it is not waited for
        assert [example.correct for example in now.examples] == [True]
        corrected = review(journal, run, "c0000", Label(error=True, by="mei", correction="数字 0"))
        assert (corrected.correct, corrected.labels[0].correction) == (False, "数字 0")
        assert AutonomyTracker(journal, run).autonomy.labels == 2
        assert [item.case.id for item in inbox(journal, run)] == [f"c{n:04d}" for n in range(2, 6)]


def test_a_correction_that_changes_nothing_is_an_acceptance(tmp_path: Path) -> None:
    run = do(tmp_path, job([case(1, known=False)]))
    with open_journal(tmp_path) as journal:
        seen = review(journal, run, "c0001", Label(error=True, by="mei", correction=" word 1 "))
        assert (seen.correct, seen.labels[0].error) == (True, False)


def test_the_first_label_counts_twice_is_once_and_all_are_kept(tmp_path: Path) -> None:
    run = do(tmp_path, job([case(1, known=False)]))
    with open_journal(tmp_path) as journal:
        review(journal, run, "c0001", Label(error=False, by="mei"))
        review(journal, run, "c0001", Label(error=False, by="mei"))
        review(journal, run, "c0001", Label(error=False, by="jan"))
        seen = review(journal, run, "c0001", Label(error=True, by="jan"))
        assert [label.by for label in seen.labels] == ["mei", "jan", "jan"]
        assert not seen.correct
        (example,) = AutonomyTracker(journal, run).autonomy.examples
        assert example.correct


def test_what_a_person_can_not_judge_is_not_asked_of_that_person_again(tmp_path: Path) -> None:
    run = do(tmp_path, job([case(n, known=False) for n in range(2)]), at_once=1)
    with open_journal(tmp_path) as journal:
        seen = give_up(journal, run, "c0000", "mei", "blurred")
        assert (seen.unjudged, seen.labels, seen.correct) == (("mei",), (), None)
        assert give_up(journal, run, "c0000", "mei").unjudged == ("mei",)
        assert [item.case.id for item in inbox(journal, run, by="mei")] == ["c0001"]
        assert [item.case.id for item in inbox(journal, run, by="jan")] == ["c0000", "c0001"]
        assert AutonomyTracker(journal, run).autonomy.labels == 0
        review(journal, run, "c0000", Label(error=True, by="jan"))
        assert AutonomyTracker(journal, run).autonomy.labels == 1
        projection = LessonProjection(journal, run.job)
        assert list(projection.advance().resting_on(frozenset({"person:mei"}))) == []
        projection.close()


def history_proved(workspace: Path, cases: Sequence[Case], **settings: object) -> Run:
    """A run that delivers from its first case on."""
    proved = job(history_cases(case(n) for n in range(200)))
    do(workspace, replace(proved, **settings), backtest=100)  # type: ignore[arg-type]
    return do(workspace, replace(job(cases), **settings), at_once=1)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_stopped_job_delivers_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    first = [case(n, known=False) for n in range(1001, 1041, 2)]
    run = history_proved(tmp_path, first)
    with open_journal(tmp_path) as journal:
        assert sum(one.decision.deliver for one in outcomes(journal, run) if one.decision) > 10
        assert stop(journal, "words", "mei")
        assert not stop(journal, "words", "jan")
    second = [case(n, known=False) for n in range(2001, 2041, 2)]
    assert do(tmp_path, job([*first, *second]), at_once=1).id == run.id
    with open_journal(tmp_path) as journal:
        held = [one for one in outcomes(journal, run) if one.case_id > "c2"]
        decisions = [one.decision for one in held if one.decision is not None]
        assert {(one.held, one.deliver, one.audit) for one in decisions} == {
            ("stopped", False, True)
        }
        assert sum(one.reaches for one in decisions) > 10
        assert "stopped" in inbox(journal, run)[-1].why
        assert AutonomyTracker(journal, run).hold().held == "stopped"
        assert resume(journal, "words", "mei")
        assert not resume(journal, "words", "mei")
        kinds = [(one.kind, one.body["by"]) for one in journal.changes("words")]
        assert kinds == [("stopped", "mei"), ("resumed", "mei")]
    third = [case(n, known=False) for n in range(3001, 3041, 2)]
    do(tmp_path, job([*first, *second, *third]), at_once=1)
    with open_journal(tmp_path) as journal:
        after = [one.decision for one in outcomes(journal, run) if one.case_id > "c3"]
        assert sum(one is not None and one.deliver for one in after) > 10
        assert all(before == again for before, again in remade(journal, run))


def test_nobody_stops_a_job_that_is_not_there(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, pytest.raises(InputError, match="no run of 'none'"):
        stop(journal, "none", "mei")


@pytest.mark.slow
def test_too_many_audits_that_nobody_does_escalate_everything(tmp_path: Path) -> None:
    """A person can't judge them: they are overdue at once. Cases that are looked at instead stand in for them."""
    first = [case(n, known=False) for n in range(1001, 1401, 2)]
    run = history_proved(tmp_path, first)
    with open_journal(tmp_path) as journal:
        allowed = missing_allowed(rule_of(run.spec))
        done = [one for one in outcomes(journal, run) if one.decision is not None]
        waiting = [
            one.case_id for one in done if one.decision and one.decision.audit and not one.labels
        ]
        delivered = {one.case_id for one in done if one.decision and one.decision.deliver}
        for case_id in waiting:
            if case_id in delivered:
                give_up(journal, run, case_id, "mei")
            else:
                review(journal, run, case_id, Label(error=False, by="mei"))
        hold = AutonomyTracker(journal, run).hold()
        assert (hold.held, hold.allowed) == ("audits", allowed)
        assert set(hold.overdue) == delivered & set(waiting)
        lines = hold_lines(hold, "words")
        assert "everything goes to a person until all but" in lines[0]
        assert hold.overdue[0] in lines[0]
        assert run_metrics(journal, run).hold == hold
    second = [case(n, known=False) for n in range(2001, 2081, 2)]
    do(tmp_path, job([*first, *second]), at_once=1)
    with open_journal(tmp_path) as journal:
        held = [one.decision for one in outcomes(journal, run) if one.case_id > "c2"]
        assert {one.held for one in held if one is not None} == {"audits"}
        for one in outcomes(journal, run):
            if one.case_id > "c2":
                review(journal, run, one.case_id, Label(error=False, by="mei"))
        hold = AutonomyTracker(journal, run).hold()
        assert (hold.held, len(hold.overdue)) == (None, 0)
        assert all(before == again for before, again in remade(journal, run))


def test_a_run_from_before_deadlines_is_gone_on_with_by_its_own_rule(tmp_path: Path) -> None:
    cases = [case(n, known=False) for n in range(3)]
    older = do(tmp_path, replace(job(cases), review_within_hours=None), at_once=1)
    assert do(tmp_path, job(cases)).id == older.id
    with open_journal(tmp_path) as journal:
        review(journal, older, "c0001", Label(error=False, by="mei"))
        tracker = AutonomyTracker(journal, older)
        assert (tracker.autonomy.settled, tracker.autonomy.labels) == (0, 0)
        assert tracker.waiting == [("c0000", 1), ("c0001", 1), ("c0002", 1)]


@pytest.mark.parametrize("case_id", ["nobody", "c0001"])
def test_a_review_of_what_is_not_there_says_so(tmp_path: Path, case_id: str) -> None:
    doing = job([case(1, known=False)])
    with open_journal(tmp_path) as journal:
        run = open_run(journal, doing, ScriptedModel(answer))
        add_cases(journal, run, doing.cases())
        with pytest.raises(InputError, match=case_id):
            review(journal, run, case_id, Label(error=True, by="mei"))


def test_a_missing_answer_can_not_be_accepted(tmp_path: Path) -> None:
    doing = job([case(1, known=False)])
    with open_journal(tmp_path) as journal, LeaseOwner.enter(tmp_path) as holder:
        model = ScriptedModel([""])
        run = open_run(journal, doing, model)
        add_cases(journal, run, doing.cases())
        asyncio.run(work(Runner.open(journal, holder, doing, model, run)))
        (item,) = inbox(journal, run)
        assert item.why == "There is no answer."
        with pytest.raises(InputError, match="no answer to accept"):
            review(journal, run, "c0001", Label(error=False, by="mei"))
        assert (
            review(journal, run, "c0001", Label(error=False, by="mei", correction="word 1"))
            .labels[0]
            .error
        )


@pytest.mark.slow
def test_labels_in_any_order_come_to_the_same_where_each_is_waited_for(tmp_path: Path) -> None:
    """The rule of runs that were opened without a deadline."""
    cases = shuffled(100, known=False)
    wrong = {one.id: int(one.id[1:]) % 4 == 0 for one in cases}
    standings = []
    for seed in range(2):
        room = tmp_path / str(seed)
        run = do(room, replace(job(cases), review_within_hours=None), at_once=1)
        with open_journal(room) as journal:
            waiting = [item.case.id for item in inbox(journal, run)]
            random.Random(seed).shuffle(waiting)
            for case_id in waiting:
                review(journal, run, case_id, Label(error=wrong[case_id], by="mei"))
            standings.append(AutonomyTracker(journal, run).autonomy)
    assert standings[0].certificate == standings[1].certificate
    assert standings[0].certificate is not None
    assert standings[0].settled == 100


@pytest.mark.slow
def test_labels_in_any_order_come_to_the_same_once_there_is_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("journeyman.runtime.runs.secrets.token_hex", lambda _: "salt")
    cases = shuffled(1000, 1060, known=False)
    wrong = {one.id: int(one.id[1:]) % 4 == 0 for one in cases}
    history = history_cases(case(n) for n in range(80))
    standings = []
    for seed in range(2):
        room = tmp_path / str(seed)
        do(room, replace(job(history), audit_rate=1.0), backtest=60, at_once=1)
        run = do(room, replace(job(cases), audit_rate=1.0), at_once=1)
        assert run.spec.history is not None
        with open_journal(room) as journal:
            waiting = [item.case.id for item in inbox(journal, run)]
            assert len(waiting) == 60
            random.Random(seed).shuffle(waiting)
            tracker = AutonomyTracker(journal, run)
            for case_id in waiting:
                review(journal, run, case_id, Label(error=wrong[case_id], by="mei"))
                tracker.advance()
            standings.append(tracker.autonomy)
            again = AutonomyTracker(journal, run).autonomy
            assert again.certificate == tracker.autonomy.certificate
    first, second = (one.certificate for one in standings)
    assert first is not None
    assert second is not None
    assert first.passed == second.passed > 0
    assert first.levels == second.levels


def test_exam_cases_teach_nothing_and_hold_up_nobody(tmp_path: Path) -> None:
    run = do(tmp_path, job([case(1, split="exam"), case(2), case(4, split="exam")]))
    with open_journal(tmp_path) as journal:
        assert inbox(journal, run) == []
        now = AutonomyTracker(journal, run).autonomy
        assert (now.settled, now.labels) == (1, 1)


@pytest.mark.slow
def test_a_history_proves_autonomy_before_day_one(tmp_path: Path) -> None:
    history = history_cases(case(n) for n in range(200))
    tested = do(tmp_path, job(history), backtest=100)
    with open_journal(tmp_path) as journal:
        found = outlook(journal, tested)
    assert (found.labelled, found.learned_from) == (200, 100)
    assert found.asked.threshold is not None
    assert found.asked.efficiency is not None
    assert 0.4 < found.asked.efficiency < 1.05
    assert found.asked.labels_used is not None
    assert found.asked.labels_needed is not None
    assert {one.allowed_error for one in found.others} == {0.05, 0.1}
    run = do(tmp_path, job(shuffled(1000, 1030, known=False)))
    assert run.spec.history == tested.id
    with open_journal(tmp_path) as journal:
        done = [o.decision for o in outcomes(journal, run)]
        assert sum(one is not None and one.deliver for one in done) > 10
        assert all(before == again for before, again in remade(journal, run))


def test_a_backtest_of_too_little_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 40"):
        history_cases(case(n, split="exam") for n in range(100))


def test_another_rule_is_another_run(tmp_path: Path) -> None:
    cases = [case(1)]
    first, second = do(tmp_path, job(cases)), do(tmp_path, replace(job(cases), allowed_error=0.1))
    assert first.id != second.id
    third = do(tmp_path, replace(job(cases), audit_rate=0.9))
    assert third.id not in {first.id, second.id}
    assert do(tmp_path, job(cases)).id == first.id


def test_two_labels_at_the_same_place_are_both_kept(tmp_path: Path) -> None:
    """Another process's label arrives between reading and writing."""
    run = do(tmp_path, job([case(1, known=False)]))
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        append = journal.append

        def late(events: Sequence[Event], *, fully: bool) -> None:
            journal.append = append  # type: ignore[method-assign]
            review(other, run, "c0001", Label(error=True, by="jan"))
            append(events, fully=fully)

        journal.append = late  # type: ignore[method-assign,assignment]
        seen = review(journal, run, "c0001", Label(error=False, by="mei"))
        assert [label.by for label in seen.labels] == ["jan", "mei"]


def test_a_workspace_from_before_decisions_is_read_and_gone_on_with(tmp_path: Path) -> None:
    """Its cases have `assessed` in the place of `decided`."""
    cases = [case(1), case(2)]
    with open_journal(tmp_path) as journal:
        run = open_run(journal, job(cases), ScriptedModel(answer))
        add_cases(journal, run, cases)
        old = [
            Event(
                run_id=run.id,
                case_id="c0001",
                attempt=1,
                seq=0,
                body=Assessed(),
                at=1.0,
            ),
            Event(
                run_id=run.id,
                case_id="c0001",
                attempt=1,
                seq=1,
                body=Closed(correct=True),
                at=1.0,
            ),
        ]
        held = journal.claim(run.id, holder="h", seconds=60, is_dead=lambda _: False)
        journal.append(old, closes=held)
    run = do(tmp_path, job(cases))
    with open_journal(tmp_path) as journal:
        first, second = outcomes(journal, run)
        assert (first.decision, first.confidence, first.closed) == (None, None, True)
        assert second.decision is not None
        assert inbox(journal, run) == []


def test_a_lot_is_the_same_each_time_and_fair() -> None:
    assert uniform("salt", "c1", 1) == uniform("salt", "c1", 1)
    drawn = [uniform("salt", f"c{n}", 1) for n in range(2000)]
    assert 0.45 < sum(drawn) / len(drawn) < 0.55
    assert (
        len({uniform("salt", "c1", 1), uniform("pepper", "c1", 1), uniform("salt", "c1", 2)}) == 3
    )
    assert all(0 <= one < 1 for one in drawn)
