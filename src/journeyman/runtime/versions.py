"""The versions of a worker: which were proposed, and which one is the champion.

Nothing here changes in place. A version is written down when it is proposed; to promote it adds one row, and so does
to roll back: a crash leaves the champion from before or from after, never a mixture. Versions belong to a *ground*: a
job as it is on disk, a model, and the job's settings. Change one of these by hand, and the worker stands on new
ground, with the plain mind that every worker begins with; what it remembers of past cases stays.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence

from pydantic import Field

from journeyman.job.job import Job
from journeyman.protocols import Model
from journeyman.types import Change, ChangeKind, Json, Record, Run, WorkerSpec

POINTS_TO = ("promoted", "rolled_back")


class Version(Record):
    """A worker's mind with its number and where it came from: the body of a `proposed` change."""

    worker: str
    """Its name."""
    number: int
    config_hash: str
    worker_spec: WorkerSpec
    parent: int | None = None
    """The version that it changes. None: it is plain."""
    by: str = "job"
    """The learner or the person who proposed it."""
    why: str = ""
    """What the change is, in a sentence."""
    sources: tuple[str, ...] = ()
    """What the change rests on; rules have their own."""
    cost: Mapping[str, Json] = Field(default_factory=dict)
    """Tokens and seconds that it took to learn."""

    @property
    def label(self) -> str:
        return f"{self.worker}@{self.number}"

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.config_hash, self.worker_spec)


def config_hash_of(job: Job, model: Model, name: str) -> str:
    """Changes when anything changes by hand that can change an answer."""
    parts = (
        job.identity,
        model.name,
        name,
        job.instructions,
        job.sampling.model_dump_json(),
        job.budget.model_dump_json(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def fingerprint(config_hash: str, worker_spec: WorkerSpec) -> str:
    """Of a version: the config hash itself for the plain worker.

    Fields go into it under the names of their first release, so that versions of earlier stores keep theirs.
    """
    if worker_spec == WorkerSpec():
        return config_hash
    fields = worker_spec.model_dump_json(by_alias=True)
    return hashlib.sha256(f"{config_hash}\0{fields}".encode()).hexdigest()


def versions(changes: Sequence[Change], runs: Sequence[Run], name: str) -> dict[int, Version]:
    """Every version of a worker that was proposed or worked, by number."""
    found = {
        version.number: version
        for version in map(_proposed, changes)
        if version and version.worker == name
    }
    for run in runs:
        number = int(run.worker.rpartition("@")[2])
        if run.name == name and not run.internal and number not in found:
            found[number] = Version(
                worker=name, number=number, config_hash=run.config_hash, worker_spec=run.worker_spec
            )
    return dict(sorted(found.items()))


def _proposed(change: Change) -> Version | None:
    return Version.model_validate(change.body) if change.kind == "proposed" else None


def champion(
    changes: Sequence[Change], known: dict[int, Version], name: str, config_hash: str
) -> Version:
    """The version that works on this ground: the last promoted there, or else the plain one, perhaps a new one."""
    for change in reversed(changes):
        if change.kind in POINTS_TO and change.worker == name:
            pointed = known.get(int(change.body["version"]))
            if pointed is not None and pointed.config_hash == config_hash:
                return pointed
    return numbered(known, name, config_hash, WorkerSpec())


def numbered(
    known: dict[int, Version], name: str, config_hash: str, worker_spec: WorkerSpec
) -> Version:
    """The version of that mind: one that is there, or the next number."""
    wanted = fingerprint(config_hash, worker_spec)
    same = [version for version in known.values() if version.fingerprint == wanted]
    if same:
        return same[-1]
    return Version(
        worker=name,
        number=1 + max(known, default=0),
        config_hash=config_hash,
        worker_spec=worker_spec,
    )


def change_of(job: str, worker: str, kind: ChangeKind, body: Record | dict[str, Json]) -> Change:
    told = body.model_dump(mode="json") if isinstance(body, Record) else body
    return Change(job=job, worker=worker, kind=kind, body=told, at=time.time())
