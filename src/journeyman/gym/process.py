"""Playing a family's games in a process of their own, bounded in time: one that hangs or crashes is killed and named.

A process plays one game at a time and is used again for the next, for starting one costs seconds. Idle ones end with
this process, however it ends: their input closes.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from journeyman.errors import EnvironmentFault, InputError, MissingExtraError
from journeyman.gym.game import Described, Family, GameView, RefusedCommandError
from journeyman.types import Json

MOST_CHARACTERS = 10_000
"""Of a command or answer; a longer one is refused."""

START_SECONDS = 180.0
"""For what makes a game, or plays a whole one: the libraries take their time, a Java machine above all."""

MOVE_SECONDS = 30.0

IDLE_AT_MOST = 2
"""Processes of one family kept for the next game."""

PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "JAVA_HOME",
    "LD_LIBRARY_PATH",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
)
"""Of this process's environment; keys and tokens stay here."""


class GameProcess:
    """One process, for one family. Its methods block: call them in a thread."""

    def __init__(self, family: Family) -> None:
        if family.missing is not None:
            if "pip install" in family.missing:
                raise MissingExtraError(f"The family {family.name}", family.extra)
            raise InputError(
                f"The family {family.name!r} can't be played: {family.missing}.", "Install it."
            )
        self.family = family
        self.room = tempfile.mkdtemp(prefix="journeyman-gym-")
        self.asking = threading.RLock()
        self.busy = False
        self.unread = b""
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONHASHSEED": "0",  # equal seeds, equal games
            "TMPDIR": self.room,
            "OMP_NUM_THREADS": "1",
            "JAVA_TOOL_OPTIONS": "-Xmx1g",
        }
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "journeyman.gym.child", family.name, self.room],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to handle; and its group can be killed as a whole
        )

    def tasks(self) -> list[str]:
        return list(self._ask(START_SECONDS, do="tasks"))

    def describe(self, task: str, seed: int) -> Described:
        return Described.model_validate(
            self._ask(START_SECONDS, do="describe", task=task, seed=seed)
        )

    def start(self, task: str, seed: int) -> GameView:
        return GameView.model_validate(self._ask(START_SECONDS, do="start", task=task, seed=seed))

    def act(self, command: str) -> GameView:
        """Raises RefusedCommandError for what can't be done; nothing happened then."""
        return GameView.model_validate(
            self._ask(MOVE_SECONDS, do="act", command=self._sound(command))
        )

    def replay(self, task: str, seed: int, commands: Sequence[str]) -> GameView:
        """Where these commands lead from the beginning; what `act` refuses is passed over."""
        sound: list[str] = []
        for command in commands:
            with suppress(RefusedCommandError):
                sound.append(self._sound(command))
        return GameView.model_validate(
            self._ask(START_SECONDS, do="replay", task=task, seed=seed, commands=sound)
        )

    def walkthrough(self, task: str, seed: int) -> list[str]:
        return list(self._ask(START_SECONDS, do="walkthrough", task=task, seed=seed))

    def wander(self, task: str, seed: int) -> GameView:
        return GameView.model_validate(self._ask(START_SECONDS, do="wander", task=task, seed=seed))

    def _sound(self, command: str) -> str:
        """The command without what no game should be handed. A puzzle's answer may have lines."""
        if len(command) > MOST_CHARACTERS:
            raise RefusedCommandError(f"Longer than {MOST_CHARACTERS:,} characters.")
        plain = command.strip()
        allowed = "\r\n\t" if self.family.is_puzzle else ""
        if any(
            unicodedata.category(letter) in {"Cc", "Cs"} and letter not in allowed
            for letter in plain
        ):
            raise RefusedCommandError("A command is one line without control characters.")
        return plain

    def _ask(self, seconds: float, **request: Json) -> Json:
        with self.asking:
            self.busy = True
            line = self._exchange(json.dumps(request).encode() + b"\n", time.monotonic() + seconds)
            self.busy = False
        answer = json.loads(line)
        if "refused" in answer:
            raise RefusedCommandError(answer["refused"])
        if error := answer.get("error"):
            kind = InputError if error["kind"] == "input" else EnvironmentFault
            raise kind(error["message"], error["hint"])
        return answer["given"]

    def _exchange(self, request: bytes, deadline: float) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError, ValueError):  # then there is no answer either
            self.process.stdin.write(request)
            self.process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.unread:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    self.end()
                    raise EnvironmentFault(
                        f"A game of {self.family.name} did not answer in time and was ended.",
                        "Try the case again.",
                    )
                if not (more := os.read(self.process.stdout.fileno(), 65_536)):
                    self.end()
                    raise EnvironmentFault(
                        f"The process of {self.family.name}'s games ended by itself ({self.process.returncode}).",
                        "Try the case again.",
                    )
                self.unread += more
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    @property
    def usable(self) -> bool:
        return self.process.poll() is None and not self.busy

    def end(self) -> None:
        """Kill it with all that it started. Never raises."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.room, ignore_errors=True)
        if self.asking.acquire(
            blocking=False
        ):  # else the thread that waits for an answer now ends, and comes here
            for pipe in (self.process.stdin, self.process.stdout):
                with suppress(OSError):
                    assert pipe is not None
                    pipe.close()
            self.asking.release()


_idle: defaultdict[tuple[int, str], list[GameProcess]] = defaultdict(list)
"""By process and family: a fork must not talk to its parent's."""


def acquire(family: Family) -> GameProcess:
    """An idle process of the family, or a new one. Give it back, in any case."""
    mine = _idle[os.getpid(), family.name]
    while mine:
        process = mine.pop()
        if process.usable:
            return process
        process.end()
    return GameProcess(family)


def release(process: GameProcess) -> None:
    """For the next game; one that is still busy, or ended, is done away with. Never raises."""
    mine = _idle[os.getpid(), process.family.name]
    if process.usable and len(mine) < IDLE_AT_MOST:
        mine.append(process)
    else:
        process.end()


@contextmanager
def process_for(family: Family) -> Iterator[GameProcess]:
    process = acquire(family)
    try:
        yield process
    finally:
        release(process)


@atexit.register
def end_idle() -> None:
    """Also for whoever wants the memory back."""
    for (owner, _), processes in _idle.items():
        while owner == os.getpid() and processes:
            processes.pop().end()
