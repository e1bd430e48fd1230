"""What a lesson is worth comes from random withholding alone."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from journeyman.memory.worth import HALF_LIFE, PRICE, Worth, factor, price, worth
from journeyman.store.memories import Used


def uses(rng: random.Random, count: int, *, told: float, untold: float, withheld: float = 0.1) -> list[Used]:
    """Outcomes where the chance of being right is `told` with the lesson and `untold` without."""
    shown = [rng.random() >= withheld for _ in range(count)]
    return [Used(shown=one, withheld=withheld, score=float(rng.random() < (told if one else untold))) for one in shown]


@pytest.mark.parametrize(("told", "untold"), [(0.9, 0.4), (0.5, 0.5), (0.2, 0.8)])
def test_the_effect_is_found_and_the_interval_holds_it(told: float, untold: float) -> None:
    found = [worth(uses(random.Random(n), 400, told=told, untold=untold), typical=0.5) for n in range(60)]
    assert fmean(one.value for one in found) == pytest.approx(told - untold, abs=0.03)
    assert sum(one.low <= told - untold <= one.high for one in found) >= 54


def test_a_hard_case_is_not_the_lessons_fault() -> None:
    """Cases of which few come out right anyway say nothing against a lesson that helps with them."""
    rng = random.Random(5)
    found = worth(uses(rng, 500, told=0.2, untold=0.05), typical=0.9)
    assert found.value > 0
    assert not found.retired


def test_what_does_harm_is_retired_and_what_helps_never() -> None:
    poison = [worth(uses(random.Random(n), 60, told=0.05, untold=0.9), typical=0.8).retired for n in range(50)]
    helpful = [worth(uses(random.Random(n), 60, told=0.9, untold=0.5), typical=0.6).retired for n in range(50)]
    assert sum(poison) >= 45
    assert not any(helpful)


def test_nothing_known_is_no_effect() -> None:
    nothing = worth((), typical=0.7)
    assert (nothing.uses, nothing.value, nothing.retired) == (0, 0.0, False)
    assert factor(nothing) == 1.0
    assert nothing.low < -0.3 < 0.3 < nothing.high


def test_a_lesson_that_changes_nothing_is_not_worth_many_tokens() -> None:
    useless = uses(random.Random(1), 4_000, told=0.5, untold=0.5, withheld=0.5)
    assert not worth(useless, typical=0.5).retired
    assert worth(useless, typical=0.5, least=price(round(0.1 / PRICE))).retired


def test_scores_seen_less_often_count_for_more() -> None:
    """Of right answers only a tenth is looked at, of wrong ones all: unweighted, a good lesson would look bad."""
    rng = random.Random(2)
    kept = [
        use._replace(weight=10.0 if use.score else 1.0)
        for use in uses(rng, 20_000, told=0.9, untold=0.7)
        if use.score == 0 or rng.random() < 0.1
    ]
    assert worth(kept, typical=0.8).value == pytest.approx(0.2, abs=0.04)


def test_evidence_fades_so_that_what_is_retired_is_tried_again_the_surer_the_harm_the_later() -> None:
    def retired(count: int, age: int) -> bool:
        told = uses(random.Random(3), count, told=0.1, untold=0.8)
        return worth([use._replace(age=age) for use in told], typical=0.7).retired

    assert retired(100, 0)
    assert retired(1_000, 0)
    assert not retired(100, 6 * HALF_LIFE)
    assert retired(1_000, 6 * HALF_LIFE)


def test_the_latest_uses_say_most() -> None:
    rng = random.Random(4)
    before = [use._replace(age=3 * HALF_LIFE) for use in uses(rng, 200, told=0.2, untold=0.8)]
    assert worth(before, typical=0.5).value < -0.3
    assert worth([*before, *uses(rng, 200, told=0.9, untold=0.3)], typical=0.5).value > 0.3


def test_worth_moves_the_rank() -> None:
    def known(value: float) -> Worth:
        return Worth(uses=9, shown=8, value=value, low=-1, high=1, retired=False)

    assert factor(known(-2.0)) > 0
    assert factor(known(0.5)) > factor(known(0.0)) > factor(known(-0.5))
