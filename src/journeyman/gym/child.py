"""The process that a family's games run in: it answers each line of input with one line, and ends with its input.

    python -P -m journeyman.gym.child FAMILY ROOM

ROOM is a folder of its own for temporary files, which it removes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TextIO

from journeyman.errors import boundary
from journeyman.gym import FAMILIES
from journeyman.gym.game import Described, Family, Game, GameView, RefusedCommandError
from journeyman.system.memory import limit_memory
from journeyman.types import Json, Record

MOST_BYTES = 4 * 2**30
"""Of memory, for families that run without Java, whose machine has a limit of its own."""


WANDER_SECONDS = 60.0
"""For one game by chance: where there are thousands of commands, listing them takes its time."""

WATCH_SECONDS = 1.0
"""How often to look whether the parent is still there."""


class Play:
    """The game being played, its moves counted."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.game: Game | None = None
        self.move = 0

    def tasks(self) -> Sequence[str]:
        return list(self.family.tasks())

    def describe(self, task: str, seed: int) -> Described:
        self.game = None  # some libraries hold one game at a time
        game = self.family.open(task, seed)
        answer = None
        if self.family.is_puzzle:
            answer = next(iter(game.walkthrough()), None)
        return Described(goal=game.goal, world=game.world, answer=answer)

    def start(self, task: str, seed: int) -> GameView:
        if self.game is not None:
            self.game.close()
        self.game = self.family.open(task, seed)
        self.move = 0
        return self._view(self.game.begin())

    def act(self, command: str) -> GameView:
        """Raises RefusedCommandError when the game is over or does not know the command."""
        if self.game is None or self._over(self.game):
            raise RefusedCommandError("The game is over.")
        seen = self.game.act(command)
        self.move += 1
        return self._view(seen)

    def replay(self, task: str, seed: int, commands: Sequence[str]) -> GameView:
        """Where these commands lead; what is refused is passed over."""
        view = self.start(task, seed)
        for command in commands:
            if view.over:
                break
            try:
                view = self.act(command)
            except RefusedCommandError:
                continue
        return view

    def walkthrough(self, task: str, seed: int) -> Sequence[str]:
        self.game = None
        return list(self.family.open(task, seed).walkthrough())

    def wander(self, task: str, seed: int) -> GameView:
        """Play by chance to the end, or for a minute."""
        view = self.start(task, seed)
        chance = random.Random(seed)  # noqa: S311 - no secret
        end = time.monotonic() + WANDER_SECONDS
        assert self.game is not None
        for _ in range(2 * view.most_moves):
            if view.over or time.monotonic() > end:
                break
            choices = self.game.choices()
            if not choices:
                break
            command = chance.choice(choices)
            with suppress(RefusedCommandError):
                view = self.act(command)
        return view

    def _over(self, game: Game) -> bool:
        return game.over or self.move >= game.most_moves

    def _view(self, told: str) -> GameView:
        assert self.game is not None
        game = self.game
        commands = None
        if game.commands is not None:
            commands = tuple(game.commands)
        return GameView(
            told=told,
            commands=commands,
            move=self.move,
            most_moves=game.most_moves,
            score=game.score,
            over=self._over(game),
        )


def answer(play: Play, line: str) -> dict[str, Json]:
    """One request's answer: {"given"}, {"refused"}, or {"error"}."""
    request = json.loads(line)
    methods: dict[str, Callable[..., Any]] = {
        "tasks": play.tasks,
        "describe": play.describe,
        "start": play.start,
        "act": play.act,
        "replay": play.replay,
        "walkthrough": play.walkthrough,
        "wander": play.wander,
    }
    with boundary(play.family.name) as outcome:
        method = methods[request.pop("do")]
        try:
            given = method(**request)
        except RefusedCommandError as refused:
            return {"refused": str(refused)}
        if isinstance(given, Record):
            given = given.model_dump(mode="json")
        return {"given": given}
    assert outcome.failure is not None
    return {"error": outcome.failure.model_dump()}


def end_with(parent: int, room: str) -> None:
    """End this process and all that it started once its parent is gone, even in the midst of a move that hangs."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    shutil.rmtree(room, ignore_errors=True)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    family = FAMILIES[sys.argv[1]]
    room = sys.argv[2]
    tempfile.tempdir = room
    watch = threading.Thread(target=end_with, args=(os.getppid(), room), daemon=True)
    watch.start()
    if not family.programs:
        limit_memory(MOST_BYTES, for_good=True)
    answers: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # libraries print
    play = Play(family)
    try:
        for line in sys.stdin:
            told = json.dumps(answer(play, line), ensure_ascii=True)
            answers.write(told + "\n")
            answers.flush()
    except BrokenPipeError:
        pass
    finally:
        shutil.rmtree(room, ignore_errors=True)


if __name__ == "__main__":
    main()
