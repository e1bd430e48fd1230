"""Cases an hour through all we have (loop, journal, tools, scoring), against the raw engine given the same calls.

Round by round: our run on a fresh engine, with its requests noted; then a fresh engine is given just those requests, in
the same order and as many at once. What it takes less is what we cost.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from bench.lib.figures import Figure
from bench.lib.places import JOBS
from bench.lib.results import as_usual, write
from journeyman.job.load import load_job
from journeyman.models import DEFAULT_MODEL, embedded, open_model
from journeyman.models.embedded import EmbeddedModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal

Requests = dict[str, list[Mapping[str, Any]]]


def ours(cases: int, at_once: int) -> tuple[float, Requests]:
    """Seconds for so many analyst cases, and each case's requests in order."""
    model = open_model(DEFAULT_MODEL, at_once=at_once)
    assert isinstance(model, EmbeddedModel)
    noted: Requests = {}
    plain = embedded.request_of

    def noting(
        messages: Any, tools: Any, sampling: Any, special: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        request = plain(messages, tools, sampling, special)
        noted.setdefault(messages[1].text, []).append(request)
        return request

    async def run(shift: Runner) -> float:
        await model.load()
        began = time.perf_counter()
        await work(shift)
        taken = time.perf_counter() - began
        await model.aclose()
        return taken

    with tempfile.TemporaryDirectory() as room:
        job = load_job(JOBS / "analyst", data=Path(room) / "data")
        with open_journal(Path(room)) as journal, LeaseOwner.enter(Path(room)) as holder:
            opened = open_run(journal, job, model)
            add_cases(
                journal,
                opened,
                islice((case for case in job.cases() if case.split == "train"), cases),
            )
            shift = Runner.open(journal, holder, job, model, opened, at_once=at_once)
            embedded.request_of = noting
            try:
                return asyncio.run(run(shift)), noted
            finally:
                embedded.request_of = plain


def raw(requests: Requests, at_once: int) -> float:
    """Seconds for the same requests, given straight to a fresh engine."""
    model = open_model(DEFAULT_MODEL, at_once=at_once)
    assert isinstance(model, EmbeddedModel)
    asyncio.run(model.load())
    server = model.engine.load()

    def one_case(calls: list[Mapping[str, Any]]) -> None:
        for call in calls:
            server.handle_chat_completions(dict(call), lambda _: False)

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as hands:
        list(hands.map(one_case, requests.values()))
    taken = time.perf_counter() - began
    asyncio.run(model.aclose())
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found: dict[str, Figure] = {}
    for at_once in (1, 2):
        ratios, rates = [], []
        for round_ in range(arguments.rounds):
            mine, requests = ours(arguments.cases, at_once)
            bare = raw(requests, at_once)
            ratios.append(bare / mine)
            rates.append(3600 * arguments.cases / mine)
            print(
                f"{at_once} at once, round {round_ + 1}: ours {mine:.1f} s, raw {bare:.1f} s",
                flush=True,
            )
        key = "throughput_ratio" if at_once == 2 else "throughput_ratio_one_at_a_time"
        found[key] = Figure(
            value=median(ratios),
            low=min(ratios),
            high=max(ratios),
            unit="raw / ours, median; least and most",
            goal=">= 0.95",
        )
        found[f"cases_per_hour_{at_once}_at_once"] = Figure(
            value=median(rates), low=min(rates), high=max(rates), unit="cases/h"
        )
    write("engine", found, whole=as_usual(parser))


if __name__ == "__main__":
    main()
