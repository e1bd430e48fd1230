"""Ten thousand scripted cases in one run: what the store, the memory and a case's time do as the journal grows.

The drifts compare the second half with the first, a case's time as CPU time, so that others on the machine don't count;
the memory's slope is fitted over the last three quarters.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression, median

from bench.lib.figures import Figure
from bench.lib.results import write
from journeyman.environments import Tools
from journeyman.flow.holder import Holder
from journeyman.flow.work import enrol, open_run, staff, work
from journeyman.job import Job
from journeyman.models.scripted import Line, ScriptedModel
from journeyman.store.journal import Journal
from journeyman.types import Case, Message, Outcome, Reply, Sampling, ToolCall, ToolSpec
from journeyman.verifiers import Exact

TENTHS = 10


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


def script(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Line:
    """One call, then the answer."""
    if messages[-1].role == "tool":
        return messages[-1].content
    word = messages[-1].content.split()[-1]
    return ToolCall(id=f"call_{len(messages)}", name="look", arguments={"word": word})


class ForgetfulModel(ScriptedModel):
    """A scripted model that does not keep what it was asked."""

    async def generate(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = Sampling()
    ) -> Reply:
        reply = await super().generate(messages, tools=tools, sampling=sampling)
        self.calls.clear()
        return reply


def stored_bytes(folder: Path) -> int:
    """All files of the workspace, the write-ahead log folded into the database first."""
    connection = sqlite3.connect(folder / "journal.sqlite")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def cases(count: int) -> Iterator[Case]:
    return (
        Case(id=f"case-{n:06d}", prompt=f"Look up the word w{n:06d}", target=f"seen w{n:06d}") for n in range(count)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    count = parser.parse_args().cases
    tenth = count // TENTHS
    sizes: list[int] = []
    memory: list[tuple[int, float]] = []
    moments = [time.process_time()]
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        job = Job(name="growth", environment=Tools(functions=(look,)), verifiers=(Exact(),), fingerprint="growth")

        def told(outcome: Outcome) -> None:
            assert outcome.right
            moments.append(time.process_time())
            done = len(moments) - 1
            if done % (tenth // 4) == 0:
                memory.append((done, resident_mb()))
            if done % tenth == 0:
                sizes.append(stored_bytes(folder))
                print(f"{done} cases, {sizes[-1] / done:,.0f} bytes each, {memory[-1][1]:.1f} MB", flush=True)

        with Journal.open(folder) as journal, Holder.enter(folder) as holder:
            model = ForgetfulModel(script)
            run = open_run(journal, job, model)
            shift = staff(journal, holder, job, model, run, at_once=1, told=told)
            for start in range(0, count, tenth):  # cases come in tenth by tenth, so that size grows with what is done
                enrol(journal, run, (case for n, case in enumerate(cases(start + tenth)) if n >= start))
                asyncio.run(work(shift))
    spans = [b - a for a, b in pairwise(moments)]
    print(
        "median CPU ms of each tenth:", [round(1000 * median(spans[n : n + tenth]), 2) for n in range(0, count, tenth)]
    )
    half, tenths = count // 2, TENTHS // 2
    grown = (sizes[-1] - sizes[tenths - 1]) / sizes[tenths - 1]
    later = [point for point in memory if point[0] >= count / 4]
    slope = linear_regression([n for n, _ in later], [mb for _, mb in later]).slope * 10_000
    first, second = median(spans[:half]), median(spans[half:])
    figures = {
        "bytes_per_case": Figure(value=sizes[-1] / count, unit="bytes"),
        "bytes_per_case_drift": Figure(value=grown - 1, unit="share", goal="-0.02 to 0.02"),
        "rss_mb_per_10k_cases": Figure(value=slope, unit="MB", goal="<= 1"),
        "rss_mb": Figure(value=memory[-1][1], unit="MB"),
        "case_cost_drift": Figure(value=second / first - 1, unit="share, of the median CPU time", goal="about 0"),
        "case_ms": Figure(value=1000 * second, unit="ms of CPU, median"),
    }
    write("growth", figures)


if __name__ == "__main__":
    main()
