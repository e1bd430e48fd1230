"""How an event's body becomes a row: JSON that a person can read, and log-probabilities packed beside it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

from journeyman.types import Event, Json


def dumps(value: Json) -> str:
    """Compact JSON; Chinese stays readable; a lone surrogate survives as an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return (
        text
        if text.isascii() or not _has_surrogate(text)
        else json.dumps(value, separators=(",", ":"))
    )


def loads(text: str) -> Json:
    return json.loads(text)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def split_logprobs(event: Event) -> tuple[Mapping[str, Json], bytes | None]:
    """The body without its log-probabilities, and those packed (zlib of JSON columns); None: it has none."""
    if event.kind != "replied" or event.body.get("logprobs") is None:
        return event.body, None
    tokens = event.body["logprobs"]
    columns = [
        [entry["token"] for entry in tokens],
        [entry["logprob"] for entry in tokens],
        [entry.get("top", ()) for entry in tokens],
    ]
    packed = zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 6)
    return {**event.body, "logprobs": None}, packed


def join_logprobs(body: Mapping[str, Json], packed: bytes | None) -> Mapping[str, Json]:
    """Undo `split_logprobs`."""
    if packed is None:
        return body
    columns = json.loads(zlib.decompress(packed))
    entries = [{"token": t, "logprob": p, "top": top} for t, p, top in zip(*columns, strict=True)]
    return {**body, "logprobs": entries}
