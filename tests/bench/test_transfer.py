"""Forgetting and transfer: the arithmetic by hand, and the whole way from cases to figures with a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.lib.arms import lessons_of
from bench.transfer import transfers
from bench.transfer.__main__ import Recording, export, figures, read, record
from bench.transfer.sequence import Shelf, Stream, memories, plan
from journeyman.environments import SingleTurn
from journeyman.errors import ModelError
from journeyman.job.job import Job
from journeyman.models.scripted import ScriptedModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.store.journal import open_journal
from journeyman.types import Case, Message, ToolSpec
from journeyman.verifiers import Exact

pytestmark = pytest.mark.slow

BY_HAND = np.array(
    [
        # streams: first, second, third; rows: without memory, after 1, 2, 3
        [0.2, 0.3, 0.4],
        [0.9, 0.5, 0.4],
        [0.7, 0.8, 0.1],
        [0.6, 0.9, 0.8],
    ]
)


def test_every_measure_by_hand() -> None:
    assert transfers.backward_transfer(BY_HAND) == pytest.approx(((0.6 - 0.9) + (0.9 - 0.8)) / 2)
    assert transfers.forward_transfer(BY_HAND) == pytest.approx(((0.5 - 0.3) + (0.1 - 0.4)) / 2)
    assert transfers.forgetting(BY_HAND) == pytest.approx(((0.9 - 0.6) + (0.8 - 0.9)) / 2)


def test_many_matrices_at_once_are_each_one_alone() -> None:
    many = np.stack([BY_HAND, BY_HAND[:, ::-1]])
    for measure in (transfers.backward_transfer, transfers.forward_transfer, transfers.forgetting):
        assert measure(many) == pytest.approx([measure(one) for one in many])


def test_cases_make_the_matrix_and_are_resampled_whole() -> None:
    first, second = np.array([[0.0, 1, 1], [0, 1, 0]]), np.array([[0.0, 0, 1]] * 5)
    assert transfers.matrix([first, second]).tolist() == [[0, 0], [1, 0], [0.5, 1]]
    drawn = transfers.resampled([first, second])
    assert drawn.shape == (transfers.ROUNDS, 3, 2)
    assert (drawn[:, :, 1] == [0, 0, 1]).all()
    assert set(np.unique(drawn[:, 2, 0])) == {0.0, 0.5, 1.0}
    assert transfers.interval(transfers.backward_transfer(drawn)) == (-1.0, 0.0)


def test_the_largest_of_chances_is_no_forgetting() -> None:
    """Cases right half of the time at every stage: F is above 0 by the maximum alone, and that is told."""
    rng = np.random.default_rng(1)
    results = [rng.integers(0, 2, (12, 6)).astype(float) for _ in range(5)]
    by_chance = transfers.forgetting(transfers.shuffled(results))
    assert by_chance.mean() > 0.1
    low, high = transfers.interval(by_chance)
    assert low <= transfers.forgetting(transfers.matrix(results)) <= high
    value = float(transfers.forgetting(transfers.matrix(results)))
    low, high = transfers.around(value, transfers.forgetting(transfers.resampled(results)))
    assert low < value < high
    assert low + high == pytest.approx(2 * value, abs=0.03)
    backward = transfers.backward_transfer(transfers.shuffled(results))
    assert abs(backward.mean()) < 0.01


def test_only_what_chance_does_not_explain_is_negative() -> None:
    assert transfers.sign([-1.0] * 5) == -1  # 1/32
    assert transfers.sign([-1.0] * 4 + [0.0] * 50) == 0  # 1/16
    assert transfers.sign([1.0] * 6 + [-1.0]) == 0  # 8/128
    assert transfers.sign([1.0] * 7 + [-1.0]) == 1  # 9/256
    assert transfers.sign([]) == 0


def test_the_gate_lets_help_through_and_holds_harm() -> None:
    helps, harms = [1.0] * 10 + [0.0] * 10, [-1.0] * 10 + [0.0] * 10
    assert transfers.promoted([harms, helps], transfers.redrawn, 5) == [1] * 5
    assert transfers.promoted([harms], transfers.reordered, 5) == [0] * 5
    assert transfers.promoted([], transfers.reordered, 2) == [0, 0]


# --- the whole way ---------------------------------------------------------------------------------------------

WORDS = {
    "fruit": "apple pear plum fig",
    "stone": "jade opal onyx flint",
    "cloth": "silk wool linen felt",
}
TWO = ("fruit", "stone")


def by_example(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    """Says what the last example that shares the case's last word says; `fig` it knows by itself."""
    word = messages[-1].text.split()[-1]
    for asked, answered in reversed(list(pairwise(messages))):
        if asked.role == "user" and answered.role == "assistant" and word in asked.text:
            return answered.text
    return f"fruit of {word}" if word == "fig" else "unknown"


def made(name: str) -> Stream:
    """Every stream also asks for `fig`, but means something else by it: later streams overwrite it for earlier ones."""
    words = [*WORDS[name].split(), *(["fig"] if name != "fruit" else [])]
    cases = [
        Case(
            id=f"{split}-{n}",
            prompt=f"{name} called {word}",
            target=f"{name} of {word}",
            split=split,
        )
        for split in ("calibration", "exam")
        for n, word in enumerate(words)
    ]
    job = Job(name=name, environment=SingleTurn(), verifiers=(Exact(),), cases=lambda: cases)
    taught = lessons_of(job, [case for case in cases if case.split == "calibration"])
    return Stream(name, job, tuple(taught), tuple(case for case in cases if case.split == "exam"))


def recorded(room: Path, model: ScriptedModel, cases: int, names: Sequence[str] = TWO) -> None:
    shelf = Shelf([made(name) for name in names], room)
    with open_journal(room) as journal, LeaseOwner.enter(room) as holder:
        recording = Recording(journal, holder, model, shelf)
        asyncio.run(asyncio.wait_for(record(recording, cases), 60))
        export(recording, cases, room / "csv")
    shelf.close()


def test_the_plan_takes_a_few_cases_of_all_streams_first() -> None:
    streams = [made(name) for name in WORDS]
    steps = list(plan(streams, 4))
    half = len(steps) // 2
    assert {
        (one.name, memory, tuple(c.id for c in batch)) for one, memory, batch in steps[:half]
    } == {
        (name, memory, ("exam-0", "exam-1"))
        for name in WORDS
        for memory in memories(list(WORDS), name)
    }
    assert memories(list(WORDS), "stone") == [
        "none", "after-2", "after-3", "after-1", "only-stone", "only-cloth",
    ]  # fmt: skip


def test_what_was_recorded_once_makes_every_figure_without_a_model(tmp_path: Path) -> None:
    model = ScriptedModel(by_example)
    recorded(tmp_path, model, 4, list(WORDS))
    rows = read(tmp_path / "csv", list(WORDS))
    assert {name: len(listed) for name, listed in rows.items()} == dict.fromkeys(WORDS, 4 * 6)
    distinct = {
        (name, told["case"], told["key"]) for name, listed in rows.items() for told in listed
    }
    assert len(model.calls) == len(distinct) < 3 * 4 * 6
    told = figures(tmp_path / "csv", list(WORDS))
    assert told["reused"].value == 3 * 4 * 6 - len(distinct)
    assert told["accuracy_0_fruit"].value == 0.25
    assert told["accuracy_1_fruit"].value == 1.0
    assert told["accuracy_3_cloth"].value == 1.0
    assert told["accuracy_1_stone"].value == 0.0
    assert told["transfer_stone_stone"].value == 1.0
    assert told["transfer_fruit_stone"].value == 0.0
    # a lesson of another stream about a fig stands where the worker knew better
    assert told["transfer_stone_fruit"].value == -0.25
    assert told["negative_pairs_ungated"].value == 0  # one case of four is chance
    assert told["forward_transfer"].value == 0.0
    assert told["own_lessons_cloth"].value is not None


def test_a_recording_goes_on_where_it_was_and_asks_nothing_twice(tmp_path: Path) -> None:
    model = ScriptedModel(by_example)
    recorded(tmp_path, model, 2)
    asked = len(model.calls)
    assert figures(tmp_path / "csv", TWO)["reused"].value is not None
    assert "forgetting" not in figures(tmp_path / "csv", TWO)  # two complete cases are no matrix
    recorded(tmp_path, model, 2)
    assert len(model.calls) == asked
    recorded(tmp_path, model, 4)
    one_go = ScriptedModel(by_example)
    recorded(tmp_path / "other", one_go, 4)
    assert len(model.calls) == len(one_go.calls)
    for name in TWO:
        one, other = (
            (room / "csv" / f"{name}.csv").read_text() for room in (tmp_path, tmp_path / "other")
        )
        assert [line.rpartition(",")[0] for line in one.splitlines()] == [
            line.rpartition(",")[0] for line in other.splitlines()
        ]


def test_a_case_that_failed_is_no_result_of_any_memory(tmp_path: Path) -> None:
    """It may have ended before anything was recalled, and must not pass for the case without memory."""

    def fails_on_plum(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str | Exception:
        told = by_example(messages, tools)
        return ModelError("No.", "Ask again.") if messages[-1].text.endswith("plum") else told

    recorded(tmp_path, ScriptedModel(fails_on_plum), 4)
    rows = read(tmp_path / "csv", TWO)["fruit"]
    assert {told["case"] for told in rows} == {"exam-0", "exam-1", "exam-3"}


def test_nothing_recorded_is_no_figure(tmp_path: Path) -> None:
    assert figures(tmp_path, list(WORDS)) == {}
