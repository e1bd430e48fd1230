"""Plays games in child processes with a time limit: a game that hangs or crashes is killed and named.

A process plays one game at a time and is used again for the next, for starting one costs seconds. Idle ones end with
this process, however it ends: their input closes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from subprocess import Popen
from typing import Any

from journeyman.errors import EnvironmentFault, InputError, MissingExtraError
from journeyman.gym.game import Described, Family, GameView, RefusedCommandError
from journeyman.system.children import (
    Child,
    ChildCommand,
    ChildEndedError,
    ChildLateError,
    WarmPool,
)
from journeyman.types import Json

MOST_CHARACTERS = 10_000
"""Of a command or answer; a longer one is refused."""

START_SECONDS = 180.0
"""For what makes a game, or plays a whole one: the libraries take their time, a Java machine above all."""

MOVE_SECONDS = 30.0

IDLE_AT_MOST = 2
"""Processes of one family kept for the next game."""


class GameProcess:
    """One process, for one family. Its methods block: call them in a thread."""

    def __init__(self, family: Family) -> None:
        require(family)
        self.family = family
        self.room = tempfile.mkdtemp(prefix="journeyman-gym-")
        self.asking = threading.RLock()
        self.busy = False
        self.child = Child(command_for(family, self.room))

    @property
    def process(self) -> Popen[bytes]:
        return self.child.process

    def tasks(self) -> list[str]:
        return list(self._ask(START_SECONDS, do="tasks"))

    def describe(self, task: str, seed: int) -> Described:
        given = self._ask(START_SECONDS, do="describe", task=task, seed=seed)
        return Described.model_validate(given)

    def start(self, task: str, seed: int) -> GameView:
        given = self._ask(START_SECONDS, do="start", task=task, seed=seed)
        return GameView.model_validate(given)

    def act(self, command: str) -> GameView:
        """Raises RefusedCommandError for what can't be done; nothing happened then."""
        sound = self._sound(command)
        given = self._ask(MOVE_SECONDS, do="act", command=sound)
        return GameView.model_validate(given)

    def replay(self, task: str, seed: int, commands: Sequence[str]) -> GameView:
        """Where these commands lead from the beginning; what `act` refuses is passed over."""
        sound: list[str] = []
        for command in commands:
            with suppress(RefusedCommandError):
                sound.append(self._sound(command))
        given = self._ask(START_SECONDS, do="replay", task=task, seed=seed, commands=sound)
        return GameView.model_validate(given)

    def walkthrough(self, task: str, seed: int) -> list[str]:
        given = self._ask(START_SECONDS, do="walkthrough", task=task, seed=seed)
        return list(given)

    def wander(self, task: str, seed: int) -> GameView:
        given = self._ask(START_SECONDS, do="wander", task=task, seed=seed)
        return GameView.model_validate(given)

    def _sound(self, command: str) -> str:
        """The command without what no game should be handed. A puzzle's answer may have lines."""
        if len(command) > MOST_CHARACTERS:
            raise RefusedCommandError(f"Longer than {MOST_CHARACTERS:,} characters.")
        plain = command.strip()
        allowed = "\r\n\t" if self.family.is_puzzle else ""
        for letter in plain:
            if letter not in allowed and _is_control(letter):
                raise RefusedCommandError("A command is one line without control characters.")
        return plain

    def _ask(self, seconds: float, **request: Json) -> Any:
        line = json.dumps(request).encode()
        with self.asking:
            self.busy = True
            deadline = time.monotonic() + seconds
            answer_line = self._exchange(line, deadline)
            self.busy = False
        answer = json.loads(answer_line)
        if "refused" in answer:
            why = answer["refused"]
            raise RefusedCommandError(why)
        error = answer.get("error")
        if error:
            is_input = error["kind"] == "input"
            kind = InputError if is_input else EnvironmentFault
            traceback = error.get("traceback")
            raise kind(error["message"], error["hint"], traceback=traceback)
        return answer["given"]

    def _exchange(self, request: bytes, deadline: float) -> bytes:
        name = self.family.name
        try:
            self.child.send(request)
            return self.child.read_line(deadline)
        except ChildLateError:
            problem = f"A game of {name} did not answer in time and was ended."
        except ChildEndedError:
            status = self.process.returncode
            problem = f"The process of {name}'s games ended by itself ({status})."
        self.end()
        raise EnvironmentFault(problem, "Try the case again.")

    @property
    def usable(self) -> bool:
        return self.child.alive and not self.busy

    def end(self) -> None:
        """Kill it with all that it started. Never raises."""
        self.child.kill()
        shutil.rmtree(self.room, ignore_errors=True)


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs"}


def require(family: Family) -> None:
    """Raises InputError for a family that is not installed, with how to install it."""
    if family.missing is None:
        return
    if "pip install" in family.missing:
        raise MissingExtraError(f"The family {family.name}", family.extra)
    problem = f"The family {family.name!r} can't be played: {family.missing}."
    raise InputError(problem, "Install it.")


def command_for(family: Family, room: str) -> ChildCommand:
    """How the family's process is started; `room` is its folder for temporary files."""
    variables = {
        "PYTHONHASHSEED": "0",  # equal seeds, equal games
        "TMPDIR": room,
        "OMP_NUM_THREADS": "1",
        "JAVA_TOOL_OPTIONS": "-Xmx1g",
    }
    return ChildCommand(
        module="journeyman.gym.child",
        arguments=(family.name, room),
        variables=variables,
        own_group=True,  # Ctrl-C is ours to handle; and its group can be killed as a whole
    )


_idle: WarmPool[GameProcess] = WarmPool(IDLE_AT_MOST)


def acquire(family: Family) -> GameProcess:
    """An idle process of the family, or a new one. Give it back, in any case."""
    process = _idle.take(family.name)
    if process is None:
        return GameProcess(family)
    return process


def release(process: GameProcess) -> None:
    """For the next game; one that is still busy, or ended, is done away with. Never raises."""
    _idle.give_back(process.family.name, process)


@contextmanager
def process_for(family: Family) -> Iterator[GameProcess]:
    process = acquire(family)
    try:
        yield process
    finally:
        release(process)


def end_idle() -> None:
    """For whoever wants the memory back, or a process that was started with other settings."""
    _idle.end_idle()
