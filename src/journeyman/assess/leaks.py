"""Which exam cases stand in a text: a lesson, a playbook, an export. A case that has leaked must be retired.

What counts: the case's prompt, whether its answer stands beside it or not. A worker that remembers the prompt has met
the case, and the answer may be there in any form; that it was found is told as `answered`. An answer without its prompt
is no leak: answers such as "42" or "delivery" are everywhere. A prompt of fewer than four words is everywhere too, and
counts only if the text is nothing else, or the answer is beside it.

A near-duplicate has the same words in the same order, but for spelling (one letter, in words of five and more), words
that say nothing by themselves ("the", "please", 的, 吗), and one changed word in each full twenty. Its numbers are the
same without exception. So one template with another value is another question, and so is a paraphrase: what is looked
for is this very case, and a measure of likeness alone can't tell it from its siblings.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from journeyman.types import Case, Json, Record

FEWEST_WORDS = 4
CHANGED_ONE_IN = 20

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORDS = re.compile(
    rf"\d+(?:[.,]\d+)*|[{CJK}]|[^\W\d_{CJK}]+|[-+*/<>=^%](?=\s*[\d(])|(?<=[\d)])\s*[-+*/<>=^%]"
)
"""Numbers, single Chinese characters, words, and signs that stand beside a number."""

SILENT = frozenset(
    re.findall(
        r"\w+",
        """a an the this that of in on at by to and is are was were be do does did have has we you i our your us it its
        there please just so then can could would will me my 的 了 吗 呢 吧 啊 请 是 我 们 您 你""",
    )
)
"""Words that say nothing by themselves. No question word, no negation."""

Kind = Literal["exact", "normalised", "near"]


class Leak(Record):
    text: int
    """Place of the text among those scanned."""
    case_id: str
    kind: Kind
    """`normalised`: but for case, white space, punctuation and full or half width."""
    answered: bool | None
    """Whether the case's target stands in the text besides. None: it has none."""


@dataclass(frozen=True)
class _Words:
    raw: str
    all: tuple[str, ...]
    telling: tuple[str, ...]
    """Without the silent ones; all, if there are no others."""
    joined: str


def leaks(texts: Sequence[str], exam_cases: Sequence[Case]) -> tuple[Leak, ...]:
    """Every leak, at most one for each text and case, in the order of the texts.

    Ten thousand texts against a thousand cases take seconds: a text that holds a case, but for so many words, holds one
    of any so many and one more; so each case is looked up by its rarest words, in all their spellings.
    """
    cases = [(case, read) for case in exam_cases if (read := _read(case.prompt)).all]
    reads = [_read(text) for text in texts]
    places: dict[str, set[int]] = defaultdict(set)
    for n, read in enumerate(reads):
        for word in read.telling:
            places[word].add(n)
    spellings = _spellings({word for _, read in cases for word in read.telling}, places.keys())
    told = []
    for case, read in cases:
        held = {
            word: set().union(*(places[s] for s in spellings[word])) for word in set(read.telling)
        }
        rarest = sorted(held, key=lambda word: (len(held[word]), word))
        keys = rarest[: 1 + len(read.telling) // CHANGED_ONE_IN]
        for n in sorted(set().union(*(held[word] for word in keys))):
            if sum(n not in held[word] for word in rarest) < len(keys):
                leak = _compared(n, reads[n], case, read)
                told += [leak] if leak is not None else []
    return tuple(sorted(told, key=lambda leak: leak.text))


def _spellings(wanted: Iterable[str], known: Iterable[str]) -> dict[str, list[str]]:
    """For each word that is wanted, those known that are spelled alike: they meet where a letter is left out."""
    shortened: dict[str, list[str]] = defaultdict(list)
    for word in known:
        for short in _shortened(word):
            shortened[short].append(word)
    return {
        word: [
            w
            for w in {w for short in _shortened(word) for w in shortened[short]}
            if _spelled_alike(word, w)
        ]
        for word in wanted
    }


def _shortened(word: str) -> set[str]:
    """The word, and what is left of it without any one letter."""
    if len(word) < 4 or not word.isalpha():
        return {word}
    return {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}


def _read(text: str) -> _Words:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("−", "-")
    words = tuple(word.strip().replace(",", "") for word in WORDS.findall(plain))
    return _Words(
        text, words, tuple(w for w in words if w not in SILENT) or words, f" {' '.join(words)} "
    )


def _compared(place: int, text: _Words, case: Case, prompt: _Words) -> Leak | None:
    rest = text.joined.replace(prompt.joined, " ", 1)
    answered = None if case.target is None else _stands_in(case.target, rest)
    whole = prompt.joined in text.joined
    if len(prompt.all) < FEWEST_WORDS and not (whole and (answered or not rest.strip())):
        return None
    if not whole and not _near(prompt.telling, text.telling):
        return None
    kind: Kind = (
        "near" if not whole else "exact" if prompt.raw.strip() in text.raw else "normalised"
    )
    return Leak(text=place, case_id=case.id, kind=kind, answered=answered)


def _stands_in(target: Json, rest: str) -> bool:
    """Any of a list, all of an object's fields; True and False don't count."""
    if isinstance(target, Mapping):
        parts = [part for part in target.values() if not isinstance(part, bool)]
        return bool(parts) and all(_stands_in(part, rest) for part in parts)
    if isinstance(target, list):
        return any(_stands_in(part, rest) for part in target)
    words = _read(str(target))
    return bool(words.all) and words.joined in rest


def _near(prompt: tuple[str, ...], text: tuple[str, ...]) -> bool:
    """Whether the text holds the prompt but for what the module says may differ."""
    allowed = len(prompt) // CHANGED_ONE_IN
    if len(prompt) < FEWEST_WORDS - 1:
        return False
    changed = 0
    for old, new in _changes(prompt, _window(prompt, text)):
        if len(old) == len(new) and all(
            _spelled_alike(a, b) for a, b in zip(old, new, strict=True)
        ):
            continue
        if any(not word.isalpha() for word in (*old, *new)):
            return False
        changed += max(len(old), len(new))
        if changed > allowed:
            return False
    return True


def _window(prompt: tuple[str, ...], text: tuple[str, ...]) -> tuple[str, ...]:
    """The stretch of the text that shares most words with the prompt, a little longer than it."""
    size = len(prompt) + 2 + len(prompt) // CHANGED_ONE_IN
    if len(text) <= size:
        return text
    wanted, best, start, shared = Counter(prompt), -1, 0, 0
    held: Counter[str] = Counter()
    for n, word in enumerate(text):
        shared += held[word] < wanted[word]
        held[word] += 1
        if n >= size:
            gone = text[n - size]
            held[gone] -= 1
            shared -= held[gone] < wanted[gone]
        if shared > best:
            best, start = shared, max(0, n - size + 1)
    return text[start : start + size]


def _changes(
    prompt: tuple[str, ...], window: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Stretches that differ, as they stand in each; what only stands before or after the prompt is no change."""
    matcher = SequenceMatcher(None, prompt, window, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        around = i1 == i2 and i1 in {0, len(prompt)}
        if tag != "equal" and not around:
            # at the edges a stretch of the window may be longer only because the text goes on
            new = (
                window[j1 : j1 + i2 - i1]
                if i2 == len(prompt)
                else window[j2 - (i2 - i1) : j2]
                if not i1
                else None
            )
            yield prompt[i1:i2], window[j1:j2] if new is None else new


def _spelled_alike(one: str, other: str) -> bool:
    """Words of five letters and more that differ by one letter, or by two that are swapped."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if len(short) < 5 or len(long) - len(short) > 1 or not (one.isalpha() and other.isalpha()):
        return False
    first = next(
        (n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short)
    )
    if len(short) < len(long):
        return short[first:] == long[first + 1 :]
    swapped = (
        short[:first] + short[first + 1 : first + 2] + short[first : first + 1] + short[first + 2 :]
    )
    return short[first + 1 :] == long[first + 1 :] or swapped == long
