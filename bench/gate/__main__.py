"""Whether the exam lets through what helps, holds what harms, and keeps its level though looked at after every case.

Simulated edits with known truth (`edits.py`), other gates on the same pairs (`gates.py`), recorded edits of
a real worker (`live_edits.py`). No model is asked; it takes about three minutes of one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median

import numpy as np

from bench.gate import live_edits
from bench.gate.edits import Edit, Kind, batch, draw, examined, made, pair
from bench.gate.gates import GATES, LEVEL, MARGIN, best_power, ever_proven
from bench.lib.figures import Figure, of_share
from bench.lib.results import as_usual, write
from journeyman.assess.bets import Question, pairs_needed
from journeyman.assess.exam import Exam, ExamPlan
from journeyman.assess.exam import alpha_for as exam_level
from journeyman.assess.stats import Proportion, proportion

SEED = 20261125
EACH = 100
"""Edits of each kind in one batch."""
BATCHES = 5
BOUNDARY_RUNS = 1_000
SIZES = (60, 120, 200, 301)
STEPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.401)
KINDS: tuple[Kind, ...] = ("harmful", "helpful", "neutral")

Told = dict[str, Figure]
Budget = Callable[[int, int], float]
"""The level of the n-th exam, after so many promotions."""


def middle(values: Iterable[float], unit: str, goal: str = "") -> Figure:
    """The median, between the deciles."""
    known = list(values)
    if not known:
        return Figure(value=None, unit=unit, goal=goal)
    low, high = (float(np.quantile(known, q)) for q in (0.1, 0.9))
    return Figure(value=median(known), low=low, high=high, unit=f"{unit}, 80 % between", goal=goal)


def worked(exam: Exam) -> int:
    """Paired cases that cost a model call: those that the change touches."""
    return len(exam.pairs) - exam.untouched


# --- each edit by itself ---------------------------------------------------------------------------------------


def alone(edits: Sequence[Edit]) -> Told:
    """Each edit in an exam of its own at the level."""
    exams = [examined(edit, LEVEL) for edit in edits]
    told: Told = {}
    told["harmful_promoted"] = of_share(_promoted(edits, exams, "harmful"), "<= 0.01")
    told["helpful_promoted"] = of_share(_promoted(edits, exams, "helpful"), ">= 0.70")
    promoted = _promoted(edits, exams, "neutral")
    told["neutral_held"] = of_share(
        proportion(promoted.total - promoted.count, promoted.total), "<= 0.20"
    )
    neutral, helpful = (
        [edit for edit in edits if edit.kind == kind] for kind in ("neutral", "helpful")
    )
    told["neutral_held_limit"] = Figure(
        value=1 - fmean(best_power(e, MARGIN) for e in neutral), unit="any test at α"
    )
    powers = [best_power(edit, 0.0) for edit in helpful]
    told["helpful_promoted_limit"] = Figure(value=fmean(powers), unit="any test at α")
    wide = [examined(edit, LEVEL, margin=0.1) for edit in neutral]
    told["neutral_held_margin10"] = of_share(
        proportion(sum(e.outcome != "promote" for e in wide), len(wide))
    )
    told["neutral_held_limit_margin10"] = Figure(
        value=1 - fmean(best_power(e, 0.1) for e in neutral), unit="any test at α"
    )
    told["median_paired_cases"] = middle((worked(e) for e in exams), "worked by both", "<= 60")
    told["median_cases_counted"] = middle((len(e.pairs) for e in exams), "untouched ones too")
    for outcome in ("promote", "futile"):
        of_it = [exam for exam in exams if exam.outcome == outcome]
        told[f"median_paired_cases_{outcome}"] = middle(
            (worked(e) for e in of_it), "worked by both"
        )
    for kind in KINDS:
        of_kind = [exam for edit, exam in zip(edits, exams, strict=True) if edit.kind == kind]
        told[f"median_paired_cases_{kind}"] = middle((worked(e) for e in of_kind), "worked by both")
    gained = [exam for edit, exam in zip(edits, exams, strict=True) if edit.kind == "helpful"]
    held = [
        exam.outcome != "promote"
        for edit, exam in zip(edits, exams, strict=True)
        if edit.kind == "neutral"
    ]
    return (
        told | by_effect(list(zip(helpful, gained, powers, strict=True))) | by_size(neutral, held)
    )


def _promoted(edits: Sequence[Edit], exams: Sequence[Exam], kind: Kind) -> Proportion:
    found = [
        exam.outcome == "promote"
        for edit, exam in zip(edits, exams, strict=True)
        if edit.kind == kind
    ]
    return proportion(sum(found), len(found))


def by_size(neutral: Sequence[Edit], held: Sequence[bool]) -> Told:
    """Neutral edits by the cases that their exam has: how many are held, and how many the best of all tests holds."""
    told: Told = {}
    for low, high in pairwise(SIZES):
        key = f"{low}_to_{high - 1}_cases"
        some = [
            (edit, one) for edit, one in zip(neutral, held, strict=True) if low <= edit.cases < high
        ]
        told[f"neutral_held_{key}"] = of_share(proportion(sum(one for _, one in some), len(some)))
        limit = 1 - fmean(best_power(edit, MARGIN) for edit, _ in some)
        told[f"neutral_held_limit_{key}"] = Figure(value=limit, unit="any test at α")
    return told


def by_effect(helpful: Sequence[tuple[Edit, Exam, float]]) -> Told:
    """Helpful edits by what they gain: promoted, pairs to the promotion, and the fewest that any test needs."""
    told: Told = {}
    for low, high in pairwise(STEPS):
        key = f"{round(100 * low):02d}_to_{math.floor(100 * high):02d}"
        some = [found for found in helpful if low <= found[0].effect < high]
        done = [exam for _, exam, _ in some if exam.outcome == "promote"]
        told[f"promoted_gain_{key}"] = of_share(proportion(len(done), len(some)))
        told[f"promoted_limit_gain_{key}"] = Figure(
            value=fmean(power for *_, power in some), unit="any test at α"
        )
        told[f"pairs_gain_{key}"] = middle((len(exam.pairs) for exam in done), "of those promoted")
        limits = (pairs_needed(LEVEL, edit.wins, edit.losses) for edit, *_ in some)
        told[f"pairs_limit_gain_{key}"] = middle(
            (n for n in limits if n is not None), "ln(1/α)/KL of all"
        )
    return told


def others(edits: Sequence[Edit], rng: np.random.Generator) -> Told:
    """Other gates on the same pairs."""
    told: Told = {}
    for name, gate in GATES.items():
        found = [gate(edit, rng) for edit in edits]
        for kind in KINDS:
            went = [
                n is not None for edit, n in zip(edits, found, strict=True) if edit.kind == kind
            ]
            count = len(went) - sum(went) if kind == "neutral" else sum(went)
            key = f"neutral_held_{name}" if kind == "neutral" else f"{kind}_promoted_{name}"
            told[key] = of_share(proportion(count, len(went)))
        looked = [n or edit.cases for edit, n in zip(edits, found, strict=True)]
        told[f"median_cases_counted_{name}"] = middle(looked, "counted")
    return told


# --- at the boundary -------------------------------------------------------------------------------------------


def boundary(rng: np.random.Generator) -> Told:
    """Exactly at the edge of what must not be promoted, 300 cases, looked at after every one.

    `helps`: E[d] = 0, dearer, with 5 to 30 % discordant pairs. `harmless`: E[d] = -margin, cheaper. The evidence itself
    is watched to the end, as if nobody ever stopped for futility.
    """
    told: Told = {}
    rates = []
    for claim, margin in (("helps", 0.0), ("harmless", MARGIN)):
        edits = []
        for _ in range(BOUNDARY_RUNS):
            discordant = float(rng.uniform(max(0.05, margin), 0.3))
            wins = (discordant - margin) / 2
            edits.append(
                made(rng, "neutral", wins, wins + margin, cases=300, cheaper=claim == "harmless")
            )
        bar = 1 / LEVEL
        question = Question(
            "helps" if claim == "helps" else "harmless", "job", None, bar, 300, margin
        )
        rates.append(
            proportion(sum(ever_proven(question, e.differences) for e in edits), len(edits))
        )
        told[f"false_promotions_{claim}"] = of_share(rates[-1], f"<= {LEVEL}")
        for name, gate in GATES.items():
            false = sum(gate(edit, rng) is not None for edit in edits)
            told[f"false_promotions_{claim}_{name}"] = of_share(proportion(false, len(edits)))
    worst = max(rates, key=lambda rate: rate.count)
    return {"false_promotions_peeking": of_share(worst, f"<= {LEVEL}")} | told


# --- jobs and slices -------------------------------------------------------------------------------------------


def other_jobs(rng: np.random.Generator, rounds: int) -> Told:
    """An edit that gains 20 points on its own job, and what it does to another one with 200 cases."""
    told: Told = {}
    for name, wins, losses, touched in (
        ("untouched", 0.0, 0.0, 0.0), ("neutral", 0.02, 0.02, 1.0), ("loses_10", 0.02, 0.12, 1.0),
        ("loses_20", 0.02, 0.22, 1.0),
    ):  # fmt: skip
        went = 0
        for _ in range(rounds):
            own = made(rng, "helpful", 0.24, 0.04, cases=200, cheaper=False)
            other = made(rng, "neutral", wins, losses, touched=touched, cases=200, cheaper=False)
            streams = {
                job: zip(edit.differences.tolist(), edit.touches.tolist(), strict=True)
                for job, edit in (("own", own), ("other", other))
            }
            exam = Exam.begun(ExamPlan(target="own", cases={"own": {"": 200}, "other": {"": 200}}))
            while exam.next_job is not None:
                difference, touches = next(streams[exam.next_job])
                exam = exam.after(pair(difference, touches, exam.next_job))
            went += exam.outcome == "promote"
        told[f"promoted_other_job_{name}"] = of_share(proportion(went, rounds))
    return told


def slices(rng: np.random.Generator, rounds: int) -> Told:
    """An edit that gains 20 points on five slices of a job, 40 cases each, and loses on the sixth."""
    told: Told = {}
    parts = {f"slice{n}": 40 for n in range(6)}
    for lost in (0.0, 0.3, 0.6, 0.9):
        ended: list[str | None] = []
        for _ in range(rounds):
            pairs = [
                pair(difference, True, "job", part)
                for n, part in enumerate(parts)
                for difference in made(
                    rng,
                    "helpful",
                    0.0 if n == 5 else 0.22,
                    lost if n == 5 else 0.02,
                    cases=40,
                    cheaper=False,
                ).differences.tolist()
            ]
            exam = Exam.begun(ExamPlan(target="job", cases={"job": parts}))
            for n in rng.permutation(len(pairs)):
                exam = exam.after(pairs[n])
            ended.append(exam.outcome)
        key = f"slice_loses_{round(100 * lost):02d}"
        told[f"rejected_{key}"] = of_share(proportion(ended.count("reject"), rounds))
        told[f"promoted_{key}"] = of_share(proportion(ended.count("promote"), rounds))
    return told


# --- many exams ------------------------------------------------------------------------------------------------

BUDGETS: dict[str, Budget] = {
    "promotions_only": lambda _, promoted: LEVEL * 6 / (math.pi * (promoted + 1)) ** 2,
    "exams_squared": lambda n, _: LEVEL * 6 / (math.pi * n) ** 2,
    "exams": lambda n, _: exam_level(LEVEL, n),
    "elond_squared": lambda n, promoted: LEVEL * (promoted + 1) * 6 / (math.pi * n) ** 2,
    "elond": lambda n, promoted: exam_level(LEVEL, n, promoted),
}
"""By promotions alone; by exams, 1/n² and n^-1.5, for no false promotion ever; the same, growing with promotions."""


def lives(rng: np.random.Generator, count: int, exams: int, helpful: float) -> Told:
    """Workers that sit many exams, a share of them with edits that help; the rest are exactly on the boundary.

    `ever_false`: lives with a false promotion. `false_share`: mean share of promotions that are false (0 if there are
    none), what the default bounds. `helpful`: helpful edits that are promoted.
    """
    told: Told = {}
    code = f"helpful{round(100 * helpful):02d}"
    drawn = [
        [draw(rng, "helpful") if rng.random() < helpful else _null(rng) for _ in range(exams)]
        for _ in range(count)
    ]
    for name, budget in BUDGETS.items():
        ever, false_shares, found, total = 0, [], 0, 0
        for life in drawn:
            false = true = 0
            for n, edit in enumerate(life, start=1):
                promoted = examined(edit, budget(n, false + true)).outcome == "promote"
                true += promoted and edit.kind == "helpful"
                false += promoted and edit.kind != "helpful"
            ever += false > 0
            false_shares.append(false / max(1, false + true))
            found, total = found + true, total + sum(edit.kind == "helpful" for edit in life)
        told[f"ever_false_{name}_{code}"] = of_share(proportion(ever, count))
        told[f"false_share_{name}_{code}"] = _mean(
            false_shares, f"of {count} lives of {exams} exams"
        )
        if total:
            told[f"helpful_promoted_{name}_{code}"] = of_share(proportion(found, total))
    return told


def _null(rng: np.random.Generator) -> Edit:
    discordant = float(rng.uniform(0.1, 0.4))
    return made(rng, "neutral", discordant / 2, discordant / 2, cases=300, cheaper=False)


def _mean(values: Sequence[float], unit: str) -> Figure:
    error = 1.96 * float(np.std(values)) / math.sqrt(len(values))
    return Figure(
        value=fmean(values),
        low=max(0.0, fmean(values) - error),
        high=fmean(values) + error,
        unit=unit,
    )


def in_sequence(rng: np.random.Generator, edits: Sequence[Edit]) -> Told:
    """The batches, each in random order as the exams of one worker, by the default budget."""
    exams: dict[int, Exam] = {}
    for start in range(0, len(edits), 3 * EACH):
        promoted = 0
        for n, index in enumerate(rng.permutation(3 * EACH) + start, start=1):
            exams[int(index)] = examined(edits[index], exam_level(LEVEL, n, promoted))
            promoted += exams[int(index)].outcome == "promote"
    ordered = [exams[n] for n in range(len(edits))]
    neutral = _promoted(edits, ordered, "neutral")
    return {
        "harmful_promoted_in_sequence": of_share(_promoted(edits, ordered, "harmful"), "<= 0.01"),
        "helpful_promoted_in_sequence": of_share(_promoted(edits, ordered, "helpful"), ">= 0.70"),
        "neutral_held_in_sequence": of_share(
            proportion(neutral.total - neutral.count, neutral.total)
        ),
        "median_paired_cases_in_sequence": middle((worked(e) for e in ordered), "worked by both"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=BATCHES, help="of 300 edits each")
    batches = parser.parse_args().batches
    rng = np.random.default_rng(SEED)
    edits = [edit for _ in range(batches) for edit in batch(rng, EACH)]
    told = alone(edits) | in_sequence(rng, edits) | others(edits, rng) | boundary(rng)
    told |= other_jobs(rng, 20 * batches) | slices(rng, 20 * batches)
    told |= lives(rng, 10 * batches, 40, 0.0) | lives(rng, 10 * batches, 40, 0.3)
    write("gate", told | live_edits.figures(LEVEL), whole=as_usual(parser))


if __name__ == "__main__":
    main()
