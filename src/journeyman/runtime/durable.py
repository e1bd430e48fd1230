"""A model and an environment that write down what they say before it is acted on, and after a crash say it again.

`rollout` is deterministic given their words, so replaying them brings it back to the step where the process died. What
was answered is not paid again; what was done is not done again; what may or may not have been done is in doubt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from journeyman.errors import InDoubt, JourneymanError
from journeyman.models.recorded import call_key
from journeyman.protocols import Environment, Memory, Model
from journeyman.store.faults import reach
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import bodies, last_body
from journeyman.types import (
    Event,
    EventBody,
    Finished,
    Intended,
    Lease,
    Lesson,
    Message,
    Opened,
    Recalled,
    Replied,
    Reply,
    Resulted,
    Sampling,
    ToolCall,
    ToolSpec,
    Trajectory,
)


class Interrupted(BaseException):
    """The user asked to stop: raised before the next model call, never in the middle of something."""


class DivergedError(JourneymanError):
    """On replay the worker asked something else than before the crash."""

    kind = "diverged"


class CaseLog:
    """One attempt at one case: what the journal has of it, and what is to be added."""

    def __init__(self, journal: Journal, held: Lease) -> None:
        self.journal = journal
        self.held = held
        self.past = journal.events(held.run_id, held.case.id, attempt=held.attempt)
        self.seq = len(self.past)
        self.waiting: list[Event] = []
        opened = last_body(self.past, Opened)
        self.opening = None if opened is None else len(opened.messages)
        """Messages before the first reply. None: it was not opened yet."""
        self.recalled = last_body(self.past, Recalled) or Recalled()
        self.replies = [event for event in self.past if event.kind == "replied"]
        told = [resulted.message for resulted in bodies(self.past, Resulted)]
        self.results = {message.call_id: message for message in told if message.call_id is not None}
        self.remarks = sum(message.call_id is None for message in told)
        self.intents = {intended.call.id: intended.call for intended in bodies(self.past, Intended)}

    def later(self, body: EventBody, key: str | None = None) -> None:
        """To be written with the next thing that must be."""
        event = Event(
            run_id=self.held.run_id,
            case_id=self.held.case.id,
            attempt=self.held.attempt,
            seq=self.seq,
            body=body,
            key=key,
            at=time.time(),
        )
        self.waiting.append(event)
        self.seq += 1

    def flush(self, *, fully: bool, closes: bool = False) -> None:
        """Write all that waits, in one transaction."""
        self.journal.append(self.waiting, fully=fully, closes=self.held if closes else None)
        self.waiting = []

    def result(self, message: Message) -> None:
        assert message.call_id is not None
        self.results[message.call_id] = message
        self.later(Resulted(message=message))

    def catch_up(self, messages: Sequence[Message]) -> None:
        """Note what the conversation holds beyond what is noted: its opening, refusals, and remarks of the loop."""
        if self.opening is None:
            self.opening = len(messages)
            self.later(Opened(messages=tuple(messages)))
        remarks = 0
        for message in messages[self.opening :]:
            if message.role == "tool" and message.call_id not in self.results:
                self.result(message)
            elif message.role in {"user", "system"}:
                remarks += 1
                if remarks > self.remarks:
                    self.remarks = remarks
                    self.later(Resulted(message=message))

    @property
    def unresolved(self) -> ToolCall | None:
        """A call begun whose result nobody knows."""
        return next((call for call in self.intents.values() if call.id not in self.results), None)

    def finish(self, trajectory: Trajectory) -> None:
        """Note how the rollout ended. Waits for the disk."""
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
        self.later(finished)
        self.flush(fully=True)


class DurableMemory:
    """A memory that tells a case the same after a crash, whatever was learned in between.

    Each lesson is withheld by a draw of its own, so that its worth can be told from chance.
    """

    def __init__(
        self, memory: Memory, log: CaseLog, draw: Callable[[str], float], withheld: float
    ) -> None:
        """`draw` gives each lesson's id a number in [0, 1)."""
        self.memory = memory
        self.log = log
        self.draw = draw
        self.withheld = withheld

    async def recall(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        if self.log.opening is not None:
            return self.log.recalled.told
        found = tuple(await self.memory.recall(query, fits))
        shown = tuple(lesson.id for lesson in found if self.draw(lesson.id) >= self.withheld)
        self.log.recalled = Recalled(lessons=found, shown=shown, withheld=self.withheld)
        if found:
            self.log.later(self.log.recalled)
        return self.log.recalled.told


class DurableModel:
    """A model whose answered calls are journalled, and replayed from the journal."""

    def __init__(self, model: Model, log: CaseLog, stop: asyncio.Event) -> None:
        self.model = model
        self.log = log
        self.stop = stop
        self.calls = 0

    @property
    def name(self) -> str:
        return self.model.name

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        self.log.catch_up(messages)
        key = call_key(self.name, messages, tools, sampling)
        call, self.calls = self.calls, self.calls + 1
        if call < len(self.log.replies):
            recorded = self.log.replies[call]
            if recorded.key != key:
                raise DivergedError(
                    f"Model call {call + 1} of this case is not the one that was journalled before the crash.",
                    "The environment does not repeat itself; try the case anew with --retry-failed.",
                )
            assert isinstance(recorded.body, Replied)
            return recorded.body.reply
        if self.stop.is_set():
            raise Interrupted
        reply = _with_own_ids(
            await self.model.generate(messages, tools=tools, sampling=sampling), messages
        )
        self.log.later(Replied(reply=reply), key)
        self.log.flush(fully=False)
        return reply

    async def aclose(self) -> None:
        """The model is shared by all cases; its opener closes it."""


def _with_own_ids(reply: Reply, messages: Sequence[Message]) -> Reply:
    """The reply with call ids that no earlier call of the case has: some servers count anew for each reply."""
    used = {call.id for message in messages for call in message.tool_calls}
    calls: list[ToolCall] = []
    for call in reply.message.tool_calls:
        new = (
            call
            if call.id not in used
            else call.model_copy(update={"id": f"{call.id}.{len(used)}"})
        )
        used.add(new.id)
        calls.append(new)
    if tuple(calls) == reply.message.tool_calls:
        return reply
    return reply.model_copy(
        update={"message": reply.message.model_copy(update={"tool_calls": tuple(calls)})}
    )


class DurableEnvironment:
    """An environment whose effects are announced before and recorded after."""

    def __init__(self, environment: Environment, log: CaseLog) -> None:
        self.environment = environment
        self.log = log

    @property
    def tools(self) -> Sequence[ToolSpec]:
        return self.environment.tools

    async def reset(self) -> Sequence[Message]:
        return await self.environment.reset()

    async def step(self, call: ToolCall) -> Message:
        """A recorded result is given again; a pure call is carried out too, to rebuild the case's own world."""
        recorded = self.log.results.get(call.id)
        effect = next(tool.effect for tool in self.environment.tools if tool.name == call.name)
        if recorded is not None:
            if effect == "pure":
                await self.environment.step(call)
            return recorded
        if effect == "pure":
            result = await self.environment.step(call)
            self.log.result(result)
            return result
        if call.id in self.log.intents:
            found = await self._after_crash(call, effect)
            if found is not None:
                return found
        else:
            self.log.intents[call.id] = call
            self.log.later(Intended(call=call))
            self.log.flush(fully=True)
        reach("effect.before")
        result = await self.environment.step(call)
        reach("effect.after")
        self.log.result(result)
        self.log.flush(fully=True)
        return result

    async def _after_crash(self, call: ToolCall, effect: str) -> Message | None:
        """The result of an effect that was begun, if it can be had; None: carry it out (again)."""
        if effect == "once":
            raise in_doubt(call)
        if (
            effect == "reconcilable"
            and (found := await self.environment.reconcile(call)) is not None
        ):
            self.log.result(found)
            self.log.flush(fully=True)
            return found
        return None

    async def reconcile(self, call: ToolCall) -> Message | None:
        return await self.environment.reconcile(call)

    def accepts(self, answer: str) -> bool:
        return self.environment.accepts(answer)

    async def close(self) -> None:
        await self.environment.close()


def in_doubt(call: ToolCall) -> InDoubt:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return InDoubt(
        f"{call.name}({arguments}) was begun, and nobody knows whether it happened.",
        "Look in the system it acts on, then settle the case by hand; it is never called twice.",
    )
