"""Draws cases: the same tasks and first seed give the same cases; later seeds give other cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from journeyman.errors import InputError
from journeyman.gym import family_of
from journeyman.gym.game import Family, split_of
from journeyman.gym.process import GameProcess, process_for
from journeyman.types import Case, Json

MOST_REPEATS = 500
"""Seeds in a row that make worlds already seen, after which a task is said to have no more."""


def sample_cases(names: Sequence[str], *, each: int, first_seed: int = 0) -> Iterator[Case]:
    """`each` different cases of every task named, one of each task in turn.

    Seeds go up from `first_seed`; one whose world was there already is passed over, so that no two cases are equal.
    Where a fresh exam is wanted, draw with a first seed beyond all used so far and keep those whose split is `exam`.
    Raises InputError when a task has not enough different worlds.
    """
    with ExitStack() as stack:
        processes = _processes(names, stack)
        streams: dict[str, Iterator[Case]] = {}
        for name in names:
            family, _ = family_of(name)
            streams[name] = _cases(name, processes[family.name], first_seed)
        for number in range(each):
            for name, stream in streams.items():
                case = next(stream, None)
                if case is None:
                    raise InputError(
                        f"{name} makes only {number} different cases from seed {first_seed} on.",
                        "Ask for fewer.",
                    )
                yield case


def _processes(names: Sequence[str], stack: ExitStack) -> dict[str, GameProcess]:
    """One process for each family, given back when the stack ends."""
    families: dict[str, Family] = {}
    for name in names:
        family, _ = family_of(name)
        families[family.name] = family
    processes: dict[str, GameProcess] = {}
    for name, family in families.items():
        processes[name] = stack.enter_context(process_for(family))
    return processes


def _cases(name: str, process: GameProcess, first_seed: int) -> Iterator[Case]:
    _, task = family_of(name)
    seen: set[str] = set()
    seed = first_seed
    repeats = 0
    while repeats < MOST_REPEATS:
        game = process.describe(task, seed)
        if game.world in seen:
            repeats += 1
        else:
            repeats = 0
            seen.add(game.world)
            target: Json = game.answer if process.family.is_puzzle else 1.0
            yield Case(
                id=f"{name}@{seed}",
                prompt=game.goal,
                data={"task": name, "seed": seed},
                target=target,
                slice=name,
                split=split_of(game.world),
            )
        seed += 1
