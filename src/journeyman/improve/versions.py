"""Moves a worker between versions: stores a proposal, or makes an earlier version the champion again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from journeyman.errors import InputError
from journeyman.runtime.versions import Version, champion, change_of, numbered, versions
from journeyman.store.journal import Journal
from journeyman.types import Change, Json, Proposal, Run


def propose(
    journal: Journal,
    job: str,
    parent: Version,
    proposal: Proposal,
    *,
    by: str,
    cost: Mapping[str, Json],
) -> Version:
    """Write a challenger down, and its parent where that never worked; the same mind on the same ground only once."""
    proposed: list[Version] = []

    def make(changes: Sequence[Change], runs: Sequence[Run]) -> Sequence[Change]:
        there = versions(changes, runs, parent.worker)
        known = there | {parent.number: parent}
        found = numbered(known, parent.worker, parent.config_hash, proposal.worker_spec)
        proposed.append(found)
        if found.number in known:
            return ()
        told = {
            "parent": parent.number,
            "by": by,
            "why": proposal.why,
            "sources": proposal.sources,
            "cost": cost,
        }
        proposed[0] = found.model_copy(update=told)
        plain = () if parent.number in there else (parent,)
        return [
            change_of(job, parent.worker, "proposed", version) for version in (*plain, proposed[0])
        ]

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
        now = champion(changes, known, name, config_hash)
        wanted = now.parent if number is None else number
        if wanted is None or wanted not in known or known[wanted].config_hash != config_hash:
            told = f"version {number}" if number is not None else f"a version before {now.label}"
            raise InputError(
                f"There is no {told} of {name!r} to go back to.",
                "List them with: journeyman versions",
            )
        pointed.append(known[wanted])
        return (change_of(job, name, "rolled_back", {"version": wanted}),)

    journal.change(make, job=job)
    return pointed[-1]


def difference(one: Version, other: Version) -> list[str]:
    """What differs between two minds, a line each, as a person reads it."""
    lines: list[str] = []
    before, after = one.worker_spec, other.worker_spec
    if before.instructions != after.instructions:
        lines += [
            f"- {line}" for line in (before.instructions or "(the job's instructions)").splitlines()
        ]
        lines += [
            f"+ {line}" for line in (after.instructions or "(the job's instructions)").splitlines()
        ]
    known, now = (
        {rule.id: rule for rule in before.playbook},
        {rule.id: rule for rule in after.playbook},
    )
    lines += [f"- rule: {rule.text}" for key, rule in known.items() if key not in now]
    lines += [f"+ rule: {rule.text}" for key, rule in now.items() if key not in known]
    if before.recall != after.recall:
        lines += [f"- recall: {json.dumps(before.recall.model_dump(mode='json'))}"]
        lines += [f"+ recall: {json.dumps(after.recall.model_dump(mode='json'))}"]
    return lines
