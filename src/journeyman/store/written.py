"""What a model wrote of passages, in the same file, and gone with them: claims of one passage, reports on several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, delete, select

from journeyman.store.journal.codec import dumps

BATCH = 2_000

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
        some = places[start : start + BATCH]
        for table in (claims, extracted):
            connection.execute(delete(table).where(table.c.place.in_(some)))
        gone = list(
            connection.execute(
                select(rests.c.report).where(rests.c.place.in_(some)).distinct()
            ).scalars()
        )
        for report in gone:
            connection.execute(delete(reports).where(reports.c.id == report))
            connection.execute(delete(rests).where(rests.c.report == report))


def put_claims(
    connection: Connection, place: int, told: Sequence[Mapping[str, Any]], generation: int
) -> None:
    connection.execute(delete(claims).where(claims.c.place == place))
    connection.execute(delete(extracted).where(extracted.c.place == place))
    connection.execute(extracted.insert().values(place=place, generation=generation))
    if told:
        connection.execute(
            claims.insert(),
            [{"place": place, "n": n, "body": dumps(c)} for n, c in enumerate(told)],
        )


def all_claims(connection: Connection) -> list[tuple[int, dict[str, Any]]]:
    """With their places, in the order of these."""
    rows = connection.execute(select(claims).order_by(claims.c.place, claims.c.n))
    return [(row.place, json.loads(row.body)) for row in rows]


def read_since(connection: Connection, generation: int) -> frozenset[int]:
    """Those that a model has read after that generation, whether it found a claim or not."""
    return frozenset(
        connection.execute(
            select(extracted.c.place).where(extracted.c.generation > generation)
        ).scalars()
    )


def put_report(
    connection: Connection, report: str, body: Mapping[str, Any], places: Sequence[int]
) -> None:
    connection.execute(delete(reports).where(reports.c.id == report))
    connection.execute(delete(rests).where(rests.c.report == report))
    connection.execute(reports.insert().values(id=report, body=dumps(dict(body))))
    connection.execute(
        rests.insert(), [{"report": report, "place": place} for place in sorted(set(places))]
    )


def report(connection: Connection, name: str) -> dict[str, Any] | None:
    """None: it was not written, or what it rested on has changed."""
    body = connection.execute(
        select(reports.c.body).where(reports.c.id == name)
    ).scalar_one_or_none()
    return None if body is None else json.loads(body)
