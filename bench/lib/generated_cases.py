"""Past cases made by a seed: words by Zipf's law, English and Chinese mixed, for stores at sizes that nobody recorded.

Seven in ten are English, of words from a vocabulary of 200,000; three in ten are Chinese, of words of one to three
characters from a vocabulary of 60,000, written without spaces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ENGLISH_WORDS = 200_000
CHINESE_WORDS = 60_000
CHINESE_SHARE = 0.3
EXPONENT = 1.05
BATCH = 10_000

LETTERS = "etaoinshrdlucmfywgpbvkxqjz"
CHARACTERS = "".join(chr(0x4E00 + 5 * place) for place in range(2_500))


def vocabulary(seed: int = 0) -> tuple[list[str], list[str]]:
    """English and Chinese words, the most frequent first; those are the shortest, too."""
    draw = np.random.default_rng(seed)
    return _words(draw, ENGLISH_WORDS, LETTERS, (3, 10)), _words(
        draw, CHINESE_WORDS, CHARACTERS, (1, 3)
    )


def _words(
    draw: np.random.Generator, count: int, letters: str, lengths: tuple[int, int]
) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        places = np.minimum(
            draw.exponential(len(letters) / 6, (count, lengths[1])).astype(int), len(letters) - 1
        )
        for row, length in zip(
            places.tolist(), draw.integers(lengths[0], lengths[1] + 1, count).tolist(), strict=True
        ):
            found.setdefault("".join(letters[place] for place in row[:length]))
    words = list(found)[:count]
    frequent = count // 200
    return sorted(words[:frequent], key=len) + words[frequent:]


def _chances(words: int) -> NDArray[np.float64]:
    weight = 1.0 / (np.arange(words) + 2.7) ** EXPONENT
    chances: NDArray[np.float64] = np.cumsum(weight) / weight.sum()
    return chances


def generated_cases(
    count: int, *, seed: int = 1, words: tuple[int, int] = (12, 40)
) -> Iterator[str]:
    """`count` texts of so many words (from, to); equal for equal arguments."""
    english, chinese = vocabulary()
    by_language = ((english, _chances(len(english)), " "), (chinese, _chances(len(chinese)), ""))
    draw = np.random.default_rng(seed)
    for start in range(0, count, BATCH):
        lengths = draw.integers(words[0], words[1] + 1, min(BATCH, count - start))
        is_chinese = draw.random(len(lengths)) < CHINESE_SHARE
        wanted = np.array([int(lengths[~is_chinese].sum()), int(lengths[is_chinese].sum())])
        ranks = [
            np.minimum(np.searchsorted(chances, draw.random(n)), len(known) - 1).tolist()
            for n, (known, chances, _) in zip(wanted.tolist(), by_language, strict=True)
        ]
        ends = [0, 0]
        for length, language in zip(lengths.tolist(), is_chinese.astype(int).tolist(), strict=True):
            first, ends[language] = ends[language], ends[language] + length
            known, _, between = by_language[language]
            yield between.join([known[rank] for rank in ranks[language][first : ends[language]]])
