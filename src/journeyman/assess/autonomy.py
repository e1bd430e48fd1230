"""What a worker may do alone, learned case by case: an assessor, and the certificate on its scores.

A value, folded over settled cases in the order in which they were decided; the same cases give the same, so that every
decision can be made again from the record. At first nothing is known, and all is escalated. The first `warm_up` labels
only teach the assessor and plan the thresholds, by cross-fitted scores; the certificate is fed with those that follow.
The assessor is fitted anew each time that labels have grown by half.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from journeyman.assess.rule import Rule, Settled
from journeyman.assess.selective import Certificate, known_score
from journeyman.types import Decision, Evidence, Example, Held

if TYPE_CHECKING:
    from journeyman.assess.calibration import LogisticAssessor
    from journeyman.assess.taught import TaughtCase

WARM_UP = 60
"""Labels before the certificate begins, where there is no history."""
FIRST_FIT = 10
GROWTH = 1.5
"""Labels grow by this factor between two fits."""
KEPT = 1_000
"""Labelled cases that the assessor learns from: the last ones."""


class LazyAssessor:
    """What the assessor was last taught. It is fitted when it is first asked: a long journal is folded without that."""

    def __init__(self, examples: Sequence[TaughtCase] = ()) -> None:
        self.examples = examples

    @cached_property
    def assessor(self) -> LogisticAssessor:
        from journeyman.assess.calibration import LogisticAssessor  # noqa: PLC0415 - numpy is slow to import, and few need it

        return LogisticAssessor().taught(self.examples)


def _taught(example: Example) -> TaughtCase:
    from journeyman.assess.taught import TaughtCase  # noqa: PLC0415 - as above

    return TaughtCase.of(example)


@dataclass(frozen=True)
class Autonomy:
    rule: Rule
    warm_up: int = WARM_UP
    taught: LazyAssessor = field(default_factory=LazyAssessor, compare=False, repr=False)
    certificate: Certificate | None = None
    """None: still warming up."""
    examples: tuple[TaughtCase, ...] = field(default=(), repr=False)
    settled: int = 0
    """Cases folded so far."""
    labels: int = 0
    next_fit: int = FIRST_FIT
    first_alone: int | None = None
    """Labels that it took until something could be delivered. None: nothing can yet."""

    def score(self, evidence: Evidence) -> float | None:
        """P(right), the score that thresholds are on. None: no answer, or nothing learned yet."""
        if evidence.answer is None:
            return None
        return self.taught.assessor.probability(evidence)

    def decide(
        self,
        score: float | None,
        draw: float,
        held: Held | None = None,
        *,
        closely: bool = False,
    ) -> Decision:
        """Deliver or escalate a case with this score; `draw` in [0, 1) decides about an audit.

        `held`: why nothing is delivered now. `closely`: everything that is delivered is audited.
        """
        if self.certificate is not None:
            return self.certificate.decide(score, draw, held, closely=closely)
        return Decision(
            score=known_score(score),
            threshold=None,
            deliver=False,
            audit=True,
            propensity=1.0,
            held=held,
        )

    def after(self, decision: Decision, evidence: Evidence, error: bool | None) -> Self:
        """With one more settled case, the next in the order of decisions.

        Raises ValueError for a case that waits for its label.
        """
        counted = self.settled_one_more()
        settled = counted._certified(decision, error)
        if error is None or not decision.audit:
            return settled
        if evidence.answer is None:
            return settled
        weight = 1 / decision.propensity
        example = Example(evidence=evidence, correct=not error, weight=weight)
        return settled.taught_by(example)

    def settled_one_more(self) -> Self:
        """With one more decision that nothing waits for."""
        return replace(self, settled=self.settled + 1)

    def taught_by(self, example: Example) -> Self:
        """With one more label to learn from, whatever its place in the order of decisions.

        A score comes before the label of its case, so that it may rest on any label that came before it.
        """
        latest = (*self.examples, _taught(example))[-KEPT:]
        labels = self.labels + 1
        taught = replace(self, examples=latest, labels=labels)
        if taught._fit_is_due:
            return taught._fitted()
        return taught

    def put_right(self, number: int, *, correct: bool) -> Self:
        """With another label in the place of the one that it learned from as its `number`th, counted from 0.

        It tells at the next fit. What is learned from no more is left aside.
        """
        first = self.labels - len(self.examples)
        place = number - first
        if place < 0:
            return self
        examples = list(self.examples)
        examples[place] = replace(examples[place], correct=correct)
        return replace(self, examples=tuple(examples))

    def _certified(self, decision: Decision, error: bool | None) -> Self:
        """The certificate after one more settled case, where there is one."""
        if self.certificate is None:
            return self
        settled = Settled(decision=decision, error=error)
        return self.with_certificate(self.certificate.after(settled))

    def with_certificate(self, certificate: Certificate) -> Self:
        """The same with what is proven now."""
        first_alone = self.first_alone
        if first_alone is None and certificate.passed:
            first_alone = self.labels + 1
        return replace(self, certificate=certificate, first_alone=first_alone)

    @property
    def _fit_is_due(self) -> bool:
        warmed_up = self.certificate is None and self.labels >= self.warm_up
        return warmed_up or self.labels >= self.next_fit

    def _fitted(self) -> Self:
        next_fit = math.ceil(self.labels * GROWTH)
        fitted = replace(self, taught=LazyAssessor(self.examples), next_fit=next_fit)
        if self.certificate is not None or self.labels < self.warm_up:
            return fitted
        wrong = [float(not example.correct) for example in self.examples]
        scores = fitted.taught.assessor.crossed
        certificate = Certificate.plan(self.rule, scores, wrong)
        return replace(fitted, certificate=certificate)

    def with_rule(self, rule: Rule) -> Self:
        """The same with another audit rate: what is proven stays proven.

        Raises ValueError where the allowed error or the confidence differ: those are other claims.
        """
        same_error = rule.allowed_error == self.rule.allowed_error
        same_confidence = rule.confidence == self.rule.confidence
        if not (same_error and same_confidence):
            raise ValueError(
                "what was proven for one allowed error and confidence proves nothing for another"
            )
        certificate = self.certificate
        if certificate is not None:
            certificate = replace(certificate, rule=rule, recent=())
        return replace(self, rule=rule, certificate=certificate)
