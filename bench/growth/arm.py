"""One arm of the growth bench, in a process of its own: works the cases and prints what it measured as a line of JSON.

    python -m bench.growth.arm on 10000

`on`: every answer is judged, so that the worker is labelled, remembers, calibrates its confidence and certifies its
autonomy; one answer in twenty is wrong. `off`: the same cases sealed, by a worker without memory, so that nothing is
learned, nothing is recalled, and every answer is escalated.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from journeyman.environments import Tools
from journeyman.job.job import Job
from journeyman.models.scripted import Line, ScriptedModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, new_worker, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import open_journal
from journeyman.types import Case, CaseResult, Message, Reply, Sampling, Split, ToolCall, ToolSpec
from journeyman.verifiers import Exact

ARMS: dict[str, Split] = {"on": "live", "off": "exam"}
TENTHS = 10
LOOKS = 4
"""At the memory in each tenth."""
WRONG_EVERY = 20


class Measured(NamedTuple):
    """What an arm printed. Lists of tenths are in order."""

    case_ms: list[float]
    """CPU of each case, in all threads; the first of each tenth is left out, for it opens the run."""
    opening_ms: list[float]
    """CPU until the first case of each tenth is closed: what going on with a run costs."""
    bytes_stored: list[int]
    """After each tenth."""
    resident: list[tuple[int, float]]
    """MB after so many cases."""
    labelled: int
    recalled: int
    delivered: int
    scored: int


@dataclass
class Watched:
    """Takes the measures as cases are closed."""

    tenth: int
    began: float = field(default_factory=time.process_time)
    spans: list[float] = field(default_factory=list)
    resident: list[tuple[int, float]] = field(default_factory=list)
    labelled: int = 0
    recalled: int = 0
    delivered: int = 0
    scored: int = 0

    def closed(self, outcome: CaseResult) -> None:
        self.spans.append(1000 * (time.process_time() - self.began))
        assert outcome.correct is not None
        assert outcome.decision is not None
        self.labelled += bool(outcome.labels)
        self.recalled += bool(outcome.trajectory.recalled)
        self.delivered += outcome.decision.deliver
        self.scored += outcome.decision.score is not None
        done = len(self.spans)
        if done % (self.tenth // LOOKS) == 0:
            self.resident.append((done, resident_mb()))
        self.began = time.process_time()


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


def script(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Line:
    """One call, then the answer, which is sometimes wrong."""
    if messages[-1].role != "tool":
        word = messages[-1].text.split()[-1]
        return ToolCall(id=f"call_{len(messages)}", name="look", arguments={"word": word})
    seen = messages[-1].text
    number = int(seen.removeprefix("seen w"))
    return "not seen" if number % WRONG_EVERY == 0 else seen


class ForgetfulModel(ScriptedModel):
    """A scripted model that does not keep what it was asked."""

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        reply = await super().generate(messages, tools=tools, sampling=sampling)
        self.calls.clear()
        return reply


def stored_bytes(folder: Path) -> int:
    """All files of the workspace, the write-ahead logs folded into the databases first."""
    for database in folder.glob("*.sqlite"):
        connection = sqlite3.connect(database)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def cases(start: int, end: int, split: Split) -> Iterator[Case]:
    for n in range(start, end):
        yield Case(
            id=f"case-{n:06d}",
            prompt=f"Look up the word w{n:06d}",
            target=f"seen w{n:06d}",
            split=split,
        )


def shift_of(arm: str, shift: Runner) -> Runner:
    """The shift as it is, or one whose worker recalls nothing."""
    if arm == "on":
        return shift
    return replace(shift, worker=new_worker(shift.job), projection=None)


def measured(arm: str, count: int) -> Measured:
    """Cases come tenth by tenth, so that the store grows with what is done."""
    tenth = count // TENTHS
    watched, sizes, opening = Watched(tenth), [], []
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        job = Job(
            name="growth",
            environment=Tools(functions=(look,)),
            verifiers=(Exact(),),
            fingerprint="growth",
        )
        with open_journal(folder) as journal, LeaseOwner.enter(folder) as holder:
            model = ForgetfulModel(script)
            run = open_run(journal, job, model)
            shift = shift_of(
                arm,
                Runner.open(
                    journal, holder, job, model, run, at_once=1, on_case_closed=watched.closed
                ),
            )
            for start in range(0, count, tenth):
                add_cases(journal, run, cases(start, start + tenth, ARMS[arm]))
                watched.began = time.process_time()
                asyncio.run(work(shift))
                opening.append(watched.spans[start])
                sizes.append(stored_bytes(folder))
                print(
                    f"{arm}: {start + tenth} cases, {resident_mb():.1f} MB",
                    file=sys.stderr,
                    flush=True,
                )
    later = [span for n, span in enumerate(watched.spans) if n % tenth]
    return Measured(
        later, opening, sizes, watched.resident,
        watched.labelled, watched.recalled, watched.delivered, watched.scored,
    )  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], int(sys.argv[2]))._asdict()))
