"""Questions at a steady rate, each beside what its model alone takes; and the thousandth question beside the first.

The model answers each question after a time of that question's own. What an answer takes beyond it is the wait: for a
place in flight, for the journal, for other questions. At 1,000 questions the journal holds a thousand cases, and one
runner has decided them all: a question's CPU time must be what it was at the beginning.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from statistics import fmean, median

from bench.lib.figures import Figure
from journeyman.app.front import Worker
from journeyman.models.scripted import ScriptedModel
from journeyman.types import Message, Reply, Sampling, ToolSpec

QUESTIONS = 40
EVERY_SECONDS = 0.05
OWN_SECONDS = (0.1, 1.0)
"""The least and the most that a model takes for one."""
WARM = 5
IN_A_ROW = 1_000
GROUP = 100
"""So many first ones, and so many after a thousand, are compared."""


class TakingItsTime(ScriptedModel):
    """Answers each question after its own time, which the question names in seconds."""

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        await asyncio.sleep(own_seconds(messages[-1].text))
        return await super().generate(messages, tools=tools, sampling=sampling)


def own_seconds(question: str) -> float:
    return float(question.split()[-2])


async def waits() -> list[float]:
    """Milliseconds that each answer took beyond its own time."""
    rng = random.Random(7)
    model = TakingItsTime(lambda messages, tools: "42")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room:
        ada = Worker("steady", model=model, workspace=room, at_once=QUESTIONS)

        async def asked(n: int, own: float) -> float:
            began = time.perf_counter()
            done = await ada.ado(f"{n}: what comes after {own:.4f} seconds?")
            assert done.answer == "42"
            return 1000 * (time.perf_counter() - began - own)

        for n in range(WARM):
            await asked(-1 - n, 0.0)
        asking: list[asyncio.Task[float]] = []
        for n in range(QUESTIONS):
            own = round(rng.uniform(*OWN_SECONDS), 4)
            asking.append(asyncio.create_task(asked(n, own)))
            await asyncio.sleep(EVERY_SECONDS)
        return list(await asyncio.gather(*asking))


async def costs() -> tuple[list[float], list[float]]:
    """Milliseconds of CPU of the first questions, and of those after a thousand; all threads together.

    A new worker and one that was asked a thousand take turns, so that a drifting machine hits both alike.
    """
    model = ScriptedModel(lambda messages, tools: "42")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room:
        old = Worker("row", model=model, workspace=f"{room}/old")
        new = Worker("row", model=model, workspace=f"{room}/new")
        for n in range(IN_A_ROW):
            await cost_of(old, n)
        for n in range(WARM):
            await cost_of(new, n)
        first: list[float] = []
        late: list[float] = []
        for n in range(GROUP):
            first.append(await cost_of(new, WARM + n))
            late.append(await cost_of(old, IN_A_ROW + n))
    return first, late


async def cost_of(worker: Worker[str], number: int) -> float:
    began = time.process_time()
    done = await worker.ado(f"question {number}")
    assert done.answer == "42"
    return 1000 * (time.process_time() - began)


def figures() -> dict[str, Figure]:
    late = asyncio.run(waits())
    new, old = asyncio.run(costs())
    first = median(new)
    last = median(old)
    return {
        "question_wait_ms_worst": Figure(
            value=max(late), unit=f"ms beyond its own time, the worst of {QUESTIONS}", goal="<= 50"
        ),
        "question_wait_ms_mean": Figure(value=fmean(late), unit="ms beyond its own time"),
        "question_ms_first": Figure(value=first, unit=f"ms of CPU, median of {GROUP}"),
        "question_ms_thousandth": Figure(value=last, unit=f"ms of CPU, median of {GROUP}"),
        "question_cost_drift_1000": Figure(
            value=last / first - 1, unit="share", goal="-0.1 to 0.1"
        ),
    }
