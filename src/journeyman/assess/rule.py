"""What a person allows, and a decision with what came of it: what a certificate is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from journeyman.types import Decision, Record

KEPT_BACK = 0.4
"""Of the audits, the share that is kept for when an error was seen; with an audit rate of 1 none need be."""


class Rule(Record):
    """What a person can set, and nothing else."""

    allowed_error: Annotated[float, Field(gt=0, lt=1)] = 0.1
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    audit_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    review_within_hours: Annotated[float, Field(gt=0)] | None = None
    """After which a label is overdue. None: each label is waited for, in the order of decisions."""

    @property
    def in_turn(self) -> bool:
        """Whether each label is waited for: the rule of runs that were opened before there was another."""
        return self.review_within_hours is None

    @property
    def base_rate(self) -> float:
        """The share of deliveries that is audited while nothing is suspected; the rest is for when something is."""
        if self.in_turn:
            return self.audit_rate
        return self.audit_rate * (KEPT_BACK * self.audit_rate + 1 - KEPT_BACK)


class Settled(Record):
    """A decision with what came of it."""

    decision: Decision
    error: bool | None
    """Whether the worker's own answer was wrong. None: nobody looked; only where no audit was due, or `bounded`."""
    bounded: bool = False
    """The label is due and missing: it counts as wrong where that proves less, as right where that raises no alarm."""
    place: int | None = None
    """The decision's number in its run, by which a late label finds it. None: no label can come late."""

    @property
    def counts_as_wrong(self) -> bool:
        """In the bets: what is missing is wrong."""
        return self.bounded or self.error is True

    @property
    def watched(self) -> bool:
        """Whether it is one that the detector looks at: its score reached the threshold in force, and it was seen."""
        return self.decision.audit and self.decision.reaches
