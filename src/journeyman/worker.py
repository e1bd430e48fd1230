"""The worker and the loop: model and environment take turns until an answer is handed in or a budget ends.

`rollout` knows nothing of journals, retries or crashes: `flow` hands it a model, an environment and a memory that write
down and replay what they say; the loop, deterministic given their words, comes to the same place again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from journeyman.answers import answer_of, dump_moves, moves_of
from journeyman.errors import InDoubt, ModelReplyError, boundary
from journeyman.memory.context import as_turns, context, usable_in
from journeyman.memory.plain import PlainMemory
from journeyman.protocols import Environment, Memory, Model
from journeyman.types import (
    Budget,
    CaseInput,
    Failure,
    Lesson,
    Message,
    Sampling,
    Step,
    Stop,
    ToolCall,
    ToolSpec,
    Trajectory,
)

REPEATS_ALLOWED = 1
"""How often a worker may make a call that gives nothing new and still go on."""


@dataclass(frozen=True)
class WorkerVersion:
    """Who does a case: a name and a versioned mind. Learning makes a new one."""

    name: str = "ada"
    version: int = 1
    instructions: str = ""
    playbook: tuple[Lesson, ...] = ()
    """Rules that stand in every prompt."""
    memory: Memory = field(default_factory=PlainMemory)
    sampling: Sampling = Sampling()
    budget: Budget = Budget()

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class RolloutState:
    """What has happened in a rollout so far."""

    recalled: tuple[Lesson, ...] = ()
    opening: tuple[Message, ...] = ()
    steps: tuple[Step, ...] = ()
    answer: str | None = None
    stop: Stop | None = None
    failure: Failure | None = None
    repeats: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        told = [message for step in self.steps for message in (step.reply.message, *step.results)]
        return (*self.opening, *told)


async def rollout(
    worker: WorkerVersion, model: Model, environment: Environment, case_input: CaseInput
) -> Trajectory:
    """Do one case. Whatever goes wrong becomes the trajectory's `failure`; the environment is closed in any case.

    Only cancellation passes through, and what `flow` raises to stop at the next step.
    """
    began, now = time.monotonic(), RolloutState()
    deadline = began + worker.budget.seconds
    with boundary("the worker's loop") as outcome:
        try:
            async with asyncio.timeout_at(
                asyncio.get_running_loop().time() + worker.budget.seconds
            ):
                lessons = tuple(
                    await worker.memory.recall(
                        case_input.prompt, lambda lesson: usable_in(lesson, environment)
                    )
                )
                opening = await environment.reset()
                examples = as_turns(
                    lessons, environment.tools, as_json=worker.sampling.json_schema is not None
                )
                told = context(worker.instructions, opening, worker.playbook, examples)
                now = RolloutState(recalled=lessons, opening=told)
                while now.stop is None:
                    now = await _turn(worker, model, environment, now)
        except TimeoutError:
            if time.monotonic() < deadline:
                raise
            now = replace(now, stop="seconds")
        except InDoubt as doubt:
            now = replace(now, stop="in_doubt", failure=doubt.failure)
        finally:
            await environment.close()
    if outcome.failure is not None:
        now = replace(now, stop="failed", failure=outcome.failure)
    assert now.stop is not None
    return Trajectory(
        case_id=case_input.id, worker=worker.label, recalled=now.recalled, opening=now.opening, steps=now.steps,
        answer=now.answer, stop=now.stop, failure=now.failure, seconds=time.monotonic() - began,
    )  # fmt: skip


async def _turn(
    worker: WorkerVersion, model: Model, environment: Environment, now: RolloutState
) -> RolloutState:
    """One model call and what follows from it."""
    if len(now.steps) >= worker.budget.steps:
        return replace(now, stop="steps")
    if _tokens(now) >= worker.budget.tokens:
        return replace(now, stop="tokens")
    tools = tuple(environment.tools)
    must_call = any(tool.final for tool in tools) and not all(tool.final for tool in tools)
    sampling = (
        worker.sampling.model_copy(update={"tool_choice": "required"})
        if must_call
        else worker.sampling
    )
    reply = await model.generate(now.messages, tools=tools, sampling=sampling)
    text = reply.message.text.strip()
    if reply.message.tool_calls:
        return await _carry_out(
            environment, tools, replace(now, steps=(*now.steps, Step(reply=reply)))
        )
    if reply.malformed is not None:
        return _told(
            now, Step(reply=reply), f"That could not be read as a tool call: {reply.malformed}"
        )
    if must_call and text:
        final = next(tool.name for tool in tools if tool.final)
        return _told(now, Step(reply=reply), f"Hand in your answer by calling `{final}`.")
    steps = (*now.steps, Step(reply=reply))
    if reply.finish == "length" and worker.sampling.json_schema is not None:
        raise ModelReplyError(
            f"The JSON reply was cut off at {sampling.max_tokens} tokens.",
            "Raise max_tokens under [sampling].",
        )
    return replace(now, steps=steps, answer=text or None, stop="answered" if text else "silent")


def _tokens(now: RolloutState) -> int:
    """As far as the engine says: where it says nothing, only steps and seconds bound a case."""
    return sum(step.reply.usage.total_tokens or 0 for step in now.steps)


def _told(now: RolloutState, step: Step, text: str) -> RolloutState:
    """Go on after telling the model what was wrong with its reply."""
    told = step.model_copy(update={"results": (Message(role="user", content=text),)})
    return replace(now, steps=(*now.steps, told))


async def _carry_out(
    environment: Environment, tools: Sequence[ToolSpec], now: RolloutState
) -> RolloutState:
    """Carry out the last reply's calls in order; one that succeeds and is final, be it only now, ends the rollout."""
    specs = {tool.name: tool for tool in tools}
    handed_in: list[ToolCall] = []
    repeats = now.repeats
    *before, step = now.steps
    for call in step.reply.message.tool_calls:
        earlier = _earlier(replace(now, steps=(*before, step)), call)
        result, remark = await _call(environment, specs.get(call.name), call, earlier)
        repeats += remark is not None
        told = (result,) if remark is None else (result, Message(role="user", content=remark))
        step = step.model_copy(update={"results": (*step.results, *told)})
        if not result.failed and any(
            tool.final for tool in environment.tools if tool.name == call.name
        ):
            handed_in.append(call)
    now = replace(now, steps=(*before, step), repeats=repeats)
    if handed_in:
        return replace(now, answer=_answer(handed_in, specs, now.steps), stop="answered")
    return replace(now, stop="repeated") if repeats > REPEATS_ALLOWED else now


def _answer(
    handed_in: Sequence[ToolCall], specs: Mapping[str, ToolSpec], steps: Sequence[Step]
) -> str:
    """What these calls hand in. A call that only became final by being made was a world's last move: then all moves."""
    last = handed_in[-1]
    if specs[last.name].final:
        return answer_of(handed_in)
    return dump_moves([call for call, _ in moves_of(steps, last.name)])


async def _call(
    environment: Environment, spec: ToolSpec | None, call: ToolCall, earlier: Message | None
) -> tuple[Message, str | None]:
    """The call's result, and a remark if it repeats an earlier one that said the same.

    Small models tend to repeat a call after its result. A pure call is carried out again, for the world of its case may
    have moved on; any other is not.
    """
    if spec is None:
        return Message(
            role="tool", call_id=call.id, content=f"There is no tool {call.name!r}.", failed=True
        ), None
    if earlier is not None and spec.effect != "pure":
        refused = Message(
            role="tool", call_id=call.id, content="Not done: it was already made.", failed=True
        )
        return (
            refused,
            "That call was already made; its result stands above. Do something else, or answer.",
        )
    result = await environment.step(call)
    if earlier is None or earlier.text != result.text:
        return result, None
    return result, "Same call, same result as before: do something else, or hand in your answer."


def _earlier(now: RolloutState, call: ToolCall) -> Message | None:
    """The result of the last equal call, if there was one."""
    results = {message.call_id: message for step in now.steps for message in step.results}
    made = [
        done for step in now.steps for done in step.reply.message.tool_calls if done.id in results
    ]
    same = [
        results[done.id]
        for done in made
        if (done.name, done.arguments) == (call.name, call.arguments)
    ]
    return same[-1] if same else None
