"""`kill -9` at any moment: no case lost, no effect doubled, nothing stuck, every unknown outcome surfaced."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bench.lib.crash import PAGES, Verdict, die_at, kill_worlds, lines, spawn, verdict, wait_for
from journeyman.store.faults import POINTS
from journeyman.store.journal import open_journal

CASES = 6


def sound(seen: Verdict, cases: int) -> None:
    assert seen.faults == ()
    assert (seen.cases, seen.lost, seen.doubled, seen.stuck, seen.unsurfaced) == (cases, 0, 0, 0, 0)
    assert seen.undecided == 0


LATER = [pytest.param(visit, marks=pytest.mark.slow) for visit in (2, 5)]


@pytest.mark.parametrize("visit", [1, *LATER])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_boundary(tmp_path: Path, point: str, visit: int) -> None:
    status = wait_for(spawn(tmp_path, CASES, die_at(point, visit)), 30)
    assert status is not None
    reached_often_enough = visit == 1 or not point.startswith("cases.")
    assert (
        os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    ) == reached_often_enough
    sound(verdict(tmp_path, CASES, seconds=30), CASES)


def test_a_once_effect_of_unknown_outcome_is_in_doubt_and_never_repeated(tmp_path: Path) -> None:
    wait_for(spawn(tmp_path, 1, die_at("effect.before", 1)), 30)
    seen = verdict(tmp_path, 1, seconds=30)
    assert (seen.in_doubt, lines(tmp_path / "ring")) == (1, [])


def test_a_once_effect_that_happened_unrecorded_is_in_doubt_too(tmp_path: Path) -> None:
    wait_for(spawn(tmp_path, 1, die_at("effect.after", 1)), 30)
    seen = verdict(tmp_path, 1, seconds=30)
    assert (seen.in_doubt, lines(tmp_path / "ring")) == (1, ["c00000"])


@pytest.mark.parametrize("point", ["effect.before", "effect.after"])
def test_a_once_effect_of_a_branch_is_in_doubt_and_never_repeated(
    tmp_path: Path, point: str
) -> None:
    """Effects four to six are the first ones in the branches; one of them is `knock`.

    Branches run side by side, so `knock` may be begun, done or neither when another effect's process dies.
    """
    doubts = 0
    for visit in (4, 5, 6):
        world = tmp_path / str(visit)
        world.mkdir()
        wait_for(spawn(world, 1, die_at(point, visit)), 30)
        before = len(lines(world / "knock"))
        seen = verdict(world, 1, seconds=30)
        sound(seen, 1)
        after = len(lines(world / "knock"))
        assert after <= 1
        if seen.in_doubt:
            doubts += 1
            assert after == before
    assert doubts


def test_the_branches_of_a_case_are_under_their_own_paths(tmp_path: Path) -> None:
    wait_for(spawn(tmp_path, 1, die_at("case.before_close", 1)), 30)
    sound(verdict(tmp_path, 1, seconds=30), 1)
    with open_journal(tmp_path / "workspace") as journal:
        (run,) = journal.runs()
        events = journal.events(run.id, "c00000")
    paths = {event.path for event in events}
    assert paths == {"", "c00000-4/left", "c00000-4/right"}
    assert len(lines(tmp_path / "page")) == PAGES


@pytest.mark.slow
def test_three_hundred_kills_over_two_processes(tmp_path: Path) -> None:
    killed = 0
    for more, seen in kill_worlds(tmp_path, kills=300, cases=150, seconds=120):
        killed += more
        sound(seen, 150)
    assert killed == 300
