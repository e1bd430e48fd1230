"""One event loop for each thread that calls the sync forms, kept open so that models keep their connections."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from journeyman.errors import InputError

T = TypeVar("T")


class _Loop:
    """A thread's loop, closed with the thread."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()

    def __del__(self) -> None:
        self.runner.close()


_here = threading.local()


def run_here(work: Coroutine[Any, Any, T], *, called: str) -> T:
    """Run to the end. Raises InputError inside a running event loop, which would stand still meanwhile."""
    if running() is not None:
        work.close()
        raise InputError(
            f"`{called}` can't wait inside a running event loop.", f"Use: await worker.a{called}(…)"
        )
    return _mine().run(work)


def running() -> asyncio.AbstractEventLoop | None:
    """The loop that is running in this thread. None: none is."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def current() -> asyncio.AbstractEventLoop:
    """The running loop, or else the one that `run_here` would use."""
    return running() or _mine().get_loop()


def _mine() -> asyncio.Runner:
    if not is_open():
        _here.loop = _Loop()
    runner: asyncio.Runner = _here.loop.runner
    return runner


def is_open() -> bool:
    """Whether this thread has a loop of its own."""
    return hasattr(_here, "loop")


def close() -> None:
    """This thread's loop, if there is one."""
    if is_open():
        del _here.loop
