"""The small model as the draft model of the default one: whole cases with it and without, in turn, in one process.

    python -m bench.small_model.draft --cases 6 --minutes 12

Each arm is an engine of its own with one thread, so that CPU seconds count work and not waiting; which arm goes first
alternates. A row of `draft.csv` is a case and an arm: CPU seconds, seconds, tokens written, drafted and accepted,
the engine's own tokens a second while writing, and a digest of all that was written, by which outputs compare.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xllamacpp

from bench.lib.streams import STREAMS
from bench.small_model.answers import ROOM, Row, recorded_cases, worker_of
from journeyman.job.job import Job
from journeyman.models.catalogue import QWEN_CODER, QWEN_CODER_HALF
from journeyman.models.embedded import EmbeddedModel, params_of
from journeyman.models.fetching import models_folder
from journeyman.models.toolcalls import written
from journeyman.store.journal.codec import dumps, split_tokens
from journeyman.types import Case, Reply
from journeyman.worker import WorkerVersion, rollout

FILE = Path(__file__).parent / "draft.csv"
STREAMS_OF = ("analyst", "clerk", "clinc150")
COLUMNS = (
    "stream", "case", "arm", "cpu", "seconds", "tokens", "drafted", "accepted", "per_second", "digest",
    "replies", "with_ids", "with_raw", "bytes", "bytes_without", "megabytes",
)  # fmt: skip
"""`bytes` is what the replies take in the journal, `bytes_without` what they took without token ids and raw texts."""
ARMS: Mapping[str, int] = {"plain": 0, "draft 3": 3, "draft 8": 8}
"""Tokens drafted at a time, at most."""
SURE = 0.75
"""With eight tokens at a time, drafting stops at the first that is less likely."""


class Noting:
    """A server that adds up what it says of each call's timing."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.timings: list[Mapping[str, Any]] = []

    def handle_chat_completions(
        self, request: dict[str, Any], told: Callable[[Mapping[str, Any]], bool]
    ) -> None:
        def noting(piece: Mapping[str, Any]) -> bool:
            if piece.get("timings"):
                self.timings.append(piece["timings"])
            return told(piece)

        self.server.handle_chat_completions(request, noting)

    def taken(self, name: str) -> float:
        return sum(float(one.get(name, 0)) for one in self.timings)


def resident() -> int:
    """Megabytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 1_000_000


def opened(arm: str) -> tuple[EmbeddedModel, Noting, int]:
    """The default model with an arm's engine, and the megabytes that opening took."""
    before, drafted = resident(), ARMS[arm]
    model = EmbeddedModel(models_folder() / QWEN_CODER.file, name=QWEN_CODER.name, at_once=1)
    params = params_of(xllamacpp, model.settings, 1)
    if drafted:
        draft = params.speculative.draft
        draft.mparams.path = str(models_folder() / QWEN_CODER_HALF.file)
        draft.n_max, draft.p_min = drafted, SURE if drafted > 3 else 0.0
        draft.cpuparams.n_threads = draft.cpuparams_batch.n_threads = 1
        params.speculative.types = [
            xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE
        ]
    server = Noting(xllamacpp.Server(params))
    return model, server, resident() - before


async def work(
    model: EmbeddedModel, server: Noting, job: Job, worker: WorkerVersion, case: Case
) -> dict[str, object]:
    model.engine.server = server
    server.timings.clear()
    cpu, clock = time.process_time(), time.monotonic()
    done = await rollout(worker, model, job.environment(case.input), case.input)
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    said = "\0".join(step.reply.raw or written(step.reply.message) for step in done.steps)
    milliseconds = server.taken("predicted_ms")
    return {
        "cpu": round(cpu, 3),
        "seconds": round(clock, 3),
        "tokens": int(server.taken("predicted_n")),
        "drafted": int(server.taken("draft_n")),
        "accepted": int(server.taken("draft_n_accepted")),
        "per_second": round(1000 * server.taken("predicted_n") / milliseconds, 3)
        if milliseconds
        else "",
        "digest": hashlib.sha256(said.encode()).hexdigest()[:12],
        **room_of([step.reply for step in done.steps]),
    }


def room_of(replies: Sequence[Reply]) -> dict[str, object]:
    plain = [reply.model_copy(update={"token_ids": None, "raw": None}) for reply in replies]
    return {
        "replies": len(replies),
        "with_ids": sum(reply.token_ids is not None for reply in replies),
        "with_raw": sum(reply.raw is not None for reply in replies),
        "bytes": sum(map(stored_bytes, replies)),
        "bytes_without": sum(map(stored_bytes, plain)),
    }


def stored_bytes(reply: Reply) -> int:
    body, packed = split_tokens("replied", reply.model_dump(mode="json"))
    return len(dumps(body).encode()) + len(packed or b"")


async def record(names: Sequence[str], count: int, until: float) -> None:
    engines = {arm: opened(arm) for arm in ARMS}
    told = rows()
    for name in names:
        ROOM.mkdir(parents=True, exist_ok=True)
        job = STREAMS[name](ROOM / "data")
        worker = worker_of(name, job)
        by_id = {case.id: case for case in job.cases()}
        for n, case_id in enumerate(recorded_cases(name)[:count]):
            if time.monotonic() > until or any(
                row["stream"] == name and row["case"] == case_id for row in told
            ):
                continue
            new: list[Row] = []
            for arm in list(ARMS)[n % len(ARMS) :] + list(ARMS)[: n % len(ARMS)]:
                model, server, megabytes = engines[arm]
                row = {"stream": name, "case": case_id, "arm": arm, "megabytes": megabytes}
                row |= await work(model, server, job, worker, by_id[case_id])
                new.append({key: str(value) for key, value in row.items()})
                print(*row.values(), flush=True)
            told += new
            save(told)


def rows() -> list[Row]:
    if not FILE.exists():
        return []
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def save(told: Sequence[Row]) -> None:
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(STREAMS_OF))
    parser.add_argument("--cases", type=int, default=6, help="of each stream, at most")
    parser.add_argument("--minutes", type=float, default=12)
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    asyncio.run(record(arguments.only.split(","), arguments.cases, until))


if __name__ == "__main__":
    main()
