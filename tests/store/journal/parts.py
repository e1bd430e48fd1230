"""A run, cases and events for the tests of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from journeyman.store.journal import Journal
from journeyman.types import Case, Change, Event, EventBody, Lease, Message, Resulted, Run, RunSpec

RUN = Run(
    id="r-1",
    job="j",
    worker="ada@1",
    model="m",
    fingerprint="f",
    spec=RunSpec(salt="盐", warm_up=3),
    opened_at=1.0,
)


def choose(known: Sequence[Run], _: Sequence[Change]) -> Run:
    return known[0] if known else RUN


def nobody_is_dead(_: str) -> bool:
    return False


def said(text: str = "你好") -> Resulted:
    return Resulted(message=Message(role="user", content=text))


def event(seq: int, body: EventBody | None = None, **more: Any) -> Event:
    place = {"run_id": "r-1", "case_id": "a", "attempt": 1, "at": 2.5}
    return Event(seq=seq, body=body or said(), **{**place, **more})


def claim(journal: Journal, holder: str = "x", seconds: float = 60) -> Lease | None:
    return journal.claim("r-1", holder=holder, seconds=seconds, is_dead=nobody_is_dead)


def claimed(journal: Journal, holder: str = "x") -> Lease:
    lease = claim(journal, holder)
    assert lease is not None
    return lease


def cases(*names: str) -> list[Case]:
    return [Case(id=name, prompt="p") for name in names]
