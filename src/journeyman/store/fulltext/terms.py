"""Splits a text into terms, for full-text search and plain memory alike."""

from __future__ import annotations

import re
import unicodedata

LONGEST_TERM = 64
"""Characters of a word that count; what is longer is told apart by its first 64."""

ACCENTS = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]")
"""Marks that may be left out in writing: accents, Hebrew points, Arabic vowels."""

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005\u3007\u3041-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
    "\uac00-\ud7af"  # Korean
)
MARKS = "\u0900-\u0963\u0966-\u0dff"
"""Scripts whose vowel signs are no letters to `re`, but belong to the word."""

RUN = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)|(?:(?![{UNSPACED}])[\w{MARKS}])+(?:[-./:](?:(?![{UNSPACED}])[\w{MARKS}])+)*"
)
PART = re.compile(rf"(?:[^\W_]|[{MARKS}])+")
PLAIN_RUN = re.compile(r"\w+(?:[-./:]\w+)*", re.ASCII)
PLAIN_PART = re.compile(r"[a-z0-9]+")


def terms(text: str) -> list[str]:
    """The text's terms in order, repeats included; equal for texts that differ in case, width or accents alone.

    Words where words are set apart; an identifier with a digit or `_` in it, such as A-17 or order_id, as a whole too,
    after its parts. Where they are not set apart (Chinese, Japanese, Korean, Thai), each pair of neighbouring
    characters, and a character that stands alone as itself.
    """
    if not text.isascii():
        return _any_terms(_folded(text))
    found: list[str] = []
    for run in PLAIN_RUN.findall(text.lower()):
        if run.isalnum():
            found.append(run if len(run) <= LONGEST_TERM else run[:LONGEST_TERM])
        else:
            _add_compound(found, run, PLAIN_PART.findall(run))
    return found


def shared(one: str, other: str) -> float:
    """The share of the terms of two texts that stand in both (Jaccard). Of texts without any: 0."""
    mine = frozenset(terms(one))
    theirs = frozenset(terms(other))
    both = mine & theirs
    either = mine | theirs
    return len(both) / max(1, len(either))


def _folded(text: str) -> str:
    """Compatibility forms made plain, case folded, accents dropped."""
    plain = unicodedata.normalize("NFKC", text)
    apart = unicodedata.normalize("NFKD", plain.casefold())
    without_accents = ACCENTS.sub("", apart)
    return unicodedata.normalize("NFKC", without_accents)


def _any_terms(folded: str) -> list[str]:
    found: list[str] = []
    for match in RUN.finditer(folded):
        run = match.group()
        if match.lastgroup == "unspaced":
            pairs = max(1, len(run) - 1)
            found.extend(run[i : i + 2] for i in range(pairs))
        elif run.isalnum():
            found.append(run[:LONGEST_TERM])
        else:
            _add_compound(found, run, PART.findall(run))
    return found


def _add_compound(found: list[str], run: str, parts: list[str]) -> None:
    for part in parts:
        shortened = part[:LONGEST_TERM]
        found.append(shortened)
    if len(parts) > 1 and _is_identifier(run):
        found.append(run[:LONGEST_TERM])


def _is_identifier(run: str) -> bool:
    has_digit = any(map(str.isdigit, run))
    return has_digit or "_" in run
