"""Drawing cases: the same tasks and first seed give the same cases, and later seeds give others, without end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from journeyman.errors import InputError
from journeyman.gym import family_of
from journeyman.gym.game import split_of
from journeyman.gym.process import GameProcess, process_for
from journeyman.types import Case

MOST_REPEATS = 500
"""Seeds in a row that make worlds already seen, after which a task is said to have no more."""


def sample_cases(names: Sequence[str], *, each: int, first_seed: int = 0) -> Iterator[Case]:
    """`each` different cases of every task named, one of each task in turn.

    Seeds go up from `first_seed`; one whose world was there already is passed over, so that no two cases are equal.
    Where a fresh exam is wanted, draw with a first seed beyond all used so far and keep those whose split is `exam`.
    Raises InputError when a task has not enough different worlds.
    """
    with ExitStack() as stack:
        families = {family.name: family for family, _ in map(family_of, names)}
        processes = {
            name: stack.enter_context(process_for(family)) for name, family in families.items()
        }
        streams = [
            _cases(name, processes[family_of(name)[0].name], first_seed)
            for name in dict.fromkeys(names)
        ]
        for n in range(each):
            for name, stream in zip(dict.fromkeys(names), streams, strict=True):
                case = next(stream, None)
                if case is None:
                    raise InputError(
                        f"{name} makes only {n} different cases from seed {first_seed} on.",
                        "Ask for fewer.",
                    )
                yield case


def _cases(name: str, process: GameProcess, first_seed: int) -> Iterator[Case]:
    _, task = family_of(name)
    seen: set[str] = set()
    seed, repeats = first_seed, 0
    while repeats < MOST_REPEATS:
        made = process.describe(task, seed)
        if made.world in seen:
            repeats += 1
        else:
            repeats = 0
            seen.add(made.world)
            yield Case(
                id=f"{name}@{seed}",
                prompt=made.goal,
                data={"task": name, "seed": seed},
                target=made.answer if process.family.is_puzzle else 1.0,
                slice=name,
                split=split_of(made.world),
            )
        seed += 1
