"""A certificate under reviewers as they are: late, never, leaving out what is wrong; and a worker that gets worse.

Streams with known truth, 2,000 cases each, after a history of 400 labelled cases; a third of them are the worst case,
an error a little above what is allowed at every score. Every habit meets the same streams. No model is asked. About
five minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median

import numpy as np

from bench.lib.figures import Figure, of_share
from bench.lib.replays import LENGTH, Array, Population, begun, synthetic
from bench.lib.results import as_usual, write
from bench.lib.reviewing import (
    Habit,
    Reviewed,
    late,
    never,
    never_wrong_ones,
    prompt,
    reviewed,
    with_deadline,
)
from journeyman.assess.rule import Rule
from journeyman.assess.selective import Certificate
from journeyman.assess.stats import proportion
from journeyman.types import Decision

ROUNDS = 24
SEED = 20261127
RULE = Rule(allowed_error=0.1, confidence=0.95)

HABITS: Mapping[str, Habit] = {
    "all_labels": prompt,
    "never_5": never(0.05),
    "never_half_of_wrong": never_wrong_ones(0.5),
    "never_wrong": never_wrong_ones(1.0),
    "late": late(40.0),
    "late_when_wrong": late(20.0, wrong_ones=10.0),
}


@dataclass
class Found:
    """What became of the streams under one habit."""

    violated: list[bool] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)


def habits(rounds: int) -> dict[str, Figure]:
    found = {name: Found() for name in HABITS}
    for n in range(rounds):
        rng = np.random.default_rng(SEED + n)
        hard = RULE.allowed_error * rng.uniform(1.0, 1.3) if n % 3 == 0 else None
        population = synthetic(rng, hard=hard)
        scores, errors = population.draw(rng, LENGTH)
        known = begun(RULE, population.known_scores, population.known_errors)
        for name, habit in HABITS.items():
            drawn = np.random.default_rng(SEED - n)
            run = reviewed(with_deadline(known), scores, errors, drawn, habit)
            _note(found[name], run, population)
    told: dict[str, Figure] = {}
    most = fmean(found["all_labels"].shares)
    for name, one in found.items():
        broke = proportion(sum(one.violated), rounds)
        told[f"claim_false_share_{name}"] = of_share(broke, "<= 0.05")
        told[f"delivered_{name}"] = Figure(value=fmean(one.shares), unit="of all cases")
        told[f"delivered_of_all_labels_{name}"] = Figure(
            value=fmean(one.shares) / max(most, 1e-9),
            unit="of what all labels give",
            goal=">= 0.85",
        )
        told[f"held_{name}"] = Figure(value=fmean(one.held), unit="of all cases")
    return told


def _note(found: Found, run: Reviewed, population: Population) -> None:
    found.violated.append(run.violates(population.risk, RULE.allowed_error))
    found.shares.append(run.share)
    found.held.append(float(run.held.mean()))


def false_alarms(rounds: int) -> dict[str, Figure]:
    """The error is what is allowed, at every score, and everything may be delivered: the alarm should not ring."""
    rang = 0
    audited: list[float] = []
    for n in range(rounds):
        rng = np.random.default_rng(SEED + n)
        scores = rng.random(AFTER)
        errors = rng.random(AFTER) < RULE.allowed_error
        level = replace(Certificate.plan(RULE, [0.0]).levels[0], passed=True)
        known = with_deadline(Certificate(RULE, (level,)))
        run = reviewed(known, scores, errors, rng)
        rang += bool(run.revoked)
        audited.append(float(run.audited.sum() / max(run.delivered.sum(), 1)))
    return {
        "false_alarm_share": of_share(proportion(rang, rounds), "<= 0.05"),
        "audited_at_the_allowed_error": Figure(value=fmean(audited), unit="of what is delivered"),
    }


# --- a worker that gets worse ------------------------------------------------------------------------------------


class OneLeftOpen:
    """The first audit is never done; all others at once."""

    def __init__(self) -> None:
        self.left = False

    def __call__(self, rng: np.random.Generator, decision: Decision, error: bool) -> int | None:
        if decision.deliver and not self.left:
            self.left = True
            return None
        return 0


def drifts(rounds: int) -> dict[str, Figure]:
    told: dict[str, Figure] = {}
    goals = {20: "<= 500", 40: "<= 150"}
    for percent, goal in goals.items():
        every: list[Reviewed] = []
        one_open: list[Reviewed] = []
        for n in range(rounds):
            every.append(drifted(n, percent / 100, prompt))
            one_open.append(drifted(n, percent / 100, OneLeftOpen()))
        told[f"deliveries_until_revoked_{percent}"] = _until(every, goal)
        told[f"deliveries_until_revoked_one_open_{percent}"] = _until(one_open, goal)
        told[f"audited_before_drift{percent}"] = Figure(
            value=_audited_before(every), unit="of what is delivered", goal="<= 0.1"
        )
        early = sum(any(n < TURN for n in run.revoked) for run in every)
        told[f"revoked_before_drift{percent}"] = of_share(proportion(early, rounds), "<= 0.05")
        hostile = [drifted(n, percent / 100, never_wrong_ones(1.0)) for n in range(rounds)]
        told[f"wrong_delivered_never_wrong_{percent}"] = Figure(
            value=fmean(_wrong_after(run) for run in hostile), unit="cases, errors never labelled"
        )
        wrong = fmean(_wrong_after(run) for run in every)
        told[f"wrong_delivered_after_drift{percent}"] = Figure(value=wrong, unit="cases")
        told[f"wrong_of_all_labels_one_open_{percent}"] = Figure(
            value=fmean(_wrong_after(run) for run in one_open) / wrong,
            unit="of those with all labels",
            goal="<= 1.2",
        )
    return told


TURN = 3_000
AFTER = 3_000


def _world(rng: np.random.Generator, error: Array) -> tuple[Array, Array]:
    """Scores, and errors whose rate falls with the score to nothing, and is `error` on average."""
    scores = rng.random(len(error))
    risk = np.clip(error * 2 * (1 - scores), 0, 1)
    return scores, np.asarray(rng.random(len(error)) < risk, dtype=np.float64)


def drifted(n: int, error: float, habit: Habit) -> Reviewed:
    """The base error goes from 5 % to this one at half."""
    rng = np.random.default_rng(SEED + n)
    known_scores, known_errors = _world(rng, np.full(400, 0.05))
    course = np.full(TURN + AFTER, 0.05)
    course[TURN:] = error
    scores, errors = _world(rng, course)
    known: Certificate = begun(RULE, known_scores, known_errors)
    return reviewed(with_deadline(known), scores, errors.astype(bool), rng, habit)


def deliveries_until_revoked(run: Reviewed) -> int:
    """From the drift on; all of them, where autonomy was not taken away."""
    after = [n for n in run.revoked if n >= TURN]
    end = after[0] if after else TURN + AFTER
    return int(run.delivered[TURN:end].sum())


def _until(runs: Sequence[Reviewed], goal: str) -> Figure:
    counts = [deliveries_until_revoked(run) for run in runs]
    seen = sum(any(n >= TURN for n in run.revoked) for run in runs)
    return Figure(
        value=median(counts),
        low=float(np.quantile(counts, 0.05)),
        high=float(np.quantile(counts, 0.95)),
        unit=f"deliveries, seen in {seen} of {len(runs)} streams",
        goal=goal,
    )


def _audited_before(runs: Sequence[Reviewed]) -> float:
    audited = sum(int(run.audited[:TURN].sum()) for run in runs)
    delivered = sum(int(run.delivered[:TURN].sum()) for run in runs)
    return audited / max(delivered, 1)


def _wrong_after(run: Reviewed) -> int:
    return int((run.delivered & run.errors)[TURN:].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="streams of each kind")
    arguments = parser.parse_args()
    figures = habits(arguments.rounds)
    figures |= drifts(arguments.rounds)
    figures |= false_alarms(arguments.rounds)
    write("life", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
