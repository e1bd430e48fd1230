"""The benches of speed and growth measure what they say: the arms, the ratios, the server that answers at once."""

from __future__ import annotations

import pytest

from bench.growth.__main__ import figures_of as growth_figures
from bench.growth.arm import Measured, measured
from bench.harness.__main__ import figures_of as harness_figures
from bench.lib.instant_server import reply


def asked(**fields: object) -> dict[str, object]:
    tool = {"function": {"name": "look", "parameters": {"properties": {"word": {}}}}}
    return {
        "messages": [{"role": "user", "content": "go"}],
        "tools": [{"type": "function", **tool}],
        **fields,
    }


def test_log_probabilities_are_given_to_those_who_ask() -> None:
    (plain,) = reply(asked(), 1)["choices"]
    (likely,) = reply(asked(logprobs=True, top_logprobs=3), 1)["choices"]
    assert plain["logprobs"] is None
    assert [len(token["top_logprobs"]) for token in likely["logprobs"]["content"]] == [3, 3]


def test_a_ratio_is_of_the_same_round() -> None:
    figures = harness_figures(
        {"journeyman": [1.0, 20.0, 3.0], "agno": [2.0, 40.0, 6.0]}, turns=1_000
    )
    assert figures["turn_ms"].value == 3.0
    assert figures["agno_turn_ms"].value == 6.0
    ratio = figures["turn_ratio_to_agno"]
    assert (ratio.value, ratio.low, ratio.high) == (0.5, 0.5, 0.5)


@pytest.mark.slow
def test_one_arm_learns_and_the_other_does_not() -> None:
    on, off = measured("on", 80), measured("off", 80)
    assert (on.labelled, off.labelled) == (80, 0)
    assert on.recalled > 60
    assert off.recalled == 0
    assert on.scored > 60
    assert off.scored == 0
    assert on.bytes_stored[-1] > off.bytes_stored[-1]


def made(
    case_ms: list[float], bytes_stored: list[int], resident: list[tuple[int, float]]
) -> Measured:
    return Measured(case_ms, [5.0] * 10, bytes_stored, resident, 1_000, 1_000, 0, 1_000)


def test_growth_is_a_slope_and_drifts_of_halves_and_tenths() -> None:
    case_ms = [10.0] * 500 + [15.0] * 400 + [20.0] * 100
    sizes = [1_000 * n for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11)]
    resident = [(n, 50 + n / 1_000) for n in range(25, 1_001, 25)]
    figures = {
        key: one.value
        for key, one in growth_figures("on", made(case_ms, sizes, resident), 1_000).items()
    }
    assert figures["bytes_per_case"] == 11
    assert figures["bytes_per_case_drift"] == pytest.approx(0.2)
    assert figures["case_cost_drift"] == pytest.approx(0.5)
    assert (figures["case_ms_first_tenth"], figures["case_ms_last_tenth"]) == (10, 20)
    assert figures["rss_mb_per_10k_cases"] == pytest.approx(10)


def test_an_arm_that_did_not_do_what_it_says_gives_no_figures() -> None:
    told = made([1.0] * 1_000, [1] * 10, [(500, 1.0), (1_000, 1.0)])
    with pytest.raises(AssertionError):
        growth_figures("off", told, 1_000)
    with pytest.raises(AssertionError, match="only 0 of 1000 cases were labelled"):
        growth_figures("on", told._replace(labelled=0), 1_000)
