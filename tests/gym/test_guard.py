"""An answer is never run as code, and none gets round being judged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeyman.gym import FAMILIES
from journeyman.gym import process as processes
from journeyman.gym.guard import sums_only
from journeyman.gym.process import end_idle, process_for
from journeyman.job.check import answered
from journeyman.types import Case
from journeyman.verifiers import GymVerifier
from tests.gym.families import needs

EVALUATING = (
    "simple_integration",
    "intermediate_integration",
    "countdown",
    "puzzle24",
    "polynomial_multiplication",
    "string_insertion",
    "spiral_matrix",
    "binary_matrix",
    "n_queens",
)
"""Tasks whose scorers evaluate what the answer says."""

ATTACKS = (
    "__import__('os').system('touch {file}')",
    "open('{file}', 'w').write('x')",
    "(open)('{file}', 'w')",
    "[open][0]('{file}', 'w')",
    "ｏｐｅｎ('{file}', 'w')",
    'lambdify(1, \'open("{file}", "w")\')',
    'sympify(\'open("{file}", "w")\')',
    "[x for x in [open('{file}', 'w')]]",
    "(lambda: open('{file}', 'w'))()",
    'f\'{{open("{file}", "w")}}\'',
)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left() -> Iterator[None]:
    yield
    end_idle()


@pytest.mark.slow
@needs("reasoning_gym")
@pytest.mark.parametrize("task", EVALUATING)
def test_no_answer_runs_as_code(task: str, tmp_path: Path) -> None:
    file = tmp_path / "touched"
    with process_for(FAMILIES["reasoning_gym"]) as process:
        for attack in ATTACKS:
            assert process.replay(task, 1, [attack.format(file=file)]).score == 0.0
        assert not file.exists()
        assert process.replay(task, 1, process.walkthrough(task, 1)).score == 1.0


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_guard_refuses_what_is_no_sum(attack: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        sums_only(attack.format(file=tmp_path / "touched"))
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2 * 3", 7),
        ("[['a', 'b'], [1, -2]]", [["a", "b"], [1, -2]]),
        ("0xff << 1", 510),
        ("1/2", 0.5),
    ],
)
def test_sums_and_lists_are_evaluated(source: str, value: object) -> None:
    assert sums_only(source) == value


@pytest.mark.slow
@needs("reasoning_gym")
@pytest.mark.parametrize("answer", ["9**9**9**9", "(" * 5_000])
def test_an_answer_that_no_scorer_gets_to_the_end_of_is_wrong(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not unjudged, which a worker could wish for."""
    monkeypatch.setattr(processes, "MOVE_SECONDS", 3.0)
    case = Case(id="c", prompt="p", data={"task": "reasoning_gym:countdown", "seed": 1}, target="x")
    score = asyncio.run(GymVerifier().score(case, answered(case, answer)))
    assert score.value == 0.0
