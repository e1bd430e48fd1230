"""Unlearning: removes all that rests on a source, as if the source had never spoken.

What is remembered is folded from the journal anew without the source (`memory/projection.py`). Rules that came from it
are dropped, and instructions that were found with it give way to those before them: where the champion is touched, its
version without them is the champion from the same transaction on. The journal itself keeps what happened: it is the
record, not what a worker goes by.
"""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.errors import InputError
from journeyman.memory.projection import LessonProjection
from journeyman.runtime.versions import Version, champion, change_of, numbered, versions
from journeyman.store.journal import Journal
from journeyman.types import Change, Record, Run, WorkerSpec


class Unlearned(Record):
    """What went with a source."""

    source: str
    cases: int
    """Judged cases that taught something, or said what a lesson is worth."""
    rules: int
    champion: str | None
    """The version that works from now on. None: the champion did not rest on the source."""


def unlearn(journal: Journal, job: str, source: str) -> Unlearned:
    """Take a source out of everything that the job's workers learned. Raises InputError where nothing rests on it."""
    projection = LessonProjection(journal, job)
    unlearned: list[Unlearned] = []
    try:
        resting = projection.advance().resting_on(frozenset({source}))

        def make(changes: Sequence[Change], runs: Sequence[Run]) -> Sequence[Change]:
            rows, rules, label = changes_to_unlearn(job, source, changes, runs)
            if not resting and not rows:
                raise InputError(
                    f"Nothing in {job!r} rests on {source!r}.",
                    "A source is case:ID, person:NAME or worker:NAME; list lessons with: journeyman memory",
                )
            unlearned.append(
                Unlearned(source=source, cases=len(resting), rules=rules, champion=label)
            )
            return [change_of(job, "", "unlearned", {"source": source}), *rows]

        journal.change(make, job=job)
        projection.advance()
    finally:
        projection.close()
    return unlearned[-1]


def changes_to_unlearn(
    job: str, source: str, changes: Sequence[Change], runs: Sequence[Run]
) -> tuple[list[Change], int, str | None]:
    """The rows that give each champion way to itself without the source; the rules dropped; the last new champion."""
    rows: list[Change] = []
    rules = 0
    label = None
    names = {run.name for run in runs}
    names |= {change.worker for change in changes if change.worker}
    for name in sorted(names):
        known = versions(changes, runs, name)
        config_hashes = {version.config_hash for version in known.values()}
        for config_hash in sorted(config_hashes):
            old = champion(changes, known, name, config_hash)
            new = _without(known, old, source)
            if new is None:
                continue
            if new.number not in known:
                known[new.number] = new
                rows.append(change_of(job, name, "proposed", new))
            rows.append(change_of(job, name, "promoted", {"version": new.number}))
            rules += len(old.worker_spec.playbook) - len(new.worker_spec.playbook)
            label = new.label
    return rows, rules, label


def _without(known: dict[int, Version], old: Version, source: str) -> Version | None:
    """The version that takes a champion's place: a known one or a new one. None: the champion stays."""
    worker_spec = without_source(known, old, source)
    if worker_spec == old.worker_spec:
        return None
    new = numbered(known, old.worker, old.config_hash, worker_spec)
    if new.number in known:
        return new
    origin = {
        "parent": old.parent,
        "by": "unlearning",
        "why": f"{old.label} without {source}.",
    }
    return new.model_copy(update=origin)


def without_source(known: dict[int, Version], version: Version, source: str) -> WorkerSpec:
    """A version's settings without what rests on a source."""
    worker_spec = version.worker_spec
    kept = [rule for rule in worker_spec.playbook if source not in rule.sources]
    instructions = _instructions_without(known, version, source)
    changed = {
        "playbook": tuple(kept),
        "instructions": instructions,
    }
    return worker_spec.model_copy(update=changed)


def _instructions_without(known: dict[int, Version], version: Version, source: str) -> str | None:
    """The last instructions up the line that do not rest on a source. None: the job's own."""
    holder: Version | None = version
    while holder is not None and holder.worker_spec.instructions is not None:
        holder = _first_with_instructions(known, holder)
        if source not in holder.sources:
            break
        holder = known.get(holder.parent or 0)
    return None if holder is None else holder.worker_spec.instructions


def _first_with_instructions(known: dict[int, Version], version: Version) -> Version:
    """The ancestor that first had this version's instructions: its sources are what they rest on."""
    instructions = version.worker_spec.instructions
    while True:
        parent = known.get(version.parent or 0)
        if parent is None or parent.worker_spec.instructions != instructions:
            return version
        version = parent
