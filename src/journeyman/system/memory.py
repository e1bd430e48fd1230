"""Limits the memory of this process, and gives back what it does not use any more."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

resource: Any
try:
    import resource
except ImportError:  # Windows
    resource = None


def limit_memory(most_bytes: int, *, for_good: bool = False) -> bool:
    """Let this process take at most so many bytes. False: the system has no such limit (macOS), nothing was changed.

    A stricter limit that the process was started with stays. With `for_good` the process can't raise it again.
    """
    if resource is None:
        return False
    try:
        _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
        if ceiling != resource.RLIM_INFINITY:
            most_bytes = min(most_bytes, ceiling)
        if for_good:
            ceiling = most_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, ceiling))
    except (AttributeError, OSError, ValueError):
        return False
    return True


def give_back() -> None:
    """Give back what was freed, after something that needed much for a moment.

    The C library of Linux keeps freed memory for itself, and a long process grows by it. Elsewhere this does nothing.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    """`malloc_trim`, where the C library has it: glibc does."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    found: Callable[[int], int] | None = getattr(library, "malloc_trim", None)
    return found
