"""The log of one attempt at one case, on one path: its past events, and the events to be written.

Nothing here waits for the disk on the event loop: every write goes through `CallJournal`, which carries it out on the
runner's journal thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from journeyman.errors import JourneymanError
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import bodies, last_body
from journeyman.types import (
    Case,
    Event,
    EventBody,
    Finished,
    Intended,
    Lease,
    Message,
    Opened,
    Recalled,
    Replied,
    Resulted,
    Resumed,
    SelfChecked,
    ToolCall,
    Trajectory,
    Waiting,
)


class CallJournal(Protocol):
    """Carries out a function of the journal off the event loop, one after the other, and gives its result."""

    async def __call__(
        self, function: Callable[..., Any], *arguments: Any, **named: Any
    ) -> Any: ...


class CaseLog:
    """The events of a case. `past` is what was there when it was opened; what is added is written by `flush`."""

    def __init__(
        self,
        journal: Journal,
        lease: Lease,
        call_journal: CallJournal,
        past: Sequence[Event],
        path: str = "",
    ) -> None:
        self.journal = journal
        self.lease = lease
        self.call_journal = call_journal
        self.attempt_past = past
        """Of all paths."""
        self.past = [event for event in past if event.path == path]
        self.path = path
        self.next_seq = len(self.past)
        self.unwritten: list[Event] = []
        opened = last_body(self.past, Opened)
        self.opening = None if opened is None else len(opened.messages)
        """Messages before the first reply. None: it was not opened yet."""
        self.recalled = last_body(self.past, Recalled) or Recalled()
        self.replies = [
            (event.key, event.body.reply) for event in self.past if isinstance(event.body, Replied)
        ]
        messages = [resulted.message for resulted in bodies(self.past, Resulted)]
        self.results = {
            message.call_id: message for message in messages if message.call_id is not None
        }
        self.remarks = sum(message.call_id is None for message in messages)
        self.intents = {intended.call.id: intended.call for intended in bodies(self.past, Intended)}
        self.resumed = bodies(self.past, Resumed)
        self.branches: list[CaseLog] = []
        """Those that were opened from here."""

    @property
    def case(self) -> Case:
        return self.lease.case

    def branch(self, name: str) -> CaseLog:
        """The log of a branch: it replays by itself, in whatever order branches run."""
        path = f"{self.path}/{name}" if self.path else name
        opened = CaseLog(self.journal, self.lease, self.call_journal, self.attempt_past, path)
        self.branches.append(opened)
        return opened

    @property
    def finished(self) -> Finished | None:
        return last_body(self.past, Finished)

    @property
    def checked(self) -> bool:
        """Whether the model was asked about its answer."""
        return last_body(self.past, SelfChecked) is not None

    @property
    def unresolved(self) -> ToolCall | None:
        """A call begun whose result nobody knows, here or in a branch."""
        for call in self.intents.values():
            if call.id not in self.results:
                return call
        for branch in self.branches:
            call_there = branch.unresolved
            if call_there is not None:
                return call_there
        return None

    def add(self, body: EventBody, key: str | None = None) -> None:
        """To be written with the next thing that must be."""
        event = Event(
            run_id=self.lease.run_id,
            case_id=self.lease.case.id,
            attempt=self.lease.attempt,
            path=self.path,
            seq=self.next_seq,
            body=body,
            key=key,
            at=time.time(),
        )
        self.unwritten.append(event)
        self.next_seq += 1

    async def flush(self, *, fully: bool) -> None:
        """Write all that is not written yet, in one transaction."""
        events = self._taken()
        await self.call_journal(self.journal.append, events, fully=fully)

    def write(self, *, fully: bool, closes: bool = False) -> list[Event]:
        """As `flush`, on the journal's thread; gives what was written."""
        events = self._taken()
        closed = self.lease if closes else None
        self.journal.append(events, fully=fully, closes=closed)
        return events

    def _taken(self) -> list[Event]:
        """What is not written yet, which counts as written from now on."""
        events = self.unwritten
        self.unwritten = []
        return events

    async def suspend(self, name: str, until: float | None) -> None:
        """Let the case go until `name` is emitted, or until that moment. Waits for the disk."""
        self.add(Waiting(name=name, until=until))
        events = self._taken()
        suspend = self.journal.suspend
        await self.call_journal(suspend, self.lease, events, name=name, until=until)

    def add_result(self, message: Message) -> None:
        assert message.call_id is not None
        self.results[message.call_id] = message
        self.add(Resulted(message=message))

    def catch_up(self, messages: Sequence[Message]) -> None:
        """Note what the conversation holds beyond what is noted: its opening, refusals, and remarks of the loop."""
        if self.opening is None:
            self.opening = len(messages)
            self.add(Opened(messages=tuple(messages)))
        remarks = 0
        for message in messages[self.opening :]:
            if message.role == "tool" and message.call_id not in self.results:
                self.add_result(message)
            elif message.role in {"user", "system"}:
                remarks += 1
                if remarks > self.remarks:
                    self.remarks = remarks
                    self.add(Resulted(message=message))

    async def finish(self, trajectory: Trajectory) -> None:
        """Note how the rollout ended. A power cut may take this: then the replies are replayed to the same end."""
        if self.opening is None:
            self.catch_up(trajectory.opening)
        self.catch_up(trajectory.messages)
        finished = Finished(
            worker=trajectory.worker,
            answer=trajectory.answer,
            stop=trajectory.stop,
            failure=trajectory.failure,
            seconds=trajectory.seconds,
        )
        self.add(finished)
        await self.flush(fully=False)


class DivergedError(JourneymanError):
    """On replay the worker asked something else than before the crash."""

    kind = "diverged"
