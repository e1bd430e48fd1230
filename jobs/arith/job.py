"""Sums and small puzzles from reasoning-gym: as many as you like, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zlib import crc32

from journeyman.errors import MissingExtraError
from journeyman.types import Case, Split

SEED, ROUNDS = 42, 50
"""Another seed gives other cases; each round has one case of every kind. Equal questions are in the same split."""

KINDS = (
    "basic_arithmetic", "chain_sum", "products", "gcd", "lcm", "fraction_simplification", "base_conversion", "simple_equations",
    "number_sequence", "leg_counting", "calendar_arithmetic", "count_primes",
)  # fmt: skip

SPLITS: tuple[Split, ...] = ("train", "calibration", "train", "exam")


def gym() -> Any:
    try:
        import reasoning_gym  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise MissingExtraError("The job arith", "gym") from None
    return reasoning_gym


def cases() -> Iterator[Case]:
    """One kind after the other in each round; the gym's own entry goes along in `data`, for `score`."""
    made = {kind: gym().create_dataset(kind, seed=SEED, size=ROUNDS) for kind in KINDS}
    for n in range(ROUNDS):
        for kind in KINDS:
            entry = made[kind][n]
            told = {"seed": SEED, "index": n}
            split = SPLITS[crc32(entry["question"].encode()) % len(SPLITS)]
            yield Case(
                id=f"{kind}-{SEED}-{n:03d}",
                prompt=entry["question"],
                data=told,
                target=entry["answer"],
                slice=kind,
                split=split,
            )


def score(case: Case, answer: str | None) -> float:
    """The gym's own score of the last line, which must be full; anything less is wrong."""
    assert case.slice is not None
    made = gym().create_dataset(case.slice, seed=case.data["seed"], size=case.data["index"] + 1)
    final = (answer or "").strip().rsplit("\n", 1)[-1].removeprefix("Answer:").strip(" *`.")
    return float(made.score_answer(final or None, made[case.data["index"]]) >= 1.0)
