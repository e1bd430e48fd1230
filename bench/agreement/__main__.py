"""Whether drawing the last reply again tells more of an answer than what is known already, and what it costs.

    python -m bench.agreement --record --only analyst --minutes 30    asks the model; goes on where it was
    make bench NAME=agreement                                               figures from what was recorded

Self-consistency as a signal (Wang et al. 2023; Kuhn et al. 2023 for equality of meaning): the conversation before the
last reply is in the engine's prefix cache, so that a draw costs its own tokens. Two draws agree where they hand in the
same: of SQL the same rows, of anything else the same text, number or call. `agreement.csv` has a row for each case:
which draws agreed, and seconds. Only sealed cases are drawn again: for them the other signals are unbiased.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.lib.figures import Figure
from bench.lib.places import WORK
from bench.lib.recorded import FULL, load, sealed_scores
from bench.lib.results import write
from bench.lib.streams import STREAMS
from journeyman.answers import answer_of, folded
from journeyman.assess.calibration import fit_logistic
from journeyman.assess.reliability import auroc
from journeyman.job.job import Job
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model
from journeyman.runtime.runner import new_worker
from journeyman.types import Case, Message, Sampling, Trajectory
from journeyman.verifiers.text import last_number
from journeyman.worker import rollout

FILE = Path(__file__).parent / "agreement.csv"
ROOM = WORK / "streams"
COLUMNS = ("stream", "case", "right", "agreed", "seconds", "case_seconds")
DRAWS = 3
TEMPERATURE = 0.7
FEWEST = 30
"""Cases of a stream, or it is left out of the figures."""
ROUNDS = 400
FOLDS = 5
SEED = 20261125

Array = NDArray[np.float64]


async def handed_in(job: Job, case: Case, message: Message) -> tuple[str, ...] | None:
    """What a reply hands in, in a form in which equal answers are equal. None: it hands nothing in."""
    environment = job.environment(case.input)
    try:
        await environment.reset()
        final = {tool.name for tool in environment.tools if tool.final}
        if not message.tool_calls:
            number = last_number(message.text) if job.name == "gsm8k" else None
            return (
                (folded(message.text) if number is None else repr(number),)
                if message.text.strip()
                else None
            )
        if any(call.name not in final for call in message.tool_calls):
            return None
        if job.name not in {"analyst", "defog"}:
            return (answer_of(message.tool_calls),)
        results = [await environment.step(call) for call in message.tool_calls]
        return (
            None
            if any(result.failed for result in results)
            else tuple(result.text for result in results)
        )
    finally:
        await environment.close()


async def draw(model: Model, job: Job, case: Case, done: Trajectory) -> tuple[list[bool], float]:
    """Whether each draw hands in what was handed in, and the seconds that all took together."""
    environment = job.environment(case.input)
    tools = tuple(environment.tools)
    await environment.close()
    must_call = any(tool.final for tool in tools) and not all(tool.final for tool in tools)
    last = done.steps[-1]
    before = done.messages[: -1 - len(last.results)]
    given = await handed_in(job, case, last.reply.message)
    agreed: list[bool] = []
    began = time.monotonic()
    for n in range(DRAWS):
        sampling = job.sampling.model_copy(
            update={"temperature": TEMPERATURE, "seed": n + 1, "top_logprobs": 0}
            | ({"tool_choice": "required"} if must_call else {})
        )
        if n == 0:
            await model.generate(
                before, tools=tools, sampling=Sampling(max_tokens=1)
            )  # in the loop the prefix is cached
            began = time.monotonic()
        reply = await model.generate(before, tools=tools, sampling=sampling)
        agreed.append(given is not None and await handed_in(job, case, reply.message) == given)
    return agreed, time.monotonic() - began


async def record(names: Sequence[str], cases: int, until: float) -> None:
    """Works sealed cases once more, greedily as they were recorded, and draws their last replies again."""
    rows = _rows()
    model = open_model(DEFAULT_MODEL, at_once=1)
    for name in names:
        job, sealed = STREAMS[name](ROOM / "data"), load(name, "exam")
        assert sealed is not None, name
        of = {case.id: case for case in job.cases()}
        answered = [
            case for case, there in zip(sealed.cases, sealed.answered, strict=True) if there
        ]
        known = {row["case"] for row in rows if row["stream"] == name}
        for case in (of[case_id] for case_id in answered[:cases] if case_id not in known):
            if time.monotonic() > until:
                break
            done = await rollout(new_worker(job), model, job.environment(case.input), case.input)
            if done.answer is None:
                continue
            scores = [
                score.value
                for verifier in job.verifiers
                for score in [await verifier.score(case, done)]
            ]
            agreed, seconds = await draw(model, job, case, done)
            row = [
                name,
                case.id,
                int(all(value == 1 for value in scores)),
                "".join(str(int(one)) for one in agreed),
            ]
            row += [round(seconds, 2), round(done.seconds, 2)]
            rows.append(dict(zip(COLUMNS, map(str, row), strict=True)))
            _save(rows)
            print(*row, flush=True)
    await model.aclose()


def _rows() -> list[dict[str, str]]:
    if not FILE.exists():
        return []
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _save(rows: Sequence[dict[str, str]]) -> None:
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["stream"], row["case"])))


def figures(rows: Sequence[dict[str, str]]) -> dict[str, Figure]:
    told: dict[str, Figure] = {}
    for name in dict.fromkeys(row["stream"] for row in rows):
        known, sealed = load(name, "calibration"), load(name, "exam")
        mine = {row["case"]: row for row in rows if row["stream"] == name}
        if known is None or sealed is None or len(mine) < FEWEST:
            continue
        base = dict(
            zip(
                sealed.cases,
                np.clip(sealed_scores(known, sealed, FULL), 1e-4, 1 - 1e-4),
                strict=True,
            )
        )
        chosen = [case for case in sealed.cases if case in mine]
        correct = np.array([mine[case]["right"] == "1" for case in chosen])
        before = np.array([np.log(base[case] / (1 - base[case])) for case in chosen])
        unit = f"{len(chosen)} sealed"
        told[f"auroc_{name}_before"] = Figure(
            value=auroc(before.tolist(), correct.tolist()), unit=unit
        )
        for draws in (1, DRAWS):
            share = np.array([mine[case]["agreed"][:draws].count("1") / draws for case in chosen])
            told[f"auroc_{name}_agreement_{draws}"] = Figure(
                value=auroc(share.tolist(), correct.tolist()), unit=unit
            )
            told[f"auroc_added_{name}_{draws}"] = _added(before, share, correct, unit)
        spent = sum(float(mine[case]["seconds"]) for case in chosen) / DRAWS
        whole = sum(float(mine[case]["case_seconds"]) for case in chosen)
        told[f"time_share_{name}"] = Figure(
            value=spent / whole, unit="of a case, a draw", goal="<= 0.25 with all else"
        )
    return told


def _added(before: Array, share: Array, correct: NDArray[np.bool_], unit: str) -> Figure:
    """What agreement adds to the AUROC of all other signals, both weighed by the same cross-fitted logistic."""
    rng = np.random.default_rng(SEED)
    with_it, without = (
        _crossed(np.column_stack([before, share]), correct),
        _crossed(before[:, None], correct),
    )

    def gain(at: NDArray[np.intp]) -> float | None:
        one, other = (
            auroc(with_it[at].tolist(), correct[at].tolist()),
            auroc(without[at].tolist(), correct[at].tolist()),
        )
        return None if one is None or other is None else one - other

    gains = [
        g
        for _ in range(ROUNDS)
        if (g := gain(rng.integers(0, len(correct), len(correct)))) is not None
    ]
    low, high = np.quantile(gains, [0.025, 0.975]) if gains else (None, None)
    return Figure(value=gain(np.arange(len(correct))), low=low, high=high, unit=unit)


def _crossed(table: Array, correct: NDArray[np.bool_]) -> Array:
    """Log-odds of each case by a fit that did not see it, over several ways to fold."""
    rng, total = np.random.default_rng(SEED), np.zeros(len(correct))
    names = [str(n) for n in range(table.shape[1])]
    for _ in range(20):
        fold = rng.permutation(len(correct)) % FOLDS
        for n in range(FOLDS):
            fit, left = fold != n, fold == n
            fitted = fit_logistic(
                table[fit], names, correct[fit].astype(float), np.ones(int(fit.sum())), spread=1.5
            )
            total[left] += fitted.log_odds(table[left])
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="draw with the embedded model first")
    parser.add_argument("--only", default="analyst,gsm8k,clinc150", help="streams to draw for")
    parser.add_argument("--cases", type=int, default=100, help="sealed cases of each, at most")
    parser.add_argument("--minutes", type=float, default=60, help="then stop")
    arguments = parser.parse_args()
    if arguments.record:
        until = time.monotonic() + 60 * arguments.minutes
        asyncio.run(record(arguments.only.split(","), arguments.cases, until))
    write("agreement", figures(_rows()), folded=not arguments.record)


if __name__ == "__main__":
    main()
