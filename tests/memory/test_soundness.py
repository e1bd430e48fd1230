"""What says what proves right is told first, what does not no more; where nothing comes again, nobody is blamed."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.memory.soundness import CHANCE, HALF_LIFE, LEAST, WRONG, credit, soundness
from journeyman.store.lesson_uses import Uses


def uses(*agreed: float, expected: float = 0.6, age: float = 0.0) -> Uses:
    one, nothing = np.ones(len(agreed)), np.zeros(len(agreed))
    return Uses(
        place=np.arange(len(agreed), dtype=float), shown=one, withheld=nothing + 0.1, score=one, weight=one,
        age=nothing + age, agreed=np.array(agreed), expected=nothing + expected,
    )  # fmt: skip


def test_nothing_known_is_one_in_ten_wrong() -> None:
    assert soundness(uses()) == pytest.approx(1 - WRONG)
    assert credit(uses()) == 1.0


def test_one_that_agrees_is_sound_and_stays_so_through_a_few_disagreements() -> None:
    assert soundness(uses(1)) > 0.98
    assert soundness(uses(1, 1, 0, 0, 0, 0)) > 0.9


def test_a_few_disagreements_where_others_agree_are_enough() -> None:
    assert soundness(uses(0, 0, 0)) < LEAST < soundness(uses(0, 0))


def test_where_no_answer_comes_again_nobody_is_blamed() -> None:
    assert soundness(uses(*[0] * 400, expected=0.0)) == pytest.approx(1 - WRONG)


def test_what_was_not_found_out_says_nothing() -> None:
    assert soundness(uses(*[-1] * 400)) == pytest.approx(1 - WRONG)
    assert credit(uses(*[-1] * 400)) == 1.0


def test_a_lesson_begins_where_its_contributor_stands() -> None:
    liar, honest = credit(uses(*[0] * 100)), credit(uses(*[1, 1, 1, 0, 0] * 20))
    assert honest == pytest.approx(1.0)
    assert soundness(uses(), liar) < LEAST < soundness(uses(), honest)
    assert soundness(uses(1, 1), liar) > 0.9  # a liar's lesson may be right


def test_evidence_fades() -> None:
    assert soundness(uses(*[0] * 4)) < LEAST < soundness(uses(*[0] * 4, age=2 * HALF_LIFE))


@given(st.lists(st.sampled_from([0.0, 1.0]), max_size=30), st.floats(0.01, 0.9), st.floats(0, 2))
def test_it_is_bayes_rule(agreed: list[float], expected: float, believed: float) -> None:
    wrong = 1 - (1 - WRONG) * min(1.0, believed)
    for_sound = (1 - wrong) * prod(expected if one else 1 - expected for one in agreed)
    for_wrong = wrong * prod(CHANCE * expected if one else 1 - CHANCE * expected for one in agreed)
    assert soundness(uses(*agreed, expected=expected), believed) == pytest.approx(
        for_sound / (for_sound + for_wrong)
    )
