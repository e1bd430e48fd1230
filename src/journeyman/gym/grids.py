"""MiniGrid and BabyAI as text: rooms on a grid, with a view seven squares wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, cast

from journeyman.errors import InputError
from journeyman.gym.game import Family, Game, RefusedCommandError

COMMANDS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle", "done")
"""In the order of MiniGrid's own actions."""


def _registry() -> dict[str, Any]:
    import gymnasium  # noqa: PLC0415 - an optional extra
    import minigrid  # noqa: PLC0415 - an optional extra; it registers its tasks

    assert minigrid
    registry: dict[str, Any] = gymnasium.registry
    return registry


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
        self.task = task
        self.seed = seed
        self.env = self._fresh()
        self.goal = str(self.env.mission)
        self.most_moves = int(self.env.max_steps)
        squares = self.env.grid.encode().tolist()
        self.world = f"{self.goal}\n{squares} {self.env.agent_pos} {self.env.agent_dir}"
        self.score = 0.0
        self.over = False

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
            known = ", ".join(COMMANDS)
            raise RefusedCommandError(f"The commands are: {known}.")
        action = COMMANDS.index(plain)
        _, reward, is_ended, is_cut, _ = self.env.step(action)
        self.score = float(reward > 0)
        self.over = is_ended or is_cut
        return view(self.env)

    def choices(self) -> Sequence[str]:
        return COMMANDS

    def walkthrough(self) -> Sequence[str]:
        """What BabyAI's expert does. Empty: it finds no way, or the task is MiniGrid's, for which it is not made."""
        from minigrid.utils import baby_ai_bot  # noqa: PLC0415 - an optional extra

        if not self.task.startswith("BabyAI-"):
            return []
        env = self._fresh()
        expert: Any = cast("Any", baby_ai_bot).BabyAIBot(env)
        path: list[str] = []
        action = None
        try:
            while len(path) < self.most_moves:
                action = expert.replan(action)
                path.append(COMMANDS[action])
                _, reward, is_ended, _, _ = env.step(action)
                if is_ended:
                    return path if reward > 0 else []
        except AssertionError:  # "nothing left to explore"
            return []
        return []

    def close(self) -> None: ...


def view(env: Any) -> str:
    """What is seen: how far it is free ahead, whether to the sides, each thing by its place, and what is carried."""
    grid, is_seen = env.gen_obs_grid()
    column = grid.width // 2
    row = grid.height - 1
    free = _free_ahead(grid, column, row)
    left = _side(grid, "left", column - 1, row)
    right = _side(grid, "right", column + 1, row)
    sentences = [f"Free squares ahead: {free}; {left}, {right}."]
    things = list(_things(grid, is_seen, column, row))
    if things:
        listed = "; ".join(things)
        sentences.append(f"You see: {listed}.")
    else:
        sentences.append("You see nothing but walls.")
    if env.carrying is None:
        sentences.append("You carry nothing.")
    else:
        sentences.append(f"You carry {_named(env.carrying)}.")
    return " ".join(sentences)


def _free_ahead(grid: Any, column: int, row: int) -> int:
    """Free squares straight ahead, up to the end of what is seen."""
    for ahead in range(1, row + 1):
        if grid.get(column, row - ahead) is not None:
            return ahead - 1
    return row


def _side(grid: Any, name: str, column: int, row: int) -> str:
    if grid.get(column, row) is None:
        return f"{name} free"
    return f"{name} blocked"


def _things(grid: Any, is_seen: Any, column: int, row: int) -> Iterator[str]:
    """Each thing that is no wall, with its place, the nearest row first. (column, row) is where one stands."""
    rows = range(row, -1, -1)
    columns = range(grid.width)
    for y, x in product(rows, columns):
        is_own_place = (x, y) == (column, row)
        if is_own_place or not is_seen[x, y]:
            continue
        thing = grid.get(x, y)
        if thing is not None and thing.type != "wall":
            place = _place(row - y, x - column)
            yield f"{_named(thing)}, {place}"


def _named(thing: Any) -> str:
    state = ""
    if thing.type == "door":
        state = f"{_door_state(thing)} "
    return f"a {state}{thing.color} {thing.type}"


def _door_state(door: Any) -> str:
    if door.is_locked:
        return "locked"
    return "open" if door.is_open else "closed"


def _place(ahead: int, right: int) -> str:
    parts: list[str] = []
    if ahead:
        parts.append(f"{ahead} ahead")
    if right or not ahead:
        side = "right" if right > 0 else "left"
        parts.append(f"{abs(right)} {side}")
    return " and ".join(parts)


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
