"""How others decide whether a change goes live, on the same pairs; and what no test can do better.

Each gives the case after which it promotes, or None. All may promote on the same two grounds: the change helps, or it
is harmless and costs no more; the sign test knows the first one only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from bench.gate.edits import Array, Edit
from journeyman.assess.bets import Question, best_bet

LEVEL = 0.05
MARGIN = 0.05
RESAMPLED = 400
FRACTIONS = np.array([0.1, 0.3, 0.5, 0.7, 0.95])

Counts = NDArray[np.signedinteger]
Gate = Callable[[Edit, np.random.Generator], int | None]


def mean_higher(edit: Edit, rng: np.random.Generator) -> int | None:
    """The usual: all cases once, and the better mean wins; at equal cost, as good is good enough."""
    mean = edit.differences.mean()
    return edit.cases if mean > 0 or (edit.cheaper and mean >= 0) else None


def mean_within_margin(edit: Edit, rng: np.random.Generator) -> int | None:
    """The same with the margin: at equal cost, a mean above -margin is good enough."""
    mean = edit.differences.mean()
    return edit.cases if mean > 0 or (edit.cheaper and mean > -MARGIN) else None


def bootstrap_once(edit: Edit, rng: np.random.Generator) -> int | None:
    """Paired bootstrap (Efron 1979) of all cases: the 5 % quantile of the mean above 0, or above -margin."""
    return _bootstrap(edit, rng, [edit.cases])


def bootstrap_peeking(edit: Edit, rng: np.random.Generator) -> int | None:
    """The same, looked at every ten cases from the twentieth on."""
    return _bootstrap(edit, rng, [*range(20, edit.cases, 10), edit.cases])


def _bootstrap(edit: Edit, rng: np.random.Generator, looks: Iterable[int]) -> int | None:
    bound = -MARGIN if edit.cheaper else 0.0
    for look in looks:
        seen = edit.differences[:look]
        chances = [float((seen == 1).mean()), float((seen == -1).mean()), float((seen == 0).mean())]
        drawn = rng.multinomial(look, chances, RESAMPLED)
        if np.quantile((drawn[:, 0] - drawn[:, 1]) / look, LEVEL) > bound:
            return look
    return None


def sign_test_once(edit: Edit, rng: np.random.Generator) -> int | None:
    """McNemar's exact test of all cases, one-sided."""
    return _sign_test(edit, [edit.cases])


def sign_test_peeking(edit: Edit, rng: np.random.Generator) -> int | None:
    """The same, looked at after every case."""
    return _sign_test(edit, range(1, edit.cases + 1))


def _sign_test(edit: Edit, looks: Iterable[int]) -> int | None:
    wins = np.cumsum(edit.differences == 1)
    losses = np.cumsum(edit.differences == -1)
    for look in looks:
        won, count = int(wins[look - 1]), int(wins[look - 1] + losses[look - 1])
        if (
            2 * won > count
            and sum(math.comb(count, k) for k in range(won, count + 1)) <= LEVEL * 2**count
        ):
            return look
    return None


def fixed_bets(edit: Edit, rng: np.random.Generator) -> int | None:
    """The same e-processes with the average of five fixed bets, to the end of the exam."""
    proofs = [_first(edit.differences, 0.0)]
    proofs += [_first(edit.differences, MARGIN)] if edit.cheaper else []
    return min((n for n in proofs if n is not None), default=None)


def _first(differences: Array, margin: float) -> int | None:
    wealth = np.cumprod(1 + FRACTIONS * (differences[:, None] + margin), axis=0).mean(axis=1)
    reached = np.flatnonzero(wealth >= 1 / LEVEL)
    return int(reached[0]) + 1 if len(reached) else None


def without_replacement(edit: Edit, rng: np.random.Generator) -> int | None:
    """The claim about these sealed cases alone, not about the job that they stand for: the same bets against the mean
    that the cases left must have, if the claim is false (Waudby-Smith and Ramdas 2020)."""
    for margin in (0.0, MARGIN) if edit.cheaper else (0.0,):
        found = _exhausting(edit.differences, margin)
        if found is not None:
            return found
    return None


def _exhausting(differences: Array, margin: float) -> int | None:
    wealth, total, count = np.ones(len(FRACTIONS)), 0.0, len(differences)
    for n, difference in enumerate(differences.tolist()):
        least = (-margin * count - total) / (count - n)
        if least < -1:
            return n
        if least >= 1:
            return None
        wealth *= 1 + FRACTIONS * (difference - least) / (1 + least + 1e-12)
        total += difference
        if wealth.mean() >= 1 / LEVEL:
            return n + 1
    return count if total > -margin * count else None


def ever_proven(question: Question, differences: Array) -> bool:
    """Without any stop for futility: whether the evidence ever reached the bar."""
    for difference in differences.tolist():
        question = question.after(difference)
        if question.proven:
            return True
    return False


GATES: dict[str, Gate] = {
    "fixed_bets": fixed_bets,
    "bootstrap_once": bootstrap_once,
    "bootstrap_peeking": bootstrap_peeking,
    "sign_test_once": sign_test_once,
    "sign_test_peeking": sign_test_peeking,
    "mean_higher": mean_higher,
    "mean_within_margin": mean_within_margin,
    "without_replacement": without_replacement,
}


def best_power(edit: Edit, margin: float, level: float = LEVEL) -> float:
    """How often the best of all tests proves that E[d] > -margin: all cases, looked at once, the truth known.

    The most powerful test (Neyman and Pearson 1933) of the truth against the null nearest to it. A test that holds its
    level under all nulls holds it under that one, so none is better.
    """
    wins, losses, cases = edit.wins, edit.losses, edit.cases
    bet = best_bet(wins, losses, margin)
    null_wins = wins / (1 + bet * (1 + margin))
    null_ties = (1 - wins - losses) / (1 + bet * margin)
    null = (null_wins, max(0.0, 1 - null_wins - null_ties))
    won, lost = np.meshgrid(np.arange(cases + 1), np.arange(cases + 1), indexing="ij")
    within = won + lost <= cases
    won, lost = won[within], lost[within]
    true_chance = _trinomial(won, lost, cases, wins, losses)
    null_chance = _trinomial(won, lost, cases, *null)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(true_chance > 0, true_chance / null_chance, 0.0)
    order = np.argsort(-ratio, kind="stable")
    spent = np.cumsum(null_chance[order])
    whole = spent <= level
    power = float(true_chance[order][whole].sum())
    part = int(whole.sum())
    if part < len(order) and null_chance[order][part] > 0:
        left = level - (spent[part - 1] if part else 0.0)
        power += float(true_chance[order][part]) * left / float(null_chance[order][part])
    return min(1.0, power)


LOG_FACTORIAL = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 2_000)))])


def _trinomial(won: Counts, lost: Counts, cases: int, wins: float, losses: float) -> Array:
    """P(so many wins and losses of so many cases)."""
    ties = cases - won - lost
    log = LOG_FACTORIAL[cases] - LOG_FACTORIAL[won] - LOG_FACTORIAL[lost] - LOG_FACTORIAL[ties]
    for count, chance in ((won, wins), (lost, losses), (ties, 1 - wins - losses)):
        log = log + (count * math.log(chance) if chance > 0 else np.where(count > 0, -np.inf, 0.0))
    return np.asarray(np.exp(log))
