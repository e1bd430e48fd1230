"""TextWorld: houses to walk through by text, made by Microsoft's generator and played as compiled Inform 7 games.

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
    levels = {
        **{name: [str(n) for n in listed] for name, listed in LISTED.items()},
        "cooking": list(KITCHENS),
    }
    return [f"{name}/{level}" for name, all_levels in levels.items() for level in all_levels]


def _settings(task: str) -> tuple[str, Mapping[str, Any]]:
    name, _, level = task.partition("/")
    if name == "cooking" and level in KITCHENS:
        return name, {**COOKING, **KITCHENS[level], "recipe_seed": 0, "split": None}
    if name in LEVELS and re.fullmatch(r"[1-9]\d{0,2}", level) and int(level) <= LEVELS[name]:
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
        self.task, self.seed = task, seed
        self.game, self.compile = _made(task, seed)
        self.goal = " ".join(self.game.objective.split())
        self.world = "\n".join([self.goal, *sorted(map(str, self.game.world.facts))])
        self.most_moves = 10 + 4 * len(
            self.walkthrough()
        )  # room to look around, not to try everything
        self.score, self.over = 0.0, False
        self.commands: Sequence[str] | None = None

    def begin(self) -> str:
        import textworld  # noqa: PLC0415 - an optional extra

        wanted = textworld.EnvInfos(
            admissible_commands=True, description=True, inventory=True, max_score=True
        )
        self.played = textworld.start(str(self.compile()), wanted)
        state = self.played.reset()
        self.commands = state.admissible_commands
        return _plain(state.description)

    def act(self, command: str) -> str:
        plain = " ".join(command.casefold().split())
        if plain not in (self.commands or ()):
            raise RefusedCommandError("Not one of the commands that can be given now.")
        state, score, self.over = self.played.step(plain)
        self.score = max(0.0, min(1.0, score / state.max_score))
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
    options = GameOptions()
    options.seeds, options.grammar.only_last_action = seed, True  # else the goal tells the way
    options.path = str(Path(tempfile.mkdtemp()) / "game.z8")
    game = CHALLENGES[f"tw-{name}"][1](settings, options)
    return game, lru_cache(maxsize=1)(lambda: Path(compile_game(game, options)))


def _plain(told: str) -> str:
    """Without the prompt, the status line, and what is asked when the game is over."""
    told = told.split("\n>", maxsplit=1)[0].split("\nWould you like to RESTART", maxsplit=1)[0]
    return re.sub(r"\s*\n\s*", "\n", told).strip()


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
