"""Who holds cases: this process, known to others by a lock file that the operating system frees when it dies."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Self


class LeaseOwner:
    """One process at work in one workspace. On another machine, where locks don't reach, leases expire instead."""

    def __init__(self, folder: Path, name: str, lock: int) -> None:
        self.folder = folder
        self.name = name
        self.lock = lock

    @classmethod
    def enter(cls, workspace: Path) -> Self:
        folder = workspace / "holders"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(4)}"
        lock = os.open(folder / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(folder, name, lock)

    def gone(self, other: str) -> bool:
        """Whether that process is known to be dead: its lock is free, and was on this machine."""
        if other == self.name or not other.startswith(f"{os.uname().nodename}-"):
            return False
        try:
            lock = os.open(self.folder / other, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True

    def leave(self) -> None:
        (self.folder / self.name).unlink(missing_ok=True)
        os.close(self.lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
