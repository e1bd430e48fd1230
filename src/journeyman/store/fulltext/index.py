"""Full-text search inside a database: BM25 over cases, lessons and passages, in English and Chinese.

An index is a few tables beside the caller's own, written in the caller's transaction: what is rolled back was never
there, what is committed survives a crash, and what is removed is gone at the next query, the counts that scores rest on
included. Results are those of an index that never saw what was removed.

How it is kept: new texts make a *segment*, with a posting list for each term, as bytes that numpy reads as they are.
A text's number never changes, so merging segments is putting lists end to end. Removed texts are masked at once, and
leave the lists when their segment is next rewritten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, MetaData, select, update

from journeyman.errors import InputError, StoreError
from journeyman.store.fulltext.postings import (
    Counts,
    Flags,
    Lists,
    Often,
    Once,
)
from journeyman.store.fulltext.ranking import Hit, PostingReader, QueryTerm, TermIds, TextSet, best
from journeyman.store.fulltext.segments import (
    Batch,
    IndexedText,
    SegmentsView,
    unpacked,
)
from journeyman.store.fulltext.stored import StoredSegments, posting_key
from journeyman.store.fulltext.tables import Among, Statements, Tables, chunks
from journeyman.store.fulltext.terms import terms

BATCH = 50_000
"""Texts put in at once."""
MOST_NUMBERS = 2**31
"""Texts ever put in, replaced ones counted again."""

MOST_COUNTED = 255
"""A term that stands in a text more often counts as if it stood so often: counts are bytes."""

QUERY_CHARACTERS = 20_000
"""Of a longer query only so many are looked at."""
QUERY_TERMS = 128
"""Of more terms only the rarest count."""


State = dict[str, int]
"""The row of an index's own counts."""


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
        self._segments = StoredSegments(self.tables, self._say)

    def create(self, connection: Connection) -> None:
        """Make the tables where they are missing, in the caller's transaction."""
        self.metadata.create_all(connection)
        state = self.tables.state
        known = connection.execute(select(state.c.id))
        if known.first() is None:
            empty = state.insert().values(
                id=0,
                texts=0,
                length=0,
                next_number=0,
                next_term=0,
            )
            connection.execute(empty)

    # --- writing, in the caller's transaction

    def put(self, connection: Connection, entries: Iterable[IndexedText]) -> int:
        """Add texts, or replace those of the same ids; of equal ids the last holds. Returns how many were not there so.

        A text that is there already, with equal terms, scope and place, costs a look and changes nothing.
        """
        stream = iter(entries)
        changed = 0
        while some := list(islice(stream, BATCH)):
            batch = {entry.id: entry for entry in some}
            changed += self._put(connection, list(batch.values()))
        return changed

    def _put(self, connection: Connection, entries: Sequence[IndexedText]) -> int:
        state = self._state(connection, lock=True)
        batch = self._counted(connection, entries, state)
        packed = batch.forward()
        ids = [entry.id for entry in entries]
        stored = {row.id: row for row in self._say.texts.rows(connection, ids)}
        changed: list[int] = []
        replaced: list[Any] = []
        for n, entry in enumerate(entries):
            row = stored.get(entry.id)
            if row is not None and _is_same(row, entry, packed[n], int(batch.lengths[n])):
                continue
            changed.append(n)
            if row is not None:
                replaced.append(row)
        left = self._take_out(connection, replaced, state)
        if changed:
            forward = [packed[n] for n in changed]
            self._add(connection, batch.some(changed), forward, state)
        self._forget(connection, *left)
        self._segments.merge(connection)
        self._save(connection, state)
        return len(changed)

    def remove(self, connection: Connection, ids: Iterable[int]) -> int:
        """Take texts out; returns how many there were. Ids that are not there are no error."""
        stream = iter(ids)
        removed = 0
        while batch := sorted(set(islice(stream, BATCH))):
            state = self._state(connection, lock=True)
            rows = self._say.texts.rows(connection, batch)
            left = self._take_out(connection, rows, state)
            self._forget(connection, *left)
            self._segments.merge(connection)
            self._save(connection, state)
            removed += len(rows)
        return removed

    def _counted(
        self, connection: Connection, entries: Sequence[IndexedText], state: State
    ) -> Batch:
        """Terms become numbers; unknown ones are given the next."""
        lengths: list[int] = []
        counted: list[Counter[str]] = []
        for entry in entries:
            words = terms(entry.text)
            lengths.append(len(words))
            counted.append(Counter(words))
        numbers = self._numbered(connection, set().union(*counted), state)
        flat_terms: list[int] = []
        flat_counts: list[int] = []
        for counts in counted:
            flat_terms.extend(map(numbers.__getitem__, counts))
            flat_counts.extend(counts.values())
        sizes = [len(counts) for counts in counted]
        texts = np.arange(len(counted), dtype=np.uint32)
        capped = np.minimum(flat_counts, MOST_COUNTED)
        return Batch(
            entries=entries,
            lengths=np.array(lengths, np.uint32),
            of=np.repeat(texts, sizes),
            terms=np.array(flat_terms, np.uint32),
            counts=capped.astype(np.uint8),
        )

    def _numbered(self, connection: Connection, words: set[str], state: State) -> dict[str, int]:
        """The number of each word; words that are not known yet are added in alphabetical order."""
        distinct = sorted(words)
        rows = self._say.terms.rows(connection, distinct)
        numbers = {row.term: row.id for row in rows}
        new: list[tuple[int, int, int, int, str]] = []
        for word in distinct:
            if word not in numbers:
                number = state["next_term"] + len(new)
                numbers[word] = number
                new.append((number, 0, 0, 0, word))
        self._say.add_terms.run(connection, new)
        state["next_term"] += len(new)
        return numbers

    def _add(
        self, connection: Connection, batch: Batch, packed: Sequence[bytes], state: State
    ) -> None:
        first = state["next_number"]
        size = len(batch.entries)
        if first + size > MOST_NUMBERS:
            raise StoreError(
                f"The index has numbered {first:,} texts and can't number more.", "Build it anew."
            )
        self._add_texts(connection, batch, packed, first)
        lists = _lists_of(batch, first)
        self._grow_terms(connection, lists)
        columns = {
            "numbers": np.arange(first, first + size),
            "ids": [entry.id for entry in batch.entries],
            "lengths": batch.lengths,
            "scopes": [entry.scope for entry in batch.entries],
            "places": [entry.place for entry in batch.entries],
        }
        self._segments.write(connection, columns, lists)
        length = batch.lengths.sum()
        state["next_number"] += size
        state["texts"] += size
        state["length"] += int(length)

    def _add_texts(
        self, connection: Connection, batch: Batch, packed: Sequence[bytes], first: int
    ) -> None:
        rows: list[tuple[Any, ...]] = []
        lengths = batch.lengths.tolist()
        for n, entry in enumerate(batch.entries):
            row = (entry.id, first + n, entry.scope, entry.place, lengths[n], packed[n])
            rows.append(row)
        self._say.add_texts.run(connection, rows)

    def _grow_terms(self, connection: Connection, lists: Lists) -> None:
        """Count new posting lists with their terms."""
        found, starts, _, counts = lists
        if not len(found):
            return
        more = np.diff([*starts, len(counts)])
        often = counts > 1
        again = np.add.reduceat(often, starts, dtype=np.intp)
        most = np.maximum.reduceat(counts, starts)
        columns = [more.tolist(), again.tolist(), most.tolist(), found.tolist()]
        rows = list(zip(*columns, strict=True))
        self._say.grow.run(connection, rows)

    def _take_out(
        self, connection: Connection, rows: Sequence[Any], state: State
    ) -> tuple[list[int], list[int]]:
        """Mask these texts and take their terms back; the terms that they held, and the segments that they were in."""
        if not rows:
            return [], []
        self._say.drop_texts.run(connection, [(row.id,) for row in rows])
        term_ids = self._shrink_terms(connection, rows)
        numbers = np.array([row.number for row in rows], np.uint32)
        numbers.sort()
        firsts = self._segments.mask(connection, numbers)
        state["texts"] -= len(rows)
        state["length"] -= sum(row.length for row in rows)
        return term_ids, firsts

    def _shrink_terms(self, connection: Connection, rows: Sequence[Any]) -> list[int]:
        """Take texts' counts back from their terms; the terms."""
        terms_of: list[TermIds] = []
        counts_of: list[Counts] = []
        for row in rows:
            text_terms, text_counts = unpacked(row.terms)
            terms_of.append(text_terms)
            counts_of.append(text_counts)
        all_terms = np.concatenate(terms_of)
        counts = np.concatenate(counts_of)
        found, which, times = np.unique(all_terms, return_inverse=True, return_counts=True)
        often = which[counts > 1]
        again = np.bincount(often, minlength=len(found))
        term_ids: list[int] = found.tolist()
        less = zip(times.tolist(), again.tolist(), term_ids, strict=True)
        self._say.shrink.run(connection, list(less))
        return term_ids

    def _forget(
        self, connection: Connection, term_ids: Sequence[int], firsts: Sequence[int]
    ) -> None:
        """Drop those of the terms that no text holds any more: a removed text's own words are not kept."""
        table = self.tables.terms
        unused = select(table.c.id).where(table.c.found == 0)
        gone: list[int] = []
        for ids in chunks(term_ids):
            query = unused.where(table.c.id.in_(ids))
            gone += connection.execute(query).scalars()
        rows = [(term,) for term in gone]
        self._say.drop_terms.run(connection, rows)
        keys = [(posting_key(first, term),) for first in firsts for term in gone]
        self._say.drop_postings.run(connection, keys)

    # --- state

    def _state(self, connection: Connection, *, lock: bool = False) -> State:
        """The index's own counts; with `lock`, kept from other writers until the transaction ends."""
        query = select(self.tables.state)
        if lock:
            query = query.with_for_update()
        row = connection.execute(query).mappings().first()
        if row is None:
            raise StoreError(
                f"The index {self.name!r} was never made.", "Make its tables with create()."
            )
        return dict(row)

    def _save(self, connection: Connection, state: State) -> None:
        saved = update(self.tables.state)
        connection.execute(saved.values(state))

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
        allowed = self._allowed(scopes, up_to)
        texts = self._texts(allowed, state)
        source = self._source(connection)
        return best(wanted, texts, source, k)

    def _allowed(self, scopes: Collection[int] | None, up_to: int | None) -> Flags:
        """A mask of the texts that a search may find."""
        view = self._view
        chosen = None if scopes is None else frozenset(scopes)
        allowed = view.allowed(chosen)
        if up_to is None:
            return allowed
        early = view.places <= up_to
        return allowed & early

    def _texts(self, allowed: Flags, state: State) -> TextSet:
        view = self._view
        total = state["texts"]
        mean = max(state["length"], 1) / total
        return TextSet(
            view.ids,
            view.lengths,
            view.levels,
            view.shares(mean),
            allowed,
            total=total,
            mean_length=mean,
        )

    def _source(self, connection: Connection) -> PostingReader:
        return PostingReader(
            once=lambda wanted: self._once(connection, wanted),
            often=lambda wanted: self._often(connection, wanted),
            held=lambda ids: self._held(connection, ids),
        )

    def count(self, connection: Connection) -> int:
        """Texts in the index."""
        return self._state(connection)["texts"]

    def _see(self, connection: Connection) -> None:
        """Bring the view in line with the segments that this transaction sees."""
        table = self.tables.segments
        view = self._view
        query = select(table.c.first, table.c.token)
        tokens = {row.first: row.token for row in connection.execute(query)}
        seen = [(first, token) for first, (token, _) in view.tokens.items()]
        for first, token in seen:
            if tokens.get(first) != token:
                view.drop(first)
        for first in sorted(tokens.keys() - view.tokens.keys()):
            segment = select(table).where(table.c.first == first)
            row = connection.execute(segment).one()
            view.add(row)

    def _known(self, connection: Connection, query: str) -> list[QueryTerm]:
        """The query's terms that are in the index, the rarest first."""
        words = terms(query[:QUERY_CHARACTERS])
        times = Counter(words)
        rows = self._say.terms.rows(connection, sorted(times))
        rows.sort(key=lambda row: (row.found, row.term))
        known: list[QueryTerm] = []
        for row in rows[:QUERY_TERMS]:
            term = QueryTerm(
                number=row.id,
                found=row.found,
                again=row.again,
                times=times[row.term],
                most=row.most,
            )
            known.append(term)
        return known

    def _once(self, connection: Connection, wanted: Sequence[int]) -> list[Once]:
        found: list[Once] = []
        for parts in self._parts(connection, self._say.once, wanted):
            once = _once_of(parts)
            found.append(once)
        return found

    def _often(self, connection: Connection, wanted: Sequence[int]) -> list[Often]:
        found: list[Often] = []
        for parts in self._parts(connection, self._say.often, wanted):
            stored = [often for _, often in parts]
            found.append(Often.of(stored))
        return found

    def _parts(
        self, connection: Connection, stored: Among, wanted: Sequence[int]
    ) -> list[list[tuple[Any, ...]]]:
        """Of each term's list what the segments hold, in their order, each after the segment's first number."""
        firsts = sorted(self._view.tokens)
        keys = [posting_key(first, term) for term in wanted for first in firsts]
        rows = stored.tuples(connection, keys)
        known = {key: part for key, *part in rows}
        lists: list[list[tuple[Any, ...]]] = []
        for term in wanted:
            parts: list[tuple[Any, ...]] = []
            for first in firsts:
                part = known.get(posting_key(first, term))
                if part is not None:
                    parts.append((first, *part))
            lists.append(parts)
        return lists

    def _held(self, connection: Connection, ids: Sequence[int]) -> list[tuple[TermIds, Counts]]:
        rows = self._say.held.tuples(connection, ids)
        packed = dict(rows)
        held: list[tuple[TermIds, Counts]] = []
        for text_id in ids:
            forward = packed[text_id]
            held.append(unpacked(forward))
        return held


def _is_same(row: Any, entry: IndexedText, packed: bytes, length: int) -> bool:
    """Whether a stored text is the entry as it would be stored."""
    return bool(
        row.terms == packed
        and row.length == length
        and row.scope == entry.scope
        and row.place == entry.place
    )


def _lists_of(batch: Batch, first: int) -> Lists:
    """The posting lists of new texts, which are numbered from `first` on."""
    order = np.lexsort((batch.of, batch.terms))
    in_order = batch.terms[order]
    found, starts = np.unique(in_order, return_index=True)
    numbers = batch.of[order] + np.uint32(first)
    counts = batch.counts[order]
    return found, starts, numbers, counts


def _once_of(parts: Sequence[tuple[Any, ...]]) -> Once:
    """The texts that hold a term once, from what the segments hold."""
    listed: list[bytes] = []
    bitmaps: list[tuple[int, Counts]] = []
    for first, once, bits in parts:
        listed.append(once)
        if bits:
            bitmap = np.frombuffer(bits, np.uint8)
            bitmaps.append((first, bitmap))
    numbers = np.frombuffer(b"".join(listed), np.uint32)
    return Once(numbers, bitmaps)
