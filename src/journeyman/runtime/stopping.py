"""The emergency stop: one row, and everything of a job is escalated from the next decision on; one row back."""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.autonomy.tracker import is_stopped
from journeyman.errors import InputError
from journeyman.runtime.versions import change_of
from journeyman.store.journal import Journal
from journeyman.types import Change, ChangeKind, Run


def stop(journal: Journal, job: str, by: str) -> bool:
    """Deliver nothing of a job any more without a person. Returns whether it was not stopped before.

    Cases are worked as before, and what is proved stays proved. Raises InputError for a job that nobody worked on.
    """
    return _written(journal, job, by, stopped=True)


def resume(journal: Journal, job: str, by: str) -> bool:
    """Deliver again what is proved. Returns whether it was stopped."""
    return _written(journal, job, by, stopped=False)


def _written(journal: Journal, job: str, by: str, *, stopped: bool) -> bool:
    def make(changes: Sequence[Change], runs: Sequence[Run]) -> Sequence[Change]:
        if not runs:
            raise InputError(f"There is no run of {job!r}.", "Name a job that was worked on.")
        if is_stopped(changes) == stopped:
            return ()
        kind: ChangeKind = "stopped" if stopped else "resumed"
        change = change_of(job, "", kind, {"by": by})
        return (change,)

    written = journal.change(make, job=job)
    return bool(written)
