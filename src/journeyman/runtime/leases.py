"""The owner of leases: a process with a lock file, which the operating system frees when the process dies."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Self

from journeyman.system.locks import FileLock, lock, try_lock


class LeaseOwner:
    """One process at work in one workspace. On another machine, where locks don't reach, leases expire instead."""

    def __init__(self, folder: Path, name: str, lock: FileLock) -> None:
        self.folder = folder
        self.name = name
        self.lock = lock

    @classmethod
    def enter(cls, workspace: Path) -> Self:
        folder = workspace / "holders"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{_here(folder)}-{os.getpid()}-{secrets.token_hex(4)}"
        return cls(folder, name, lock(folder / name))

    def is_dead(self, other: str) -> bool:
        """Whether that process is known to be dead: its lock is free, and was on this machine."""
        if other == self.name or not other.startswith(f"{_here(self.folder)}-"):
            return False
        try:
            taken = try_lock(self.folder / other)
        except FileNotFoundError:
            return True
        if taken is None:
            return False
        taken.release()
        return True

    def leave(self) -> None:
        (self.folder / self.name).unlink(missing_ok=True)
        self.lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def _here(folder: Path) -> str:
    """This machine and folder: only of owners with locks in this folder can be seen whether they are dead."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    return f"{os.uname().nodename}-{digest}"
