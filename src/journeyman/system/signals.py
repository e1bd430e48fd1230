"""Ctrl-C and a request to end, handled inside an event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_interrupt(interrupt: Callable[[], None]) -> Iterator[None]:
    """Inside, each interrupt calls `interrupt` in the running event loop, instead of ending the process.

    Where the loop handles no signals (Windows), interrupts end the process as they do by default.
    """
    loop = asyncio.get_running_loop()
    handled = _handle(loop, interrupt)
    try:
        yield
    finally:
        if handled:
            for number in INTERRUPTS:
                loop.remove_signal_handler(number)


def _handle(loop: asyncio.AbstractEventLoop, interrupt: Callable[[], None]) -> bool:
    try:
        for number in INTERRUPTS:
            loop.add_signal_handler(number, interrupt)
    except NotImplementedError:
        return False
    return True
