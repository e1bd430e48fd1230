"""`journeyman gym`, and generated tasks as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from journeyman.gym import FAMILIES
from journeyman.gym.process import end_idle
from tests.cli.commands import Cli, endpoint, said
from tests.gym.families import needs


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left() -> Iterator[None]:
    yield
    end_idle()


def test_families_that_are_missing_say_how_to_get_them(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("journeyman.gym.game.find_spec", lambda _: None)
    listed = cli("gym")
    assert listed.code == 0
    for family in FAMILIES.values():
        assert f"pip install 'journeyman[{family.extra}]'" in listed.out
    assert all(family["tasks"] is None for family in cli("gym", "list", "--json").json)
    nothing = cli("gym", "check")
    assert nothing.code == 2
    assert "No family is installed" in nothing.err


@needs("minigrid")
def test_a_family_is_listed_whole_when_it_is_named(cli: Cli) -> None:
    assert "minigrid:BabyAI-GoToObj-v0" in cli("gym", "list", "minigrid").out
    (family,) = cli("gym", "list", "minigrid", "--json").json
    assert len(family["tasks"]) > 90
    assert family["missing"] is None


@needs("minigrid")
def test_check_tells_each_task_and_ends_with_1_where_one_is_not_proved(cli: Cli) -> None:
    good = cli("gym", "check", "minigrid:BabyAI-GoToObj-v0", "--cases", 1)
    assert good.code == 0
    assert "1 of 1 tasks are proved on 1 cases each." in good.out
    bad = cli("gym", "check", "minigrid:MiniGrid-Empty-8x8-v0", "--cases", 1)
    assert bad.code == 1
    assert "no gold answer or walkthrough" in bad.out
    (proof,) = cli("gym", "check", "minigrid:BabyAI-GoToObj-v0", "--cases", 1, "--json").json
    assert (proof["oracle"], proof["null"]) == (1.0, 0.0)


@pytest.mark.slow
@needs("reasoning_gym")
def test_a_task_is_a_job_by_its_name_or_as_a_folder(cli: Cli, tmp_path: Path) -> None:
    made = cli("gym", "new", "reasoning_gym:gcd", "reasoning_gym:lcm", "--folder", "sums")
    assert made.code == 0
    settings = (tmp_path / "sums" / "job.toml").read_text()
    (tmp_path / "sums" / "job.toml").write_text(settings.replace("each = 100", "each = 4"))
    assert "8 cases, 8 proved" in cli("check", "sums").out
    with endpoint(lambda _: said("Answer: 1")) as model:
        worked = cli("work", "reasoning_gym:gcd", "--limit", 2, "--model", model, "--json")
        again = cli("work", "reasoning_gym:gcd", "--limit", 2, "--model", model, "--json")
    assert (worked.code, worked.json["closed"], worked.json["correct"]["total"]) == (0, 2, 2)
    assert again.json["run"] == worked.json["run"]
    assert again.json["model_calls"] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("gym", "check", "chess"), "no family 'chess'"),
        (("gym", "list", "chess"), "no family 'chess'"),
        (("gym", "eat"), "eat"),
        (("gym", "new", "minigrid:BabyAI-GoToObj-v0"), "needs tasks and a folder"),
        (("gym", "new", "--folder", "x"), "needs tasks and a folder"),
        (("gym", "new", "chess:mate", "--folder", "x"), "names no task"),
        (("gym", "check", "chess:mate"), "names no task"),
        (("work", "minigrid:", "--model", "http://127.0.0.1:9/v1#m"), "names no task"),
    ],
    ids=str,
)
def test_a_mistake_is_told(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    ended = cli(*arguments)
    assert ended.code == 2
    assert told in ended.err
    assert not (tmp_path / "x").exists()


@needs("reasoning_gym")
def test_an_unknown_task_of_a_job_is_told_when_its_cases_are_made(cli: Cli) -> None:
    ended = cli("check", "reasoning_gym:nothing")
    assert ended.code == 2
    assert "has no task 'nothing'" in ended.err
