"""Every family's games: the same everywhere, won by their walkthrough, bounded, and hard to break."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeyman.errors import EnvironmentFault, InputError, MissingExtraError
from journeyman.gym import FAMILIES, family_of
from journeyman.gym import process as processes
from journeyman.gym.drawing import sample_cases
from journeyman.gym.game import RefusedCommandError, split_of
from journeyman.gym.process import GameProcess, acquire, end_idle, process_for
from tests.gym.families import TASKS, games, marked, needs

HOSTILE = (
    "x" * 10_001,
    "x" * 10_000,
    "\x00\x07",
    "go north\nsave",
    "向前走",
    "\ud800",
    "save",
    "quit",
    "'; DROP",
    "{}[]()",
)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left() -> Iterator[None]:
    yield
    end_idle()


@pytest.mark.slow
@pytest.mark.parametrize("name", marked(*TASKS.values()))
def test_a_seed_makes_the_same_game_in_every_process(name: str) -> None:
    """Also after other games: the libraries keep state of their own."""
    family, task = family_of(name)
    one, other = GameProcess(family), GameProcess(family)
    try:
        for seed in (1, 2):
            one.describe(task, seed)
        assert one.describe(task, 7) == other.describe(task, 7)
        chance, view = random.Random(0), one.start(task, 7)
        assert view == other.start(task, 7)
        commands: list[str] = []
        known = one.walkthrough(task, 7)
        view = one.start(task, 7)
        while not view.over and len(commands) < 12:
            commands.append(chance.choice(view.commands or known))
            try:
                view = one.act(commands[-1])
            except RefusedCommandError:
                continue
        assert other.replay(task, 7, commands) == view
    finally:
        one.end()
        other.end()


@pytest.mark.parametrize("name", marked(*TASKS.values()))
def test_the_walkthrough_scores_1_and_nothing_scores_0(name: str) -> None:
    family, task = family_of(name)
    with process_for(family) as process:
        won = process.replay(task, 3, process.walkthrough(task, 3))
        assert (won.score, won.over) == (1.0, True)
        lost = process.replay(task, 3, ["flurbish ≠ 呜里哇"])
        assert lost.score == 0.0
        assert process.wander(task, 3).over or family.name == "scienceworld"


@pytest.mark.parametrize("name", games())
def test_hostile_commands_are_refused_and_change_nothing(name: str) -> None:
    family, task = family_of(name)
    with process_for(family) as process:
        known = process.walkthrough(task, 3)
        process.start(task, 3)
        for command in HOSTILE:
            with pytest.raises(RefusedCommandError):
                process.act(command)
        for command in known:
            view = process.act(command)
        assert (view.score, view.move) == (1.0, len(known))
        with pytest.raises(RefusedCommandError, match="over"):
            process.act(known[0])


@needs("minigrid")
def test_a_game_ends_when_its_moves_are_used_up() -> None:
    with process_for(FAMILIES["minigrid"]) as process:
        view = process.replay("BabyAI-GoToLocal-v0", 3, ["turn left"] * 1000)
    assert (view.move, view.over, view.score) == (view.most_moves, True, 0.0)


@needs("minigrid")
def test_the_grid_is_told_in_words() -> None:
    with process_for(FAMILIES["minigrid"]) as process:
        view = process.start("BabyAI-GoToObj-v0", 3)
        assert view.told == (
            "Free squares ahead: 5; left blocked, right free. "
            "You see: a red box, 2 ahead and 3 right. You carry nothing."
        )
        assert process.act("  Turn   LEFT ").told == (
            "Free squares ahead: 0; left blocked, right free. You see nothing but walls. You carry nothing."
        )


@needs("reasoning_gym")
@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("{}", 1),
        ("3 + 4 is\n{}", 1),
        ("9\nAnswer: {}", 1),
        ("Answer:\n**{}**", 1),
        ("{}\n7", 0),
        ("", 0),
    ],
)
def test_a_puzzles_answer_is_the_last_line(answer: str, score: float) -> None:
    with process_for(FAMILIES["reasoning_gym"]) as process:
        (gold,) = process.walkthrough("chain_sum", 5)
        assert process.replay("chain_sum", 5, [answer.format(gold)]).score == score


@needs("reasoning_gym")
def test_a_scorer_that_does_not_expect_nonsense_says_that_it_is_wrong() -> None:
    with process_for(FAMILIES["reasoning_gym"]) as process:
        assert process.replay("prime_factorization", 1, ["nonsense"]).told.startswith(
            "unreadable: ValueError"
        )


# --- drawing ---------------------------------------------------------------------------------------------------


@needs("reasoning_gym")
def test_equal_worlds_are_in_equal_splits_and_no_two_cases_are_equal() -> None:
    """A third of the seeds of these tasks make a question that was there already."""
    names = ("reasoning_gym:coin_flip", "reasoning_gym:string_synthesis")
    cases = list(sample_cases(names, each=150))
    assert len({case.id for case in cases}) == len({case.prompt for case in cases}) == 300
    assert max(case.data["seed"] for case in cases) > 200
    later = list(sample_cases(names, each=100, first_seed=200))
    known = {case.prompt: case.split for case in cases}
    met_again = [case for case in later if case.prompt in known]
    assert met_again
    assert all(known[case.prompt] == case.split for case in met_again)
    shares = Counter(case.split for case in cases)
    assert 0.4 < shares["train"] / 300 < 0.6
    assert min(shares["calibration"], shares["exam"]) > 0.18 * 300
    assert [case.slice for case in cases[:2]] == list(names)
    assert cases[:40] == list(sample_cases(names, each=20))


def test_the_split_is_that_of_the_world() -> None:
    assert [split_of(world) for word in "abcdefgh" for world in [word * 3]].count("train") in range(
        1, 8
    )
    assert split_of("a") == split_of("a")


@needs("minigrid")
def test_a_task_with_one_world_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journeyman.gym.drawing.MOST_REPEATS", 5)
    with pytest.raises(InputError, match="makes only 1 different cases"):
        list(sample_cases(["minigrid:MiniGrid-Empty-5x5-v0"], each=2))


@needs("scienceworld")
@pytest.mark.slow
def test_an_experiment_has_finitely_many_variations() -> None:
    with pytest.raises(InputError, match="10 variations"):
        list(sample_cases(["scienceworld:identify-life-stages-2"], each=11))


# --- processes -------------------------------------------------------------------------------------------------


@needs("minigrid")
def test_a_game_that_hangs_is_ended_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOVE_SECONDS", 0.3)
    process = GameProcess(FAMILIES["minigrid"])
    process.start("BabyAI-GoToObj-v0", 1)
    os.kill(process.process.pid, signal.SIGSTOP)
    with pytest.raises(EnvironmentFault, match="did not answer in time"):
        process.act("done")
    assert process.process.poll() == -signal.SIGKILL
    assert not Path(process.room).exists()


@needs("minigrid")
def test_a_process_that_dies_is_named_and_replaced() -> None:
    process = acquire(FAMILIES["minigrid"])
    process.start("BabyAI-GoToObj-v0", 1)
    os.kill(process.process.pid, signal.SIGKILL)
    with pytest.raises(EnvironmentFault, match="ended by itself"):
        process.act("done")
    processes.release(process)
    with process_for(FAMILIES["minigrid"]) as another:
        assert another is not process
        assert another.start("BabyAI-GoToObj-v0", 1).move == 0


@pytest.mark.slow
@needs("minigrid")
def test_no_process_outlives_its_parent() -> None:
    code = (
        "import os; from journeyman.gym import FAMILIES; from journeyman.gym.process import GameProcess\n"
        "p = GameProcess(FAMILIES['minigrid']); p.tasks(); print(p.process.pid, p.room, flush=True)\n"
        "os.kill(p.process.pid, 19)\n"  # stopped, so that it cannot see that its input closed
        "os.kill(p.process.pid, 18)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    pid, room = ended.stdout.split()
    deadline = time.monotonic() + 20
    while (Path("/proc", pid).exists() or Path(room).exists()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path("/proc", pid).exists()
    assert not Path(room).exists()


@needs("minigrid")
def test_keys_are_not_handed_to_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with process_for(FAMILIES["minigrid"]) as process:
        process.tasks()
    fresh = GameProcess(FAMILIES["minigrid"])
    fresh.tasks()
    assert b"secret" not in Path("/proc", str(fresh.process.pid), "environ").read_bytes()
    fresh.end()


def test_a_family_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journeyman.gym.game.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"journeyman\[textworld\]"):
        GameProcess(FAMILIES["textworld"])


def test_java_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journeyman.gym.game.find_spec", lambda name: name)
    monkeypatch.setattr("journeyman.gym.game.which", lambda _: None)
    with pytest.raises(InputError, match="'java' is not installed"):
        GameProcess(FAMILIES["scienceworld"])


@pytest.mark.parametrize("name", ["chess", "chess:mate", "textworld", "textworld:", ""])
def test_a_name_that_names_no_task(name: str) -> None:
    with pytest.raises(InputError, match="names no task"):
        family_of(name)


@pytest.mark.parametrize(
    "name",
    marked("reasoning_gym:x", "minigrid:x", "textworld:coin_collector/301", "scienceworld:x"),
)
def test_a_task_that_there_is_not(name: str) -> None:
    family, task = family_of(name)
    with process_for(family) as process, pytest.raises(InputError, match="has no task"):
        process.describe(task, 0)
