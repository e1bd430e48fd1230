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
from statistics import fmean

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
GROUP = 50
"""The first and the last so many are compared: the clock of CPU time is too coarse for one."""


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


async def costs() -> list[float]:
    """Milliseconds of CPU of one question after the other, all threads together."""
    model = ScriptedModel(lambda messages, tools: "42")
    taken: list[float] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room:
        ada = Worker("row", model=model, workspace=room)
        for n in range(WARM + IN_A_ROW):
            began = time.process_time()
            done = await ada.ado(f"question {n}")
            assert done.answer == "42"
            taken.append(1000 * (time.process_time() - began))
    return taken[WARM:]


def figures() -> dict[str, Figure]:
    late = asyncio.run(waits())
    cost = asyncio.run(costs())
    first = fmean(cost[:GROUP])
    last = fmean(cost[-GROUP:])
    return {
        "question_wait_ms_worst": Figure(
            value=max(late), unit=f"ms beyond its own time, the worst of {QUESTIONS}", goal="<= 50"
        ),
        "question_wait_ms_mean": Figure(value=fmean(late), unit="ms beyond its own time"),
        "question_ms_first": Figure(value=first, unit=f"ms of CPU, mean of {GROUP}"),
        "question_ms_thousandth": Figure(value=last, unit=f"ms of CPU, mean of {GROUP}"),
        "question_cost_drift_1000": Figure(
            value=last / first - 1, unit="share", goal="-0.1 to 0.1"
        ),
    }
