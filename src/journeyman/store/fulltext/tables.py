"""A full-text index's tables, and what is said to the database about them often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    case,
    delete,
    select,
    update,
)

from journeyman.store.fulltext.postings import Posted
from journeyman.store.fulltext.segments import COLUMNS
from journeyman.store.statements import Statement

T = TypeVar("T")

WIDTHS = (8, 64, 512)
"""Values of an `IN` that is built once: the fewest that do are filled up."""


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as one statement takes."""
    return (values[start : start + WIDTHS[-1]] for start in range(0, len(values), WIDTHS[-1]))


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
        whole = BigInteger().with_variant(Integer, "sqlite")

        def table(part: str, *columns: Column[Any]) -> Table:
            return Table(f"{name}_{part}", metadata, *columns)

        def key(label: str) -> Column[Any]:
            return Column(label, whole, primary_key=True, autoincrement=False)

        def number(label: str) -> Column[Any]:
            return Column(label, whole, nullable=False)

        def packed(label: str) -> Column[Any]:
            return Column(label, LargeBinary, nullable=False)

        return cls(
            state=table(
                "state", key("id"), *map(number, ("texts", "length", "next_number", "next_term"))
            ),
            texts=table(
                "texts",
                key("id"),
                *map(number, ("number", "scope", "place", "length")),
                packed("terms"),
            ),
            terms=table(
                "terms",
                key("id"),
                *map(number, ("found", "again", "most")),
                Column("term", Text, unique=True),
            ),
            segments=table(
                "segments", key("first"), number("token"), *map(packed, (*COLUMNS, "removed"))
            ),
            # the key is a segment's first number, then the term's id in the lower 32 bits
            postings=table("postings", key("key"), *map(packed, Posted._fields)),
        )


class Among:
    """Rows whose column holds one of the values given."""

    def __init__(self, query: Select[Any], column: Column[Any]) -> None:
        self.of_width: dict[int, Statement] = {}
        for width in WIDTHS:
            names = [f"value_{n}" for n in range(width)]
            self.of_width[width] = Statement(
                query.where(column.in_([bindparam(name) for name in names])), *names
            )

    def rows(self, connection: Connection, values: Sequence[Any]) -> list[Any]:
        return [
            row
            for statement, some in self._fitting(values)
            for row in statement.rows(connection, some)
        ]

    def tuples(self, connection: Connection, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """As `rows`, quicker."""
        return [
            row
            for statement, some in self._fitting(values)
            for row in statement.tuples(connection, some)
        ]

    def _fitting(self, values: Sequence[Any]) -> Iterator[tuple[Statement, Sequence[Any]]]:
        """The narrowest statements that take all of them, each with as many as it takes."""
        for some in chunks(values):
            width = next(width for width in WIDTHS if width >= len(some))
            yield self.of_width[width], [*some, *[some[-1]] * (width - len(some))]


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
        texts, table, postings = tables.texts, tables.terms, tables.postings

        def adding(to: Table) -> Statement:
            return Statement(to.insert(), *to.columns.keys())

        of_term = update(table).where(table.c.id == bindparam("term_id"))
        grown = of_term.values(
            found=table.c.found + bindparam("more"),
            again=table.c.again + bindparam("more_again"),
            most=case((table.c.most < bindparam("often"), bindparam("often")), else_=table.c.most),
        )
        shrunk = of_term.values(
            found=table.c.found - bindparam("less"), again=table.c.again - bindparam("less_again")
        )
        return cls(
            add_texts=adding(texts),
            add_terms=adding(table),
            add_postings=adding(postings),
            grow=Statement(grown, "more", "more_again", "often", "term_id"),
            shrink=Statement(shrunk, "less", "less_again", "term_id"),
            drop_texts=Statement(
                delete(texts).where(texts.c.id == bindparam("text_id")), "text_id"
            ),
            drop_terms=Statement(
                delete(table).where(table.c.id == bindparam("term_id")), "term_id"
            ),
            drop_postings=Statement(
                delete(postings).where(postings.c.key == bindparam("list_key")), "list_key"
            ),
            texts=Among(select(texts), texts.c.id),
            terms=Among(select(table), table.c.term),
            held=Among(select(texts.c.id, texts.c.terms), texts.c.id),
            once=Among(select(postings.c.key, postings.c.once, postings.c.bits), postings.c.key),
            often=Among(select(postings.c.key, postings.c.often), postings.c.key),
        )
