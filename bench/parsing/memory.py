"""The most memory that processes had."""

from __future__ import annotations

import resource
from pathlib import Path


def own_mb() -> float:
    """Of this process. Not `ru_maxrss`, which begins at what the process had that started this one."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return (
        next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        / 1024
    )


def ended_children_mb() -> float:
    """Of the largest process that this one started and that has ended; no less than this one had when it began."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
