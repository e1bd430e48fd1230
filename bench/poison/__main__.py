"""What poisoned contributions cost classifiers that are trained on them: how hard the poison of `commons` is.

    make bench NAME=poison

The same streams and poisons as `bench.commons`, spread over all contributors. Instead of a memory, a
classifier of scikit-learn answers, trained anew every 50 cases on all contributions so far (words and pairs of words,
TF-IDF), and the same simulated reader passes its answer on. It sees all that a memory sees but who said what.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

from bench.lib.figures import Figure
from bench.lib.poisoned import (
    COPIES,
    FIRST_SEED,
    INTENTS,
    KNOWS,
    LAST,
    POISONED,
    POISONS,
    Poison,
    figure,
    stream,
)
from bench.lib.results import write

SEEDS = range(FIRST_SEED, FIRST_SEED + 5)
EVERY = 50


def classifiers() -> Mapping[str, Callable[[], Any]]:
    """Each kind as it does best where all is honest, of a few settings."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a peer, not a part
    from sklearn.naive_bayes import MultinomialNB  # noqa: PLC0415 - a peer
    from sklearn.neighbors import KNeighborsClassifier  # noqa: PLC0415 - a peer

    return {
        "logistic": lambda: LogisticRegression(C=10, max_iter=300),
        "bayes": lambda: MultinomialNB(alpha=0.1),
        "neighbours": lambda: KNeighborsClassifier(15, weights="distance", metric="cosine"),
    }


def worked(
    seed: int, make: Callable[[], Any], poison: Poison | None, *, told: bool = False
) -> float:
    """Accuracy among the last cases. `told`: what is poison is left out."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - a peer

    rng = random.Random(seed)
    cases, intents = stream(rng, INTENTS)
    said: list[str | None] = []
    for prompt, answer in cases:
        if poison is None or rng.random() >= POISONED:
            said.append(answer)
        else:
            _, given = poison(rng, prompt, answer, intents)
            said.append(None if told else given)
    correct: list[bool] = []
    for start in range(len(cases) - LAST, len(cases), EVERY):
        known = [n for n in range(start) if said[n] is not None]
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        table = words.fit_transform([cases[n][0] for n in known])
        trained = make().fit(table, [said[n] for n in known])
        asked = cases[start : start + EVERY]
        answers = trained.predict(words.transform([prompt for prompt, _ in asked]))
        correct += [found == answer for found, (_, answer) in zip(answers, asked, strict=True)]
    return COPIES * fmean(correct) + (1 - COPIES) * KNOWS


def main() -> None:
    try:
        made = classifiers()
    except ModuleNotFoundError:
        sys.exit("scikit-learn is not installed: pip install scikit-learn")
    figures: dict[str, Figure] = {}
    for name, make in made.items():
        honest = [worked(seed, make, None) for seed in SEEDS]
        figures[f"honest_{name}"] = figure(
            honest, f"right of the last {LAST}; {len(SEEDS)} seeds, least and most"
        )
        for kind in ("random", "confusable"):
            for key, told in (("", False), ("_oracle", True)):
                came = [worked(seed, make, POISONS[kind], told=told) for seed in SEEDS]
                losses = [clean - poisoned for clean, poisoned in zip(honest, came, strict=True)]
                figures[f"loss_{kind}_{name}{key}"] = figure(losses, "points")
        print({key: one.value for key, one in figures.items() if key.endswith(name)}, flush=True)
    write("poison", figures)


if __name__ == "__main__":
    main()
