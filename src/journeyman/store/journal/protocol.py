"""The protocol of a journal, for every database. Every figure in a report is computed from it.

Rows are written before they are acted on, and only ever added; the queue alone changes, and only says who holds what is
still to do. An event's place (run, case, attempt, path, seq) is unique in the database itself. So of two processes that
both believe they hold a case, the second to write finds out before it acts.

A journal may be used by several threads of a process: each method is one operation, and the iterators are one operation
a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from journeyman.errors import StoreError
from journeyman.store.journal.blobs import Blobs
from journeyman.types import (
    Case,
    Change,
    Emitted,
    Event,
    EventKind,
    Json,
    Label,
    Lease,
    Reply,
    Run,
    WaitingCase,
)


class JobMarks(NamedTuple):
    """How much a journal holds of a job. Whoever follows the job has seen everything while none of these changes."""

    changes: int
    runs: int
    last: int
    """The position of the last `decided`, `labelled` or `closed` event of its runs; 0 where there is none."""


ChooseRun = Callable[[Sequence[Run], Sequence[Change]], Run]
MakeChanges = Callable[[Sequence[Change], Sequence[Run]], Sequence[Change]]


class LeaseLostError(StoreError):
    """Another process went on with this case; this one must not."""

    kind = "lease_lost"


class Journal(Protocol):
    """Opened with `open_journal`; closed by `close()` or a `with` block."""

    @property
    def workspace(self) -> Path:
        """The folder of what stands beside the journal: reports, data, lessons, knowledge."""

    @property
    def blobs(self) -> Blobs:
        """Large contents by their hash."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    # --- workers

    def changes(self, job: str, *, worker: str | None = None) -> list[Change]:
        """What happened to a job's workers, or to one of them, oldest first."""

    def change(self, make: MakeChanges, *, job: str) -> list[Change]:
        """Add what `make` says, given all changes and runs of the job so far, in one transaction.

        Two processes that promote at once do it one after the other, and the second sees what the first did.
        """

    def marks(self, job: str) -> JobMarks:
        """How much there is of a job, for those who follow it: one small query."""

    # --- runs and cases

    def runs(self, *, job: str | None = None) -> list[Run]:
        """All runs, or those of one job, oldest first."""

    def open_run(self, make: ChooseRun, *, job: str) -> Run:
        """The run that `make` chooses, given the job's runs and changes: one of these, or a new one, which is added.

        One transaction: two processes that start together share a run instead of opening two.
        """

    def add_cases(self, run_id: str, cases: Iterable[Case]) -> int:
        """Add what is not there yet, in transactions of 500; returns how many were new.

        Raises InputError for a case that is there with other content.
        """

    def cases(self, run_id: str) -> Iterator[Case]:
        """All cases of a run, in the order they came."""

    def case(self, run_id: str, case_id: str) -> Case | None:
        """One case by its id. None: the run has no such case."""

    def has_cases(self, run_id: str) -> bool: ...

    # --- who holds what

    def claim(
        self, run_id: str, *, holder: str, seconds: float, is_dead: Callable[[str], bool]
    ) -> Lease | None:
        """The next case that nobody holds, or whose holder let it expire or is dead. None: there is none now.

        `is_dead(holder)` tells whether that process is known to be dead, so that its cases need not wait to expire.
        """

    def renew(self, *, holder: str, seconds: float) -> None:
        """Hold everything that `holder` holds for another while."""

    def release(self, lease: Lease, *, holder: str) -> None:
        """Let a case go unfinished, so that anybody can go on with it."""

    def remaining(self, run_id: str) -> int:
        """How many cases are not closed: held, free or waiting."""

    # --- waiting

    def suspend(
        self, lease: Lease, events: Sequence[Event], *, name: str, until: float | None
    ) -> None:
        """Add events, let the case go, and take it off the queue until `name` is emitted or `until` comes.

        One transaction, which waits for the disk. What was emitted before counts too. `until` is in Unix seconds.
        None: for ever. Raises LeaseLostError, and writes nothing, when another process went on with the case.
        """

    def emit(self, name: str, payload: Json) -> bool:
        """Put the cases that wait for this name back on the queue; returns whether it is the name's first emit.

        The first payload holds, and is there for good. Names are the whole journal's: callers prefix them.
        """

    def emitted(self, name: str) -> Emitted | None:
        """What was emitted under a name. None: nothing yet."""

    def waiting(self, run_id: str) -> list[WaitingCase]:
        """The cases that wait, and for what; not those whose wait is over."""

    def next_wake(self, run_id: str) -> float | None:
        """When the next wait ends by itself, in Unix seconds; in the past where one is over. None: none will."""

    def listen(self, run_id: str, seconds: float) -> None:
        """Block this thread until there may be something to claim in the run, or the time is over.

        What happened since the last `listen` on this run returned counts, so nothing is missed between it and this one:
        the first one returns at once. It may return although there is nothing. One thread a run at a time.
        """

    def wake(self) -> None:
        """End every `listen` on this journal object, and those that begin before it was heard."""

    # --- what happened

    def append(
        self, events: Sequence[Event], *, closes: Lease | None = None, fully: bool = True
    ) -> None:
        """Add events in one transaction, which waits for the disk if `fully`; `closes` takes that case off the queue.

        Raises LeaseLostError, and writes nothing, when another process already wrote at one of these places.
        """

    def events(self, run_id: str, case_id: str, *, attempt: int | None = None) -> list[Event]:
        """What happened to one case; of one attempt, or of the last one.

        The root's events come first, in their order, and then each branch's, branch by branch.
        """

    def labels(self, run_id: str, case_id: str, attempt: int) -> list[tuple[int, Label]]:
        """The labels of one attempt with their positions in the journal, in the order given."""

    def histories(self, run_id: str) -> Iterator[tuple[Case, list[Event]]]:
        """Each case of a run with what happened to it in its last attempt, in the order the cases came."""

    def news(
        self, runs: str | Sequence[str], kinds: Sequence[EventKind], *, after: int = 0
    ) -> Iterator[tuple[int, Event]]:
        """Events of some kinds in a run, or several, with their positions, oldest first, from behind a position on.

        Of `decided`, `labelled` and `closed`, none ever appears at or before a position that was read already.
        """

    def replies(self) -> Iterator[tuple[str, Reply]]:
        """Every model call's key with its reply, oldest first; for `RecordedModel`."""

    def reply(self, key: str) -> Reply | None:
        """The first reply recorded under a call's key. None: there is none."""

    def position(self) -> int:
        """Where the journal ends now; `decided`, `labelled` and `closed` events that come later have a larger one."""

    def retry(self, run_id: str, attempts: Mapping[str, int]) -> None:
        """Put closed cases back on the queue, each with the attempt number given."""

    def check(self) -> str:
        """What the database says of its own integrity; "ok" when sound."""
