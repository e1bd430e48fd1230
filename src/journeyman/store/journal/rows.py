"""Records as rows and rows as records, the same for every database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from journeyman.store.journal import codec, upcast
from journeyman.store.journal.blobs import Blobs
from journeyman.types import Case, Change, Event, Json, Run

Row = Mapping[str, Any]

EVENT_COLUMNS = (
    "run_id",
    "case_id",
    "attempt",
    "path",
    "seq",
    "kind",
    "key",
    "body",
    "packed",
    "at",
    "version",
)
"""In the order of `event_values`."""


def event_values(event: Event, blobs: Blobs) -> Sequence[Any]:
    stored, packed = codec.split_tokens(event.kind, codec.stored_body(event.body))
    return (
        event.run_id,
        event.case_id,
        event.attempt,
        event.path,
        event.seq,
        event.kind,
        event.key,
        codec.dumps(blobs.fold(stored)),
        packed,
        event.at,
        event.version,
    )


def event_of(values: Sequence[Any], blobs: Blobs) -> Event:
    """From values in the order of EVENT_COLUMNS."""
    run_id, case_id, attempt, path, seq, kind, key, body, packed, at, version = values
    stored = codec.join_tokens(blobs.unfold(codec.loads(body)), packed)
    return Event(
        run_id=run_id,
        case_id=case_id,
        attempt=attempt,
        path=path,
        seq=seq,
        body=codec.read_body(kind, stored, version),
        key=key,
        at=at,
        version=version,
    )


def case_body(case: Case, blobs: Blobs) -> str:
    return codec.dumps(blobs.fold(case.model_dump(mode="json")))


def case_of(body: str, blobs: Blobs) -> Case:
    return Case.model_validate(blobs.unfold(codec.loads(body)))


def run_values(run: Run) -> dict[str, Json]:
    return {
        **run.model_dump(mode="json", exclude={"spec"}),
        "spec": codec.dumps(run.spec.model_dump(mode="json", exclude_defaults=True)),
    }


def run_of(row: Row) -> Run:
    spec = upcast.run_spec(codec.loads(row["spec"]))
    return Run(**{**row, "spec": spec})


def change_values(change: Change) -> dict[str, Json]:
    body = codec.dumps(change.body)
    return {**change.model_dump(mode="json", exclude={"position"}), "body": body}


def change_of(row: Row) -> Change:
    rest = {name: value for name, value in row.items() if name not in {"id", "body"}}
    body = upcast.change_body(row["kind"], codec.loads(row["body"]))
    return Change(**rest, body=body, position=row["id"])
