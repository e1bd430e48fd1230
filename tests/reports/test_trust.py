"""What a run's decisions come to, and how the report shows it."""

from __future__ import annotations

import pytest

from journeyman.assess.rule import Rule
from journeyman.reports.html.trust import sentence, trust_html
from journeyman.reports.trust import Point, Seen, risk_coverage, thinned, trust
from journeyman.types import Decision

RULE = Rule(allowed_error=0.2, audit_rate=0.5)


def seen(
    n: int,
    score: float | None,
    correct: bool | None,
    *,
    threshold: float | None = None,
    audit: bool = True,
) -> Seen:
    deliver = threshold is not None and score is not None and score >= threshold
    decision = Decision(
        score=score, threshold=threshold, deliver=deliver, audit=audit or not deliver, propensity=1
    )
    return Seen(
        at=float(n),
        decision=decision,
        correct=correct,
        labelled=correct is not None and decision.audit,
    )


def test_nothing_decided_is_unknown() -> None:
    assert trust(RULE, []) is None
    assert trust_html(None) == ""


def test_every_figure_by_hand() -> None:
    told = trust(
        RULE,
        [
            seen(1, 0.9, True),
            seen(0, 0.2, False),
            seen(2, 0.9, True, threshold=0.8, audit=False),
            seen(3, 0.85, False, threshold=0.8),
            seen(4, 0.5, None, threshold=0.8),
        ],
    )
    assert told is not None
    assert (told.decided, told.threshold, told.waiting) == (5, 0.8, 1)
    assert (told.delivered.count, told.error_delivered.count, told.error_delivered.total) == (
        2,
        1,
        2,
    )
    assert (told.reviewed.count, told.labels, told.labels_to_first) == (4, 3, 2)
    assert told.base_error.value == 0.5
    assert told.ceiling == pytest.approx(0.5 / 0.8)
    assert told.efficiency == pytest.approx(0.4 / 0.625)
    assert told.auroc.value == pytest.approx(1.0)
    assert told.labels_needed is None
    assert [point.y for point in told.risk_coverage] == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert told.aurc == pytest.approx((1 / 3 + 1 / 2) / 4)
    page = trust_html(told)
    assert page.count("<svg") == 3
    assert "at most 20 % wrong" in sentence(told)
    assert "0.80 or more" in sentence(told)


def test_without_any_truth_everything_that_needs_it_is_unknown() -> None:
    told = trust(RULE, [seen(0, None, None), seen(1, 0.4, None)])
    assert told is not None
    assert (told.ceiling, told.efficiency, told.auroc.value, told.ece.value, told.aurc) == (
        None,
    ) * 5
    assert told.waiting == 2
    assert "Nothing is delivered" in trust_html(told)


def test_long_curves_are_thinned_to_their_end() -> None:
    points = [Point(x=n, y=0) for n in range(1234)]
    assert len(thinned(points)) == 100
    assert thinned(points)[-1] == points[-1]
    assert risk_coverage([], []) == []
