"""The certificate: fair under the null by exact enumeration, silent when it must be, quick when it may be."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeyman.assess.rule import Rule, Settled
from journeyman.assess.selective import (
    Certificate,
    Level,
    ceiling,
    divergence,
    labels_needed,
    thresholds,
)
from journeyman.assess.wealth import GUESSES
from journeyman.types import Decision

RULE = Rule(allowed_error=0.2, confidence=0.9, audit_rate=0.25)


def certificate(rule: Rule, *levels: float, passed: int = 0) -> Certificate:
    ones = (1.0,) * len(GUESSES)
    return Certificate(
        rule, tuple(Level(q, ones, ones, passed=n < passed) for n, q in enumerate(levels))
    )


def stream(
    cert: Certificate, cases: int, risk: Callable[[float, int], float], seed: int
) -> tuple[list[Decision], list[bool], Certificate]:
    """A run with known truth: scores are uniform, an error happens with probability risk(score, n)."""
    rng = random.Random(seed)
    decisions, errors = [], []
    for n in range(cases):
        score = rng.random()
        decision = cert.decide(score, rng.random())
        error = rng.random() < risk(score, n)
        cert = cert.after(Settled(decision=decision, error=error if decision.audit else None))
        decisions.append(decision)
        errors.append(error)
    return decisions, errors, cert


# --- fairness --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed", "risks"),
    [
        (0, (0.2, 0.2)),
        (0, (0.0, 0.4)),
        (0, (0.3, 0.25)),
        (1, (0.2, 0.2)),
        (1, (0.0, 0.4)),
        (1, (0.1, 0.35)),
    ],
)
def test_evidence_is_at_most_one_on_average_under_the_null(
    passed: int, risks: tuple[float, float]
) -> None:
    """Exact, over every course of three cases: two scores, equally likely, their labels, the audits' draws.

    The claim of the lower level is false: the error above it is at least α. With the upper one in force, the eager bets
    are fair only where its claim is true, so that the error in between is at least α. δ is so small that the alarm,
    which begins all anew, can't ring.
    """
    rule = RULE.model_copy(update={"confidence": 0.999999})
    above, between = risks
    start = certificate(rule, 0.8, 0.4, passed=passed)

    def expected(cert: Certificate, cases: int) -> float:
        if cases == 0:
            return cert.levels[1].evidence
        total = 0.0
        for score, error, seen in product((0.9, 0.5), (True, False), (True, False)):
            risk = above if score == 0.9 else between
            decision = cert.decide(score, 0.0 if seen else 0.999)
            if not seen and decision.propensity == 1.0:
                continue
            likely = (
                0.5
                * (risk if error else 1 - risk)
                * (decision.propensity if seen else 1 - decision.propensity)
            )
            decision = decision.model_copy(update={"audit": seen})
            settled = Settled(decision=decision, error=error if seen else None)
            total += likely * (expected(cert.after(settled), cases - 1) if likely else 0.0)
        return total

    assert expected(start, 3) <= 1 + 1e-12


@pytest.mark.parametrize("risk", [0.2, 0.35])
def test_the_alarm_is_at_most_delta_on_average_while_all_is_well(risk: float) -> None:
    """Exact: the detector's expected wealth stays below the sum of what was put in, under an error of at most α."""
    cert = certificate(RULE, 0.5, passed=1)
    allowed = min(risk, RULE.allowed_error)

    def expected(one: Certificate, cases: int) -> float:
        if cases == 0 or one.epoch > 1:
            return one.alarm_evidence
        decision = one.decide(0.9, 0.0)
        return sum(
            likely * expected(one.after(Settled(decision=decision, error=error)), cases - 1)
            for error, likely in ((True, allowed), (False, 1 - allowed))
        )

    assert expected(cert, 8) <= sum(6 / (math.pi * n) ** 2 for n in range(1, 9)) + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [0.1, 0.2])
def test_a_false_claim_is_made_in_at_most_delta_of_all_streams(allowed: float) -> None:
    """Known truth, just above α everywhere but at the very top: any threshold in force below .9 is a violation."""
    rule, streams = Rule(allowed_error=allowed, confidence=0.9), 80

    def risk(score: float, _: int) -> float:
        return 0.0 if score > 0.95 else min(1.0, allowed * 1.1)

    def true_risk(threshold: float) -> float:
        wrong = max(0.0, 0.95 - threshold) * allowed * 1.1
        return wrong / (1 - threshold)

    violated = 0
    for seed in range(streams):
        cert = Certificate.plan(rule, [n / 100 for n in range(100)])
        decisions, _, cert = stream(cert, 500, risk, seed)
        told = {d.threshold for d in decisions if d.threshold is not None}
        violated += any(true_risk(threshold) > allowed for threshold in told)
    assert violated <= streams * 0.1 + 3 * math.sqrt(streams * 0.1 * 0.9)


# --- power -----------------------------------------------------------------------------------------------------


def test_a_worker_that_is_right_is_soon_left_alone() -> None:
    rule = Rule(allowed_error=0.1)
    history = [n / 200 for n in range(200)]
    cert = Certificate.plan(rule, history, [float(s < 0.3) * 0.5 for s in history])
    decisions, errors, cert = stream(cert, 3000, lambda s, _: 0.02 if s > 0.3 else 0.5, seed=3)
    first = next(n for n, decision in enumerate(decisions) if decision.deliver)
    limit = labels_needed(rule, 0.02)
    assert limit is not None
    assert first * 0.7 <= 2.5 * limit
    late = decisions[1500:]
    share = sum(d.deliver for d in late) / len(late)
    assert share >= 0.7
    wrong = sum(e for d, e in zip(late, errors[1500:], strict=True) if d.deliver)
    assert wrong / sum(d.deliver for d in late) <= 0.1


def test_autonomy_is_taken_away_when_the_error_rises() -> None:
    rule = Rule(allowed_error=0.1, audit_rate=0.3)
    cert = Certificate.plan(rule, [n / 100 for n in range(100)], [0.01] * 100)
    decisions, _, cert = stream(cert, 4000, lambda _, n: 0.01 if n < 1500 else 0.6, seed=1)
    assert cert.epoch == 2
    assert decisions[1400].threshold is not None
    assert decisions[-1].threshold is None


def test_with_a_false_start_nothing_is_ever_delivered() -> None:
    cert = Certificate.plan(Rule(), [n / 100 for n in range(100)])
    decisions, _, _ = stream(cert, 500, lambda s, _: 0.5, seed=2)
    assert not any(decision.deliver for decision in decisions)


# --- what streams are really like ------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.5))
def test_the_same_cases_give_the_same_decisions_bit_by_bit(seed: int, risk: float) -> None:
    start = Certificate.plan(RULE, [n / 20 for n in range(20)], [0.0] * 20)
    first, second = (stream(start, 120, lambda s, n: risk, seed) for _ in range(2))
    assert first == second
    assert all(level.evidence >= 0 for level in first[2].levels)


def test_constant_scores_and_a_single_class() -> None:
    cert = Certificate.plan(Rule(), [0.7] * 50, [0.0] * 50)
    assert [level.threshold for level in cert.levels] == [0.7]
    for _ in range(100):
        decision = cert.decide(0.7, 0.0)
        cert = cert.after(Settled(decision=decision, error=False))
    assert cert.threshold == 0.7
    for _ in range(400):
        decision = cert.decide(0.7, 0.0)
        cert = cert.after(Settled(decision=decision, error=True))
    assert (cert.threshold, cert.epoch) == (None, 2)


def test_a_score_that_is_nothing_is_escalated_and_proves_nothing() -> None:
    cert = certificate(RULE, 0.5, passed=1)
    for score in (None, math.nan):
        decision = cert.decide(score, 0.5)
        assert (decision.deliver, decision.audit, decision.propensity, decision.score) == (
            False,
            True,
            1.0,
            None,
        )
        assert cert.after(Settled(decision=decision, error=True)) == cert


def test_a_due_label_that_is_missing_is_refused() -> None:
    cert = certificate(RULE, 0.5)
    with pytest.raises(ValueError, match="not settled"):
        cert.after(Settled(decision=cert.decide(0.9, 0.0), error=None))


def test_an_unaudited_delivery_changes_nothing() -> None:
    cert = certificate(RULE, 0.5, passed=1)
    decision = cert.decide(0.9, 0.99)
    assert (decision.deliver, decision.audit) == (True, False)
    assert cert.after(Settled(decision=decision, error=None)) == cert


# --- limits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "risk", "labels"),
    [
        (0.05, 0.0, 58),
        (0.05, 0.0125, 143),
        (0.05, 0.025, 375),
        (0.1, 0.0, 28),
        (0.1, 0.025, 69),
        (0.1, 0.05, 179),
    ],
)
def test_the_limit_on_labels(allowed: float, risk: float, labels: int) -> None:
    needed = labels_needed(Rule(allowed_error=allowed), risk)
    assert needed is not None
    assert abs(needed - labels) <= 1


def test_limits_at_their_ends() -> None:
    assert labels_needed(Rule(), 0.1) is None
    assert ceiling(0.5, 0.1) == pytest.approx(0.5556, abs=1e-4)
    assert ceiling(0.05, 0.1) == 1.0
    assert divergence(0.1, 0.1) == 0
    with pytest.raises(ValueError, match="no scores"):
        thresholds(Rule(), [])


def test_the_start_is_where_evidence_grows_fastest() -> None:
    scores = [n / 100 for n in range(100)]
    errors = [0.0 if s > 0.6 else 0.4 for s in scores]
    planned = thresholds(Rule(), scores, errors)
    assert 0.5 <= planned[0] <= 0.65
    assert planned[-1] == 0.0
    assert planned == sorted(planned, reverse=True)
