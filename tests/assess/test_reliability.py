"""Figures of reliability against slow, obvious references and at their ends."""

from __future__ import annotations

import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.assess.reliability import auroc, bins, brier, brier_skill, ece, ece_floor, interval

PAIRS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), max_size=40
)


def split(pairs: list[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [c for c, _ in pairs], [r for _, r in pairs]


@given(PAIRS)
def test_auroc_is_the_share_of_pairs_in_order(pairs: list[tuple[float, bool]]) -> None:
    confidences, rights = split(pairs)
    wins = [
        (a > b) + (a == b) / 2
        for a, correct in pairs
        for b, other in pairs
        if correct and not other
    ]
    assert auroc(confidences, rights) == (pytest.approx(fmean(wins)) if wins else None)


@given(PAIRS)
def test_bins_hold_every_case_once_and_keep_equals_together(
    pairs: list[tuple[float, bool]],
) -> None:
    found = bins(*split(pairs), count=4)
    assert sum(one.cases for one in found) == len(pairs)
    assert len(found) <= 4
    assert [one.confidence for one in found] == sorted({one.confidence for one in found})


def test_perfect_and_hopeless() -> None:
    rights = [True, False] * 30
    perfect = [float(r) for r in rights]
    assert (
        ece(perfect, rights),
        brier(perfect, rights),
        brier_skill(perfect, rights),
        auroc(perfect, rights),
    ) == (
        0,
        0,
        1,
        1,
    )
    assert brier_skill([0.5] * 60, rights) == 0
    assert ece([1.0] * 60, rights) == 0.5
    assert auroc([0.5] * 60, rights) == 0.5


def test_nothing_and_one_class_are_unknown() -> None:
    assert (ece([], []), brier([], []), auroc([], []), ece_floor([])) == (None, None, None, None)
    assert (auroc([0.1], [True]), brier_skill([0.1], [True])) == (None, None)
    with pytest.raises(ValueError, match="zip"):
        ece([0.1], [])


def test_the_floor_is_what_true_confidences_give() -> None:
    rng = random.Random(1)
    seen, expected = [], []
    for _ in range(60):
        confidences = [rng.random() for _ in range(300)]
        rights = [rng.random() < c for c in confidences]
        seen.append(ece(confidences, rights) or 0)
        expected.append(ece_floor(confidences) or 0)
    assert fmean(seen) == pytest.approx(fmean(expected), rel=0.1)


def test_an_interval_holds_the_value_and_shrinks() -> None:
    rng = random.Random(2)
    widths = []
    for count in (50, 800):
        confidences = [rng.random() for _ in range(count)]
        rights = [rng.random() < c for c in confidences]
        found = interval(auroc, confidences, rights, rounds=200)
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2
    assert interval(auroc, [], []).value is None
