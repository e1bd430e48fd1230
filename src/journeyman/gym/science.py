"""ScienceWorld: experiments of the elementary-school curriculum in a simulated house. Needs Java 17."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from journeyman.errors import InputError
from journeyman.gym.game import Family, Game, RefusedCommandError

MOST_MOVES = 200
UNKNOWN = "No known action matches that input."


def tasks() -> Sequence[str]:
    from scienceworld.constants import ID2TASK  # noqa: PLC0415 - an optional extra

    return sorted(ID2TASK.values())


@lru_cache(maxsize=1)
def _simulator() -> Any:
    """One Java machine a process; games follow each other in it. It ends with the process."""
    from scienceworld import ScienceWorldEnv  # noqa: PLC0415 - an optional extra

    return ScienceWorldEnv("", envStepLimit=MOST_MOVES)


def open_experiment(task: str, seed: int) -> Game:
    if task not in tasks():
        raise InputError(
            f"scienceworld has no task {task!r}.", "`journeyman gym list scienceworld` has all."
        )
    most = _simulator().get_max_variations(task)
    if seed >= most:
        raise InputError(
            f"scienceworld:{task} has {most} variations, and seed {seed} is none of them.",
            "Draw fewer cases.",
        )
    return Experiment(task, seed)


class Experiment:
    """A seed is the number of one of the task's variations, which are finitely many. Part scores are its own."""

    commands: Sequence[str] | None = None
    most_moves = MOST_MOVES

    def __init__(self, task: str, seed: int) -> None:
        simulator = _simulator()
        simulator.load(task, seed, "")
        description = simulator.taskdescription()
        goal = description.removeprefix("Task Description:")
        self.task = task
        self.seed = seed
        self.simulator = simulator
        self.goal = " ".join(goal.split())
        self.world = f"scienceworld {task} {seed}"
        self.score = 0.0
        self.over = False

    def begin(self) -> str:
        self.simulator.server.reset()
        return str(self.simulator.server.step("look around"))

    def act(self, command: str) -> str:
        server = self.simulator.server
        reply = server.step(command)
        feedback = str(reply)
        if feedback == UNKNOWN:
            raise RefusedCommandError(feedback)
        score = float(server.getScore())
        is_done = bool(server.getCompleted())
        at_most_one = min(1.0, score)
        self.score = max(0.0, at_most_one)
        self.over = is_done or score < 0
        return feedback

    def choices(self) -> Sequence[str]:
        return self.simulator.get_valid_action_object_combinations()  # type: ignore[no-any-return]

    def walkthrough(self) -> Sequence[str]:
        """Loads the game anew: ask before it begins."""
        self.simulator.load(self.task, self.seed, "", generateGoldPath=True)
        return list(self.simulator.get_gold_action_sequence())

    def close(self) -> None: ...


SCIENCEWORLD = Family(
    name="scienceworld",
    extra="scienceworld",
    modules=("scienceworld",),
    programs=("java",),
    open=open_experiment,
    tasks=tasks,
    rules=(
        "You do an experiment in a simulated house. Each turn call `act` with one command. Commands, where OBJ is a "
        "thing that you see: look around; look at OBJ; look in OBJ; inventory; task; go to OBJ (a place); "
        "open OBJ; close OBJ; "
        "pick up OBJ; put down OBJ; move OBJ to OBJ; pour OBJ in OBJ; dunk OBJ in OBJ; mix OBJ; use OBJ on OBJ; "
        "activate OBJ; deactivate OBJ; connect OBJ to OBJ; disconnect OBJ; read OBJ; eat OBJ; flush OBJ; "
        "focus on OBJ (only on what the task asks for: a wrong one loses); wait (ten steps); wait1. "
        "Where a command may mean several things the game asks, and you answer with a number. "
        "The game ends by itself once the task is done or lost; `finish` gives up."
    ),
)
