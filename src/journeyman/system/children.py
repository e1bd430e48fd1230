"""Python child processes that answer in lines, and pools that keep them for the next task.

A child reads one request a line and answers with lines. What it does (a fault in a native library, a loop, all the
memory) it does to itself alone: the parent reads with a deadline, and kills it.
"""

from __future__ import annotations

import atexit
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

READ_BYTES = 1 << 20
"""At a time."""

PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "JAVA_HOME",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
)
"""Variables of this process's environment that a child gets too. Keys and tokens stay here."""


class ChildError(Exception):
    """A child gave no answer. It has been killed."""


class ChildLateError(ChildError):
    """It did not answer in time."""


class ChildEndedError(ChildError):
    """It ended by itself; its exit status is in `Child.process.returncode`."""


@dataclass(frozen=True)
class ChildCommand:
    """How a child is started."""

    module: str
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of its environment, beside those of `PASSED_ON`."""
    own_group: bool = False
    """Ctrl-C does not reach a child with a group of its own; it is killed with all that it started."""


class Child:
    """A running child. `read_line` blocks: call it in a thread. `kill` may be called from another thread meanwhile."""

    def __init__(self, command: ChildCommand) -> None:
        self.command = command
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", command.module, *command.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment_of(command),
            start_new_session=command.own_group,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input = self.process.stdin
        self._output = self.process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._unread = bytearray()
        self._reading = threading.RLock()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def send(self, line: bytes) -> None:
        """Write one request. Raises ChildEndedError where nobody reads it."""
        try:
            self._input.write(line + b"\n")
            self._input.flush()
        except (BrokenPipeError, ValueError):
            self.kill()
            raise ChildEndedError from None

    def read_line(self, deadline: float) -> bytes:
        """The next line, without its end. `deadline` is a moment of `time.monotonic()`.

        Raises ChildLateError after it, and ChildEndedError where no line can come; the child has been killed then.
        """
        with self._reading:
            while (end := self._unread.find(b"\n")) < 0:
                self._unread += self._read_more(deadline)
            line = bytes(self._unread[:end])
            del self._unread[: end + 1]
            return line

    def _read_more(self, deadline: float) -> bytes:
        seconds_left = max(0.0, deadline - time.monotonic())
        if self._output.closed:
            raise ChildEndedError
        if not self._selector.select(seconds_left):
            self.kill()
            raise ChildLateError
        data = os.read(self._output.fileno(), READ_BYTES)
        if not data:
            self.kill()
            raise ChildEndedError
        return data

    def kill(self) -> None:
        """End it, and with a group of its own all that it started. Never raises; a second call does nothing."""
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                self._send_kill()
            self.process.wait()
        # A thread that waits for an answer now reads the end of the output, and closes the pipes itself.
        if self._reading.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._reading.release()

    def _send_kill(self) -> None:
        if self.command.own_group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()

    def _close(self) -> None:
        self._selector.close()
        for pipe in (self._input, self._output):
            with suppress(OSError):
                pipe.close()


def environment_of(command: ChildCommand) -> dict[str, str]:
    """The variables that a child is started with. It finds the same modules as this process."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    current_folder = str(Path.cwd())
    module_folders = [folder or current_folder for folder in sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(module_folders)
    environment.update(command.variables)
    return environment


class Warm(Protocol):
    """What a pool keeps."""

    @property
    def usable(self) -> bool:
        """Whether it can do another task."""
        ...

    def end(self) -> None:
        """Never raises."""
        ...


W = TypeVar("W", bound=Warm)


class WarmPool(Generic[W]):
    """Idle processes that wait for the next task of their kind. They end when this process ends.

    After a fork, the new process does not see its parent's.
    """

    def __init__(self, most_idle: int) -> None:
        """`most_idle`: of each kind."""
        self.most_idle = most_idle
        self._idle: defaultdict[tuple[int, Hashable], list[W]] = defaultdict(list)
        self._lock = threading.Lock()
        atexit.register(self.end_idle)

    def take(self, kind: Hashable) -> W | None:
        """An idle one that is usable. None: there is none; start one."""
        while (process := self._pop(kind)) is not None:
            if process.usable:
                return process
            process.end()
        return None

    def _pop(self, kind: Hashable) -> W | None:
        with self._lock:
            idle = self._idle[os.getpid(), kind]
            return idle.pop() if idle else None

    def give_back(self, kind: Hashable, process: W) -> None:
        """Keep it for the next task; end it where it is not usable, or where enough are kept. Never raises."""
        usable = process.usable
        with self._lock:
            mine = (os.getpid(), kind)
            idle = self._idle[mine]
            kept = usable and len(idle) < self.most_idle
            if kept:
                idle.append(process)
        if not kept:
            process.end()

    def end_idle(self) -> None:
        """End all that are idle: at the end, or for whoever wants the memory back."""
        with self._lock:
            own = [kind for kind in self._idle if kind[0] == os.getpid()]
            idle = [process for kind in own for process in self._idle.pop(kind)]
        for process in idle:
            process.end()
