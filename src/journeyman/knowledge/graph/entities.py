"""The entities of a passage, without a model: names, titles and quoted terms.

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
    beginning = name[:NAME_CHARACTERS]
    tokens = _tokens(beginning)
    joined = _joined(tokens)
    if len(tokens) > LONGEST or len(joined) < 2:
        return ""
    is_number = all(token.isdigit() for token in tokens)
    if is_number or joined in COMMON:
        return ""
    return joined


def entities(title: str, text: str) -> Mapping[str, int]:
    """Names with how often they are mentioned, the most frequent first; the title counts more."""
    counts: Counter[str] = Counter()
    if title:
        bare_title = _DISAMBIGUATION.sub("", title[:NAME_CHARACTERS])
        counts[key(bare_title)] += TITLE_COUNTS
    reviewed = unicodedata.normalize("NFKC", text[:LOOKED_AT])
    for find in (_phrases, _quoted, _repeated):
        names = map(key, find(reviewed))
        counts.update(names)
    counts.pop("", None)
    most_first = sorted(counts.items(), key=_most_first)
    return dict(most_first[:MOST])


def _most_first(mention: tuple[str, int]) -> tuple[int, str]:
    """Then by name."""
    name, count = mention
    return -count, name


def _phrases(text: str) -> Iterator[str]:
    for match in _PHRASE.finditer(text):
        name = _bare(match.group())
        yield name
        parts = _JOINED.split(name)
        if len(parts) > 1:
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
    counts: Counter[str] = Counter()
    for run in _RUN.findall(text):
        counts.update(_grams(run))
    often = [gram for gram, count in counts.items() if count > 1 and _may_name(gram)]
    often.sort(key=len, reverse=True)
    covered: dict[str, int] = {}
    for gram in often:
        count = counts[gram]
        if count > covered.get(gram, 0):
            yield from [gram] * count
        for inner in _inner(gram):
            before = covered.get(inner, 0)
            covered[inner] = max(before, count)


def _grams(run: str) -> Iterator[str]:
    """All parts of two to eight characters."""
    length = len(run)
    for start in range(length):
        longest = min(8, length - start)
        for size in range(2, longest + 1):
            yield run[start : start + size]


def _may_name(gram: str) -> bool:
    first = gram[0]
    last = gram[-1]
    return first not in _FUNCTION and last not in _FUNCTION


def _inner(gram: str) -> Iterator[str]:
    """Its shorter parts."""
    for start in range(len(gram)):
        for size in range(2, len(gram)):
            yield gram[start : start + size]


def mentioned(query: str, known: Collection[str]) -> list[str]:
    """The known names that stand in a query, the longest first, none overlapping another."""
    tokens = _tokens(query[:QUERY_CHARACTERS])
    count = len(tokens)
    is_taken = [False] * count
    found: list[str] = []
    for size in range(min(LONGEST, count), 0, -1):
        for start in range(count - size + 1):
            span = slice(start, start + size)
            if any(is_taken[span]):
                continue
            name = _joined(tokens[span])
            if name in known and name not in COMMON:
                is_taken[span] = [True] * size
                found.append(name)
    return found


def _tokens(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _TOKEN.findall(folded)


def _joined(tokens: list[str]) -> str:
    """With blanks between words, and none between Chinese characters."""
    joined = ""
    for token in tokens:
        if joined and not _both_unspaced(joined[-1], token):
            joined += " "
        joined += token
    return joined


def _both_unspaced(before: str, after: str) -> bool:
    if not _UNSPACED.match(after):
        return False
    return _UNSPACED.match(before) is not None
