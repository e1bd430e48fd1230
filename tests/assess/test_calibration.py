"""The assessor: it finds what tells right from wrong, is honest where it knows little, and breaks on nothing odd."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from journeyman.assess.autonomy import Autonomy
from journeyman.assess.calibration import LogisticAssessor
from journeyman.assess.evidence import evidence_of
from journeyman.assess.neighbours import grams
from journeyman.assess.reliability import auroc, ece
from journeyman.assess.rule import Rule
from journeyman.job.check import answered
from journeyman.types import (
    Case,
    Decision,
    Evidence,
    Example,
    Failure,
    Message,
    Reply,
    Score,
    ScoredTrajectory,
    Step,
    TokenLogprob,
    Usage,
)


def example(
    signal: float | None,
    correct: bool,
    *,
    prompt: str = "q",
    answer: str | None = "a",
    weight: float = 1,
) -> Example:
    evidence = Evidence(signals={"signal": signal, "other": 1.0}, prompt=prompt, answer=answer)
    return Example(evidence=evidence, correct=correct, weight=weight)


def drawn(count: int, seed: int = 0) -> list[Example]:
    """P(right) rises with the signal along a logistic curve."""
    rng = random.Random(seed)
    signals = [rng.gauss(0, 1) for _ in range(count)]
    return [example(s, rng.random() < 1 / (1 + math.exp(-2 * s))) for s in signals]


def test_it_finds_the_signal_and_its_probabilities_are_true() -> None:
    fitted, fresh = LogisticAssessor().learned(drawn(600)), drawn(800, seed=1)
    told = [fitted.probability(one.evidence) or 0 for one in fresh]
    rights = [one.correct for one in fresh]
    assert (auroc(told, rights) or 0) > 0.8
    assert (ece(told, rights) or 1) < 0.08
    assert (auroc(fitted.crossed, [one.correct for one in fitted.examples]) or 0) > 0.78


def test_the_same_examples_give_the_same_probabilities_bit_by_bit() -> None:
    one, two = LogisticAssessor().learned(drawn(80)), LogisticAssessor().learned(drawn(80))
    assert one.crossed == two.crossed
    assert [one.probability(e.evidence) for e in drawn(20, 1)] == [
        two.probability(e.evidence) for e in drawn(20, 1)
    ]


def test_past_cases_like_it_speak() -> None:
    """The signal says nothing; what was asked does, in either language."""
    kinds = [("translate this sentence please", True), ("估计仓库里的数量", False)]
    past = [
        example(0.0, correct, prompt=f"{text} {n}") for n in range(60) for text, correct in kinds
    ]
    fitted = LogisticAssessor().learned(past)
    english, chinese = (
        fitted.probability(example(0.0, True, prompt=f"{text} 999").evidence) or 0.0
        for text, _ in kinds
    )
    assert english > 0.85
    assert chinese < 0.15


def test_few_labels_say_little() -> None:
    few, many = (LogisticAssessor().learned([example(0.0, True)] * count) for count in (2, 200))
    assert 0.5 < (few.probability(example(0.0, True).evidence) or 0) < 0.8
    assert (many.probability(example(0.0, True).evidence) or 0) > 0.9


def test_seldom_audited_cases_count_for_those_not_seen() -> None:
    escalated = [example(0.0, False)] * 30
    audited = [example(0.0, True, weight=10)] * 10
    weighted = (
        LogisticAssessor().learned([*escalated, *audited]).probability(example(0.0, True).evidence)
        or 0
    )
    plain = LogisticAssessor().learned([replace_weight(e) for e in (*escalated, *audited)])
    assert weighted > 0.6 > (plain.probability(example(0.0, True).evidence) or 1)


def replace_weight(one: Example) -> Example:
    return one.model_copy(update={"weight": 1.0})


ODD: dict[str, Callable[[], list[Example]]] = {
    "one class": lambda: [example(float(n), True) for n in range(30)],
    "one case": lambda: [example(1.0, True)],
    "constant": lambda: [example(1.0, bool(n % 2)) for n in range(30)],
    "all missing": lambda: [example(None, bool(n % 2)) for n in range(30)],
    "some missing": lambda: [example(None if n % 3 else 1.0, bool(n % 2)) for n in range(30)],
    "empty texts": lambda: [example(1.0, bool(n % 2), prompt="", answer="") for n in range(30)],
    "huge": lambda: [example(1e12 * n, bool(n % 2)) for n in range(30)],
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_histories_give_probabilities_all_the_same(kind: str) -> None:
    fitted = LogisticAssessor().learned(ODD[kind]())
    for signal in (None, 0.0, -1e9, 1e9):
        assert 0 < (fitted.probability(example(signal, True).evidence) or 0) < 1
    assert all(0 < p < 1 for p in fitted.crossed)


def test_nothing_is_known_before_the_first_label_and_no_answer_is_never_right() -> None:
    assert LogisticAssessor().probability(example(1.0, True).evidence) is None
    assert LogisticAssessor().learned([]).probability(example(1.0, True).evidence) is None
    assert (
        LogisticAssessor().learned(drawn(20)).probability(example(1.0, True, answer=None).evidence)
        == 0.0
    )
    assert LogisticAssessor().learned([example(1.0, False, answer=None)]).examples == ()


def test_it_is_an_assessor_of_trajectories() -> None:
    case = Case(id="c", prompt="p")
    graded = [
        ScoredTrajectory(
            trajectory=answered(case, f"word {n}"), scores=(Score(verifier="v", value=value),)
        )
        for n, value in enumerate([1.0, None, 0.0, 1.0] * 5)
    ]
    fitted = LogisticAssessor().fit(graded)
    assert len(fitted.examples) == 15
    assert 0.3 < (fitted.confidence(answered(case, "word 1")) or 0) < 0.9


def test_log_probabilities_that_are_no_numbers_are_missing_signals() -> None:
    token = TokenLogprob(token="a", logprob=math.nan, top=(("a", math.nan), ("b", math.nan)))
    reply = Reply(
        message=Message(role="assistant", content="a"),
        usage=Usage(prompt_tokens=1, completion_tokens=1),
        logprobs=(token,),
    )
    case = answered(Case(id="c", prompt="p"), "a").model_copy(
        update={"steps": (Step(reply=reply),)}
    )
    told = evidence_of(case)
    assert told.signals["mean_logprob"] is None
    assert all(value is None or math.isfinite(value) for value in told.signals.values())
    assert 0 < (LogisticAssessor().learned(drawn(20)).probability(told) or 0) < 1


def test_what_failed_has_no_answer_whatever_it_said() -> None:
    failure = Failure(kind="fault", message="m", hint="n")
    broken = answered(Case(id="c", prompt="p"), "a").model_copy(
        update={"stop": "failed", "failure": failure}
    )
    assert evidence_of(broken).answer is None


def test_grams_stay_inside_words() -> None:
    assert grams("ab 退货") == [
        " a",
        "ab",
        "b ",
        " ab",
        "ab ",
        " ab ",
        " 退",
        "退货",
        "货 ",
        " 退货",
        "退货 ",
        " 退货 ",
    ]


def seen(score: float | None) -> Decision:
    return Decision(score=score, threshold=None, deliver=False, audit=True, propensity=1.0)


def test_a_case_without_an_answer_needs_no_label() -> None:
    now = Autonomy(rule=Rule()).after(seen(None), example(None, True, answer=None).evidence, None)
    assert (now.settled, now.labels) == (1, 0)


def test_autonomy_warms_up_plans_and_goes_on() -> None:
    now = Autonomy(rule=Rule(allowed_error=0.2), warm_up=40)
    for one in drawn(39):
        now = now.after(seen(now.score(one.evidence)), one.evidence, not one.correct)
    assert now.certificate is None
    last = drawn(1, seed=5)[0]
    now = now.after(seen(0.5), last.evidence, not last.correct)
    assert now.certificate is not None
    assert now.certificate.threshold is None
    assert now.with_rule(Rule(allowed_error=0.2, audit_rate=0.5)).rule.audit_rate == 0.5
    with pytest.raises(ValueError, match="proves nothing for another"):
        now.with_rule(Rule(allowed_error=0.1))


@pytest.mark.parametrize("correct", [True, False])
def test_a_stream_of_one_class_is_delivered_or_not_at_all(correct: bool) -> None:
    now = Autonomy(rule=Rule(allowed_error=0.2, audit_rate=1.0), warm_up=20)
    for n in range(120):
        one = example(float(n % 7), correct)
        now = now.after(now.decide(now.score(one.evidence), 0.0), one.evidence, not correct)
    assert now.certificate is not None
    assert (now.certificate.threshold is not None) == correct


def test_a_score_that_is_no_number_is_escalated() -> None:
    now = Autonomy(rule=Rule())
    assert now.decide(math.nan, 0.0) == seen(None)
    assert replace(now, labels=3).decide(0.7, 0.0).deliver is False
