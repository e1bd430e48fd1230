"""Exclusive locks on files between processes of one machine. The system frees a lock when its process dies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from journeyman.errors import InputError

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@dataclass(frozen=True)
class FileLock:
    """A lock that this process holds, until `release` or its end. The file itself stays."""

    path: Path
    descriptor: int

    def release(self) -> None:
        os.close(self.descriptor)


def lock(path: Path) -> FileLock:
    """Wait until the lock is free, and take it. The file is made where it is missing."""
    require_locks()
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return FileLock(path, descriptor)


def try_lock(path: Path) -> FileLock | None:
    """Take the lock of a file that exists. None: somebody holds it. Raises FileNotFoundError for a missing file."""
    require_locks()
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return FileLock(path, descriptor)


def require_locks() -> None:
    """Raises InputError on a system without these locks."""
    if fcntl is None:
        raise InputError(
            "This system has no file locks (fcntl): Windows is not supported.",
            "Use Linux, macOS, or WSL on Windows.",
        )
