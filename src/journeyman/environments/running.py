"""What a tool can ask of the case that it runs in. `runtime` implements it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

from journeyman.errors import InputError
from journeyman.types import Json, Record


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


async def sleep(seconds: float) -> None:
    """Let the case leave the queue for so long; inside a `pure` tool, as `await_event`."""
    await await_event("", seconds=seconds)
