"""A family of generated environments: a task and a seed always make the same game.

A `Game` is the bare simulation, without model, loop or journal. It runs in a process of its own (`child.py`), for the
libraries behind it may hang, crash or leak; the environment and the verifier of kind `gym` talk to it by `process.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from shutil import which
from typing import Protocol

from journeyman.errors import InputError
from journeyman.types import Json, Record, Split

SPLIT_KEY = b"journeyman.gym/1"
"""One key for all jobs: what is an exam case in one job is no training case in another."""


class RefusedCommandError(Exception):
    """A command that the game can't take now. Nothing was done; the text says why."""


class Game(Protocol):
    """One world, made of a task and a seed. Equal seeds and equal commands give equal games in every process."""

    goal: str
    """What is to be done, in words."""
    world: str
    """Text that is equal for equal worlds: seeds may repeat themselves."""
    most_moves: int
    score: float
    """So far, from 0 to 1; 1 is right."""
    over: bool

    @property
    def commands(self) -> Sequence[str] | None:
        """What may be done now. None: too much to list, or anything."""
        ...

    def begin(self) -> str:
        """Start; gives the first thing seen. `goal` and `world` are known before."""
        ...

    def act(self, command: str) -> str:
        """Carry out one command; gives what is seen then. Raises RefusedCommandError for one that it does not know."""
        ...

    def choices(self) -> Sequence[str]:
        """Commands for a policy that knows nothing: chance chooses among them."""
        ...

    def walkthrough(self) -> Sequence[str]:
        """Commands that win, played from the beginning. Empty: nobody knows any."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Family:
    """Many tasks of one origin."""

    name: str
    extra: str
    """`pip install 'journeyman[EXTRA]'`."""
    modules: tuple[str, ...]
    """What must be importable."""
    open: Callable[[str, int], Game]
    """Makes the game of a task and a seed. Raises InputError for a task or seed that there is not."""
    tasks: Callable[[], Sequence[str]]
    """All tasks; with levels, some of them."""
    rules: str = ""
    """What the worker is told first, the same for all its games. Empty: a puzzle, whose only move is the answer."""
    programs: tuple[str, ...] = ()
    """What must be on the path."""

    @property
    def is_puzzle(self) -> bool:
        return not self.rules

    @property
    def missing(self) -> str | None:
        """Why it can't be played here. None: it can."""
        for module in self.modules:
            if find_spec(module) is None:
                return f"{module} is not installed: pip install 'journeyman[{self.extra}]'"
        for program in self.programs:
            if which(program) is None:
                return f"the program {program!r} is not installed"
        return None


class GameView(Record):
    """What there is to see of a game after a move."""

    told: str
    commands: tuple[str, ...] | None = None
    move: int
    most_moves: int
    score: float
    over: bool


class Described(Record):
    """A game before it begins."""

    goal: str
    world: str
    answer: str | None = None
    """A puzzle's own answer. None: it has none, or it is no puzzle."""


def split_of(world: str) -> Split:
    """Half train, a quarter calibration, a quarter exam, by a keyed hash of the world that a seed makes.

    Not of the seed: small tasks make the same world of several seeds, and it must not be in two splits.
    """
    digest = hmac.new(SPLIT_KEY, world.encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest[:8], "big")
    share = number / 2**64
    if share < 0.5:
        return "train"
    if share < 0.75:
        return "calibration"
    return "exam"


def placed(data: Mapping[str, Json], case_id: str) -> tuple[str, int]:
    """The task and seed that a case's data names."""
    task = data.get("task")
    seed = data.get("seed")
    is_seed = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
    if not isinstance(task, str) or not isinstance(seed, int) or not is_seed:
        raise InputError(
            f"Case {case_id!r} names no game: its data has task {task!r} and seed {seed!r}.",
            'It needs {"task": "FAMILY:TASK", "seed": 0 or more}.',
        )
    return task, seed
