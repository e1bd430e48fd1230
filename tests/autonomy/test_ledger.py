"""Labels that are late, come in any order, or never come: what is proved is never more than all labels prove."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from statistics import median

import numpy as np
import pytest

from bench.lib.replays import begun, synthetic
from bench.lib.reviewing import (
    EVIDENCE,
    late,
    ledger_with,
    never,
    never_wrong_ones,
    prompt,
    reviewed,
    with_deadline,
)
from bench.life.__main__ import TURN, deliveries_until_revoked, drifted
from journeyman.assess.autonomy import Autonomy
from journeyman.assess.power import missing_allowed
from journeyman.assess.rule import Rule, Settled
from journeyman.assess.selective import Certificate, Level
from journeyman.assess.wealth import GUESSES, WEIGHTS, weight
from journeyman.autonomy.ledger import LATER_LABELS, STAND_INS, Ledger
from journeyman.types import Decided, Decision, Event, Held, Label, Labelled

RULE = Rule(allowed_error=0.35, confidence=0.1, audit_rate=0.5, review_within_hours=1.0)
"""So little confidence that a few labels prove something, or raise the alarm."""

HOUR = 3_600.0
HIGH, LOW = 0.9, 0.5


def certificate(rule: Rule, passed: int = 0) -> Certificate:
    ones = (1.0,) * len(GUESSES)
    return Certificate(
        rule, tuple(Level(q, ones, ones, passed=n < passed) for n, q in enumerate((0.8, 0.4)))
    )


def decision(score: float, threshold: float | None, held: Held | None = None) -> Decision:
    deliver = threshold is not None and score >= threshold and held is None
    return Decision(
        score=score, threshold=threshold, deliver=deliver, audit=True,
        propensity=RULE.base_rate if deliver else 1.0, held=held,
    )  # fmt: skip


def event(n: int, body: Decided | Labelled, at: float = 0.0, seq: int = 0) -> Event:
    return Event(run_id="r", case_id=f"c{n}", attempt=1, seq=seq, body=body, at=at)


def decided(n: int, made: Decision, at: float = 0.0) -> Event:
    return event(n, Decided(decision=made, evidence=EVIDENCE, settled=0, draw=0.0), at)


def labelled(n: int, error: bool | None, by: str = "mei", at: float = 0.0) -> Event:
    if error is None:
        return event(n, Labelled(label=None, by=by), at, seq=1)
    return event(n, Labelled(label=Label(error=error, by=by)), at, seq=1)


def now(ledger: Ledger) -> Certificate:
    assert ledger.autonomy.certificate is not None
    return ledger.autonomy.certificate


def proved_by_all(start: Certificate, made: Sequence[Decision], errors: Sequence[bool]) -> Ledger:
    """Every label comes at once."""
    ledger = ledger_with(start)
    for n, one in enumerate(made):
        ledger.take(decided(n, one))
        ledger.take(labelled(n, errors[n]))
    return ledger


# --- what is proved ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("overdue", [False, True])
@pytest.mark.parametrize("passed", [0, 1])
def test_what_some_labels_prove_all_labels_prove(passed: int, overdue: bool) -> None:
    """Every course of four cases: scores, labels, and the order in which some of the labels come, early or overdue.

    At each moment, a level that has passed has passed with all labels, and the alarm rings only if it does then.
    """
    start = certificate(RULE, passed)
    threshold = 0.8 if passed else None
    rang = proved = 0
    for scores in product((HIGH, LOW), repeat=4):
        made = [decision(score, threshold) for score in scores]
        for errors in product((False, True), repeat=4):
            every = now(proved_by_all(start, made, errors))
            for order in permutations(range(4)):
                ledger = ledger_with(start)
                for n, one in enumerate(made):
                    ledger.take(decided(n, one))
                moment = 2 * HOUR if overdue else 0.0
                for n in order:
                    ledger.take(labelled(n, errors[n], at=moment))
                    some = now(ledger)
                    rang += some.epoch > 1
                    proved += some.passed > passed
                    if every.epoch == 1:
                        assert some.epoch == 1
                        assert some.passed <= every.passed
                    elif some.epoch == 1:
                        assert some.passed <= most_ever(start, made, errors)
    assert rang > 0 or not passed
    assert proved > 0


def most_ever(start: Certificate, made: Sequence[Decision], errors: Sequence[bool]) -> int:
    """How many levels pass with all labels where no alarm takes them away."""
    most = start.passed
    silent = replace(start, rule=start.rule)
    for one, error in zip(made, errors, strict=True):
        silent = silent._bet(one, error)
        most = max(most, silent.passed)
    return most


@pytest.mark.parametrize("passed", [0, 1])
def test_all_labels_in_any_order_come_to_the_same(passed: int) -> None:
    """Also where they were overdue when they came: each takes the place of its bound.

    What an earlier moment would have proved is not looked up then, so that less may have passed, or rung.
    """
    start = certificate(RULE, passed)
    made = [decision(score, 0.8 if passed else None) for score in (HIGH, LOW, HIGH, HIGH)]
    for errors in product((False, True), repeat=4):
        every = now(proved_by_all(start, made, errors))
        for order, overdue in product(permutations(range(4)), (False, True)):
            ledger = ledger_with(start)
            for n, one in enumerate(made):
                ledger.take(decided(n, one))
            for n in order:
                ledger.take(labelled(n, errors[n], at=2 * HOUR if overdue else 0.0))
            some = now(ledger)
            assert some.epoch == every.epoch or overdue
            if every.epoch > 1:
                continue
            assert some.passed == every.passed or overdue
            for level, other in zip(some.levels, every.levels, strict=True):
                assert level.even == pytest.approx(other.even)
                assert level.eager == pytest.approx(other.eager)
            assert some.alarm == pytest.approx(every.alarm)


def test_a_label_counts_at_once_while_those_before_it_are_missing() -> None:
    """The first case is never reviewed; what follows proves a level all the same."""
    ledger = ledger_with(certificate(RULE))
    for n in range(12):
        ledger.take(decided(n, decision(HIGH, None)))
    for n in range(1, 12):
        ledger.take(labelled(n, False))
    assert now(ledger).passed > 0
    assert ledger.waiting == [("c0", 1)]


def test_before_there_is_a_certificate_labels_teach_in_any_order() -> None:
    ledger = Ledger(Autonomy(rule=RULE))
    for n in range(3):
        ledger.take(decided(n, decision(HIGH, None)))
    ledger.take(labelled(2, True))
    assert (ledger.autonomy.labels, ledger.waiting) == (1, [])
    ledger.take(labelled(0, False))
    assert [example.correct for example in ledger.autonomy.examples] == [False, True]


def test_a_label_is_overdue_after_its_time_or_after_many_later_ones() -> None:
    ledger = ledger_with(certificate(RULE, passed=1))
    ledger.take(decided(0, decision(HIGH, 0.8)))
    ledger.take(decided(1, decision(HIGH, 0.8), at=0.9 * HOUR))
    assert list(ledger.owed) == []
    ledger.take(decided(2, decision(LOW, 0.8), at=1.1 * HOUR))
    assert list(ledger.owed) == [("c0", 1)]
    for n in range(3, 3 + LATER_LABELS):
        ledger.take(decided(n, decision(LOW, 0.8), at=1.2 * HOUR))
        ledger.take(labelled(n, True, at=1.2 * HOUR))
    assert list(ledger.owed) == [("c0", 1), ("c1", 1)]
    ledger.take(labelled(0, False, at=1.2 * HOUR))
    assert list(ledger.owed) == [("c1", 1)]


# --- fail closed -------------------------------------------------------------------------------------------------


def test_audits_that_are_overdue_beyond_the_detectors_power_hold_everything() -> None:
    rule = Rule(review_within_hours=1.0)
    allowed = missing_allowed(rule)
    assert allowed == 2
    ledger = ledger_with(certificate(rule, passed=1))
    made = decision(HIGH, 0.8).model_copy(update={"propensity": 0.1})
    for n in range(allowed + 1):
        ledger.take(decided(n, made))
    assert ledger.held is None
    ledger.take(decided(99, decision(LOW, 0.8), at=2 * HOUR))
    assert ledger.held == "audits"
    held = ledger.autonomy.decide(HIGH, 0.99, ledger.held)
    assert (held.deliver, held.audit, held.propensity) == (False, True, 1.0)
    assert held.reaches
    ledger.take(labelled(2, False, at=2 * HOUR))
    assert ledger.held is None


def closed() -> Ledger:
    """More audits are overdue than may be."""
    rule = Rule(review_within_hours=1.0)
    ledger = ledger_with(certificate(rule, passed=1))
    for n in range(missing_allowed(rule) + 1):
        ledger.take(decided(n, watched(rule)))
    ledger.take(decided(50, decision(LOW, 0.8, "audits"), at=2 * HOUR))
    ledger.take(labelled(50, False, at=2 * HOUR))
    assert ledger.held == "audits"
    return ledger


def test_cases_that_are_held_back_and_looked_at_stand_in_for_audits() -> None:
    """Otherwise one person who never does what is asked would end all autonomy."""
    ledger = closed()
    for n in range(100, 100 + STAND_INS):
        assert ledger.held == "audits"
        ledger.take(decided(n, decision(HIGH, 0.8, "audits"), at=2 * HOUR))
        ledger.take(labelled(n, False, at=2 * HOUR))
    assert ledger.held is None


def test_what_stands_in_for_audits_must_be_looked_at_without_one_left_out() -> None:
    """Somebody who leaves out what is wrong does not open what the missing reviews closed."""
    ledger = closed()
    for n in range(100, 100 + 3 * STAND_INS):
        ledger.take(decided(n, decision(HIGH, 0.8, "audits"), at=2 * HOUR))
        if n % STAND_INS:
            ledger.take(labelled(n, False, at=2 * HOUR))
    assert ledger.held == "audits"
    ledger.take(labelled(100 + STAND_INS, True, at=2 * HOUR))
    assert ledger.held is None


def test_an_overdue_audit_that_turns_out_wrong_still_raises_the_alarm() -> None:
    rule = Rule(allowed_error=0.1, confidence=0.9, review_within_hours=1.0)
    made = decision(HIGH, 0.8).model_copy(update={"propensity": 0.1})
    ledger = ledger_with(certificate(rule, passed=1))
    for n in range(10):
        ledger.take(decided(n, made))
    ledger.take(decided(10, decision(LOW, 0.8), at=2 * HOUR))
    assert now(ledger).epoch == 1
    for n in range(10):
        ledger.take(labelled(n, True, at=2 * HOUR))
    assert now(ledger).epoch == 2


# --- where doubt is highest --------------------------------------------------------------------------------------


def watched(rule: Rule, threshold: float = 0.8) -> Decision:
    """A delivery that is audited while nothing is suspected."""
    return Decision(
        score=HIGH, threshold=threshold, deliver=True, audit=True, propensity=rule.base_rate
    )


def test_after_an_error_every_delivery_is_audited_until_right_ones_outweigh_it() -> None:
    rule = Rule(review_within_hours=1.0)
    ledger = ledger_with(certificate(rule, passed=1))
    before = ledger.autonomy.decide(HIGH, 0.5, closely=ledger.closely)
    assert (before.deliver, before.audit, before.propensity) == (True, False, rule.base_rate)
    ledger.take(decided(0, watched(rule)))
    ledger.take(labelled(0, True))
    after = ledger.autonomy.decide(HIGH, 0.5, closely=ledger.closely)
    assert (after.deliver, after.audit, after.propensity) == (True, True, 1.0)
    n = 1
    while ledger.closely:
        ledger.take(decided(n, after))
        ledger.take(labelled(n, False))
        n += 1
    assert n == 8


def test_reviews_that_do_not_come_do_not_ask_for_more_and_more() -> None:
    rule = Rule(review_within_hours=1.0)
    ledger = ledger_with(certificate(rule, passed=1))
    ledger.take(decided(0, watched(rule)))
    ledger.take(labelled(0, True))
    closely = ledger.autonomy.decide(HIGH, 0.5, closely=True)
    for n in range(1, 8):
        assert ledger.closely
        ledger.take(decided(n, closely))
    assert not ledger.closely
    ledger.take(labelled(3, True))
    assert ledger.closely


@pytest.mark.parametrize("risk", [0.35, 0.2])
def test_the_alarm_is_at_most_delta_on_average_although_audits_follow_errors(risk: float) -> None:
    """Exact: every course of six deliveries, their labels, the audits' draws, at a rate that errors raise."""
    rule = RULE.model_copy(update={"confidence": 0.999999})

    def expected(one: Certificate, cases: int) -> float:
        if cases == 0:
            return one.alarm_evidence
        closely = one.suspected([]) > 1
        made = one.decide(HIGH, 0.0, closely=closely)
        total = 0.0
        for error, seen in product((True, False), (True, False)):
            likely = risk if error else 1 - risk
            likely *= made.propensity if seen else 1 - made.propensity
            if likely:
                decision = made.model_copy(update={"audit": seen})
                settled = Settled(decision=decision, error=error if seen else None)
                total += likely * expected(one.after(settled), cases - 1)
        return total

    assert expected(certificate(rule, passed=1), 6) <= sum(weight(n) for n in range(1, 7)) + 1e-12


def test_evidence_is_fair_although_audits_follow_errors() -> None:
    """Exact, as above: the error above the lower level is what is allowed, that above the upper one less."""
    rule = RULE.model_copy(update={"confidence": 0.999999})
    risks = {HIGH: 0.2, LOW: 0.5}

    def expected(one: Certificate, cases: int) -> float:
        if cases == 0:
            return one.levels[1].evidence
        total = 0.0
        for score, error, seen in product((HIGH, LOW), (True, False), (True, False)):
            made = one.decide(score, 0.0, closely=one.suspected([]) > 1)
            likely = 0.5 * (risks[score] if error else 1 - risks[score])
            likely *= made.propensity if seen else 1 - made.propensity
            if likely:
                decision = made.model_copy(update={"audit": seen})
                settled = Settled(decision=decision, error=error if seen else None)
                total += likely * expected(one.after(settled), cases - 1)
        return total

    assert expected(certificate(rule, passed=1), 4) <= 1 + 1e-12


def test_the_weights_of_the_detectors_bets_sum_to_less_than_one() -> None:
    most = 100_000
    rest = (1 + 1 / most) / math.log(most)
    assert sum(weight(n) for n in range(1, most)) + rest / WEIGHTS < 1


# --- who says so -------------------------------------------------------------------------------------------------


def test_what_nobody_can_judge_is_not_waited_for() -> None:
    ledger = ledger_with(certificate(RULE, passed=1))
    ledger.take(decided(0, decision(HIGH, 0.8)))
    ledger.take(labelled(0, None))
    assert (ledger.waiting, list(ledger.owed)) == ([], [("c0", 1)])
    assert ledger.autonomy.labels == 0
    ledger.take(labelled(0, False, by="jan"))
    assert (list(ledger.owed), ledger.autonomy.labels) == ([], 1)


@pytest.mark.parametrize(
    ("said", "counts", "taught"),
    [
        ([("verifier", False), ("mei", True)], True, True),
        ([("verifier", True), ("mei", False)], False, False),
        ([("mei", False), ("verifier", True)], False, False),
        ([("mei", True), ("verifier", False)], True, True),
        ([("mei", False), ("jan", True)], True, False),
        ([("mei", True), ("jan", False)], True, True),
        ([("mei", True), ("mei", False)], True, True),
    ],
)
def test_a_person_outranks_a_verifier_and_nobody_can_take_back_an_error(
    said: list[tuple[str, bool]], counts: bool, taught: bool
) -> None:
    """What counts at last is what one label that says so would have proved; what settles it is learned from."""
    start = certificate(RULE)
    made = [decision(HIGH, None)] * 2
    ledger = ledger_with(start)
    for by, error in said:
        if not ledger.decided:
            ledger.take(decided(0, made[0]))
        ledger.take(labelled(0, error, by=by))
    once = proved_by_all(start, made[:1], [counts])
    for one, other in zip(now(ledger).levels, now(once).levels, strict=True):
        assert one.even == pytest.approx(other.even)
    assert [example.correct for example in ledger.autonomy.examples] == [not taught]


def test_a_level_that_rested_on_a_verifiers_mistake_has_not_passed() -> None:
    ledger = ledger_with(certificate(RULE))
    n = 0
    while not now(ledger).passed:
        ledger.take(decided(n, decision(HIGH, None)))
        ledger.take(labelled(n, False, by="verifier"))
        n += 1
    ledger.take(labelled(0, True))
    assert now(ledger).passed == 0


# --- streams -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "habit",
    [never(0.05), never_wrong_ones(0.5), late(40.0, wrong_ones=4.0)],
    ids=["never", "never wrong ones", "late"],
)
def test_the_claim_is_false_in_at_most_delta_of_all_streams_whatever_labels_do(
    habit: object,
) -> None:
    """Known truth, the error a little above what is allowed at every score: any threshold in force is a violation."""
    rule = Rule(allowed_error=0.1, confidence=0.9, review_within_hours=4.0)
    rng = np.random.default_rng(7)
    violated = streams = 0
    for _ in range(30):
        population = synthetic(rng, hard=0.11)
        start = with_deadline(begun(rule, population.known_scores, population.known_errors), 4.0)
        scores, errors = population.draw(rng, 400)
        found = reviewed(start, scores, errors, rng, habit)  # type: ignore[arg-type]
        violated += found.violates(population.risk, rule.allowed_error)
        streams += 1
    assert violated <= 0.1 * streams + 3 * np.sqrt(0.1 * 0.9 * streams)


@pytest.mark.slow
def test_one_audit_left_open_and_then_a_drift() -> None:
    """As many wrong answers go out as if each label came."""
    rule = Rule(allowed_error=0.1, confidence=0.95, review_within_hours=72.0)
    wrong = {"all": 0, "one open": 0}
    for seed in range(12):
        for name in wrong:
            rng = np.random.default_rng(seed)
            scores = rng.random(3_000)
            risk = np.where(np.arange(3_000) < 800, 0.02, 0.6)
            errors = rng.random(3_000) < risk
            known = begun(rule, rng.random(400), np.zeros(400))
            left_open = [name == "one open"]

            def habit(rng: np.random.Generator, made: Decision, error: bool) -> int | None:
                if made.deliver and left_open[0]:  # noqa: B023 - called in this round
                    left_open[0] = False  # noqa: B023
                    return None
                return prompt(rng, made, error)

            found = reviewed(with_deadline(known), scores, errors, rng, habit)
            assert found.revoked
            wrong[name] += int((found.delivered & errors)[800:].sum())
    assert wrong["one open"] <= 1.2 * wrong["all"]


@pytest.mark.slow
def test_a_drift_is_seen_in_time() -> None:
    """The error rises from 5 to 40 % of all answers; those that are delivered are the better ones."""
    taken = [drifted(seed, 0.4, prompt) for seed in range(15)]
    assert median(deliveries_until_revoked(run) for run in taken) <= 150
    audited = sum(run.audited[:TURN].sum() for run in taken)
    delivered = sum(run.delivered[:TURN].sum() for run in taken)
    assert audited <= 0.1 * delivered
