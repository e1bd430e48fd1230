"""A stream of contributions, some of them poison, for every bench that asks what poison costs.

Real prompts (CLINC150). A quarter of the contributions is poison: other answers at random, the answers of the most
confusable intent, or examples that fit everything.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from statistics import fmean

from bench.lib import datasets
from bench.lib.figures import Figure

CASES = 1_200
INTENTS = 30
FIRST_SEED = 10
"""Those before were looked at while the product's constants were chosen."""
LAST = 400
"""Of these the accuracy is told."""
COPIES, KNOWS = 0.9, 0.3
"""The simulated reader."""
POISONED = 0.25

Poison = Callable[[random.Random, str, str, Sequence[str]], tuple[str, str]]
"""From a prompt and its answer to what is contributed instead."""


def at_random(
    rng: random.Random, prompt: str, answer: str, intents: Sequence[str]
) -> tuple[str, str]:
    return prompt, rng.choice(intents)


def confusable(
    rng: random.Random, prompt: str, answer: str, intents: Sequence[str]
) -> tuple[str, str]:
    """The intent whose name shares most words, always the same one."""
    words = set(answer.split("_"))
    return prompt, max(
        (i for i in intents if i != answer), key=lambda i: (len(words & set(i.split("_"))), i)
    )


def everywhere(
    rng: random.Random, prompt: str, answer: str, intents: Sequence[str]
) -> tuple[str, str]:
    """A prompt of the words that stand in most prompts: it is recalled for nearly everything."""
    return f"what is my the to i a can you how do me for of on {rng.randrange(10_000)}", intents[0]


POISONS: dict[str, Poison] = {
    "random": at_random,
    "confusable": confusable,
    "everywhere": everywhere,
}


def stream(rng: random.Random, count: int) -> tuple[list[tuple[str, str]], list[str]]:
    data = datasets.folder()
    if data is None:
        raise SystemExit("The benchmark data is not here; set JOURNEYMAN_DATA to its folder.")
    whole = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    chosen = set(rng.sample(sorted({label for _, label in whole["train"]}), count))
    cases = [(text, label) for text, label in whole["train"] if label in chosen]
    rng.shuffle(cases)
    return cases[:CASES], sorted(chosen)


def figure(values: Sequence[float], unit: str, goal: str = "") -> Figure:
    """Mean over seeds, with the least and the most."""
    return Figure(value=fmean(values), low=min(values), high=max(values), unit=unit, goal=goal)
