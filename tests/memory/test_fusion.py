"""Reciprocal-rank fusion: what several rankings agree on comes first, and worth weighs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.memory.fusion import RANK_OFFSET, fused, fused_scores

RANKINGS = st.lists(st.lists(st.integers(0, 9), unique=True, max_size=8), max_size=4)


def test_scores_are_the_formulas() -> None:
    found = fused_scores([["a", "b"], ["b", "c"]])
    first, second = 1 / (RANK_OFFSET + 1), 1 / (RANK_OFFSET + 2)
    assert found == {"a": first, "b": second + first, "c": second}


def test_what_two_rankings_hold_comes_before_what_one_does() -> None:
    assert fused([["a", "b", "c"], ["d", "b", "e"]])[0] == "b"


def test_one_ranking_stays_as_it_is() -> None:
    assert fused([[3, 1, 2]], k=2) == [3, 1]


def test_worth_weighs_and_zero_leaves_out() -> None:
    worth = {"a": 0.5, "b": 1.0, "c": 0.0}
    assert fused([["a", "b", "c"]], worth.__getitem__) == ["b", "a"]


@pytest.mark.parametrize("factor", [-0.1, float("nan"), float("inf")])
def test_a_worth_that_is_none_is_told(factor: float) -> None:
    with pytest.raises(ValueError, match="worth of 'a'"):
        fused([["a"]], lambda _: factor)


def test_an_item_twice_in_a_ranking_is_told() -> None:
    with pytest.raises(ValueError, match="twice"):
        fused([["a", "a"]])


@given(RANKINGS, st.integers(0, 12))
def test_fusion_keeps_agreement_and_loses_nothing(rankings: list[list[int]], k: int) -> None:
    everything = {item for ranking in rankings for item in ranking}
    found = fused(rankings, k=k)
    assert len(found) == min(k, len(everything))
    assert found == fused(rankings, lambda _: 2.5, k)
    if rankings and all(ranking == rankings[0] for ranking in rankings):
        assert found == rankings[0][:k]
    whole = fused(rankings, k=20)
    for better in everything:
        for worse in everything:
            places = [(r.index(better) if better in r else 99, r.index(worse) if worse in r else 99) for r in rankings]
            if all(one < other for one, other in places):
                assert whole.index(better) < whole.index(worse)
