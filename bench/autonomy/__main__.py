"""How well confidence tells right from wrong, and what a worker may do alone by the certificate and by others' rules.

Reads the recorded streams (`bench/streams`, written by `bench.streams`); no model is asked. Takes about ten minutes.

Sealed cases are those of the exam split: their scores come from the calibration split alone. Replays draw 2,000 of
them with replacement, so that the error above every threshold is known; synthetic streams have a known truth by
construction, a third of them the worst case, an error a little above what is allowed at every score. Every method has
the same labelled history: the calibration split, or 400 cases.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from bench.lib.figures import Figure, of_share
from bench.lib.recorded import (
    CHEAP,
    FULL,
    GROUPS,
    STREAMS,
    Part,
    crossed_scores,
    load,
    sealed_scores,
)
from bench.lib.replays import (
    LENGTH,
    Array,
    Flags,
    Population,
    Replay,
    begun,
    highest,
    recorded,
    replay,
    synthetic,
)
from bench.lib.results import as_usual, write
from journeyman.assess.calibration import LogisticAssessor, fit_logistic
from journeyman.assess.evidence import evidence_of
from journeyman.assess.reliability import auroc, brier_skill, ece, ece_floor, interval
from journeyman.assess.rule import Rule
from journeyman.assess.selective import Certificate, labels_needed
from journeyman.assess.stats import proportion
from journeyman.types import Example, Message, Reply, Step, TokenLogprob, Trajectory, Usage

ALLOWED = (0.05, 0.1, 0.2)
CONFIDENCE = 0.95
FEWEST = 30
"""Cases of a split, or the stream is left out."""
ROUNDS = 200
"""Streams of each kind for each allowed error."""
SEED = 20261124

Streams = Mapping[str, tuple[Part, Part]]


def streams() -> Streams:
    """Calibration and sealed part of each stream that was recorded."""
    found = {name: (load(name, "calibration"), load(name, "exam")) for name in STREAMS}
    return {
        name: (known, sealed)
        for name, (known, sealed) in found.items()
        if known and sealed and min(len(known.correct), len(sealed.correct)) >= FEWEST
    }


# --- does it know -----------------------------------------------------------------------------------------------


def self_evaluation(found: Streams) -> dict[str, Figure]:
    """AUROC, ECE and Brier skill on sealed cases, each stream's own and all together; what the signals cost."""
    told: dict[str, Figure] = {}
    scores: list[float] = []
    rights: list[bool] = []
    for name, (known, sealed) in found.items():
        own, correct = sealed_scores(known, sealed, FULL).tolist(), sealed.correct.tolist()
        scores += own
        rights += correct
        told |= _reliability(name, own, correct)
        told[f"auroc_{name}_cheap"] = Figure(
            value=auroc(sealed_scores(known, sealed, CHEAP).tolist(), correct)
        )
    told |= _reliability("pooled", scores, rights)
    told["auroc_leave_one_out"] = Figure(
        value=fmean(value for name in found if (value := _left_out(name, found)) is not None),
        unit=f"mean of {len(found)} streams",
    )
    seconds = sum(float(sealed.seconds.sum()) for _, sealed in found.values())
    asking = sum(float(sealed.check_seconds.sum()) for _, sealed in found.values())
    told["extra_time_share_full"] = Figure(
        value=asking / seconds, unit="of a case's time", goal="<= 0.25"
    )
    middle = median(float(np.median(sealed.seconds)) for _, sealed in found.values())
    told["extra_time_share_cheap"] = Figure(
        value=cheap_seconds() / middle, unit="of a median case", goal="<= 0.05"
    )
    return told


def cheap_seconds() -> float:
    """Processor time to take the evidence of a long answer and score it by 2,000 past cases: the median of 200."""
    rng = np.random.default_rng(SEED)
    tokens = tuple(
        TokenLogprob(token="tok ", logprob=-0.1, top=tuple((f"t{n}", -float(n)) for n in range(5)))
        for _ in range(300)
    )
    words = "SELECT name FROM orders WHERE id = 17 GROUP BY city " * 4
    reply = Reply(
        message=Message(role="assistant", content=words),
        usage=Usage(prompt_tokens=500, completion_tokens=300),
        logprobs=tokens,
    )
    done = Trajectory(
        case_id="c", worker="w@1", opening=(Message(role="user", content=words),), steps=(Step(reply=reply),),
        answer=words, stop="answered",
    )  # fmt: skip
    evidence = evidence_of(done)
    past = [
        Example(
            evidence=evidence.model_copy(update={"prompt": f"{words} {n}"}),
            correct=bool(rng.random() < 0.5),
        )
        for n in range(2000)
    ]
    fitted, taken = LogisticAssessor().learned(past), []
    for _ in range(200):
        began = time.process_time()
        fitted.probability(evidence_of(done))
        taken.append(time.process_time() - began)
    return median(taken)


def _reliability(name: str, scores: Sequence[float], rights: Sequence[bool]) -> dict[str, Figure]:
    def figure(of: Callable[[Sequence[float], Sequence[bool]], float | None], goal: str) -> Figure:
        found = interval(of, scores, rights, rounds=400)
        return Figure(
            value=found.value,
            low=found.low,
            high=found.high,
            unit=f"{len(rights)} sealed",
            goal=goal,
        )

    return {
        f"auroc_{name}": figure(auroc, ">= 0.8"),
        f"ece_{name}": figure(ece, "<= 0.05"),
        f"ece_floor_{name}": Figure(value=ece_floor(scores), unit="what true confidences give"),
        f"brier_skill_{name}": figure(brier_skill, ">= 0.25"),
    }


def _left_out(name: str, found: Streams) -> float | None:
    """AUROC on one stream of a fit on the others; signals are standardised within their stream: no label is needed."""
    others = [known for other, (known, _) in found.items() if other != name]
    if not others:
        return None
    table = np.concatenate([_standard(known.of(CHEAP), known.of(CHEAP)) for known in others])
    correct = np.concatenate([known.correct for known in others]).astype(float)
    fitted = fit_logistic(table, CHEAP, correct, np.ones(len(correct)))
    known, sealed = found[name]
    return auroc(
        fitted.log_odds(_standard(sealed.of(CHEAP), known.of(CHEAP))).tolist(),
        sealed.correct.tolist(),
    )


def _standard(table: Array, like: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.nan_to_num(np.nanmean(like, axis=0)) if len(like) else np.zeros(table.shape[1])
        spread = np.nan_to_num(np.nanstd(like, axis=0))
    return np.asarray((table - centre) / np.where(spread > 1e-9, spread, 1.0))


def ablation(found: Streams) -> dict[str, Figure]:
    """Mean AUROC over the streams that is lost without a kind of signals, and what a kind is worth alone."""
    told: dict[str, Figure] = {}
    for kind, names in GROUPS.items():
        without = tuple(name for name in FULL if name not in names)
        lost = [_auroc(*pair, FULL) - _auroc(*pair, without) for pair in found.values()]
        told[f"auroc_lost_without_{kind}"] = Figure(
            value=fmean(lost), low=min(lost), high=max(lost), unit="least, most"
        )
        alone = [_auroc(*pair, names) for pair in found.values()]
        told[f"auroc_{kind}_alone"] = Figure(
            value=fmean(alone), low=min(alone), high=max(alone), unit="least, most"
        )
    return told


def _auroc(known: Part, sealed: Part, names: Sequence[str]) -> float:
    return auroc(sealed_scores(known, sealed, names).tolist(), sealed.correct.tolist()) or 0.5


# --- may it ------------------------------------------------------------------------------------------------------


def populations(found: Streams) -> list[Population]:
    return [
        recorded(
            name,
            (crossed_scores(known, CHEAP), ~known.correct),
            (sealed_scores(known, sealed, CHEAP), ~sealed.correct),
        )
        for name, (known, sealed) in found.items()
    ]


@dataclass(frozen=True)
class Method:
    """A rule for what to deliver: how much it delivered, and whether that was allowed."""

    shares: list[float]
    violated: list[bool]
    of_ceiling: list[float]


def baselines(rule: Rule, population: Population, scores: Array) -> dict[str, float | None]:
    """Thresholds that others would take, from the same calibration cases. None: nothing is delivered."""
    wrong = population.known_errors
    order = np.argsort(-population.known_scores, kind="stable")
    ranked, errors = population.known_scores[order], np.cumsum(wrong[order])
    counts = np.arange(1, len(ranked) + 1)
    allowed, delta = rule.allowed_error, 1 - rule.confidence
    conformal = (errors + 1) / (
        counts + 1
    ) <= allowed  # split conformal risk control: (wrong + 1)/(n + 1)
    grid = np.unique(np.linspace(len(ranked) // 16, len(ranked), 16).astype(int)) - 1
    passes = [_at_most(int(errors[n]), int(counts[n]), allowed) <= delta / len(grid) for n in grid]
    sound = grid[np.array(passes)]
    grown = counts[conformal]
    candidates = np.unique(scores)
    known = [float(q) for q in candidates if population.risk(float(q)) <= allowed]
    return {
        "fixed_calibrated": 1 - allowed,
        "split_conformal": float(ranked[grown.max() - 1]) if len(grown) else None,
        "bonferroni_grid": float(ranked[sound.max()]) if len(sound) else None,
        "oracle": max(known, key=population.coverage, default=None),
    }


def _at_most(wrong: int, count: int, error: float) -> float:
    """P(at most so many wrong of a count) at this error: the binomial tail."""
    whole = math.lgamma(count + 1)
    return sum(
        math.exp(
            whole
            - math.lgamma(k + 1)
            - math.lgamma(count - k + 1)
            + k * math.log(error)
            + (count - k) * math.log1p(-error)
        )
        for k in range(wrong + 1)
    )


def uniform_labels(
    rule: Rule, population: Population, scores: Array, errors: Flags, rng: np.random.Generator
) -> Replay:
    """The same certificate when a tenth of all cases is labelled, escalated or not: every bet is ten times smaller."""
    seen = rng.random(len(scores)) < rule.audit_rate
    whole = rule.model_copy(update={"audit_rate": 1.0})
    few = replay(
        begun(whole, population.known_scores, population.known_errors),
        scores[seen],
        errors[seen],
        rng,
    )
    places = np.flatnonzero(seen)
    steps = [(int(places[n]) + 1 if n else 0, q) for n, q in few.thresholds]
    delivered = np.zeros(len(scores), dtype=bool)
    for (start, q), (end, _) in zip(steps, [*steps[1:], (len(scores), None)], strict=True):
        delivered[start:end] = False if q is None else scores[start:end] >= q
    return Replay(tuple(steps), delivered, errors, few.labels, few.first_alone, few.revoked)


def autonomy(found: Streams, rounds: int) -> dict[str, Figure]:
    """The certificate and the others, over many streams, at each allowed error."""
    told: dict[str, Figure] = {}
    rng = np.random.default_rng(SEED)
    real = populations(found)
    over: list[float] = []
    for allowed in ALLOWED:
        rule = Rule(allowed_error=allowed, confidence=CONFIDENCE)
        code = f"alpha{round(100 * allowed):02d}"
        hard = [
            synthetic(rng, hard=allowed * rng.uniform(1.0, 1.3) + 1e-6) for _ in range(rounds // 3)
        ]
        made = [*hard, *(synthetic(rng) for _ in range(rounds - len(hard)))]
        replayed = [real[n % len(real)] for n in range(rounds)]
        methods: dict[str, Method] = {}
        told |= _kind("synthetic", code, rule, made, rng, {}, over)
        told |= _kind("replayed", code, rule, replayed, rng, methods, over)
        told |= _compared(code, methods)
        told |= naive(found, allowed, code)
    told["labels_over_limit"] = Figure(
        value=median(over) if over else None,
        low=float(np.quantile(over, 0.1)) if over else None,
        high=float(np.quantile(over, 0.9)) if over else None,
        unit=f"median of {len(over)}, 80 % of them between",
        goal="<= 2",
    )
    return told


def _kind(
    kind: str, code: str, rule: Rule, drawn: Sequence[Population], rng: np.random.Generator,
    methods: dict[str, Method], over: list[float],
) -> dict[str, Figure]:  # fmt: skip
    """One kind of streams: the certificate's own figures; everybody's go into `methods`, label counts into `over`."""
    violated = realised = 0
    for population in drawn:
        scores, errors = population.draw(rng, LENGTH)
        known = (population.known_scores, population.known_errors)
        run = replay(begun(rule, *known), scores, errors, rng)
        broke = run.violates(population.risk, rule.allowed_error)
        violated += broke
        realised += run.realised_exceeds(rule.allowed_error)
        ratio = _label_ratio(rule, population, scores, errors, rng)
        if ratio is not None:
            over.append(ratio)
        ceiling = highest(population, rule.allowed_error)
        _note(methods, "certificate", run.share, broke, ceiling)
        if kind == "synthetic":
            continue
        full = replay(
            begun(rule.model_copy(update={"audit_rate": 1.0}), *known), scores, errors, rng
        )
        _note(
            methods,
            "full_labels",
            full.share,
            full.violates(population.risk, rule.allowed_error),
            ceiling,
        )
        few = uniform_labels(rule, population, scores, errors, rng)
        _note(
            methods,
            "uniform_labels",
            few.share,
            few.violates(population.risk, rule.allowed_error),
            ceiling,
        )
        for name, threshold in baselines(rule, population, scores).items():
            delivers = 0.0 if threshold is None else population.coverage(threshold)
            wrong = (
                threshold is not None and population.risk(threshold) > rule.allowed_error + 1e-12
            )
            _note(methods, name, delivers, wrong, ceiling)
    goal = f"<= {1 - rule.confidence:.2f}"
    name = "violating_streams_share" if kind == "replayed" else "violating_streams_share_synthetic"
    return {
        f"{name}_{code}": of_share(proportion(violated, len(drawn)), goal),
        f"realised_error_ever_above_{kind}_{code}": of_share(proportion(realised, len(drawn))),
    }


def _label_ratio(
    rule: Rule, population: Population, scores: Array, errors: Flags, rng: np.random.Generator
) -> float | None:
    """Labels above the first threshold until it was in force, over the fewest that any test needs on average.

    Planned on the history, but not fed with it. None: nothing was in force, or with a true error above α/2.
    """
    planned = Certificate.plan(
        rule, population.known_scores.tolist(), population.known_errors.tolist()
    )
    run = replay(planned, scores, errors, rng)
    first = next((q for _, q in run.thresholds if q is not None), None)
    if first is None or run.first_alone is None or population.risk(first) > rule.allowed_error / 2:
        return None
    limit = labels_needed(rule, population.risk(first))
    return None if limit is None else run.first_alone / limit


def _note(
    methods: dict[str, Method], name: str, delivered: float, broke: bool, ceiling: float
) -> None:
    method = methods.setdefault(name, Method([], [], []))
    method.shares.append(delivered)
    method.violated.append(broke)
    method.of_ceiling.append(delivered / ceiling)


def naive(found: Streams, allowed: float, code: str) -> dict[str, Figure]:
    """What a threshold of 1 − α on the model's own word would deliver of the sealed cases, and whether rightly."""
    told: dict[str, Figure] = {}
    for name, column, transform in (
        ("verbalised", "said_right", _inverse_logit),
        ("mean_logprob", "mean_logprob", np.exp),
    ):
        parts: list[tuple[float, bool]] = []
        for _, sealed in found.values():
            with np.errstate(invalid="ignore"):
                delivered = (
                    np.nan_to_num(transform(sealed.of([column])[:, 0]), nan=0.0) >= 1 - allowed
                )
            wrong = float((~sealed.correct[delivered]).mean()) if delivered.any() else 0.0
            top = min(1.0, float(sealed.correct.mean()) / (1 - allowed))
            parts.append((float(delivered.mean()) / top, wrong > allowed))
        told[f"eta_fixed_{name}_{code}"] = Figure(
            value=fmean(eta for eta, _ in parts), unit=f"{len(parts)} streams"
        )
        told[f"violating_streams_share_fixed_{name}_{code}"] = of_share(
            proportion(sum(v for _, v in parts), len(parts))
        )
    return told


def _inverse_logit(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-values)))


def _compared(code: str, methods: Mapping[str, Method]) -> dict[str, Figure]:
    told: dict[str, Figure] = {}
    for name, method in methods.items():
        key = f"eta_{code}" if name == "certificate" else f"eta_{name}_{code}"
        told[key] = Figure(
            value=fmean(method.of_ceiling), unit=f"of the ceiling, {len(method.shares)} streams"
        )
        if name != "certificate":
            broke = proportion(sum(method.violated), len(method.violated))
            told[f"violating_streams_share_{name}_{code}"] = of_share(broke)
    kept = fmean(methods["certificate"].shares) / max(1e-9, fmean(methods["full_labels"].shares))
    told[f"kept_with_audits_{code}"] = Figure(
        value=kept, unit="of what full labels deliver", goal=">= 0.85"
    )
    return told


# --- when the world changes ------------------------------------------------------------------------------------


def shifts(rounds: int) -> dict[str, Figure]:
    """A worker that was right enough becomes wrong: cases delivered until autonomy is taken away."""
    told: dict[str, Figure] = {}
    rng = np.random.default_rng(SEED + 1)
    rule = Rule(allowed_error=0.1, confidence=CONFIDENCE)
    kinds: dict[str, tuple[Callable[[Array], Array], int]] = {
        "sudden": (lambda t: (t > 0).astype(float), 0),
        "gradual": (lambda t: np.clip(t / 1000, 0, 1), 0),
        "delayed": (lambda t: (t > 0).astype(float), 200),
    }
    for kind, (course, delay) in kinds.items():
        taken = [_taken(rule, course, delay, rng) for _ in range(rounds)]
        told[f"shift_{kind}_delivered_until_revoked"] = _until(taken)
    worst = [_adversary(rule, rng) for _ in range(rounds)]
    told["shift_adversarial_order_violating_share"] = of_share(
        proportion(sum(broke for broke, _ in worst), rounds)
    )
    told["shift_adversarial_order_delivered_until_revoked"] = _until([taken for _, taken in worst])
    return told


def _until(taken: Sequence[int | None]) -> Figure:
    """Cases delivered until autonomy was taken away, where it was."""
    known = sorted(n for n in taken if n is not None)
    return Figure(
        value=median(known) if known else None,
        low=float(np.quantile(known, 0.05)) if known else None,
        high=float(np.quantile(known, 0.95)) if known else None,
        unit=f"cases, {len(known)} of {len(taken)} streams",
    )


def _world(rng: np.random.Generator, error: Array) -> tuple[Array, Flags]:
    scores = rng.random(len(error))
    return scores, rng.random(len(error)) < np.clip(error * 2 * (1 - scores), 0, 1)


def _taken(
    rule: Rule, course: Callable[[Array], Array], delay: int, rng: np.random.Generator
) -> int | None:
    """The base error goes from 5 % to 40 % at half: cases delivered from then until autonomy was taken away."""
    length, turn = 6_000, 3_000
    grown = course(np.arange(length, dtype=np.float64) - turn)
    scores, errors = _world(rng, 0.05 + 0.35 * grown)
    known_scores, known_errors = _world(rng, np.full(400, 0.05))
    run = replay(
        begun(rule, known_scores, known_errors.astype(float)), scores, errors, rng, delay=delay
    )
    first = next((n for n in run.revoked if n >= turn), None)
    return None if first is None else int(run.delivered[turn:first].sum())


def _adversary(rule: Rule, rng: np.random.Generator) -> tuple[bool, int | None]:
    """All right answers come first, then all wrong ones: whether the certificate claims what is false on average, and
    how many wrong ones were delivered until autonomy was taken away. None: it was not.
    """
    scores, errors = _world(rng, np.full(LENGTH, 0.3))
    order = np.argsort(errors, kind="stable")
    known_scores, known_errors = _world(rng, np.full(400, 0.3))
    run = replay(
        begun(rule, known_scores, known_errors.astype(float)), scores[order], errors[order], rng
    )

    def risk(q: float) -> float:
        above = scores >= q
        return float(errors[above].mean()) if above.any() else 0.0

    turn = int((~errors).sum())
    first = next((n for n in run.revoked if n >= turn), None)
    return run.violates(risk, rule.allowed_error), None if first is None else int(
        run.delivered[turn:first].sum()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="streams of each kind")
    arguments = parser.parse_args()
    found = streams()
    figures = {**self_evaluation(found), **ablation(found)}
    figures |= autonomy(found, arguments.rounds)
    figures |= shifts(arguments.rounds)
    write("autonomy", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
