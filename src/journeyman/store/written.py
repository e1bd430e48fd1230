"""What a model wrote about passages: claims and reports, removed together with their passages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, delete, select

from journeyman.store.journal.codec import dumps

BATCH = 2_000

Claims = list[tuple[int, dict[str, Any]]]
"""Places with a claim each."""

_metadata = MetaData()

claims = Table(
    "claims",
    _metadata,
    Column("place", Integer, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("body", Text, nullable=False),
)
extracted = Table(
    "extracted",
    _metadata,
    Column("place", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
)
reports = Table(
    "reports", _metadata, Column("id", Text, primary_key=True), Column("body", Text, nullable=False)
)
rests = Table(
    "report_places",
    _metadata,
    Column("report", Text, primary_key=True),
    Column("place", Integer, primary_key=True, index=True),
)


def create(connection: Connection) -> None:
    _metadata.create_all(connection, checkfirst=False)


def forget(connection: Connection, places: Sequence[int]) -> None:
    """Take out what rests on any of these places."""
    for start in range(0, len(places), BATCH):
        end = start + BATCH
        some = places[start:end]
        _forget_claims(connection, some)
        resting = rests.c.place.in_(some)
        query = select(rests.c.report).where(resting).distinct()
        names = connection.execute(query).scalars().all()
        for name in names:
            _forget_report(connection, name)


def _forget_claims(connection: Connection, places: Sequence[int]) -> None:
    for table in (claims, extracted):
        chosen = table.c.place.in_(places)
        connection.execute(delete(table).where(chosen))


def put_claims(
    connection: Connection, place: int, told: Sequence[Mapping[str, Any]], generation: int
) -> None:
    _forget_claims(connection, [place])
    reading = extracted.insert().values(place=place, generation=generation)
    connection.execute(reading)
    rows: list[dict[str, Any]] = []
    for n, claim in enumerate(told):
        row = {"place": place, "n": n, "body": dumps(claim)}
        rows.append(row)
    if rows:
        connection.execute(claims.insert(), rows)


def all_claims(connection: Connection) -> Claims:
    """With their places, in the order of these."""
    in_order = select(claims).order_by(claims.c.place, claims.c.n)
    rows = connection.execute(in_order)
    found: Claims = []
    for row in rows:
        claim = json.loads(row.body)
        found.append((row.place, claim))
    return found


def read_since(connection: Connection, generation: int) -> frozenset[int]:
    """Those that a model has read after that generation, whether it found a claim or not."""
    later = extracted.c.generation > generation
    query = select(extracted.c.place).where(later)
    places = connection.execute(query).scalars()
    return frozenset(places)


def put_report(
    connection: Connection, report: str, body: Mapping[str, Any], places: Sequence[int]
) -> None:
    _forget_report(connection, report)
    stored = dumps(dict(body))
    connection.execute(reports.insert().values(id=report, body=stored))
    distinct = sorted(set(places))
    rows = [{"report": report, "place": place} for place in distinct]
    connection.execute(rests.insert(), rows)


def _forget_report(connection: Connection, name: str) -> None:
    body = delete(reports).where(reports.c.id == name)
    connection.execute(body)
    resting = delete(rests).where(rests.c.report == name)
    connection.execute(resting)


def report(connection: Connection, name: str) -> dict[str, Any] | None:
    """None: it was not written, or what it rested on has changed."""
    query = select(reports.c.body).where(reports.c.id == name)
    body = connection.execute(query).scalar_one_or_none()
    if body is None:
        return None
    loaded: dict[str, Any] = json.loads(body)
    return loaded
