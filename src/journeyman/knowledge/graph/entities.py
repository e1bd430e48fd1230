"""What a passage is about, by cheap means: names, titles and quoted terms, without any model.

English: runs of capitalised words, joined by `of`, `the` and the like; the words that merely begin a sentence are left
out. Chinese: what stands in brackets or quotation marks, and what a passage says more than once. Both: the title.
Numbers are no entities. A name is kept in one form (`key`), in which case, width and punctuation don't matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

_CJK = "\u3005\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_CAPITAL = "".join(letter for letter in map(chr, range(0x530)) if letter.isupper())
_NAME = rf"[{_CAPITAL}][\w'’.\-]*\w|[{_CAPITAL}]"
_PHRASE = re.compile(
    rf"(?:{_NAME})(?:\s+(?:(?:of|the|de|la|le|von|van|and|for|in|del|du|di|da|al|&)\s+){{0,2}}(?:{_NAME}))*"
)
_JOINED = re.compile(r"\s+(?:and|in|for|&)\s+")
_QUOTED = re.compile(r"[\"“«‘](\S[^\"“”«»]{1,60}?)[\"”»’]|[《「『〈【](.{1,40}?)[》」』〉】]")
_DISAMBIGUATION = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")
_RUN = re.compile(rf"[{_CJK}]{{2,}}")
_UNSPACED = re.compile(rf"[{_CJK}]")

COMMON = frozenset(
    """a an the this that these those he she it they we i you his her its their our my your in on at by for from to of
    with and or but as is are was were be been being after before during when while where who whom which what how why if
    then than there here not no yes some many most all both each several such also however although though since until
    under over between among through into about against within without upon per via one two three four five six seven
    eight nine ten first second third january february march april may june july august september october november
    december monday tuesday wednesday thursday friday saturday sunday new other another despite because due later early
    late following more only so do does did has have had can could will would should might must""".split()  # noqa: SIM905
)
"""Words that alone name nothing, though a sentence may begin with them."""

_FUNCTION = frozenset("的了是在和与及或也都就而被把为对从到以于之其这那有不一个上下中来去年月日时")
"""Characters that a Chinese name seldom begins or ends with."""

LONGEST = 12
"""Words, or Chinese characters, of a name."""
MOST = 64
"""Entities of one passage: those it mentions most."""
LOOKED_AT = 20_000
"""Characters of a passage that are looked at."""
NAME_CHARACTERS = 200
"""Characters of what may be a name, or a title, that are looked at."""
QUERY_CHARACTERS = 2_000
TITLE_COUNTS = 3


def key(name: str) -> str:
    """The form in which names are compared: "" for what names nothing."""
    tokens = _tokens(name[:NAME_CHARACTERS])
    told = _joined(tokens)
    plain = len(told) < 2 or told in COMMON or all(token.isdigit() for token in tokens)
    return "" if plain or len(tokens) > LONGEST else told


def entities(title: str, text: str) -> Mapping[str, int]:
    """Names with how often they are mentioned; the title counts more."""
    found: Counter[str] = Counter()
    if title:
        found[key(_DISAMBIGUATION.sub("", title[:NAME_CHARACTERS]))] += TITLE_COUNTS
    seen = unicodedata.normalize("NFKC", text[:LOOKED_AT])
    for name in (*_phrases(seen), *_quoted(seen), *_repeated(seen)):
        found[key(name)] += 1
    found.pop("", None)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST])


def _phrases(text: str) -> Iterator[str]:
    for match in _PHRASE.finditer(text):
        name = _bare(match.group())
        yield name
        if len(parts := _JOINED.split(name)) > 1:
            yield from map(_bare, parts)


def _bare(name: str) -> str:
    """Without common words at its ends."""
    words = name.split()
    while words and _plain(words[0]):
        words = words[1:]
    while words and _plain(words[-1]):
        words = words[:-1]
    return " ".join(words)


def _plain(word: str) -> bool:
    return word.lower().strip(".'’") in COMMON


def _quoted(text: str) -> Iterator[str]:
    for match in _QUOTED.finditer(text):
        yield match.group(1) or match.group(2)


def _repeated(text: str) -> Iterator[str]:
    """Runs of two to eight Chinese characters that come twice or more, none of them inside a longer one as frequent."""
    runs = _RUN.findall(text)
    counts = Counter(
        run[start : start + size] for run in runs for start in range(len(run)) for size in range(2, 9)
        if start + size <= len(run)
    )  # fmt: skip
    often = {
        gram: n
        for gram, n in counts.items()
        if n > 1 and gram[0] not in _FUNCTION and gram[-1] not in _FUNCTION
    }
    covered: dict[str, int] = {}
    for gram in sorted(often, key=len, reverse=True):
        if often[gram] > covered.get(gram, 0):
            yield from [gram] * often[gram]
        for start in range(len(gram)):
            for size in range(2, len(gram)):
                inner = gram[start : start + size]
                covered[inner] = max(covered.get(inner, 0), often[gram])


def mentioned(query: str, known: Collection[str]) -> list[str]:
    """The known names that stand in a query, the longest first, none overlapping another."""
    tokens = _tokens(query[:QUERY_CHARACTERS])
    taken = [False] * len(tokens)
    found: list[str] = []
    for size in range(min(LONGEST, len(tokens)), 0, -1):
        for start in range(len(tokens) - size + 1):
            span = slice(start, start + size)
            name = _joined(tokens[span])
            if not any(taken[span]) and name in known and name not in COMMON:
                taken[span] = [True] * size
                found.append(name)
    return found


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def _joined(tokens: list[str]) -> str:
    """With blanks between words, and none between Chinese characters."""
    told = ""
    for token in tokens:
        apart = told and not (_UNSPACED.match(token) and _UNSPACED.match(told[-1]))
        told += f" {token}" if apart else token
    return told
