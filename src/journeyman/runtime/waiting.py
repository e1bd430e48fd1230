"""Waiting: a case leaves the queue, and returns when the awaited name is emitted or its time is over.

People's answers, approvals, callbacks and delays all come in through this one door. A wait is an event like a reply:
after a crash, and when the case is taken up again, the recorded end of the wait is given again.
"""

from __future__ import annotations

import time

from journeyman.environments.running import Woken
from journeyman.errors import InputError
from journeyman.runtime.case_log import CaseLog, DivergedError
from journeyman.store.journal.replay import last_body
from journeyman.types import Effect, Resumed, Waiting


class Suspended(BaseException):
    """The case has left the queue. Raised through the loop; nothing of the case is lost."""


class CaseWaits:
    """The waits of one attempt at a case, in their order."""

    def __init__(self, log: CaseLog) -> None:
        self.log = log
        self.count = 0

    async def await_event(self, name: str, *, seconds: float | None) -> Woken:
        """What was emitted under this name, or that the time is over. Raises Suspended until it is known."""
        number = self.count
        self.count += 1
        if number < len(self.log.resumed):
            return _woken(self.log.resumed[number], name)
        until = self._until(name, seconds)
        resumed = await self._end_of(name, until)
        if resumed is None:
            await self.log.suspend(name, until)
            raise Suspended
        self.log.resumed.append(resumed)
        self.log.add(resumed)
        await self.log.flush(fully=True)
        return _woken(resumed, name)

    def _until(self, name: str, seconds: float | None) -> float | None:
        """The moment fixed when the wait began: it does not move when the case is taken up again."""
        begun = last_body(self.log.past, Waiting)
        if begun is not None and begun.name == name and self._is_open(begun):
            return begun.until
        return None if seconds is None else time.time() + seconds

    def _is_open(self, begun: Waiting) -> bool:
        """Whether that wait was never over: nothing was resumed since it began."""
        kinds = [event.body for event in self.log.past if event.kind in {"waiting", "resumed"}]
        return kinds[-1] is begun

    async def _end_of(self, name: str, until: float | None) -> Resumed | None:
        """None: it goes on. Of an emit and a moment that both came, the emit counts."""
        emitted = await self.log.call_journal(self.log.journal.emitted, name)
        if emitted is not None:
            return Resumed(name=name, payload=emitted.payload)
        if until is not None and time.time() >= until:
            return Resumed(name=name, timed_out=True)
        return None


def _woken(resumed: Resumed, name: str) -> Woken:
    if resumed.name != name:
        raise DivergedError(
            f"The case waits for {name!r}, but before the crash it waited for {resumed.name!r}.",
            "The tool does not repeat itself; try the case anew with --retry-failed.",
        )
    return Woken(payload=resumed.payload, timed_out=resumed.timed_out)


class RunningCall:
    """What a tool can ask of the case that it runs in."""

    def __init__(self, log: CaseLog, waits: CaseWaits, effect: Effect) -> None:
        self.log = log
        self.waits = waits
        self.effect = effect

    @property
    def run_id(self) -> str:
        return self.log.lease.run_id

    @property
    def case_id(self) -> str:
        return self.log.lease.case.id

    async def await_event(self, name: str, *, seconds: float | None = None) -> Woken:
        """Raises InputError in a tool that is not `pure`: after the wait it is called again from its beginning."""
        if self.effect != "pure":
            raise InputError(
                f"A tool with the effect {self.effect!r} can't wait: it would be called again.",
                "Wait in a pure tool, and act in another one.",
            )
        return await self.waits.await_event(name, seconds=seconds)
