"""Prompt tokens that are computed again with the prefix cache, against all of them without, on `analyst`.

The share comes from the journal of a real run. A few of the same calls are made again without the cache, to show that
the engine then computes what it says.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from itertools import islice
from pathlib import Path

from bench.lib.figures import Figure
from bench.lib.places import JOBS
from bench.lib.results import as_usual, write
from journeyman.job.load import load_job
from journeyman.models import DEFAULT_MODEL, embedded, open_model
from journeyman.protocols import Model
from journeyman.reports.metrics import run_metrics
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseResult

AGAIN = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=24)
    arguments = parser.parse_args()
    model = open_model(DEFAULT_MODEL, at_once=2)
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        job = load_job(JOBS / "analyst", data=folder / "data")
        with open_journal(folder) as journal, LeaseOwner.enter(folder) as holder:
            run = open_run(journal, job, model)
            add_cases(
                journal,
                run,
                islice((case for case in job.cases() if case.split == "train"), arguments.cases),
            )
            shift = Runner.open(journal, holder, job, model, run, at_once=2)
            asyncio.run(work(shift))
            seen, done = run_metrics(journal, run), list(outcomes(journal, run))
        cold_prompts, cold_cached = asyncio.run(_again(model, done))
    assert seen.prompt_tokens is not None
    assert seen.cached_tokens is not None
    warm = seen.prompt_tokens - seen.cached_tokens
    calls = [step.reply.usage for outcome in done[4:] for step in outcome.trajectory.steps]
    per_call = [
        1 - call.cached_tokens / call.prompt_tokens
        for call in calls
        if call.cached_tokens is not None and call.prompt_tokens
    ]
    found = {
        "warm_recomputed_share": Figure(
            value=warm / seen.prompt_tokens, unit="of the tokens without a cache", goal="<= 0.25"
        ),
        "warm_recomputed_share_after_four_cases": Figure(
            value=sum(per_call) / len(per_call), unit="mean over calls"
        ),
        "prompt_tokens": Figure(
            value=seen.prompt_tokens,
            unit=f"tokens of {seen.model_calls} calls, two cold starts among them",
        ),
        "cold_recomputed_share": Figure(
            value=1 - cold_cached / cold_prompts, unit="of the tokens, cache off", goal="1"
        ),
    }
    write("cache", found, whole=as_usual(parser))


async def _again(model: Model, done: list[CaseResult]) -> tuple[int, int]:
    """Prompt tokens, and how many were cached, of the first calls made again without the cache."""
    assert isinstance(model, embedded.EmbeddedModel)
    prompts = cached = 0
    plain = embedded.request_of
    try:
        embedded.request_of = lambda *a: {**plain(*a), "cache_prompt": False}
        for outcome in done[:AGAIN]:
            usage = (await model.generate(outcome.trajectory.opening)).usage
            prompts, cached = (
                prompts + (usage.prompt_tokens or 0),
                cached + (usage.cached_tokens or 0),
            )
    finally:
        embedded.request_of = plain
        await model.aclose()
    return prompts, cached


if __name__ == "__main__":
    main()
