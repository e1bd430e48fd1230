"""The process that a family's games run in: reads one request a line, answers with one line; ends when its input ends.

    python -P -m journeyman.gym.child FAMILY ROOM

ROOM is a folder of its own for temporary files, which it removes.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from journeyman.errors import boundary
from journeyman.gym import FAMILIES
from journeyman.gym.game import Described, Family, Game, GameView, RefusedCommandError
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
        answer = next(iter(game.walkthrough()), None) if self.family.is_puzzle else None
        return Described(goal=game.goal, world=game.world, answer=answer)

    def start(self, task: str, seed: int) -> GameView:
        if self.game is not None:
            self.game.close()
        self.game, self.move = self.family.open(task, seed), 0
        return self._view(self.game.begin())

    def act(self, command: str) -> GameView:
        """Raises RefusedCommandError when the game is over or does not know the command."""
        if self.game is None or self._over(self.game):
            raise RefusedCommandError("The game is over.")
        told = self.game.act(command)
        self.move += 1
        return self._view(told)

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
        view, chance = self.start(task, seed), random.Random(seed)  # noqa: S311 - no secret
        assert self.game is not None
        until = time.monotonic() + WANDER_SECONDS
        for _ in range(2 * view.most_moves):
            if view.over or time.monotonic() > until or not (choices := self.game.choices()):
                break
            try:
                view = self.act(chance.choice(choices))
            except RefusedCommandError:
                continue
        return view

    def _over(self, game: Game) -> bool:
        return game.over or self.move >= game.most_moves

    def _view(self, told: str) -> GameView:
        assert self.game is not None
        game = self.game
        commands = None if game.commands is None else tuple(game.commands)
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
    doing: dict[str, Callable[..., Any]] = {
        "tasks": play.tasks,
        "describe": play.describe,
        "start": play.start,
        "act": play.act,
        "replay": play.replay,
        "walkthrough": play.walkthrough,
        "wander": play.wander,
    }
    with boundary(play.family.name) as outcome:
        try:
            given = doing[request.pop("do")](**request)
        except RefusedCommandError as refused:
            return {"refused": str(refused)}
        return {"given": given.model_dump(mode="json") if isinstance(given, Record) else given}
    assert outcome.failure is not None
    return {"error": outcome.failure.model_dump()}


def end_with(parent: int, room: str) -> None:
    """End this process and all that it started once its parent is gone, even in the midst of a move that hangs."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    shutil.rmtree(room, ignore_errors=True)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    family, room = FAMILIES[sys.argv[1]], sys.argv[2]
    tempfile.tempdir = room
    threading.Thread(target=end_with, args=(os.getppid(), room), daemon=True).start()
    if not family.programs:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    told: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries print
    play = Play(family)
    try:
        for line in sys.stdin:
            told.write(json.dumps(answer(play, line), ensure_ascii=True) + "\n")
            told.flush()
    except BrokenPipeError:
        pass
    finally:
        shutil.rmtree(room, ignore_errors=True)


if __name__ == "__main__":
    main()
