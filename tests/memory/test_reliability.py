"""What says what proves right is told first, what does not no more; where nothing comes again, nobody is blamed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.memory.reliability import LEAST, OF_A_CONTRIBUTOR, OF_A_LESSON, reliability
from journeyman.memory.worth import HALF_LIFE
from journeyman.store.memories import Uses


def uses(*agreed: float, expected: float = 0.6, age: float = 0.0) -> Uses:
    one, nothing = np.ones(len(agreed)), np.zeros(len(agreed))
    return Uses(
        place=np.arange(len(agreed), dtype=float), shown=one, withheld=nothing + 0.1, score=one, weight=one,
        age=nothing + age, agreed=np.array(agreed), expected=nothing + expected,
    )  # fmt: skip


def test_one_that_agrees_as_often_as_others_is_as_reliable() -> None:
    assert reliability(uses(1, 1, 1, 0, 0)) == pytest.approx(1.0)


def test_a_few_disagreements_where_others_agree_are_enough() -> None:
    assert reliability(uses(*[0] * 6)) < LEAST < reliability(uses(*[0] * 4))


def test_where_no_answer_comes_again_nobody_is_blamed() -> None:
    assert reliability(uses(*[0] * 400, expected=0.0)) == 1.0


def test_what_was_not_found_out_says_nothing() -> None:
    assert reliability(uses(*[-1] * 400)) == 1.0


def test_a_lesson_begins_where_its_contributor_stands() -> None:
    liar = reliability(uses(*[0] * 100), strength=OF_A_CONTRIBUTOR)
    assert reliability(uses(), prior=liar) == pytest.approx(liar)
    assert liar < LEAST < reliability(uses(1, 1, 1, 1), prior=liar)


def test_evidence_fades() -> None:
    assert reliability(uses(*[0] * 8)) < LEAST
    assert reliability(uses(*[0] * 8, age=4 * HALF_LIFE)) > 0.8


@given(st.lists(st.sampled_from([0.0, 1.0]), max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_it_is_the_mean_of_the_gamma_posterior(agreed: list[float], expected: float, prior: float) -> None:
    found = reliability(uses(*agreed, expected=expected), prior=prior)
    assert found == pytest.approx((OF_A_LESSON * prior + sum(agreed)) / (OF_A_LESSON + expected * len(agreed)))
