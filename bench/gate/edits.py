"""Simulated changes of a worker with known truth, and how an exam's pairs come out for them.

What is drawn, and why: the champion is right on 30 to 90 % of the cases, as small models are on the recorded streams.
A helpful edit gains 5 to 40 points (nearest examples gained 21 on defog, more on clinc150), and breaks up to 10 %
of the cases besides, as a change of a prompt does; a harmful one is its mirror image; a neutral one changes up to 20 %
of the answers, as often for better as for worse. Every second edit touches only 15 to 60 % of the cases. Exams have
60 to 300 cases. Below 5 points nothing is called helpful or harmful.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from journeyman.assess.exam import Exam, ExamPlan, Pair, sit

Array = NDArray[np.float64]
Kind = Literal["harmful", "helpful", "neutral"]


@dataclass(frozen=True)
class Edit:
    kind: Kind
    wins: float
    """P(the challenger is right where the champion is wrong), over all cases."""
    losses: float
    touched: float
    """Share of cases whose prompt it changes."""
    cases: int
    """Of the exam."""
    cheaper: bool
    differences: Array
    touches: NDArray[np.bool_]

    @property
    def effect(self) -> float:
        return self.wins - self.losses


def draw(rng: np.random.Generator, kind: Kind) -> Edit:
    """Helpful edits cost more than the champion, so that they must prove that they help; neutral ones cost no more, or
    there would be no reason to promote them; of harmful ones every second costs less."""
    touched = float(rng.uniform(0.15, 0.6)) if rng.random() < 0.5 else 1.0
    correct = float(rng.uniform(0.3, 0.9))
    if kind == "neutral":
        gained = lost = float(rng.uniform(0, 0.1)) * touched
    else:
        room = (1 - correct) if kind == "helpful" else correct
        gained = float(rng.uniform(0.05, max(0.05, min(0.4, 0.9 * room * touched))))
        lost = float(rng.uniform(0, 0.1)) * touched
        gained += lost
    wins, losses = (lost, gained) if kind == "harmful" else (gained, lost)
    cheaper = kind == "neutral" or (kind == "harmful" and bool(rng.random() < 0.5))
    return made(
        rng, kind, wins, losses, touched=touched, cases=int(rng.integers(60, 301)), cheaper=cheaper
    )


def made(
    rng: np.random.Generator,
    kind: Kind,
    wins: float,
    losses: float,
    *,
    touched: float = 1.0,
    cases: int,
    cheaper: bool,
) -> Edit:
    touches = rng.random(cases) < touched
    lots = rng.random(cases) * touched
    differences = np.where(lots < losses, -1.0, np.where(lots < losses + wins, 1.0, 0.0))
    return Edit(
        kind, wins, losses, touched, cases, cheaper, np.where(touches, differences, 0.0), touches
    )


def batch(rng: np.random.Generator, each: int) -> list[Edit]:
    kinds: tuple[Kind, ...] = ("harmful", "helpful", "neutral")
    return [draw(rng, kind) for kind in kinds for _ in range(each)]


@cache
def pair(difference: float, touched: bool, job: str = "job", slice: str = "") -> Pair:
    return Pair(job=job, slice=slice, difference=difference, touched=touched)


def examined(edit: Edit, level: float, margin: float = 0.05) -> Exam:
    """The exam of one edit, up to its verdict."""
    terms = ExamPlan(
        target="job", cases={"job": {"": edit.cases}}, level=level, margin=margin, cheaper=edit.cheaper
    )  # fmt: skip
    return sit(terms, map(pair, edit.differences.tolist(), edit.touches.tolist()))
