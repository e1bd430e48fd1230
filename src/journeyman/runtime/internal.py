"""Runs of exams and learners. Users did not ask for their cases and do not see them in lists.

They are written down like all work, so that a crash pays no call twice; but nothing is learned from them, nobody is
asked to review them, and no list of runs shows them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from journeyman.job.job import Job
from journeyman.models.recorded import call_key
from journeyman.protocols import Model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner
from journeyman.runtime.versions import Version
from journeyman.store.journal import Journal
from journeyman.types import Message, Reply, Run, RunSpec, Sampling, ToolSpec, WorkerSpec


class ReplyCache:
    """A model that is not asked twice: what the journal has an answer to is answered from there.

    Only where replies are not drawn at random: then the same call gives the same reply, and what is recorded is as good
    as a new one. So a prompt that a change does not touch costs nothing and differs by nothing.
    """

    def __init__(self, model: Model, journal: Journal) -> None:
        self.model = model
        self.journal = journal

    @property
    def name(self) -> str:
        return self.model.name

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        key = call_key(self.name, messages, tools, sampling)
        known = await asyncio.to_thread(self.journal.reply, key)
        if known is not None:
            return known
        return await self.model.generate(messages, tools=tools, sampling=sampling)

    async def aclose(self) -> None:
        """The model is its opener's to close."""


def internal_runner(
    journal: Journal, owner: LeaseOwner, job: Job, model: Model, run: Run
) -> Runner:
    """Works an internal run: its worker remembers what the run's spec says, and is asked nothing twice."""
    return Runner.open(journal, owner, job, ReplyCache(model, journal), run, at_once=1)


def open_internal_run(
    journal: Journal,
    job: Job,
    model: Model,
    version: Version,
    *,
    name: str,
    spec: RunSpec,
) -> Run:
    """The run of that name, opened when it is first asked for. `spec` says its purpose, its salt and its memory."""
    told = spec.model_copy(
        update={
            "config_hash": version.config_hash,
            "worker_spec": _telling_all(version.worker_spec),
        }
    )
    new = Run(
        id=name,
        job=job.name,
        worker=version.label,
        model=model.name,
        fingerprint=version.fingerprint,
        spec=told,
        opened_at=time.time(),
    )
    return journal.open_run(
        lambda runs, _: next((run for run in runs if run.id == name), new), job=job.name
    )


def _telling_all(spec: WorkerSpec) -> WorkerSpec:
    """Nothing is withheld at random where versions are compared."""
    recall = spec.recall.model_copy(update={"withheld": 0.0})
    return spec.model_copy(update={"recall": recall})
