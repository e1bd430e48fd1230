"""TextWorld: houses to explore by text, made by Microsoft's generator and played as Inform 7 games.

Only the commands that the game says are admissible reach it: its interpreter also knows `save` and `script`, which
write files, and falls over control characters.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from journeyman.errors import InputError
from journeyman.gym.game import Family, Game, RefusedCommandError

LEVELS = {"coin_collector": 300, "treasure_hunter": 30}
COOKING = {
    "recipe": 1,
    "take": 1,
    "go": 1,
    "open": False,
    "cook": False,
    "cut": False,
    "drop": False,
}
KITCHENS: dict[str, dict[str, int | bool]] = {
    "1": {},
    "2": {"open": True},
    "3": {"open": True, "cook": True},
    "4": {"open": True, "cook": True, "cut": True},
    "5": {"open": True, "cook": True, "cut": True, "go": 6},
    "6": {"open": True, "cook": True, "cut": True, "go": 6, "recipe": 3, "take": 3},
    "7": {"open": True, "cook": True, "cut": True, "go": 12, "recipe": 5, "take": 5},
}
"""Levels of cooking, each with one difficulty more; the names are TextWorld's own."""
LISTED = {
    "coin_collector": (1, 3, 5, 10, 20, 105, 110, 205, 210),
    "treasure_hunter": (1, 5, 10, 11, 15, 20, 21, 25, 30),
}


def tasks() -> Sequence[str]:
    names: list[str] = []
    for name, levels in LISTED.items():
        names += [f"{name}/{level}" for level in levels]
    names += [f"cooking/{level}" for level in KITCHENS]
    return names


def _settings(task: str) -> tuple[str, Mapping[str, Any]]:
    name, _, level = task.partition("/")
    if name == "cooking" and level in KITCHENS:
        settings = {**COOKING, **KITCHENS[level], "recipe_seed": 0, "split": None}
        return name, settings
    is_number = re.fullmatch(r"[1-9]\d{0,2}", level) is not None
    if name in LEVELS and is_number and int(level) <= LEVELS[name]:
        return name, {"level": int(level)}
    raise InputError(
        f"textworld has no task {task!r}.",
        "coin_collector/1 to /300, treasure_hunter/1 to /30, or cooking/1 to /7.",
    )


def open_text_world(task: str, seed: int) -> Game:
    return TextWorld(task, seed)


class TextWorld:
    """Part scores are the game's own: points over the most points."""

    def __init__(self, task: str, seed: int) -> None:
        self.task = task
        self.seed = seed
        self.game, self.compile = _made(task, seed)
        self.goal = " ".join(self.game.objective.split())
        facts = sorted(map(str, self.game.world.facts))
        self.world = "\n".join([self.goal, *facts])
        moves_to_win = len(self.walkthrough())
        self.most_moves = 10 + 4 * moves_to_win  # room to look around, not to try everything
        self.score = 0.0
        self.over = False
        self.commands: Sequence[str] | None = None

    def begin(self) -> str:
        import textworld  # noqa: PLC0415 - an optional extra

        wanted = textworld.EnvInfos(
            admissible_commands=True,
            description=True,
            inventory=True,
            max_score=True,
        )
        file = str(self.compile())
        self.played = textworld.start(file, wanted)
        state = self.played.reset()
        self.commands = state.admissible_commands
        return _plain(state.description)

    def act(self, command: str) -> str:
        plain = " ".join(command.casefold().split())
        if self.commands is None or plain not in self.commands:
            raise RefusedCommandError("Not one of the commands that can be given now.")
        state, score, is_over = self.played.step(plain)
        self.over = is_over
        share = score / state.max_score
        self.score = max(0.0, min(1.0, share))
        self.commands = state.admissible_commands
        return _plain(state.feedback)

    def choices(self) -> Sequence[str]:
        return self.commands or ()

    def walkthrough(self) -> Sequence[str]:
        return list(self.game.metadata.get("walkthrough", ()))

    def close(self) -> None:
        if hasattr(self, "played"):
            self.played.close()


@lru_cache(maxsize=16)
def _made(task: str, seed: int) -> tuple[Any, Callable[[], Path]]:
    """The game, and what compiles it when it is first played."""
    from textworld import GameOptions  # noqa: PLC0415 - an optional extra
    from textworld.challenges import CHALLENGES  # noqa: PLC0415 - an optional extra
    from textworld.generator import compile_game  # noqa: PLC0415 - an optional extra

    name, settings = _settings(task)
    folder = tempfile.mkdtemp()
    options = GameOptions()
    options.seeds = seed
    options.grammar.only_last_action = True  # else the goal tells the way
    options.path = str(Path(folder) / "game.z8")
    make = CHALLENGES[f"tw-{name}"][1]
    game = make(settings, options)

    @lru_cache(maxsize=1)
    def compiled() -> Path:
        return Path(compile_game(game, options))

    return game, compiled


def _plain(text: str) -> str:
    """Without the prompt, the status line, and what is asked when the game is over."""
    before_prompt = text.split("\n>", maxsplit=1)[0]
    before_end = before_prompt.split("\nWould you like to RESTART", maxsplit=1)[0]
    return re.sub(r"\s*\n\s*", "\n", before_end).strip()


TEXTWORLD = Family(
    name="textworld",
    extra="textworld",
    modules=("textworld",),
    open=open_text_world,
    tasks=tasks,
    rules=(
        "You play a text game. Each turn call `act` with exactly one of the commands listed below what you see. "
        "The game ends by itself once the goal is reached or can't be reached any more; `finish` gives up."
    ),
)
