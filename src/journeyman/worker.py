"""The worker and the loop: model and environment take turns until an answer is handed in or a budget ends.

`rollout` knows nothing of journals, retries or crashes: `flow` hands it a model, an environment and a memory that write
down and replay what they say; the loop, deterministic given their words, comes to the same place again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from journeyman.calls import carry_out
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
        messages = list(self.opening)
        for step in self.steps:
            messages.append(step.reply.message)
            messages.extend(step.results)
        return tuple(messages)


async def rollout(
    worker: WorkerVersion, model: Model, environment: Environment, case_input: CaseInput
) -> Trajectory:
    """Do one case. Whatever goes wrong becomes the trajectory's `failure`; the environment is closed in any case.

    Only cancellation passes through, and what `flow` raises to stop at the next step.
    """
    began = time.monotonic()
    deadline = began + worker.budget.seconds
    state = RolloutState()
    with boundary("the worker's loop") as outcome:
        try:
            now = asyncio.get_running_loop().time()
            async with asyncio.timeout_at(now + worker.budget.seconds):
                state = await _begin(worker, environment, case_input)
                while state.stop is None:
                    state = await _turn(worker, model, environment, state)
        except TimeoutError:
            if time.monotonic() < deadline:
                raise
            state = replace(state, stop="seconds")
        except InDoubt as doubt:
            state = replace(state, stop="in_doubt", failure=doubt.failure)
        finally:
            await environment.close()
    if outcome.failure is not None:
        state = replace(state, stop="failed", failure=outcome.failure)
    assert state.stop is not None
    return Trajectory(
        case_id=case_input.id,
        worker=worker.label,
        recalled=state.recalled,
        opening=state.opening,
        steps=state.steps,
        answer=state.answer,
        stop=state.stop,
        failure=state.failure,
        seconds=time.monotonic() - began,
    )


async def _begin(
    worker: WorkerVersion, environment: Environment, case_input: CaseInput
) -> RolloutState:
    """The state before the first model call: what is recalled, and the opening messages."""
    recalled = await worker.memory.recall(
        case_input.prompt, lambda lesson: usable_in(lesson, environment)
    )
    lessons = tuple(recalled)
    opening = await environment.reset()
    tools = environment.tools
    as_json = worker.sampling.json_schema is not None
    examples = as_turns(lessons, tools, as_json=as_json)
    messages = context(worker.instructions, opening, worker.playbook, examples)
    return RolloutState(recalled=lessons, opening=messages)


async def _turn(
    worker: WorkerVersion, model: Model, environment: Environment, state: RolloutState
) -> RolloutState:
    """One model call and what follows from it."""
    spent = _spent(worker.budget, state)
    if spent is not None:
        return replace(state, stop=spent)
    tools = tuple(environment.tools)
    must_call = _must_call(tools)
    sampling = worker.sampling
    if must_call:
        sampling = sampling.model_copy(update={"tool_choice": "required"})
    reply = await model.generate(state.messages, tools=tools, sampling=sampling)
    step = Step(reply=reply)
    if reply.message.tool_calls:
        return await _after_calls(environment, tools, state, step)
    if reply.malformed is not None:
        mistake = f"That could not be read as a tool call: {reply.malformed}"
        return _corrected(state, step, mistake)
    text = reply.message.text.strip()
    if must_call and text:
        final = next(tool.name for tool in tools if tool.final)
        mistake = f"Hand in your answer by calling `{final}`."
        return _corrected(state, step, mistake)
    if reply.finish == "length" and sampling.json_schema is not None:
        raise ModelReplyError(
            f"The JSON reply was cut off at {sampling.max_tokens} tokens.",
            "Raise max_tokens under [sampling].",
        )
    stop: Stop = "answered" if text else "silent"
    return replace(state, steps=(*state.steps, step), answer=text or None, stop=stop)


def _spent(budget: Budget, state: RolloutState) -> Stop | None:
    """The budget that is used up. Tokens count only as far as the engine tells them."""
    if len(state.steps) >= budget.steps:
        return "steps"
    tokens = 0
    for step in state.steps:
        tokens += step.reply.usage.total_tokens or 0
    return "tokens" if tokens >= budget.tokens else None


def _must_call(tools: Sequence[ToolSpec]) -> bool:
    """Whether only a call can hand in the answer: some tools are final, and others are not."""
    finals = [tool.final for tool in tools]
    return any(finals) and not all(finals)


def _corrected(state: RolloutState, step: Step, mistake: str) -> RolloutState:
    """Go on after telling the model what was wrong with its reply."""
    remark = Message(role="user", content=mistake)
    step = step.model_copy(update={"results": (remark,)})
    steps = (*state.steps, step)
    return replace(state, steps=steps)


async def _after_calls(
    environment: Environment, tools: Sequence[ToolSpec], state: RolloutState, step: Step
) -> RolloutState:
    """Carry out the reply's calls. An answer, or too many repeats, ends the rollout."""
    done = await carry_out(environment, tools, state.steps, step)
    repeats = state.repeats + done.repeats
    state = replace(state, steps=(*state.steps, done.step), repeats=repeats)
    if done.answer is not None:
        return replace(state, answer=done.answer, stop="answered")
    if repeats > REPEATS_ALLOWED:
        return replace(state, stop="repeated")
    return state
