"""Moves a worker between versions: stores a proposal, or makes an earlier version the champion again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from journeyman.errors import InputError
from journeyman.runtime.versions import Version, champion, change_of, numbered, versions
from journeyman.store.journal import Journal
from journeyman.types import Change, Json, Proposal, Run, WorkerSpec


def propose(
    journal: Journal,
    job: str,
    parent: Version,
    proposal: Proposal,
    *,
    by: str,
    cost: Mapping[str, Json],
) -> Version:
    """Write a challenger down, and its parent where that never worked; equal settings on the same ground only once."""
    proposed: list[Version] = []

    def make(changes: Sequence[Change], runs: Sequence[Run]) -> Sequence[Change]:
        worker = parent.worker
        written = versions(changes, runs, worker)
        known = written | {parent.number: parent}
        found = numbered(known, worker, parent.config_hash, proposal.worker_spec)
        proposed.append(found)
        if found.number in known:
            return ()
        origin = {
            "parent": parent.number,
            "by": by,
            "why": proposal.why,
            "sources": proposal.sources,
            "cost": cost,
        }
        proposed[0] = found.model_copy(update=origin)
        rows = [change_of(job, worker, "proposed", proposed[0])]
        if parent.number not in written:
            of_parent = change_of(job, worker, "proposed", parent)
            rows.insert(0, of_parent)
        return rows

    journal.change(make, job=job)
    return proposed[0]


def roll_back(
    journal: Journal, job: str, name: str, config_hash: str, number: int | None = None
) -> Version:
    """Point to an earlier version again: the one named, or the champion before this one.

    Raises InputError where there is none.
    """
    pointed: list[Version] = []

    def make(changes: Sequence[Change], runs: Sequence[Run]) -> Sequence[Change]:
        known = versions(changes, runs, name)
        working = champion(changes, known, name, config_hash)
        wanted = working.parent if number is None else number
        version = None if wanted is None else known.get(wanted)
        if version is None or version.config_hash != config_hash:
            raise _no_version(name, working, number)
        pointed.append(version)
        change = change_of(job, name, "rolled_back", {"version": wanted})
        return (change,)

    journal.change(make, job=job)
    return pointed[-1]


def _no_version(name: str, working: Version, number: int | None) -> InputError:
    missing = f"a version before {working.label}"
    if number is not None:
        missing = f"version {number}"
    return InputError(
        f"There is no {missing} of {name!r} to go back to.",
        "List them with: journeyman versions",
    )


def difference(one: Version, other: Version) -> list[str]:
    """What differs between the settings of two versions, a line each, as a person reads it."""
    lines: list[str] = []
    before = one.worker_spec
    after = other.worker_spec
    if before.instructions != after.instructions:
        lines += [f"- {line}" for line in _instruction_lines(before)]
        lines += [f"+ {line}" for line in _instruction_lines(after)]
    lines += [f"- rule: {text}" for text in _rules_missing(before, after)]
    lines += [f"+ rule: {text}" for text in _rules_missing(after, before)]
    if before.recall != after.recall:
        lines.append(f"- recall: {_recall_text(before)}")
        lines.append(f"+ recall: {_recall_text(after)}")
    return lines


def _instruction_lines(worker_spec: WorkerSpec) -> list[str]:
    instructions = worker_spec.instructions or "(the job's instructions)"
    return instructions.splitlines()


def _rules_missing(one: WorkerSpec, other: WorkerSpec) -> list[str]:
    """The rules of one that the other has not."""
    texts = {rule.id: rule.text for rule in one.playbook}
    for rule in other.playbook:
        texts.pop(rule.id, None)
    return list(texts.values())


def _recall_text(worker_spec: WorkerSpec) -> str:
    recall = worker_spec.recall.model_dump(mode="json")
    return json.dumps(recall)
