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


def _dataset(task: str, seed: int) -> Any:
    """One puzzle, with what scores it."""
    return _library().create_dataset(task, seed=seed, size=1)


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
        self.task = task
        self.seed = seed
        self.made = _dataset(task, seed)
        self.entry = self.made[0]
        question = str(self.entry["question"])
        self.goal = question
        self.world = question
        self.score = 0.0
        self.over = False

    def begin(self) -> str:
        return self.goal

    def act(self, command: str) -> str:
        """What stands after the last `Answer:` counts; of that, the last line where the gold answer has one line."""
        final = command.rpartition("Answer:")[2].strip()
        if "\n" not in str(self.entry["answer"]):
            final = final.rsplit("\n", 1)[-1].strip()
        self.over = True
        without_marks = final.strip(" *`.")  # what models put around an answer
        try:
            is_right = any(
                self._is_right(answer) for answer in dict.fromkeys((final, without_marks))
            )
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            RuntimeError,
            SyntaxError,
            TypeError,
            ValueError,
        ) as error:  # some of its scorers do not expect nonsense
            return f"unreadable: {type(error).__name__}: {error}"
        self.score = float(is_right)
        return "right" if is_right else "wrong"

    def _is_right(self, answer: str) -> bool:
        score = self.made.score_answer(answer or None, self.entry)
        return bool(score >= 1.0)

    def choices(self) -> Sequence[str]:
        """The next seed's right answer."""
        entry = _dataset(self.task, self.seed + 1)[0]
        return [str(entry["answer"])]

    def walkthrough(self) -> Sequence[str]:
        answer = self.entry["answer"]
        return [] if answer is None else [str(answer)]

    def close(self) -> None: ...


REASONING_GYM = Family(
    name="reasoning_gym", extra="gym", modules=("reasoning_gym",), open=open_puzzle, tasks=tasks
)
