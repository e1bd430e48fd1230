"""Reads a GGUF model file's control tokens, which mark roles and ends.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from journeyman.types import Json

NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
"""The format's types of numbers in the words of `struct`."""

TEXT, ARRAY = 8, 9
CONTROL = 3
"""The type of a token that is never text."""

TOKENS = "tokenizer.ggml.tokens"
TYPES = "tokenizer.ggml.token_type"


def control_tokens(path: Path) -> frozenset[str]:
    """Tokens of two characters and more that only the engine may write. Empty: the file names none.

    Raises ValueError where the file is no GGUF of version 2 or 3.
    """
    with path.open("rb") as file:
        head = file.read(8)
        magic, version = struct.unpack("<4sI", head)
        if magic != b"GGUF" or version not in {2, 3}:
            raise ValueError(f"{path} is no GGUF file of version 2 or 3")
        counts = file.read(16)
        _, count = struct.unpack("<QQ", counts)
        return _control_tokens(file, count)


def _control_tokens(file: BinaryIO, count: int) -> frozenset[str]:
    found: dict[str, Json] = {}
    for _ in range(count):
        key = _text(file)
        value = _value(file, _number(file, "I"))
        if key in {TOKENS, TYPES}:
            found[key] = value
        if len(found) == 2:
            break
    tokens = found.get(TOKENS, ())
    kinds = found.get(TYPES, ())
    special: set[str] = set()
    for token, kind in zip(tokens, kinds, strict=False):
        if kind == CONTROL and len(token) > 1:
            special.add(token)
    return frozenset(special)


def _value(file: BinaryIO, kind: int) -> Json:
    if kind == TEXT:
        return _text(file)
    if kind != ARRAY:
        return _number(file, NUMBERS[kind])
    inner = _number(file, "I")
    length = _number(file, "Q")
    if inner in NUMBERS:
        form = f"<{length}{NUMBERS[inner]}"
        packed = file.read(struct.calcsize(form))
        return struct.unpack(form, packed)
    return [_value(file, inner) for _ in range(length)]


def _text(file: BinaryIO) -> str:
    length = _number(file, "Q")
    return file.read(length).decode("utf-8", "replace")


def _number(file: BinaryIO, code: str) -> int:
    form = f"<{code}"
    packed = file.read(struct.calcsize(form))
    (number,) = struct.unpack(form, packed)
    return int(number)
