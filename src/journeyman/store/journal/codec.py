"""How an event's body becomes a row: JSON that a person can read, and log-probabilities packed beside it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

from pydantic import TypeAdapter

from journeyman.store.journal import upcast
from journeyman.types import EVENT_VERSION, EventBody, Json, Record

BODY: TypeAdapter[EventBody] = TypeAdapter(EventBody)

FLAT = {
    "replied": "reply",
    "intended": "call",
    "resulted": "message",
    "scored": "score",
    "labelled": "label",
}
"""Kinds whose one field is the whole of what is stored."""


def stored_body(body: EventBody) -> Mapping[str, Json]:
    """What is written down of an event; its kind stands in a column of its own."""
    field = FLAT.get(body.kind)
    if field is not None:
        return _dumped(getattr(body, field))
    return body.model_dump(mode="json", exclude={"kind"})


def _dumped(record: Record) -> Mapping[str, Json]:
    return record.model_dump(mode="json")


def read_body(
    kind: str, stored: Mapping[str, Json], version: int | None = EVENT_VERSION
) -> EventBody:
    """The event that was written down, by whichever version."""
    body = upcast.event_body(kind, stored, version)
    field = FLAT.get(kind)
    inner = body if field is None else {field: body}
    return BODY.validate_python({**inner, "kind": kind})


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


def split_logprobs(
    kind: str, stored: Mapping[str, Json]
) -> tuple[Mapping[str, Json], bytes | None]:
    """A stored body without its log-probabilities, and those packed (zlib of JSON columns); None: it has none."""
    if kind != "replied" or stored.get("logprobs") is None:
        return stored, None
    tokens = stored["logprobs"]
    columns = [
        [entry["token"] for entry in tokens],
        [entry["logprob"] for entry in tokens],
        [entry.get("top", ()) for entry in tokens],
    ]
    packed = zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 6)
    return {**stored, "logprobs": None}, packed


def join_logprobs(body: Mapping[str, Json], packed: bytes | None) -> Mapping[str, Json]:
    """Undo `split_logprobs`."""
    if packed is None:
        return body
    columns = json.loads(zlib.decompress(packed))
    entries = [{"token": t, "logprob": p, "top": top} for t, p, top in zip(*columns, strict=True)]
    return {**body, "logprobs": entries}
