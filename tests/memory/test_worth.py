"""What a lesson is worth comes from random withholding alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest

from journeyman.memory.worth import HALF_LIFE, PRICE, price, worth
from journeyman.store.lesson_uses import Uses


def uses(
    rng: random.Random, count: int, *, told: float, untold: float, withheld: float = 0.1
) -> Uses:
    """Outcomes where the chance of being right is `told` with the lesson and `untold` without."""
    shown = [rng.random() >= withheld for _ in range(count)]
    score = [float(rng.random() < (told if one else untold)) for one in shown]
    return of(shown=shown, withheld=[withheld] * count, score=score)


def of(*, shown: Sequence[bool], withheld: Sequence[float], score: Sequence[float]) -> Uses:
    """Each in a case of its own, just now."""
    nothing, one = np.zeros(len(shown)), np.ones(len(shown))
    return Uses(
        place=np.arange(len(shown), dtype=float), shown=np.array(shown, dtype=float), withheld=np.array(withheld),
        score=np.array(score), weight=one, age=nothing, agreed=nothing - 1, expected=nothing,
    )  # fmt: skip


def end_to_end(*parts: Uses) -> Uses:
    return Uses(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@pytest.mark.parametrize(("told", "untold"), [(0.9, 0.4), (0.5, 0.5), (0.2, 0.8)])
def test_the_effect_is_found_and_the_interval_holds_it(told: float, untold: float) -> None:
    found = [
        worth(uses(random.Random(n), 400, told=told, untold=untold), typical=0.5) for n in range(60)
    ]
    assert fmean(one.value for one in found) == pytest.approx(told - untold, abs=0.03)
    assert sum(one.low <= told - untold <= one.high for one in found) >= 54


def test_a_hard_case_is_not_the_lessons_fault() -> None:
    """Cases of which few come out right anyway say nothing against a lesson that helps with them."""
    rng = random.Random(5)
    found = worth(uses(rng, 500, told=0.2, untold=0.05), typical=0.9)
    assert found.value > 0
    assert not found.retired


def test_what_does_harm_is_retired_and_what_helps_never() -> None:
    poison = [
        worth(uses(random.Random(n), 60, told=0.05, untold=0.9), typical=0.8).retired
        for n in range(50)
    ]
    helpful = [
        worth(uses(random.Random(n), 60, told=0.9, untold=0.5), typical=0.6).retired
        for n in range(50)
    ]
    assert sum(poison) >= 45
    assert not any(helpful)


def test_nothing_known_is_no_effect() -> None:
    nothing = worth(of(shown=(), withheld=(), score=()), typical=0.7)
    assert (nothing.uses, nothing.value, nothing.retired) == (0, 0.0, False)
    assert nothing.shrunk == 0.0
    assert nothing.low < -0.3 < 0.3 < nothing.high


def test_a_lesson_that_changes_nothing_is_not_worth_many_tokens() -> None:
    useless = uses(random.Random(1), 4_000, told=0.5, untold=0.5, withheld=0.5)
    assert not worth(useless, typical=0.5).retired
    assert worth(useless, typical=0.5, least=price(round(0.1 / PRICE))).retired


def test_scores_seen_less_often_count_for_more() -> None:
    """Of right answers only a tenth is looked at, of wrong ones all: unweighted, a good lesson would look bad."""
    rng = random.Random(2)
    every = uses(rng, 20_000, told=0.9, untold=0.7)
    kept = every.where(np.array([score == 0 or rng.random() < 0.1 for score in every.score]))
    kept = kept._replace(weight=np.where(kept.score > 0, 10.0, 1.0))
    assert worth(kept, typical=0.8).value == pytest.approx(0.2, abs=0.04)


def test_evidence_fades_so_that_what_is_retired_is_tried_again_the_surer_the_harm_the_later() -> (
    None
):
    def retired(count: int, age: int) -> bool:
        told = uses(random.Random(3), count, told=0.1, untold=0.8)
        return worth(told._replace(age=told.age + age), typical=0.7).retired

    assert retired(100, 0)
    assert retired(1_000, 0)
    assert not retired(100, 6 * HALF_LIFE)
    assert retired(1_000, 6 * HALF_LIFE)


def test_the_latest_uses_say_most() -> None:
    rng = random.Random(4)
    before = uses(rng, 200, told=0.2, untold=0.8)
    before = before._replace(place=-1 - before.place, age=before.age + 3 * HALF_LIFE)
    assert worth(before, typical=0.5).value < -0.3
    assert worth(end_to_end(before, uses(rng, 200, told=0.9, untold=0.3)), typical=0.5).value > 0.3


def test_for_comparing_the_less_is_known_the_nearer_to_nothing() -> None:
    few, many = (
        worth(uses(random.Random(5), n, told=0.9, untold=0.5), typical=0.7) for n in (10, 4_000)
    )
    assert abs(few.shrunk) < 0.05
    assert many.shrunk > 0.3


def test_uses_in_one_case_count_as_one() -> None:
    """Else a person whose lessons are recalled by fours would be sure to do harm after a fourth of the cases."""
    once = uses(random.Random(6), 60, told=0.5, untold=0.7)
    single, fourfold = (
        worth(once, typical=0.6),
        worth(end_to_end(once, once, once, once), typical=0.6),
    )
    assert (fourfold.low, fourfold.high) == pytest.approx((single.low, single.high))
