"""How an event's body becomes a row: readable JSON, with per-token numbers packed beside it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

from pydantic import TypeAdapter

from journeyman.store.journal import upcast
from journeyman.types import EventBody, Json, Labelled, Record

BODY: TypeAdapter[EventBody] = TypeAdapter(EventBody)

FLAT = {
    "replied": "reply",
    "intended": "call",
    "resulted": "message",
    "scored": "score",
    "labelled": "label",
}
"""Kinds whose one field is the whole of what is stored."""

GIVEN_UP = "cannot_judge"
"""The key of who could not judge, where a `labelled` event has no label."""


def stored_body(body: EventBody) -> Mapping[str, Json]:
    """What is written down of an event; its kind stands in a column of its own."""
    field = FLAT.get(body.kind)
    if isinstance(body, Labelled) and body.label is None:
        return {GIVEN_UP: body.by, "note": body.note}
    if field is not None:
        return _dumped(getattr(body, field))
    return body.model_dump(mode="json", exclude={"kind"})


def _dumped(record: Record) -> Mapping[str, Json]:
    return record.model_dump(mode="json")


def read_body(kind: str, stored: Mapping[str, Json], version: int | None) -> EventBody:
    """The event that was written down in that version. None: before events had one."""
    if kind == "labelled" and GIVEN_UP in stored:
        return Labelled(label=None, by=str(stored[GIVEN_UP]), note=str(stored["note"]))
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


LEFT_OUT = ("token_ids", "raw")
"""Fields of a reply that are not written where they are None."""


def split_tokens(kind: str, stored: Mapping[str, Json]) -> tuple[Mapping[str, Json], bytes | None]:
    """The body without what is told token by token, and that packed (zlib of JSON columns); None: it has none.

    Columns are tokens, their log-probabilities, the alternatives; then, where they are known, the token ids.
    """
    if kind != "replied":
        return stored, None
    body = {
        name: value for name, value in stored.items() if value is not None or name not in LEFT_OUT
    }
    logprobs = body.get("logprobs")
    ids = body.pop("token_ids", None)
    if logprobs is None and ids is None:
        return body, None
    columns: list[Json] = [None, None, None]
    if logprobs is not None:
        columns[0] = [entry["token"] for entry in logprobs]
        columns[1] = [entry["logprob"] for entry in logprobs]
        columns[2] = [entry.get("top", ()) for entry in logprobs]
        body["logprobs"] = None
    if ids is not None:
        columns.append(ids)
    return body, zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 6)


def join_tokens(body: Mapping[str, Json], packed: bytes | None) -> Mapping[str, Json]:
    """Undo `split_tokens`."""
    if packed is None:
        return body
    tokens, logprobs, tops, *ids = json.loads(zlib.decompress(packed))
    joined = dict(body)
    if tokens is not None:
        rows = zip(tokens, logprobs, tops, strict=True)
        joined["logprobs"] = [
            {"token": token, "logprob": logprob, "top": top} for token, logprob, top in rows
        ]
    if ids:
        joined["token_ids"] = ids[0]
    return joined
