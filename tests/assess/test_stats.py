"""Intervals at their usual and their extreme places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.assess.stats import less, proportion
from journeyman.job.check import answered
from journeyman.types import Case, Score, ScoredTrajectory

CASE = Case(id="c", prompt="p")


def test_the_interval_of_the_tutorial() -> None:
    part = proportion(5, 8)
    assert (part.value, round(part.low or 0, 2), round(part.high or 0, 2)) == (0.625, 0.31, 0.86)


def test_nothing_to_share_is_unknown() -> None:
    part = proportion(0, 0)
    assert (part.value, part.low, part.high) == (None, None, None)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_share_lies_in_its_interval(count: int, total: int) -> None:
    if count > total:
        with pytest.raises(ValueError, match="is not a count"):
            proportion(count, total)
        return
    part = proportion(count, total)
    assert part.low is not None
    assert part.high is not None
    assert part.value is not None
    assert 0 <= part.low <= part.value <= part.high <= 1
    assert (part.low == 0) == (count == 0)
    assert (part.high == 1) == (count == total)


def graded(value: float | None) -> ScoredTrajectory:
    return ScoredTrajectory(
        trajectory=answered(CASE, "x"), scores=(Score(verifier="v", value=value),)
    )


def test_right_needs_full_marks_of_all_that_judged() -> None:
    both = ScoredTrajectory(
        trajectory=answered(CASE, "x"),
        scores=(Score(verifier="a", value=1), Score(verifier="b", value=0.9)),
    )
    assert (both.correct, graded(None).correct) == (False, None)


def test_one_share_less_another_as_published() -> None:
    """Newcombe 1998, table II, (a), method 10."""
    assert less(proportion(56, 70), proportion(48, 80)) == pytest.approx(
        (0.2, 0.0524, 0.3339), abs=5e-5
    )
    assert less(proportion(0, 10), proportion(0, 20)) == pytest.approx(
        (0.0, -0.1611, 0.2775), abs=5e-5
    )
    assert less(proportion(0, 0), proportion(1, 2)) is None
