"""How many cores this process may use, and what uses one of them alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _thread_pools() -> ThreadpoolController:
    """Made after numpy was imported: it knows only of libraries that are loaded."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, linear algebra uses one thread: for small products, waking the others costs more than they save."""
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield


def usable_cores() -> int:
    """The cores that this process may run on, at least one.

    Where the system can't say (macOS), all cores of the machine count.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is None:
        return os.cpu_count() or 1
    return len(affinity(0))
