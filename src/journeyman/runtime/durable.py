"""A model, an environment and a memory that record every reply before the loop acts on it.

After a crash they say it again.

`rollout` is deterministic given their words, so replaying them brings it back to the step where the process died. What
was answered is not paid again; what was done is not done again; what may or may not have been done is in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from journeyman.environments.running import RUNNING
from journeyman.errors import InDoubt, InputError
from journeyman.models.recorded import call_key
from journeyman.protocols import Environment, Memory, Model
from journeyman.runtime.case_log import CaseLog, DivergedError
from journeyman.runtime.waiting import CaseWaits, RunningCall
from journeyman.store.faults import reach
from journeyman.types import (
    Effect,
    Intended,
    Lesson,
    Message,
    Recalled,
    Replied,
    Reply,
    Sampling,
    ToolCall,
    ToolSpec,
)


class Interrupted(BaseException):
    """The user asked to stop: raised before the next model call, never in the middle of something."""


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
        lessons = tuple(await self.memory.recall(query, fits))
        shown = tuple(lesson.id for lesson in lessons if self.draw(lesson.id) >= self.withheld)
        self.log.recalled = Recalled(lessons=lessons, shown=shown, withheld=self.withheld)
        if lessons:
            self.log.add(self.log.recalled)
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
        number = self.calls
        self.calls += 1
        if number < len(self.log.replies):
            return self._recorded(number, key)
        if self.stop.is_set():
            raise Interrupted
        reply = await self.model.generate(messages, tools=tools, sampling=sampling)
        reply = _with_own_ids(reply, messages)
        self.log.add(Replied(reply=reply), key)
        await self.log.flush(fully=False)
        return reply

    def _recorded(self, number: int, key: str) -> Reply:
        recorded_key, reply = self.log.replies[number]
        if recorded_key != key:
            raise DivergedError(
                f"Model call {number + 1} of this case is not the one that was journalled before the crash.",
                "The environment does not repeat itself; try the case anew with --retry-failed.",
            )
        return reply

    async def aclose(self) -> None:
        """The model is shared by all cases; its opener closes it."""


def _with_own_ids(reply: Reply, messages: Sequence[Message]) -> Reply:
    """The reply with call ids that no earlier call of the case has: some servers count anew for each reply."""
    used = {call.id for message in messages for call in message.tool_calls}
    calls: list[ToolCall] = []
    for call in reply.message.tool_calls:
        own = call
        if call.id in used:
            own = call.model_copy(update={"id": f"{call.id}.{len(used)}"})
        used.add(own.id)
        calls.append(own)
    if tuple(calls) == reply.message.tool_calls:
        return reply
    message = reply.message.model_copy(update={"tool_calls": tuple(calls)})
    return reply.model_copy(update={"message": message})


class DurableEnvironment:
    """An environment whose effects are announced before and recorded after."""

    def __init__(self, environment: Environment, log: CaseLog) -> None:
        self.environment = environment
        self.log = log
        self.waits = CaseWaits(log)

    @property
    def tools(self) -> Sequence[ToolSpec]:
        return self.environment.tools

    async def reset(self) -> Sequence[Message]:
        return await self.environment.reset()

    async def step(self, call: ToolCall) -> Message:
        """A recorded result is given again; a pure call is carried out too, to rebuild the case's own world."""
        recorded = self.log.results.get(call.id)
        effect = self._effect_of(call)
        if recorded is not None:
            if effect == "pure":
                await self._called(call, effect)
            return recorded
        if effect == "pure":
            result = await self._called(call, effect)
            self.log.add_result(result)
            return result
        return await self._carry_out(call, effect)

    async def _called(self, call: ToolCall, effect: Effect) -> Message:
        """The tool's answer; while it runs, it can ask things of the case."""
        running = RunningCall(self.log, self.waits, call, effect, self._step_in)
        token = RUNNING.set(running)
        try:
            return await self.environment.step(call)
        finally:
            RUNNING.reset(token)

    async def _step_in(self, branch: CaseLog, call: ToolCall) -> Message:
        """The same for a call that a tool makes in a branch."""
        return await DurableEnvironment(self.environment, branch).step(call)

    def _effect_of(self, call: ToolCall) -> Effect:
        for tool in self.environment.tools:
            if tool.name == call.name:
                return tool.effect
        raise InputError(f"There is no tool {call.name!r} here.", "Call one of the case's tools.")

    async def _carry_out(self, call: ToolCall, effect: Effect) -> Message:
        """An effect on the world: intent first, then the effect, then its result."""
        if call.id in self.log.intents:
            found = await self._after_crash(call, effect)
            if found is not None:
                return found
        else:
            self.log.intents[call.id] = call
            self.log.add(Intended(call=call))
            await self.log.flush(fully=True)
        reach("effect.before")
        result = await self._called(call, effect)
        reach("effect.after")
        return await self._written(result)

    async def _after_crash(self, call: ToolCall, effect: Effect) -> Message | None:
        """The result of an effect that was begun, if it can be had; None: carry it out (again)."""
        if effect == "once":
            raise in_doubt(call)
        if effect != "reconcilable":
            return None
        found = await self.environment.reconcile(call)
        return None if found is None else await self._written(found)

    async def _written(self, result: Message) -> Message:
        self.log.add_result(result)
        await self.log.flush(fully=True)
        return result

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
