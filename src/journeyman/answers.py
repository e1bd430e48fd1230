"""When two answers are the same, to whoever compares them."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Full-width forms made plain (NFKC), white space and case folded, closing punctuation dropped."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split()).strip(" .。!?\"'`“”‘’")
