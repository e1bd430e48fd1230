"""Waiting: a case leaves the queue, and returns when the awaited name is emitted or its time is over.

People's answers, approvals, callbacks and delays all come in through this one door. A wait is an event like a reply:
after a crash, and when the case is taken up again, the recorded end of the wait is given again.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from journeyman.environments.running import Woken
from journeyman.errors import InputError
from journeyman.runtime.case_log import CaseLog, DivergedError
from journeyman.store.journal.replay import last_body
from journeyman.types import Effect, Json, Message, Resumed, ToolCall, Waiting


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


StepIn = Callable[[CaseLog, ToolCall], Awaitable[Message]]
"""Carries out a call, recorded in the log of a branch."""


class RunningCall:
    """What a tool can ask of the case that it runs in."""

    def __init__(
        self, log: CaseLog, waits: CaseWaits, call: ToolCall, effect: Effect, step_in: StepIn
    ) -> None:
        self.log = log
        self.waits = waits
        self.call = call
        self.effect = effect
        self.step_in = step_in
        self.branches: set[str] = set()

    @property
    def run_id(self) -> str:
        return self.log.lease.run_id

    @property
    def case_id(self) -> str:
        return self.log.lease.case.id

    async def await_event(self, name: str, *, seconds: float | None = None) -> Woken:
        """Raises InputError in a tool that is not `pure`: after the wait it is called again from its beginning.

        And in a branch: the case would leave the queue while another branch goes on.
        """
        self._must_be_pure("wait")
        if self.log.path:
            raise _no_wait()
        return await self.waits.await_event(name, seconds=seconds)

    def branch(self, name: str) -> RunningBranch:
        """Raises InputError in a tool that is not `pure`: after a crash it is called again from its beginning."""
        self._must_be_pure("run branches")
        if name in self.branches:
            raise InputError(
                f"This call has run a branch {name!r} already.", "Give each branch its own name."
            )
        self.branches.add(name)
        log = self.log.branch(f"{self.call.id}/{name}")
        return RunningBranch(log, self.step_in)

    async def call_tool(self, tool: str, arguments: Mapping[str, Json]) -> Message:
        """Raises InputError: the case's own path holds the calls of the model."""
        raise InputError(
            f"{tool!r} can't be called outside a branch.",
            "Call it inside `gather`.",
        )

    async def settle(self) -> None:
        """There is nothing to do: the loop writes what is noted on the case's own path."""

    def _must_be_pure(self, what: str) -> None:
        if self.effect != "pure":
            raise InputError(
                f"A tool with the effect {self.effect!r} can't {what}: it would be called again.",
                "Do it in a pure tool, and act in another one.",
            )


class RunningBranch:
    """What one branch of a tool can ask: to call the case's other tools, recorded under the branch's own path."""

    def __init__(self, log: CaseLog, step_in: StepIn) -> None:
        self.log = log
        self.step_in = step_in
        self.calls = 0

    @property
    def run_id(self) -> str:
        return self.log.lease.run_id

    @property
    def case_id(self) -> str:
        return self.log.lease.case.id

    async def await_event(self, name: str, *, seconds: float | None = None) -> Woken:
        raise _no_wait()

    def branch(self, name: str) -> RunningBranch:
        raise InputError(f"A branch can't begin another one: {name!r}.", "Name them in one gather.")

    async def call_tool(self, tool: str, arguments: Mapping[str, Json]) -> Message:
        """Its id is its place in the branch, so that after a crash it is known again."""
        call = ToolCall(id=f"{self.log.path}/{self.calls}", name=tool, arguments=arguments)
        self.calls += 1
        begun = self.log.intents.get(call.id)
        if begun is not None and begun != call:
            raise DivergedError(
                f"Call {self.calls} of the branch {self.log.path!r} is not the one before the crash.",
                "The tool does not repeat itself; try the case anew with --retry-failed.",
            )
        return await self.step_in(self.log, call)

    async def settle(self) -> None:
        """Write what is noted in the branch and not written yet."""
        if self.log.unwritten:
            await self.log.flush(fully=False)


def _no_wait() -> InputError:
    return InputError(
        "A branch can't wait: the others would go on while the case has left the queue.",
        "Wait before the branches begin, or after them.",
    )
