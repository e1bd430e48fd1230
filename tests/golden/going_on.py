"""Working a golden store's half-done cases to their end, in today's API."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from journeyman.models.scripted import Line, ScriptedModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.store.journal import open_journal
from journeyman.types import Message, ToolSpec
from tests.golden.desk import Ledger, costly, desk, order_of, planned

SECONDS = 60
"""That it may take at most: a case that nobody can claim would be waited for without end."""


@dataclass
class Clerk:
    """Says what the plan says, and counts how often it is asked about each order."""

    asked: Counter[str] = field(default_factory=Counter)

    def says(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Line:
        prompts = [message.text for message in messages if message.text.startswith("Order ")]
        order = order_of(prompts[-1])
        self.asked[order] += 1
        return costly(planned(tuple(messages)), self.asked[order])


def go_on(workspace: Path, run_id: str, ledger: Ledger) -> Counter[str]:
    """Work the run until nothing is left; how often the model was asked about each order."""
    clerk = Clerk()
    model = ScriptedModel(clerk.says, name="clerk")
    with open_journal(workspace) as journal, LeaseOwner.enter(workspace) as holder:
        run = next(run for run in journal.runs() if run.id == run_id)
        shift = Runner.open(journal, holder, desk(ledger), model, run, at_once=1)
        asyncio.run(asyncio.wait_for(work(shift), SECONDS))
    return clerk.asked


def open_and_close(workspace: Path) -> None:
    """What opening does to a store and nothing else."""
    open_journal(workspace).close()
