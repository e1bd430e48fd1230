"""Full-text search inside a database: BM25 over cases, lessons and passages, in English and Chinese.

An index is a few tables beside the caller's own, written in the caller's transaction: what is rolled back was never
there, what is committed survives a crash, and what is removed is gone at the next query, the counts that scores rest on
included. Results are those of an index that never saw what was removed.

How it is kept: new texts make a *segment*, with a posting list for each term, as bytes that numpy reads as they are.
A text's number never changes, so merging segments is putting lists end to end. Removed texts are masked at once, and
leave the lists when their segment is next rewritten.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, MetaData, delete, func, select, update

from journeyman.errors import InputError, StoreError
from journeyman.store.fulltext.postings import (
    TERMS,
    Counts,
    Lists,
    Often,
    Once,
    Posted,
    joined,
    posted,
)
from journeyman.store.fulltext.ranking import Hit, PostingReader, QueryTerm, TermIds, TextSet, best
from journeyman.store.fulltext.segments import COLUMNS, Batch, IndexedText, SegmentsView, unpacked
from journeyman.store.fulltext.tables import Among, Statements, Tables, chunks
from journeyman.store.fulltext.terms import terms

BATCH = 50_000
"""Texts put in at once."""
FAN = 8
"""How much larger the next size of segments is: there are few, and a text is rewritten rarely."""
LARGEST = 131_072
"""Texts of a segment that is merged no more, so that what a single `put` may rewrite is bounded."""
MOST_NUMBERS = 2**31
"""Texts ever put in, replaced ones counted again."""

QUERY_CHARACTERS = 20_000
"""Of a longer query only so many are looked at."""
QUERY_TERMS = 128
"""Of more terms only the rarest count."""


class FullText:
    """An index by its name, for use with any connection to the database that holds it; it belongs to one thread.

    It keeps nothing but a copy of the texts' ids, lengths, scopes and places (about 40 bytes a text), which each search
    brings in line with what the connection's transaction sees.
    """

    def __init__(self, name: str = "fulltext") -> None:
        if not name.isidentifier():
            raise InputError(f"{name!r} can't name an index.", "Use letters, digits and _.")
        self.name = name
        self.metadata = MetaData()
        self.tables = Tables.named(name, self.metadata)
        self._view = SegmentsView()
        self._say = Statements.of(self.tables)

    def create(self, connection: Connection) -> None:
        """Make the tables where they are missing, in the caller's transaction."""
        self.metadata.create_all(connection)
        state = self.tables.state
        if connection.execute(select(state.c.id)).first() is None:
            connection.execute(
                state.insert().values(id=0, texts=0, length=0, next_number=0, next_term=0)
            )

    # --- writing, in the caller's transaction

    def put(self, connection: Connection, entries: Iterable[IndexedText]) -> int:
        """Add texts, or replace those of the same ids; of equal ids the last holds. Returns how many were not there so.

        A text that is there already, with equal terms, scope and place, costs a look and changes nothing.
        """
        stream, changed = iter(entries), 0
        while batch := {entry.id: entry for entry in islice(stream, BATCH)}:
            changed += self._put(connection, list(batch.values()))
        return changed

    def _put(self, connection: Connection, entries: Sequence[IndexedText]) -> int:
        state = self._state(connection, lock=True)
        batch = self._counted(connection, entries, state)
        packed = batch.forward()
        there = {
            row.id: row for row in self._say.texts.rows(connection, [entry.id for entry in entries])
        }
        new = [
            n
            for n, entry in enumerate(entries)
            if (row := there.get(entry.id)) is None
            or (row.terms, row.length, row.scope, row.place)
            != (packed[n], int(batch.lengths[n]), entry.scope, entry.place)
        ]
        left = self._take_out(
            connection, [there[entries[n].id] for n in new if entries[n].id in there], state
        )
        if new:
            self._add(connection, batch.some(new), [packed[n] for n in new], state)
        self._forget(connection, *left)
        self._merge(connection, state)
        self._save(connection, state)
        return len(new)

    def remove(self, connection: Connection, ids: Iterable[int]) -> int:
        """Take texts out; returns how many there were. Ids that are not there are no error."""
        stream, removed = iter(ids), 0
        while batch := sorted(set(islice(stream, BATCH))):
            state = self._state(connection, lock=True)
            rows = self._say.texts.rows(connection, batch)
            self._forget(connection, *self._take_out(connection, rows, state))
            self._merge(connection, state)
            self._save(connection, state)
            removed += len(rows)
        return removed

    def _counted(
        self, connection: Connection, entries: Sequence[IndexedText], state: dict[str, int]
    ) -> Batch:
        """Terms become numbers; unknown ones are given the next."""
        found = [terms(entry.text) for entry in entries]
        counted = [Counter(words) for words in found]
        distinct = sorted({word for counts in counted for word in counts})
        known = {row.term: row.id for row in self._say.terms.rows(connection, distinct)}
        new = [word for word in distinct if word not in known]
        known |= {word: state["next_term"] + n for n, word in enumerate(new)}
        rows = [(known[word], 0, 0, 0, word) for word in new]
        self._say.add_terms.run(connection, rows)
        state["next_term"] += len(new)
        return Batch(
            entries=entries,
            lengths=np.array([len(words) for words in found], np.uint32),
            of=np.repeat(
                np.arange(len(counted), dtype=np.uint32), [len(counts) for counts in counted]
            ),
            terms=np.array([known[word] for counts in counted for word in counts], np.uint32),
            counts=np.array([min(n, 255) for counts in counted for n in counts.values()], np.uint8),
        )

    def _add(
        self, connection: Connection, batch: Batch, packed: Sequence[bytes], state: dict[str, int]
    ) -> None:
        first, size = state["next_number"], len(batch.entries)
        if first + size > MOST_NUMBERS:
            raise StoreError(
                f"The index has numbered {first:,} texts and can't number more.", "Build it anew."
            )
        rows = [
            (e.id, first + n, e.scope, e.place, length, packed[n])
            for n, (e, length) in enumerate(zip(batch.entries, batch.lengths.tolist(), strict=True))
        ]
        self._say.add_texts.run(connection, rows)
        order = np.lexsort((batch.of, batch.terms))
        found, starts = np.unique(batch.terms[order], return_index=True)
        of, counts = batch.of[order], batch.counts[order]
        if len(found):
            more = np.diff([*starts, len(order)])
            again = np.add.reduceat(counts > 1, starts, dtype=np.intp)
            most = np.maximum.reduceat(counts, starts)
            told = list(
                zip(more.tolist(), again.tolist(), most.tolist(), found.tolist(), strict=True)
            )
            self._say.grow.run(connection, told)
        columns = {
            "numbers": np.arange(first, first + size),
            "ids": [entry.id for entry in batch.entries],
            "lengths": batch.lengths,
            "scopes": [entry.scope for entry in batch.entries],
            "places": [entry.place for entry in batch.entries],
        }
        self._write_segment(connection, columns, (found, starts, of + np.uint32(first), counts))
        state["next_number"] += size
        state["texts"] += size
        state["length"] += int(batch.lengths.sum())

    def _take_out(
        self, connection: Connection, rows: Sequence[Any], state: dict[str, int]
    ) -> tuple[list[int], list[int]]:
        """Mask these texts and take their terms back; the terms that they held, and the segments that they were in."""
        if not rows:
            return [], []
        self._say.drop_texts.run(connection, [(row.id,) for row in rows])
        held = [unpacked(row.terms) for row in rows]
        counts = np.concatenate([counts for _, counts in held])
        found, which, times = np.unique(
            np.concatenate([terms for terms, _ in held]), return_inverse=True, return_counts=True
        )
        again = np.bincount(which[counts > 1], minlength=len(found))
        self._say.shrink.run(
            connection, list(zip(times.tolist(), again.tolist(), found.tolist(), strict=True))
        )
        segments = self.tables.segments
        firsts = (
            connection.execute(select(segments.c.first).order_by(segments.c.first)).scalars().all()
        )
        numbers = np.sort(np.array([row.number for row in rows], np.uint32))
        of = np.searchsorted(np.array(firsts), numbers, side="right") - 1
        hurt = [int(place) for place in np.unique(of)]
        for place in hurt:
            here = segments.c.first == firsts[place]
            removed = connection.execute(select(segments.c.removed).where(here)).scalar_one()
            more = removed + numbers[of == place].tobytes()
            connection.execute(update(segments).where(here).values(removed=more, token=_token()))
        state["texts"] -= len(rows)
        state["length"] -= sum(row.length for row in rows)
        return [int(term) for term in found], [firsts[place] for place in hurt]

    def _forget(
        self, connection: Connection, term_ids: Sequence[int], firsts: Sequence[int]
    ) -> None:
        """Drop those of the terms that no text holds any more: a removed text's own words are not kept."""
        table = self.tables.terms
        gone: list[int] = []
        for ids in chunks(term_ids):
            gone += connection.execute(
                select(table.c.id).where(table.c.id.in_(ids), table.c.found == 0)
            ).scalars()
        self._say.drop_terms.run(connection, [(term,) for term in gone])
        self._say.drop_postings.run(
            connection, [(_key(first, term),) for first in firsts for term in gone]
        )

    # --- segments

    def _write_segment(
        self, connection: Connection, columns: Mapping[str, Any], lists: Lists
    ) -> None:
        packed = {name: np.asarray(columns[name], kind).tobytes() for name, kind in COLUMNS.items()}
        first = int(columns["numbers"][0])
        connection.execute(
            self.tables.segments.insert().values(first=first, token=_token(), removed=b"", **packed)
        )
        rows = [(_key(first, term), *part) for term, part in posted(lists, first)]
        self._say.add_postings.run(connection, rows)

    def _merge(self, connection: Connection, state: dict[str, int]) -> None:
        """Put the newest segments together once they make the next size, and rewrite those with half removed."""
        table = self.tables.segments
        sizes = select(table.c.first, func.length(table.c.numbers), func.length(table.c.removed))
        known: list[tuple[int, int]] = []
        for first, numbers, removed in connection.execute(sizes.order_by(table.c.first)).all():
            begins = self._rewrite(connection, [first]) if removed * 2 > numbers else first
            if begins is not None:
                known.append((begins, (numbers - removed) // 4))
        level = FAN
        while level <= LARGEST:
            begun = len(known)
            while begun and known[begun - 1][1] < level:
                begun -= 1
            end = len(known)
            if sum(size for _, size in known[begun:]) >= level and end - begun > 1:
                while sum(size for _, size in known[begun:end]) > LARGEST:
                    end -= 1
                begins = self._rewrite(connection, [first for first, _ in known[begun:end]])
                assert begins is not None, "segments that hold texts were put together"
                known[begun:end] = [(begins, sum(size for _, size in known[begun:end]))]
            level *= FAN

    def _rewrite(self, connection: Connection, firsts: Sequence[int]) -> int | None:
        """One segment of these neighbours, without what was removed: the first number that it holds. None: it is empty.

        Segments never overlap, since a number's segment is the last one that begins at it or before.
        """
        table, postings = self.tables.segments, self.tables.postings
        among = table.c.first.in_(firsts)
        segments = connection.execute(select(table).where(among).order_by(table.c.first)).all()
        columns = {
            name: np.concatenate(
                [np.frombuffer(getattr(segment, name), kind) for segment in segments]
            )
            for name, kind in COLUMNS.items()
        }
        removed = np.concatenate(
            [np.frombuffer(segment.removed, np.uint32) for segment in segments]
        )
        kept = ~np.isin(columns["numbers"], removed)
        columns = {name: column[kept] for name, column in columns.items()}
        parts: list[tuple[int, int, Posted]] = []
        for first in firsts:
            mine = postings.c.key.between(_key(first, 0), _key(first + 1, 0) - 1)
            rows = connection.execute(select(postings).where(mine).order_by(postings.c.key)).all()
            parts += [(first, key % TERMS, Posted(*part)) for key, *part in rows]
            connection.execute(delete(postings).where(mine))
        connection.execute(delete(table).where(among))
        if not kept.any():
            return None
        self._write_segment(connection, columns, joined(parts, removed))
        return int(columns["numbers"][0])

    # --- state

    def _state(self, connection: Connection, *, lock: bool = False) -> dict[str, int]:
        """The index's own counts; with `lock`, kept from other writers until the transaction ends."""
        query = select(self.tables.state)
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        if row is None:
            raise StoreError(
                f"The index {self.name!r} was never made.", "Make its tables with create()."
            )
        return dict(row)

    def _save(self, connection: Connection, state: dict[str, int]) -> None:
        connection.execute(update(self.tables.state).values(state))

    # --- reading

    def search(
        self,
        connection: Connection,
        query: str,
        *,
        k: int = 8,
        scopes: Collection[int] | None = None,
        up_to: int | None = None,
    ) -> list[Hit]:
        """At most `k` texts that share a term with the query, best first, equal ones by id. Equal texts, equal hits.

        Only texts of these scopes (None: of all) that came up to this place (None: to the last) are looked at. Any
        string is a query; nothing in it is an operator. Of a very long one, the rarest terms of its beginning count.
        """
        state = self._state(connection)
        self._see(connection)
        wanted = self._known(connection, query)
        if not wanted or k < 1:
            return []
        view = self._view
        allowed = view.allowed(None if scopes is None else frozenset(scopes))
        if up_to is not None:
            allowed = allowed & (view.places <= up_to)
        mean = max(state["length"], 1) / state["texts"]
        texts = TextSet(
            view.ids,
            view.lengths,
            view.levels,
            view.shares(mean),
            allowed,
            total=state["texts"],
            mean_length=mean,
        )
        source = PostingReader(
            once=lambda wanted: self._once(connection, wanted),
            often=lambda wanted: self._often(connection, wanted),
            held=lambda ids: self._held(connection, ids),
        )
        return best(wanted, texts, source, k)

    def count(self, connection: Connection) -> int:
        """Texts in the index."""
        return self._state(connection)["texts"]

    def _see(self, connection: Connection) -> None:
        """Bring the view in line with the segments that this transaction sees."""
        table, view = self.tables.segments, self._view
        now = {
            row.first: row.token for row in connection.execute(select(table.c.first, table.c.token))
        }
        for first, (token, _) in list(view.tokens.items()):
            if now.get(first) != token:
                view.drop(first)
        for first in sorted(now.keys() - view.tokens.keys()):
            view.add(connection.execute(select(table).where(table.c.first == first)).one())

    def _known(self, connection: Connection, query: str) -> list[QueryTerm]:
        """The query's terms that are in the index, the rarest first."""
        times = Counter(terms(query[:QUERY_CHARACTERS]))
        rows = self._say.terms.rows(connection, sorted(times))
        rows.sort(key=lambda row: (row.found, row.term))
        return [
            QueryTerm(number=r.id, found=r.found, again=r.again, times=times[r.term], most=r.most)
            for r in rows[:QUERY_TERMS]
        ]

    def _once(self, connection: Connection, wanted: Sequence[int]) -> list[Once]:
        return [
            Once(
                np.frombuffer(b"".join([once for _, once, _ in parts]), np.uint32),
                [(first, np.frombuffer(bits, np.uint8)) for first, _, bits in parts if bits],
            )
            for parts in self._parts(connection, self._say.once, wanted)
        ]

    def _often(self, connection: Connection, wanted: Sequence[int]) -> list[Often]:
        return [
            Often.of([often for _, often in parts])
            for parts in self._parts(connection, self._say.often, wanted)
        ]

    def _parts(
        self, connection: Connection, stored: Among, wanted: Sequence[int]
    ) -> list[list[tuple[Any, ...]]]:
        """Of each term's list what the segments hold, in their order, each after the segment's first number."""
        firsts = sorted(self._view.tokens)
        rows = stored.tuples(connection, [_key(first, term) for term in wanted for first in firsts])
        known = {key: part for key, *part in rows}
        return [
            [(first, *known[key]) for first in firsts if (key := _key(first, term)) in known]
            for term in wanted
        ]

    def _held(self, connection: Connection, ids: Sequence[int]) -> list[tuple[TermIds, Counts]]:
        packed = dict(self._say.held.tuples(connection, ids))
        return [unpacked(packed[key]) for key in ids]


def _key(first: int, term: int) -> int:
    return first * TERMS + term


def _token() -> int:
    """Tells one state of a segment from all others, those that were rolled back included."""
    return secrets.randbits(62)
