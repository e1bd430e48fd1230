"""Finds exam cases in a text, such as a lesson, a playbook or an export. A leaked case must be retired.

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

Change = tuple[tuple[str, ...], tuple[str, ...]]
"""Words of a prompt, and those that stand in a text instead."""

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
    prompts = [_read(case.prompt) for case in exam_cases]
    reads = [_read(text) for text in texts]
    places = _places_of_words(reads)
    wanted: set[str] = set()
    for prompt in prompts:
        wanted.update(prompt.telling)
    spellings = _spellings(wanted, places.keys())
    found: list[Leak] = []
    for case, prompt in zip(exam_cases, prompts, strict=True):
        if not prompt.all:
            continue
        for place in _candidates(prompt, places, spellings):
            leak = _compared(place, reads[place], case, prompt)
            if leak is not None:
                found.append(leak)
    found.sort(key=lambda leak: leak.text)
    return tuple(found)


def _places_of_words(reads: Sequence[_Words]) -> dict[str, set[int]]:
    """For each telling word, the places of the texts that hold it."""
    places: dict[str, set[int]] = defaultdict(set)
    for place, read in enumerate(reads):
        for word in read.telling:
            places[word].add(place)
    return places


def _candidates(
    prompt: _Words,
    places: Mapping[str, set[int]],
    spellings: Mapping[str, Sequence[str]],
) -> list[int]:
    """The places of the texts that hold enough of a prompt's words, ascending."""
    holding: dict[str, set[int]] = {}
    for word in set(prompt.telling):
        sets = [places[spelling] for spelling in spellings[word]]
        holding[word] = set().union(*sets)
    rarest = sorted(holding, key=lambda word: (len(holding[word]), word))
    count = 1 + len(prompt.telling) // CHANGED_ONE_IN
    keys = rarest[:count]
    near = set().union(*(holding[word] for word in keys))
    found: list[int] = []
    for place in sorted(near):
        missing = [word for word in rarest if place not in holding[word]]
        if len(missing) < len(keys):
            found.append(place)
    return found


def _spellings(wanted: Iterable[str], known: Iterable[str]) -> dict[str, list[str]]:
    """For each word that is wanted, those known that are spelled alike: they meet where a letter is left out."""
    by_shortened: dict[str, list[str]] = defaultdict(list)
    for word in known:
        for short in _shortened(word):
            by_shortened[short].append(word)
    found: dict[str, list[str]] = {}
    for word in wanted:
        meeting: set[str] = set()
        for short in _shortened(word):
            meeting.update(by_shortened[short])
        found[word] = [other for other in meeting if _spelled_alike(word, other)]
    return found


def _shortened(word: str) -> set[str]:
    """The word, and what is left of it without any one letter."""
    shortened = {word}
    if len(word) < 4 or not word.isalpha():
        return shortened
    for n in range(len(word)):
        before = word[:n]
        after = word[n + 1 :]
        shortened.add(before + after)
    return shortened


def _read(text: str) -> _Words:
    normal = unicodedata.normalize("NFKC", text)
    plain = normal.casefold().replace("−", "-")
    words = tuple(map(_word, WORDS.findall(plain)))
    telling = tuple(word for word in words if word not in SILENT)
    joined = " ".join(words)
    return _Words(
        raw=text,
        all=words,
        telling=telling or words,
        joined=f" {joined} ",
    )


def _word(found: str) -> str:
    """Without white space, and a number without its thousands' commas."""
    stripped = found.strip()
    return stripped.replace(",", "")


def _compared(place: int, text: _Words, case: Case, prompt: _Words) -> Leak | None:
    rest = text.joined.replace(prompt.joined, " ", 1)
    answered = None
    if case.target is not None:
        answered = _stands_in(case.target, rest)
    whole = prompt.joined in text.joined
    if len(prompt.all) < FEWEST_WORDS:
        nothing_else = not rest.strip()
        if not (whole and (answered or nothing_else)):
            return None
    if not whole and not _near(prompt.telling, text.telling):
        return None
    kind = _kind(text, prompt, whole)
    return Leak(text=place, case_id=case.id, kind=kind, answered=answered)


def _kind(text: _Words, prompt: _Words, whole: bool) -> Kind:
    """`whole`: all the prompt's words stand in the text as they are."""
    if not whole:
        return "near"
    if prompt.raw.strip() in text.raw:
        return "exact"
    return "normalised"


def _stands_in(target: Json, rest: str) -> bool:
    """Any of a list, all of an object's fields; True and False don't count."""
    if isinstance(target, Mapping):
        fields = target.values()
        parts = [field for field in fields if not isinstance(field, bool)]
        return bool(parts) and all(_stands_in(part, rest) for part in parts)
    if isinstance(target, list):
        return any(_stands_in(part, rest) for part in target)
    words = _read(str(target))
    if not words.all:
        return False
    return words.joined in rest


def _near(prompt: tuple[str, ...], text: tuple[str, ...]) -> bool:
    """Whether the text holds the prompt but for what the module says may differ."""
    if len(prompt) < FEWEST_WORDS - 1:
        return False
    allowed = len(prompt) // CHANGED_ONE_IN
    window = _window(prompt, text)
    changes = _changes(prompt, window)
    changed = 0
    for old, new in changes:
        if _all_spelled_alike(old, new):
            continue
        words = (*old, *new)
        if not all(word.isalpha() for word in words):
            return False
        changed += max(len(old), len(new))
        if changed > allowed:
            return False
    return True


def _all_spelled_alike(old: Sequence[str], new: Sequence[str]) -> bool:
    if len(old) != len(new):
        return False
    return all(map(_spelled_alike, old, new))


def _window(prompt: tuple[str, ...], text: tuple[str, ...]) -> tuple[str, ...]:
    """The stretch of the text that shares most words with the prompt, a little longer than it."""
    size = len(prompt) + 2 + len(prompt) // CHANGED_ONE_IN
    if len(text) <= size:
        return text
    wanted = Counter(prompt)
    held: Counter[str] = Counter()
    shared = 0
    most_shared = -1
    start = 0
    for n, word in enumerate(text):
        shared += held[word] < wanted[word]
        held[word] += 1
        if n >= size:
            gone = text[n - size]
            held[gone] -= 1
            shared -= held[gone] < wanted[gone]
        if shared > most_shared:
            most_shared = shared
            start = max(0, n - size + 1)
    return text[start : start + size]


def _changes(prompt: tuple[str, ...], window: tuple[str, ...]) -> Iterator[Change]:
    """Stretches that differ, as they stand in each; what only stands before or after the prompt is no change."""
    matcher = SequenceMatcher(None, prompt, window, autojunk=False)
    end = len(prompt)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        only_around = old_start == old_end and old_start in {0, end}
        if tag == "equal" or only_around:
            continue
        old = prompt[old_start:old_end]
        new = window[new_start:new_end]
        # at the edges a stretch of the window may be longer only because the text goes on
        if old_end == end:
            new = window[new_start : new_start + len(old)]
        elif old_start == 0:
            new = window[new_end - len(old) : new_end]
        yield old, new


def _spelled_alike(one: str, other: str) -> bool:
    """Words of five letters and more that differ by one letter, or by two that are swapped."""
    if one == other:
        return True
    pair = (one, other)
    short, long = sorted(pair, key=len)
    longer = len(long) - len(short)
    if len(short) < 5 or longer > 1:
        return False
    if not (one.isalpha() and other.isalpha()):
        return False
    first = _first_difference(short, long)
    after = first + 1
    rest = long[after:]
    if longer:
        return short[first:] == rest
    if short[after:] == rest:
        return True
    swapped = _swapped(short, first)
    return swapped == long


def _first_difference(short: str, long: str) -> int:
    """Where two words differ first; the end of the shorter one, if it begins the other."""
    pairs = zip(short, long, strict=False)
    for n, (mine, theirs) in enumerate(pairs):
        if mine != theirs:
            return n
    return len(short)


def _swapped(word: str, n: int) -> str:
    """The word with the letter at `n` and the next one swapped."""
    before = word[:n]
    letter = word[n : n + 1]
    following = word[n + 1 : n + 2]
    after = word[n + 2 :]
    return before + following + letter + after
