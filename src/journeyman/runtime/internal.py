"""Runs inside the house: cases worked for an exam or for a learner, not for whoever handed them over.

They are written down like all work, so that a crash pays no call twice; but nothing is learned from them, nobody is
asked to review them, and no list of runs shows them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Literal

from journeyman.autonomy.tracker import AutonomyTracker
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.memory.projection import LessonProjection
from journeyman.models.recorded import call_key
from journeyman.protocols import Model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import LEASE_SECONDS, Runner, do_case, hire
from journeyman.runtime.versions import Version
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcome_of
from journeyman.types import Case, CaseResult, Json, Message, Reply, Run, Sampling, ToolSpec


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
        known = self.journal.reply(call_key(self.name, messages, tools, sampling))
        return known or await self.model.generate(messages, tools=tools, sampling=sampling)

    async def aclose(self) -> None:
        """The model is its opener's to close."""


def internal_runner(
    journal: Journal,
    holder: LeaseOwner,
    job: Job,
    model: Model,
    version: Version,
    *,
    run: Run,
    until: int,
) -> Runner:
    """A shift of a version whose memory is what it was at a place of the journal, and of which nothing is withheld."""
    experience = LessonProjection(journal, job.name)
    memory = experience.memory(version.worker_spec.recall, until=until)
    worker = hire(
        job,
        name=version.worker,
        version=version.number,
        worker_spec=version.worker_spec,
        memory=memory,
    )
    return Runner(
        journal=journal, run=run, job=job, worker=worker, model=ReplyCache(model, journal), holder=holder, at_once=1,
        experience=experience,
    )  # fmt: skip


def open_internal_run(
    journal: Journal,
    job: Job,
    version: Version,
    *,
    name: str,
    purpose: Literal["exam", "lab"],
    spec: Mapping[str, Json],
) -> Run:
    """The run of that name, opened when it is first asked for."""
    still = version.worker_spec.model_copy(
        update={"recall": version.worker_spec.recall.model_copy(update={"withheld": 0.0})}
    )
    new = Run(
        id=name,
        job=job.name,
        worker=version.label,
        model=str(spec["model"]),
        fingerprint=version.fingerprint,
        spec={
            **spec,
            "purpose": purpose,
            "config_hash": version.config_hash,
            "worker_spec": still.model_dump(mode="json"),
        },
        opened_at=time.time(),
    )
    return journal.open_run(
        lambda runs, _: next((run for run in runs if run.id == name), new), job=job.name
    )


async def run_once(shift: Runner, case: Case) -> CaseResult:
    """A case worked to its end; one that is done already comes from the journal.

    Raises InputError where another process is at it.
    """
    journal, run = shift.journal, shift.run
    events = journal.events(run.id, case.id)
    if any(event.kind == "closed" for event in events):
        return outcome_of(case, run.worker, events)
    journal.add_cases(run.id, [case])
    held = journal.claim(
        run.id, holder=shift.holder.name, seconds=LEASE_SECONDS, is_dead=shift.holder.gone
    )
    if held is None or held.case.id != case.id:
        raise InputError(
            f"Another process is at {run.id!r}.", "Let it finish, or end it; then run this again."
        )
    return await do_case(shift, held, AutonomyTracker(journal, run))
