"""MiniGrid and BabyAI, told in words: rooms on a grid, seen from where one stands, seven squares wide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from journeyman.errors import InputError
from journeyman.gym.game import Family, Game, RefusedCommandError

COMMANDS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle", "done")
"""In the order of MiniGrid's own actions."""


def _registry() -> dict[str, Any]:
    import gymnasium  # noqa: PLC0415 - an optional extra
    import minigrid  # noqa: PLC0415 - an optional extra; it registers its tasks

    assert minigrid
    return gymnasium.registry


def tasks() -> Sequence[str]:
    """BabyAI's levels, for which there is an expert."""
    return sorted(name for name in _registry() if name.startswith("BabyAI-"))


def open_grid(task: str, seed: int) -> Game:
    if not task.startswith(("BabyAI-", "MiniGrid-")) or task not in _registry():
        raise InputError(
            f"minigrid has no task {task!r}.", "`journeyman gym list minigrid` has BabyAI's."
        )
    return Grid(task, seed)


class Grid:
    """Won or not: there are no part scores."""

    commands: Sequence[str] | None = None

    def __init__(self, task: str, seed: int) -> None:
        self.task, self.seed = task, seed
        self.env = self._fresh()
        self.goal = str(self.env.mission)
        self.most_moves = int(self.env.max_steps)
        self.world = f"{self.goal}\n{self.env.grid.encode().tolist()} {self.env.agent_pos} {self.env.agent_dir}"
        self.score, self.over = 0.0, False

    def _fresh(self) -> Any:
        _registry()
        import gymnasium  # noqa: PLC0415 - an optional extra

        env = gymnasium.make(self.task).unwrapped
        env.reset(seed=self.seed)
        return env

    def begin(self) -> str:
        return view(self.env)

    def act(self, command: str) -> str:
        plain = " ".join(command.casefold().split())
        if plain not in COMMANDS:
            raise RefusedCommandError(f"The commands are: {', '.join(COMMANDS)}.")
        _, reward, ended, cut, _ = self.env.step(COMMANDS.index(plain))
        self.score, self.over = float(reward > 0), ended or cut
        return view(self.env)

    def choices(self) -> Sequence[str]:
        return COMMANDS

    def walkthrough(self) -> Sequence[str]:
        """What BabyAI's expert does. Empty: it finds no way, or the task is MiniGrid's, for which it is not made."""
        from minigrid.utils import baby_ai_bot  # noqa: PLC0415 - an optional extra

        if not self.task.startswith("BabyAI-"):
            return []
        env, path, action = self._fresh(), list[str](), None
        expert: Any = cast("Any", baby_ai_bot).BabyAIBot(env)
        try:
            while len(path) < self.most_moves:
                action = expert.replan(action)
                path.append(COMMANDS[action])
                _, reward, ended, _, _ = env.step(action)
                if ended:
                    return path if reward > 0 else []
        except AssertionError:  # "nothing left to explore"
            return []
        return []

    def close(self) -> None: ...


def view(env: Any) -> str:
    """What is seen: how far it is free ahead, whether to the sides, each thing by its place, and what is carried."""
    grid, seen = env.gen_obs_grid()
    column, row = grid.width // 2, grid.height - 1
    free = (
        next((n for n in range(1, row + 1) if grid.get(column, row - n) is not None), row + 1) - 1
    )
    sides = [
        f"{side} {'free' if grid.get(x, row) is None else 'blocked'}"
        for side, x in (("left", column - 1), ("right", column + 1))
    ]
    things = [
        f"{_named(grid.get(x, y))}, {_place(row - y, x - column)}"
        for y in range(row, -1, -1)
        for x in range(grid.width)
        if seen[x, y]
        and (x, y) != (column, row)
        and grid.get(x, y) is not None
        and grid.get(x, y).type != "wall"
    ]
    told = [f"Free squares ahead: {free}; {', '.join(sides)}."]
    told.append(f"You see: {'; '.join(things)}." if things else "You see nothing but walls.")
    told.append(
        "You carry nothing." if env.carrying is None else f"You carry {_named(env.carrying)}."
    )
    return " ".join(told)


def _named(thing: Any) -> str:
    state = (
        ("locked " if thing.is_locked else "open " if thing.is_open else "closed ")
        if thing.type == "door"
        else ""
    )
    return f"a {state}{thing.color} {thing.type}"


def _place(ahead: int, right: int) -> str:
    side = f"{abs(right)} {'right' if right > 0 else 'left'}"
    return side if ahead == 0 else f"{ahead} ahead" if right == 0 else f"{ahead} ahead and {side}"


MINIGRID = Family(
    name="minigrid",
    extra="minigrid",
    modules=("minigrid", "gymnasium"),
    open=open_grid,
    tasks=tasks,
    rules=(
        "You move on a grid of rooms. Each turn call `act` with one command: turn left, turn right, go forward, "
        "pick up (what is straight ahead), drop (to the square ahead), toggle (open or close a door or box straight "
        "ahead; a locked door needs the key of its colour, carried), done. Places are told from where you look: "
        "'2 ahead and 1 left'. "
        "To go to a thing is to stand before it, looking at it. "
        "The game ends by itself once the goal is reached or the moves are used up; `finish` gives up."
    ),
)
