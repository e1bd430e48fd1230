"""Does a second, smaller model pay: as a draft model, and before the default one? Folds what was recorded; asks none.

    python -m bench.small_model

`answers.csv` and `draft.csv` are recorded by `bench.small_model.answers` and `bench.small_model.draft`. Costs are CPU
seconds of engines with one thread each, measured in turn on a machine that others used too.

The cascade: the small model answers every case; where its confidence is at least t its answer stands, else the default
model works the case as well. Confidence is the product's own: a logistic model on the signals of its calls, fitted on
one half of the cases; t is the one that saves most there at no fewer right answers than the default model alone gives;
both are told on the other half, and the halves then change places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from bench.lib.arms import recorded_right, rows_of
from bench.lib.figures import Figure, of_share
from bench.lib.recorded import Part, crossed_scores, sealed_scores
from bench.lib.results import write
from bench.lib.streams import half
from bench.small_model import answers, draft
from bench.small_model.answers import SIGNALS, SMALL, Row
from journeyman.assess.stats import proportion
from journeyman.models import DEFAULT_MODEL

FEWEST = 8
"""Cases that a stream must have to be told of."""
DRAWS = 2000
SEED = 17


@dataclass(frozen=True)
class Tried:
    """One case with both models."""

    case: str
    row: Row
    """The small model's."""
    small_right: bool
    large_right: bool
    small_cost: float
    large_cost: float | None
    """None: it was not worked here with both models' prompts begun; its outcome is recorded."""


def bootstrapped(
    count: int, statistic: Callable[[np.ndarray], float]
) -> tuple[float, float, float]:
    """A statistic of rows by number, with its 95 % interval over draws of rows."""
    rng = np.random.default_rng(SEED)
    drawn = [statistic(rng.integers(0, count, count)) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return statistic(np.arange(count)), float(low), float(high)


def ratio(above: Sequence[float], below: Sequence[float], unit: str, goal: str = "") -> Figure:
    """A ratio of sums over pairs."""
    over, under = np.array(above), np.array(below)
    value, low, high = bootstrapped(len(over), lambda at: float(over[at].sum() / under[at].sum()))
    return Figure(value=value, low=low, high=high, unit=unit, goal=goal)


# --- as a draft model --------------------------------------------------------------------------------------------


def drafting(rows: Sequence[Row]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for name in dict.fromkeys(row["stream"] for row in rows):
        plain = _arm(rows, name, "plain")
        for arm in (arm for arm in draft.ARMS if arm != "plain"):
            with_draft = _arm(rows, name, arm)
            both = [case for case in plain if case in with_draft]
            if len(both) < 2:
                continue
            key = f"{name}_{arm.replace(' ', '_')}"
            pairs = [(with_draft[case], plain[case]) for case in both]
            unit = f"with / without, {len(both)} cases"
            for column in ("cpu", "seconds"):
                above, below = zip(
                    *[(float(a[column]), float(b[column])) for a, b in pairs], strict=True
                )
                found[f"{key}_{column}"] = ratio(above, below, unit, "< 1")
            speeds = [(float(a["per_second"]), float(b["per_second"])) for a, b in pairs]
            above, below = zip(*speeds, strict=True)
            found[f"{key}_tokens_per_second"] = ratio(above, below, unit, "> 1")
            drafted = sum(int(a["drafted"]) for a, _ in pairs)
            accepted = sum(int(a["accepted"]) for a, _ in pairs)
            found[f"{key}_accepted"] = Figure(
                value=accepted / drafted if drafted else None, unit=f"of {drafted:,} drafted tokens"
            )
            replies, ids = (
                sum(int(a[column]) for a, _ in pairs) for column in ("replies", "with_ids")
            )
            found[f"{key}_with_token_ids"] = of_share(proportion(ids, replies), goal="1")
            same = sum(a["digest"] == b["digest"] for a, b in pairs)
            found[f"{key}_same_output"] = of_share(proportion(same, len(pairs)))
    for arm in draft.ARMS:
        taken = [float(row["megabytes"]) for row in rows if row["arm"] == arm]
        if taken:
            key = arm.replace(" ", "_")
            found[f"megabytes_{key}"] = Figure(
                value=max(taken), unit="MB that opening the engine adds"
            )
    return found


def room(rows: Sequence[Row]) -> dict[str, Figure]:
    """What token ids and raw texts add to the journal."""
    found: dict[str, Figure] = {}
    for name in dict.fromkeys(row["stream"] for row in rows):
        plain = list(_arm(rows, name, "plain").values())
        now, before = (
            sum(int(row[column]) for row in plain) for column in ("bytes", "bytes_without")
        )
        replies, ids, raw = (
            sum(int(row[column]) for row in plain) for column in ("replies", "with_ids", "with_raw")
        )
        unit = f"bytes a case, {before / len(plain):,.0f} without, {len(plain)} cases"
        found[f"{name}_bytes_added"] = Figure(value=(now - before) / len(plain), unit=unit)
        found[f"{name}_replies_with_ids"] = of_share(proportion(ids, replies))
        found[f"{name}_replies_with_raw"] = of_share(proportion(raw, replies))
    return found


def _arm(rows: Sequence[Row], name: str, arm: str) -> dict[str, Row]:
    return {row["case"]: row for row in rows if row["stream"] == name and row["arm"] == arm}


# --- before the default model ------------------------------------------------------------------------------------


def tried(name: str, rows: Sequence[Row]) -> list[Tried]:
    """Of cases whose prompt was not cold: a stream pays the beginning of its prompt once."""
    mine = [row for row in rows if row["stream"] == name and row["cold"] == "0"]
    costs = {row["case"]: float(row["cpu"]) for row in mine if row["model"] == DEFAULT_MODEL}
    if name == "clinc150":
        correct = {
            case: row["right"] == "1"
            for (arm, case), row in rows_of(name).items()
            if arm == "memory"
        }
    else:
        correct = recorded_right(name)
    return [
        Tried(
            case=row["case"],
            row=row,
            small_right=row["right"] == "1",
            large_right=correct[row["case"]],
            small_cost=float(row["cpu"]),
            large_cost=costs.get(row["case"]),
        )
        for row in mine
        if row["model"] == SMALL
    ]


def part_of(cases: Sequence[Tried]) -> Part:
    """In the form that the recorded streams have."""
    table = [
        [float(one.row[name]) if one.row[name] else np.nan for name in SIGNALS] for one in cases
    ]
    correct = np.array([one.small_right for one in cases])
    answered = np.array([bool(one.row["steps"]) for one in cases])
    nothing = np.zeros(len(cases))
    names = tuple(one.case for one in cases)
    return Part(names, SIGNALS, np.array(table), correct, answered, nothing, nothing)


def threshold(scores: np.ndarray, cases: Sequence[Tried], large_cost: float) -> float | None:
    """The t that saves most at no fewer right answers. None: none saves anything."""
    needed = sum(one.large_right for one in cases)
    alone = large_cost * len(cases)
    best: tuple[float, float | None] = (0.0, None)
    for t in sorted(set(scores.tolist())):
        kept = scores >= t
        correct = sum(
            one.small_right if k else one.large_right for one, k in zip(cases, kept, strict=True)
        )
        cost = sum(one.small_cost for one in cases) + large_cost * float((~kept).sum())
        saved = 1 - cost / alone
        if correct >= needed and saved > best[0]:
            best = (saved, t)
    return best[1]


def cascade(cases: Sequence[Tried], large_cost: float) -> dict[str, np.ndarray]:
    """Of each case, told by the half that it is not in: whether it was right, and what it cost."""
    halves = np.array([half(f"cascade-{one.case}") == "exam" for one in cases])
    correct = np.array([one.large_right for one in cases], dtype=float)
    cost = np.full(len(cases), large_cost)
    kept_all = np.zeros(len(cases), dtype=bool)
    for chosen in (halves, ~halves):
        known = [one for one, there in zip(cases, chosen, strict=True) if there]
        sealed = [one for one, there in zip(cases, chosen, strict=True) if not there]
        if len({one.small_right for one in known}) < 2:
            continue  # nothing to fit on: the default model alone
        t = threshold(crossed_scores(part_of(known), SIGNALS), known, large_cost)
        if t is None:
            continue
        kept = sealed_scores(part_of(known), part_of(sealed), SIGNALS) >= t
        small_right = np.array([one.small_right for one in sealed], dtype=float)
        small_cost = np.array([one.small_cost for one in sealed])
        cost[~chosen] = small_cost + large_cost * ~kept
        correct[~chosen] = np.where(kept, small_right, correct[~chosen])
        kept_all[~chosen] = kept
    return {"right": correct, "cost": cost, "kept": kept_all}


def tiers(name: str, cases: Sequence[Tried]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    unit = f"{len(cases)} cases"
    found[f"{name}_right_small"] = of_share(
        proportion(sum(one.small_right for one in cases), len(cases))
    )
    found[f"{name}_right_default"] = of_share(
        proportion(sum(one.large_right for one in cases), len(cases))
    )
    only = sum(one.small_right and not one.large_right for one in cases)
    found[f"{name}_right_small_only"] = of_share(proportion(only, len(cases)))
    both = [(one.small_cost, one.large_cost) for one in cases if one.large_cost is not None]
    if len(both) < 2:
        return found
    small, large = zip(*both, strict=True)
    found[f"{name}_cost_small"] = ratio(
        small, large, f"of the default's CPU time, {len(both)} cases"
    )
    typical = fmean(one.small_cost for one in cases) * sum(large) / sum(small)
    told = cascade(cases, typical)
    alone = np.array([one.large_right for one in cases], dtype=float)
    found[f"{name}_cascade_kept"] = Figure(
        value=float(told["kept"].mean()), unit=f"answered by the small, {unit}"
    )
    for key, of, label in (
        (
            "saved",
            lambda at: round(1 - float(told["cost"][at].mean()) / typical, 9),
            "of the CPU time",
        ),
        (
            "right_change",
            lambda at: float((told["right"] - alone)[at].mean()),
            "accuracy, against the default alone",
        ),
    ):
        value, low, high = bootstrapped(len(cases), of)
        goal = "> 0" if key == "saved" else ">= 0"
        found[f"{name}_cascade_{key}"] = Figure(
            value=value, low=low, high=high, unit=f"{label}, {unit}", goal=goal
        )
    best = np.array([one.small_right for one in cases], dtype=bool)
    cost = sum(one.small_cost for one in cases) + typical * float((~best).sum())
    found[f"{name}_oracle_saved"] = Figure(
        value=1 - cost / (typical * len(cases)), unit=f"if it were known which are right, {unit}"
    )
    return found


def figures(rows: Sequence[Row], drafts: Sequence[Row]) -> Mapping[str, Figure]:
    found = drafting(drafts) | room(drafts)
    for name in dict.fromkeys(row["stream"] for row in rows):
        cases = tried(name, rows)
        if len(cases) >= FEWEST:
            found |= tiers(name, cases)
    return found


if __name__ == "__main__":
    write("small_model", figures(answers.rows(), draft.rows()))
