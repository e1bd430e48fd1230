"""What a tool can ask of the case that it runs in. `runtime` implements it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Protocol, TypeVar

from journeyman.errors import InputError
from journeyman.types import Json, Message, Record

T = TypeVar("T")


class Woken(Record):
    """How a wait ended."""

    payload: Json = None
    """What was emitted. None: nothing was, or it was emitted without anything."""
    timed_out: bool = False
    """Whether the time was over first."""


class RunningCase(Protocol):
    """The case that a tool is called in."""

    @property
    def run_id(self) -> str: ...

    @property
    def case_id(self) -> str: ...

    async def await_event(self, name: str, *, seconds: float | None = None) -> Woken:
        """Let the case leave the queue until `name` is emitted, or so many seconds are over."""
        ...

    def branch(self, name: str) -> RunningCase:
        """What a branch can ask, whose calls are recorded under a path of its own."""
        ...

    async def call_tool(self, tool: str, arguments: Mapping[str, Json]) -> Message:
        """What another tool of the case gives; only in a branch."""
        ...

    async def settle(self) -> None:
        """Write what the branch has recorded."""
        ...


RUNNING: ContextVar[RunningCase] = ContextVar("journeyman_running_case")
"""Set around each call of a tool."""


async def await_event(name: str, *, seconds: float | None = None) -> Woken:
    """Wait, inside a `pure` tool, for what somebody emits under a name; the case costs nothing meanwhile.

    The tool is called again from its beginning once the wait is over. `seconds`: at most so long. None: for ever.
    Raises InputError outside a tool that a worker called.
    """
    running = RUNNING.get(None)
    if running is None:
        raise InputError(
            f"Nobody can wait for {name!r} here: no worker called this.",
            "Call await_event in a tool that a worker calls.",
        )
    return await running.await_event(name, seconds=seconds)


async def gather(**branches: Callable[[], Awaitable[T]]) -> dict[str, T]:
    """Run branches at once, inside a `pure` tool, and give what each gives, by its name.

    A branch calls the case's other tools with `call_tool`. Each call is recorded under the branch's own path, so that
    after a crash the branches replay by themselves, in whatever order they run, and no effect is doubled. All branches
    come to their end before the first one's error is raised. Raises InputError outside a tool that a worker called.
    """
    running = _running("Branches can't be run")
    begun = [_in_branch(running.branch(name), work) for name, work in branches.items()]
    ended = await asyncio.gather(*begun, return_exceptions=True)
    given: dict[str, T] = {}
    for name, one in zip(branches, ended, strict=True):
        if isinstance(one, BaseException):
            raise one
        given[name] = one
    return given


async def _in_branch(branch: RunningCase, work: Callable[[], Awaitable[T]]) -> T:
    """Runs as a task: what is set here is seen by this branch alone."""
    RUNNING.set(branch)
    try:
        return await work()
    finally:
        await branch.settle()


async def call_tool(tool: str, /, **arguments: Json) -> Message:
    """Call another tool of the case, inside a branch of `gather`, with all that its effect promises."""
    running = _running(f"{tool!r} can't be called")
    return await running.call_tool(tool, arguments)


def _running(what: str) -> RunningCase:
    running = RUNNING.get(None)
    if running is None:
        raise InputError(f"{what} here: no worker called this.", "Do it in a tool of a worker.")
    return running


async def sleep(seconds: float) -> None:
    """Let the case leave the queue for so long; inside a `pure` tool, as `await_event`."""
    await await_event("", seconds=seconds)
