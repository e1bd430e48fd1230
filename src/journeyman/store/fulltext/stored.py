"""The segments of a full-text index in the database: written, masked where texts were removed, and merged."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select, update

from journeyman.store.fulltext.postings import (
    BYTES_A_NUMBER,
    TERMS,
    Lists,
    Numbers,
    Posted,
    joined,
    posted,
)
from journeyman.store.fulltext.segments import COLUMNS, stored_columns
from journeyman.store.fulltext.tables import Statements, Tables

Columns = dict[str, NDArray[Any]]
"""Of a segment, by name."""

FAN = 8
"""How much larger the next size of segments is: there are few, and a text is rewritten rarely."""
LARGEST = 131_072
"""Texts of a segment that is merged no more, so that what a single `put` may rewrite is bounded."""


def posting_key(first: int, term: int) -> int:
    """The key of a term's list in the segment that begins at `first`."""
    return first * TERMS + term


class StoredSegments:
    """One index's segments. All changes are made in the caller's transaction."""

    def __init__(self, tables: Tables, statements: Statements) -> None:
        self.tables = tables
        self._say = statements

    def mask(self, connection: Connection, numbers: Numbers) -> list[int]:
        """Note these numbers, which come ascending, as removed; the first numbers of the segments that hold them."""
        table = self.tables.segments
        query = select(table.c.first).order_by(table.c.first)
        firsts = connection.execute(query).scalars().all()
        places = np.searchsorted(np.array(firsts), numbers, side="right") - 1
        masked: list[int] = []
        for place in np.unique(places).tolist():
            first = firsts[place]
            removed = numbers[places == place]
            self._mask_in(connection, first, removed.tobytes())
            masked.append(first)
        return masked

    def _mask_in(self, connection: Connection, first: int, numbers: bytes) -> None:
        """Note numbers as removed in the segment that begins at `first`."""
        table = self.tables.segments
        segment = table.c.first == first
        query = select(table.c.removed).where(segment)
        removed = connection.execute(query).scalar_one()
        more = removed + numbers
        masking = update(table).where(segment)
        connection.execute(masking.values(removed=more, token=_token()))

    def write(self, connection: Connection, columns: Mapping[str, Any], lists: Lists) -> None:
        numbers = columns["numbers"]
        first = int(numbers[0])
        values: dict[str, Any] = {"first": first, "token": _token(), "removed": b""}
        for name, kind in COLUMNS.items():
            column = np.asarray(columns[name], kind)
            values[name] = column.tobytes()
        segment = self.tables.segments.insert()
        connection.execute(segment.values(values))
        self._write_postings(connection, lists, first)

    def _write_postings(self, connection: Connection, lists: Lists, first: int) -> None:
        rows: list[tuple[Any, ...]] = []
        for term, part in posted(lists, first):
            key = posting_key(first, term)
            rows.append((key, *part))
        self._say.add_postings.run(connection, rows)

    def merge(self, connection: Connection) -> None:
        """Put the newest segments together once they make the next size, and rewrite those with half removed."""
        known = self._without_half_removed(connection)
        level = FAN
        while level <= LARGEST:
            chosen = _to_merge(known, level)
            if chosen is not None:
                some = known[chosen]
                firsts = [segment.first for segment in some]
                begins = self._rewrite(connection, firsts)
                assert begins is not None, "segments that hold texts were put together"
                texts = _texts_of(some)
                merged = _Segment(begins, texts)
                known[chosen] = [merged]
            level *= FAN

    def _without_half_removed(self, connection: Connection) -> list[_Segment]:
        """All segments, after those of whose texts more than half are removed were rewritten."""
        table = self.tables.segments
        numbers = func.length(table.c.numbers)
        removed = func.length(table.c.removed)
        query = select(table.c.first, numbers, removed).order_by(table.c.first)
        known: list[_Segment] = []
        for first, bytes_held, bytes_removed in connection.execute(query).all():
            begins: int | None = first
            if bytes_removed * 2 > bytes_held:
                begins = self._rewrite(connection, [first])
            if begins is not None:
                bytes_left = bytes_held - bytes_removed
                known.append(_Segment(begins, bytes_left // BYTES_A_NUMBER))
        return known

    def _rewrite(self, connection: Connection, firsts: Sequence[int]) -> int | None:
        """One segment of these neighbours, without what was removed: the first number that it holds. None: it is empty.

        Segments never overlap, since a number's segment is the last one that begins at it or before.
        """
        segments = self._taken_segments(connection, firsts)
        parts: list[tuple[int, int, Posted]] = []
        for first in firsts:
            parts += self._taken_postings(connection, first)
        columns = _end_to_end(list(map(stored_columns, segments)))
        masked = [segment.removed for segment in segments]
        removed = np.frombuffer(b"".join(masked), np.uint32)
        kept = ~np.isin(columns["numbers"], removed)
        if not kept.any():
            return None
        for name, column in columns.items():
            columns[name] = column[kept]
        lists = joined(parts, removed)
        self.write(connection, columns, lists)
        return int(columns["numbers"][0])

    def _taken_segments(self, connection: Connection, firsts: Sequence[int]) -> Sequence[Any]:
        """The rows of these segments, in their order. They are deleted."""
        table = self.tables.segments
        chosen = table.c.first.in_(firsts)
        query = select(table).where(chosen).order_by(table.c.first)
        rows = connection.execute(query).all()
        connection.execute(delete(table).where(chosen))
        return rows

    def _taken_postings(self, connection: Connection, first: int) -> list[tuple[int, int, Posted]]:
        """A segment's posting lists, each with the segment's first number and its term. They are deleted."""
        postings = self.tables.postings
        key = postings.c.key
        lowest = posting_key(first, 0)
        highest = posting_key(first, TERMS - 1)
        chosen = key.between(lowest, highest)
        query = select(postings).where(chosen).order_by(key)
        parts: list[tuple[int, int, Posted]] = []
        for stored_key, *part in connection.execute(query).all():
            term = stored_key % TERMS
            parts.append((first, term, Posted(*part)))
        connection.execute(delete(postings).where(chosen))
        return parts


class _Segment(NamedTuple):
    first: int
    """Its first number."""
    texts: int


def _texts_of(segments: Sequence[_Segment]) -> int:
    return sum(segment.texts for segment in segments)


def _to_merge(known: Sequence[_Segment], level: int) -> slice | None:
    """The newest segments below a level, once together they reach it; as many as may be merged. None: too few."""
    begun = len(known)
    while begun and known[begun - 1].texts < level:
        begun -= 1
    end = len(known)
    if end - begun < 2 or _texts_of(known[begun:]) < level:
        return None
    while _texts_of(known[begun:end]) > LARGEST:
        end -= 1
    return slice(begun, end)


def _end_to_end(segments: Sequence[Columns]) -> Columns:
    """Each column of some segments as one column."""
    joined_columns: Columns = {}
    for name in COLUMNS:
        parts = [segment[name] for segment in segments]
        joined_columns[name] = np.concatenate(parts)
    return joined_columns


def _token() -> int:
    """Tells one state of a segment from all others, those that were rolled back included."""
    return secrets.randbits(62)
