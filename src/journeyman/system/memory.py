"""Limits the memory of this process."""

from __future__ import annotations

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
