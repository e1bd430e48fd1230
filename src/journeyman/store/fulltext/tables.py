"""A full-text index's tables and its frequent statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    Update,
    bindparam,
    case,
    delete,
    select,
    update,
)

from journeyman.store.fulltext.postings import Posted
from journeyman.store.fulltext.segments import COLUMNS
from journeyman.store.statements import Statement, Values

T = TypeVar("T")

_WHOLE = BigInteger().with_variant(Integer, "sqlite")

WIDTHS = (8, 64, 512)
"""Values of an `IN` that is built once: the fewest that do are filled up."""


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as one statement takes."""
    size = WIDTHS[-1]
    for start in range(0, len(values), size):
        end = start + size
        yield values[start:end]


@dataclass(frozen=True)
class Tables:
    """The tables of one index."""

    state: Table
    texts: Table
    terms: Table
    segments: Table
    postings: Table

    @classmethod
    def named(cls, name: str, metadata: MetaData) -> Tables:
        return cls(
            state=_state_table(name, metadata),
            texts=_texts_table(name, metadata),
            terms=_terms_table(name, metadata),
            segments=_segments_table(name, metadata),
            postings=_postings_table(name, metadata),
        )


def _key(label: str) -> Column[Any]:
    return Column(label, _WHOLE, primary_key=True, autoincrement=False)


def _number(label: str) -> Column[Any]:
    return Column(label, _WHOLE, nullable=False)


def _packed(label: str) -> Column[Any]:
    return Column(label, LargeBinary, nullable=False)


def _state_table(name: str, metadata: MetaData) -> Table:
    return Table(
        f"{name}_state",
        metadata,
        _key("id"),
        _number("texts"),
        _number("length"),
        _number("next_number"),
        _number("next_term"),
    )


def _texts_table(name: str, metadata: MetaData) -> Table:
    return Table(
        f"{name}_texts",
        metadata,
        _key("id"),
        _number("number"),
        _number("scope"),
        _number("place"),
        _number("length"),
        _packed("terms"),
    )


def _terms_table(name: str, metadata: MetaData) -> Table:
    return Table(
        f"{name}_terms",
        metadata,
        _key("id"),
        _number("found"),
        _number("again"),
        _number("most"),
        Column("term", Text, unique=True),
    )


def _segments_table(name: str, metadata: MetaData) -> Table:
    columns = [_packed(column) for column in COLUMNS]
    return Table(
        f"{name}_segments",
        metadata,
        _key("first"),
        _number("token"),
        *columns,
        _packed("removed"),
    )


def _postings_table(name: str, metadata: MetaData) -> Table:
    """Its key is a segment's first number, then the term's id in the lower 32 bits."""
    fields = Posted._fields
    columns = [_packed(field) for field in fields]
    return Table(
        f"{name}_postings",
        metadata,
        _key("key"),
        *columns,
    )


class Among:
    """Rows whose column holds one of the values given.

    The statement of a width is built when it is first needed: the widest takes longer than opening a small store.
    """

    def __init__(self, query: Select[Any], column: Column[Any]) -> None:
        self.query = query
        self.column = column
        self.built: dict[int, Statement] = {}

    def of_width(self, width: int) -> Statement:
        known = self.built.get(width)
        if known is not None:
            return known
        names = [f"value_{n}" for n in range(width)]
        values = list(map(_parameter, names))
        rows = self.query.where(self.column.in_(values))
        statement = Statement(rows, *names)
        self.built[width] = statement
        return statement

    def rows(self, connection: Connection, values: Values) -> list[Any]:
        found: list[Any] = []
        for statement, some in self._fitting(values):
            rows = statement.rows(connection, some)
            found.extend(rows)
        return found

    def tuples(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """As `rows`, quicker."""
        found: list[tuple[Any, ...]] = []
        for statement, some in self._fitting(values):
            rows = statement.tuples(connection, some)
            found.extend(rows)
        return found

    def _fitting(self, values: Values) -> Iterator[tuple[Statement, Values]]:
        """The narrowest statements that take all of them, each with as many as it takes."""
        for some in chunks(values):
            size = len(some)
            width = _width_for(size)
            missing = width - size
            filling = [some[-1]] * missing
            statement = self.of_width(width)
            yield statement, [*some, *filling]


@dataclass(frozen=True)
class Statements:
    """What is said to the database often."""

    add_texts: Statement
    add_terms: Statement
    add_postings: Statement
    grow: Statement
    """A term is held by more texts."""
    shrink: Statement
    drop_texts: Statement
    drop_terms: Statement
    drop_postings: Statement
    texts: Among
    terms: Among
    held: Among
    """The terms of texts, packed."""
    once: Among
    often: Among

    @classmethod
    def of(cls, tables: Tables) -> Statements:
        texts = tables.texts
        terms = tables.terms
        postings = tables.postings
        text = texts.c.id
        key = postings.c.key
        held = select(text, texts.c.terms)
        once = select(key, postings.c.once, postings.c.bits)
        often = select(key, postings.c.often)
        return cls(
            add_texts=_adding(texts),
            add_terms=_adding(terms),
            add_postings=_adding(postings),
            grow=_growing(terms),
            shrink=_shrinking(terms),
            drop_texts=_dropping(texts, text, "text_id"),
            drop_terms=_dropping(terms, terms.c.id, "term_id"),
            drop_postings=_dropping(postings, key, "list_key"),
            texts=Among(select(texts), text),
            terms=Among(select(terms), terms.c.term),
            held=Among(held, text),
            once=Among(once, key),
            often=Among(often, key),
        )


def _adding(table: Table) -> Statement:
    names = table.columns.keys()
    return Statement(table.insert(), *names)


def _dropping(table: Table, key: Column[Any], name: str) -> Statement:
    parameter = _parameter(name)
    row = delete(table).where(key == parameter)
    return Statement(row, name)


def _growing(terms: Table) -> Statement:
    more = terms.c.found + _parameter("more")
    again = terms.c.again + _parameter("more_again")
    often = _parameter("often")
    most = terms.c.most
    grown = _of_term(terms).values(
        found=more,
        again=again,
        most=case((most < often, often), else_=most),
    )
    return Statement(grown, "more", "more_again", "often", "term_id")


def _shrinking(terms: Table) -> Statement:
    less = terms.c.found - _parameter("less")
    again = terms.c.again - _parameter("less_again")
    shrunk = _of_term(terms).values(found=less, again=again)
    return Statement(shrunk, "less", "less_again", "term_id")


def _of_term(terms: Table) -> Update:
    row = terms.c.id == _parameter("term_id")
    return update(terms).where(row)


def _parameter(name: str) -> BindParameter[Any]:
    return bindparam(name)


def _width_for(size: int) -> int:
    return next(width for width in WIDTHS if width >= size)
