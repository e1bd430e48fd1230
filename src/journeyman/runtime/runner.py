"""Works the cases of a run, several at a time. Several processes and machines can share a run.

Everything is written before it is acted on, so that `kill -9` at any moment loses nothing and repeats no effect: run
the same thing again and it goes on. A case that fails ends as a typed failure; the stream goes on.

The journal is called on a thread of its own, one call after the other, so that the event loop never waits for a disk.
One tracker and one projection are kept for the whole run; nothing is folded anew for one case.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Self

from journeyman.autonomy.tracker import AutonomyTracker
from journeyman.job.job import Job
from journeyman.memory.plain import PlainMemory
from journeyman.memory.projection import LessonProjection
from journeyman.protocols import Memory, Model
from journeyman.runtime.case import CaseWork, ClaimedCase, work_case
from journeyman.runtime.durable import Interrupted
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.waiting import Suspended
from journeyman.store.journal import Journal, LeaseLostError
from journeyman.store.journal.replay import outcome_of
from journeyman.system.memory import give_back
from journeyman.types import Case, CaseResult, Decided, Event, Run, Trajectory, WorkerSpec
from journeyman.worker import WorkerVersion

LEASE_SECONDS = 30.0
"""How long a case stays held by a process that no longer says it is alive, where its death can't be seen."""

LISTEN_SECONDS = 0.5
"""At most so long until it is looked again whether a case held by another process has come free."""

PATIENCE_SECONDS = 30.0
"""`drain` waits for cases that wake up within this time; for others it does not."""

CASES_BETWEEN_TIDYING = 200

OnCaseClosed = Callable[[CaseResult], None]


def worker_for(job: Job, run: Run, memory: Memory | None = None) -> WorkerVersion:
    """The worker version that a run names, for a job; without a memory, one that recalls nothing."""
    spec = run.worker_spec
    return new_worker(job, name=run.name, version=run.version, worker_spec=spec, memory=memory)


def new_worker(
    job: Job,
    *,
    name: str = "ada",
    version: int = 1,
    worker_spec: WorkerSpec | None = None,
    memory: Memory | None = None,
) -> WorkerVersion:
    """A worker for a job; without a spec, a plain one."""
    spec = worker_spec or WorkerSpec()
    instructions = job.instructions if spec.instructions is None else spec.instructions
    return WorkerVersion(
        name=name,
        version=version,
        instructions=instructions,
        playbook=spec.playbook,
        memory=memory or PlainMemory(),
        sampling=job.sampling,
        budget=job.budget,
    )


@dataclass
class Runner:
    """One process's work on one run. Open it with `Runner.open`, use it in an `async with` block.

    `submit` gives a case and its result; `drain` works until nothing is left.
    """

    journal: Journal
    owner: LeaseOwner
    job: Job
    model: Model
    run: Run
    worker: WorkerVersion
    projection: LessonProjection | None = None
    """What its memory stands on; closed with the runner. None: it stands on nothing of this workspace."""
    at_once: int = 2
    """Cases in flight in this process."""
    on_case_closed: OnCaseClosed = lambda _: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by `stop_soon`."""

    @classmethod
    def open(
        cls,
        journal: Journal,
        owner: LeaseOwner,
        job: Job,
        model: Model,
        run: Run,
        *,
        at_once: int = 2,
        on_case_closed: OnCaseClosed = lambda _: None,
    ) -> Self:
        """By the worker version that the run names, with what the job's workers remember up to the run's own limit."""
        projection = LessonProjection(journal, job.name)
        memory = projection.memory(run.worker_spec.recall, until=run.spec.until)
        worker = worker_for(job, run, memory)
        return cls(
            journal=journal,
            owner=owner,
            job=job,
            model=model,
            run=run,
            worker=worker,
            projection=projection,
            at_once=at_once,
            on_case_closed=on_case_closed,
        )

    # --- life

    async def __aenter__(self) -> Self:
        self._journal_thread = ThreadPoolExecutor(1, thread_name_prefix="journeyman-journal")
        self._listening_thread = ThreadPoolExecutor(1, thread_name_prefix="journeyman-listen")
        self._slots = asyncio.Semaphore(self.at_once)
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._awaited: dict[str, list[asyncio.Future[CaseResult]]] = {}
        self._being_added = 0
        self._closed = 0
        self._nothing_to_claim = False
        """What the dispatcher saw last."""
        self._resting = asyncio.Event()
        self._changed = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None
        self._beat: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._case_work = CaseWork(
            journal=self.journal,
            call_journal=self.call_journal,
            job=self.job,
            model=self.model,
            run=self.run,
            worker=self.worker,
            decide=self._decide,
            stop=self.stop,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of what is in flight; everything written stays, and can be gone on with."""
        self._resting.set()
        self.journal.wake()
        tasks = [task for task in (self._dispatcher, self._beat) if task is not None]
        tasks += self._in_flight.values()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for future in self._all_awaited():
            future.cancel()
        self.shut()

    def shut(self) -> None:
        """End the threads of a runner that rests, or was closed; it needs no event loop."""
        self._journal_thread.shutdown()
        self._listening_thread.shutdown()
        if self.projection is not None:
            self.projection.close()

    async def call_journal(
        self, function: Callable[..., Any], *arguments: Any, **named: Any
    ) -> Any:
        """Call something of the journal on its thread."""
        loop = asyncio.get_running_loop()
        call = partial(function, *arguments, **named)
        return await loop.run_in_executor(self._journal_thread, call)

    def stop_soon(self) -> None:
        """Stop cleanly: each case in flight ends before its next model call."""
        self.stop.set()
        self.journal.wake()

    async def rest(self) -> None:
        """Claim nothing more until the next `submit` or `drain`; what is known of the run is kept.

        Does nothing while somebody awaits a case.
        """
        if self._awaited or self._in_flight or self._dispatcher is None:
            return
        dispatcher, beat = self._dispatcher, self._beat
        self._dispatcher = self._beat = None
        self._resting.set()
        self.journal.wake()
        await dispatcher
        if beat is not None:
            beat.cancel()

    def _decide(
        self, case_id: str, attempt: int, trajectory: Trajectory, *, sealed: bool
    ) -> Decided:
        """The tracker is made when the first case is decided, and kept."""
        return self.tracker.decide(case_id, attempt, trajectory, sealed=sealed)

    @cached_property
    def tracker(self) -> AutonomyTracker:
        """What the worker may do alone. Read and advanced on the journal's thread only."""
        return AutonomyTracker(self.journal, self.run)

    # --- work

    def submit(self, case: Case) -> asyncio.Future[CaseResult]:
        """Give a case to be worked. Awaiting what this returns gives that case's result, while others go on.

        A case that is done already gives its result from the journal. The result of a case that waits for an event
        comes when that has come. Raises InputError, when awaited, for a case that is there with other content.
        """
        self._being_added += 1
        return asyncio.ensure_future(self._submitted(case))

    async def drain(self) -> None:
        """Work until nothing in the run is left to do, or `stop` is set.

        Cases that another process holds are waited for, and taken over should it die. Cases that wait for an event, or
        longer than `PATIENCE_SECONDS`, are left waiting. Raises StoreError when the journal can't be written: then
        nothing more is done, and nothing is lost.
        """
        self._start()
        while not self.stop.is_set():
            self._raise_failure()
            if self._is_idle and await self.call_journal(self._nothing_left):
                return
            await self._next_change()
        while self._in_flight:
            await self._next_change()
        self._raise_failure()

    async def _submitted(self, case: Case) -> CaseResult:
        self._start()
        result: asyncio.Future[CaseResult] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(case.id, []).append(result)
        try:
            if not await self._added(case):
                await self._settle_if_closed(case)
            return await result
        finally:
            self._forget(case.id, result)

    async def _added(self, case: Case) -> bool:
        """Whether the case is new in the run."""
        try:
            added: int = await self.call_journal(self.journal.add_cases, self.run.id, [case])
        finally:
            self._being_added -= 1
            self._changed.set()
        return added > 0

    def _forget(self, case_id: str, result: asyncio.Future[CaseResult]) -> None:
        """Nobody awaits this any more: it was refused, given up, or it came."""
        futures = [one for one in self._awaited.pop(case_id, ()) if one is not result]
        if futures:
            self._awaited[case_id] = futures

    @property
    def _is_idle(self) -> bool:
        """Whether this process has nothing in hand and found nothing to claim."""
        busy = self._in_flight or self._being_added
        return self._nothing_to_claim and not busy

    def _nothing_left(self) -> bool:
        """On the journal's thread: whether all that is not closed waits, and for longer than patience reaches."""
        remaining = self.journal.remaining(self.run.id)
        if remaining == 0:
            return True
        waiting = self.journal.waiting(self.run.id)
        wake = self.journal.next_wake(self.run.id)
        soon = wake is not None and wake <= time.time() + PATIENCE_SECONDS
        return len(waiting) == remaining and not soon

    def _start(self) -> None:
        if self._dispatcher is None:
            self._resting = asyncio.Event()
            self._dispatcher = asyncio.create_task(self._dispatch())
            self._dispatcher.add_done_callback(self._failed)
            self._beat = asyncio.create_task(self._keep_leases())

    async def _dispatch(self) -> None:
        """Claim one case after the other, as long as there is room for it."""
        try:
            resting = self._resting
            while not self.stop.is_set():
                await self._slots.acquire()
                claimed = await self._next_claimed(resting)
                if claimed is None:
                    self._slots.release()
                    return
                task = asyncio.create_task(self._work(claimed))
                task.add_done_callback(self._failed)
                self._in_flight[claimed.lease.case.id] = task
        finally:
            self._changed.set()

    async def _next_claimed(self, resting: asyncio.Event) -> ClaimedCase | None:
        """The next case to work; waits for one. None: it is time to stop or to rest."""
        while not (self.stop.is_set() or resting.is_set()):
            claimed: ClaimedCase | None = await self.call_journal(self._claim)
            self._nothing_to_claim = claimed is None
            if claimed is not None:
                return claimed
            self._changed.set()
            await self._settle_awaited()
            await self._listen()
        return None

    def _claim(self) -> ClaimedCase | None:
        """On the journal's thread: the next case with its past. None: there is none now."""
        lease = self.journal.claim(
            self.run.id,
            holder=self.owner.name,
            seconds=LEASE_SECONDS,
            is_dead=self.owner.is_dead,
        )
        if lease is None:
            return None
        past = self.journal.events(self.run.id, lease.case.id, attempt=lease.attempt)
        return ClaimedCase(lease, past)

    async def _listen(self) -> None:
        """Wait until there may be something to claim."""
        loop = asyncio.get_running_loop()
        wake = await self.call_journal(self.journal.next_wake, self.run.id)
        seconds = LISTEN_SECONDS
        if wake is not None:
            seconds = min(seconds, max(wake - time.time(), 0.0))
        listen = partial(self.journal.listen, self.run.id, seconds)
        await loop.run_in_executor(self._listening_thread, listen)

    async def _work(self, claimed: ClaimedCase) -> None:
        """One case; what ends the whole run is kept for whoever waits."""
        lease = claimed.lease
        try:
            result = await work_case(self._case_work, claimed)
        except (LeaseLostError, Suspended):
            return
        except (Interrupted, asyncio.CancelledError) as ended:
            await self.call_journal(self.journal.release, lease, holder=self.owner.name)
            if isinstance(ended, asyncio.CancelledError):
                raise
        else:
            self._settle(result)
            self.on_case_closed(result)
            await self._tidy()
        finally:
            self._slots.release()
            del self._in_flight[lease.case.id]
            self._changed.set()

    async def _tidy(self) -> None:
        """Now and then, give back the memory that cases needed for a moment."""
        self._closed += 1
        if self._closed % CASES_BETWEEN_TIDYING == 0:
            await self.call_journal(give_back)

    def _failed(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        failure = task.exception()
        assert failure is not None
        self._failure = failure
        self.stop.set()
        self._changed.set()
        for future in self._all_awaited():
            if not future.done():
                future.set_exception(failure)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self.call_journal(
                self.journal.renew, holder=self.owner.name, seconds=LEASE_SECONDS
            )

    async def _next_change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    # --- results

    def _settle(self, result: CaseResult) -> None:
        for future in self._awaited.pop(result.case_id, ()):
            if not future.done():
                future.set_result(result)

    async def _settle_awaited(self) -> None:
        """Of the cases that somebody awaits and another process may have closed."""
        elsewhere = [case_id for case_id in self._awaited if case_id not in self._in_flight]
        for case_id in elsewhere:
            case = await self.call_journal(self.journal.case, self.run.id, case_id)
            if case is not None:
                await self._settle_if_closed(case)

    async def _settle_if_closed(self, case: Case) -> None:
        events: Sequence[Event] = await self.call_journal(self.journal.events, self.run.id, case.id)
        result = outcome_of(case, self.run.worker, events)
        if result.closed:
            self._settle(result)

    def _all_awaited(self) -> list[asyncio.Future[CaseResult]]:
        return [future for futures in self._awaited.values() for future in futures]


async def work(runner: Runner) -> None:
    """Open a runner, work until nothing is left, and close it."""
    async with runner:
        await runner.drain()
