"""reasoning-gym: puzzles with one answer, made and scored by its own code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from journeyman.errors import InputError
from journeyman.gym.game import Family, Game
from journeyman.gym.guard import guard


@cache
def _library() -> Any:
    """The gym, with what keeps answers from being run as code."""
    import reasoning_gym  # noqa: PLC0415 - an optional extra

    guard("reasoning_gym")
    return reasoning_gym


def tasks() -> Sequence[str]:
    _library()
    from reasoning_gym.factory import DATASETS  # noqa: PLC0415 - an optional extra

    return sorted(DATASETS)


def open_puzzle(task: str, seed: int) -> Game:
    if task not in tasks():
        raise InputError(
            f"reasoning_gym has no task {task!r}.", "`journeyman gym list reasoning_gym` has all."
        )
    return Puzzle(task, seed)


class Puzzle:
    """Right is a full score by the gym itself, anything less wrong: part scores mean something else in each task."""

    commands: Sequence[str] | None = None
    most_moves = 1

    def __init__(self, task: str, seed: int) -> None:
        self.task, self.seed = task, seed
        self.made = _library().create_dataset(task, seed=seed, size=1)
        self.entry = self.made[0]
        self.goal = self.world = str(self.entry["question"])
        self.score, self.over = 0.0, False

    def begin(self) -> str:
        return self.goal

    def act(self, command: str) -> str:
        """What stands after the last `Answer:` counts; of that, the last line where the gold answer has one line."""
        final = command.rpartition("Answer:")[2].strip()
        if "\n" not in str(self.entry["answer"]):
            final = final.rsplit("\n", 1)[-1].strip()
        self.over = True
        try:
            tries = dict.fromkeys(
                (final, final.strip(" *`."))
            )  # with what models put around an answer, and without
            self.score = float(
                any(self.made.score_answer(one or None, self.entry) >= 1.0 for one in tries)
            )
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            RuntimeError,
            SyntaxError,
            TypeError,
            ValueError,
        ) as error:
            return f"unreadable: {type(error).__name__}: {error}"  # some of its scorers do not expect nonsense
        return "right" if self.score else "wrong"

    def choices(self) -> Sequence[str]:
        """The next seed's right answer."""
        return [str(_library().create_dataset(self.task, seed=self.seed + 1, size=1)[0]["answer"])]

    def walkthrough(self) -> Sequence[str]:
        answer = self.entry["answer"]
        return [] if answer is None else [str(answer)]

    def close(self) -> None: ...


REASONING_GYM = Family(
    name="reasoning_gym", extra="gym", modules=("reasoning_gym",), open=open_puzzle, tasks=tasks
)
