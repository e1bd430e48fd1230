"""What holds the truth is migrated by named steps; what is derived is made anew in another format."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from journeyman.documents import Passage
from journeyman.errors import StoreError
from journeyman.store import passages as passage_store
from journeyman.store.connect import connect, end
from journeyman.store.lessons import LessonStore
from journeyman.store.migrations import drop_all_tables, keep_derived, migrate
from journeyman.store.passages import Kept, PassageStore


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    opened = connect(tmp_path / "store.sqlite", writes=True)
    yield opened
    end(opened)


def tables(connection: Connection) -> set[str]:
    with connection.begin():
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        return set(rows.scalars())


def books(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE books (x)")


def loans(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE loans (x)")


def fails(connection: Connection) -> None:
    loans(connection)
    raise ValueError("halfway")


def test_each_migration_runs_once_and_in_order(connection: Connection) -> None:
    with connection.begin():
        migrate(connection, (("001_books", books),))
    for _ in range(2):
        with connection.begin():
            migrate(connection, (("001_books", books), ("002_loans", loans)))
    assert tables(connection) == {"migrations", "books", "loans"}


def test_a_migration_that_fails_leaves_nothing(connection: Connection) -> None:
    with pytest.raises(ValueError, match="halfway"), connection.begin():
        migrate(connection, (("001_books", books), ("002_loans", fails)))
    assert tables(connection) == set()


def test_a_newer_store_and_others_databases_are_refused_untouched(connection: Connection) -> None:
    with connection.begin():
        migrate(connection, (("001_books", books), ("999_future", loans)))
    before = tables(connection)
    with (
        pytest.raises(
            StoreError, match=r"The shelf was written by a newer version: .*'999_future'"
        ),
        connection.begin(),
    ):
        migrate(connection, (("001_books", books),), store="library", place="shelf")
    with connection.begin():
        connection.exec_driver_sql("DROP TABLE migrations")
    with (
        pytest.raises(StoreError, match="not a library's: books, loans"),
        connection.begin(),
    ):
        migrate(connection, (("001_books", books),), store="library", place="shelf")
    assert tables(connection) == before - {"migrations"}


def test_what_is_derived_is_made_anew_in_another_format_only(connection: Connection) -> None:
    made: list[int] = []

    def make_anew(connection: Connection) -> None:
        drop_all_tables(connection)
        books(connection)
        made.append(1)

    for number in (3, 3, 4, 2):
        with connection.begin():
            keep_derived(connection, number, make_anew)
    assert len(made) == 3
    assert tables(connection) == {"books"}


def test_where_making_anew_fails_the_old_stays(connection: Connection) -> None:
    def fails(connection: Connection) -> None:
        drop_all_tables(connection)
        raise ValueError("halfway")

    with connection.begin():
        keep_derived(connection, 3, books)
    with pytest.raises(ValueError, match="halfway"), connection.begin():
        keep_derived(connection, 4, fails)
    assert tables(connection) == {"books"}
    with connection.begin():
        keep_derived(connection, 3, fails)  # nothing is due


def test_lessons_of_another_format_are_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "memory.sqlite"
    with sqlite3.connect(file) as raw:
        raw.execute("CREATE TABLE uses (other)")
        raw.execute('CREATE TABLE "old lessons" (x)')
        raw.execute("PRAGMA user_version=5")
    raw.close()
    memories = LessonStore.open(file, "prices")
    assert memories.count() == 0
    assert "old lessons" not in tables(memories.connection)
    memories.close()


def passage(n: int, text: str) -> Kept:
    return Kept(Passage(document="d", id=str(n), text=text), None)


def test_full_text_lists_of_another_format_are_made_anew_from_the_passages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "base.sqlite"
    store = PassageStore.open(file, embedder=None)
    texts = ["red lamp", "blue lamp lamp", "green chair"]
    store.put("d", [passage(n, text) for n, text in enumerate(texts)], labels=[], digest="x")
    with store.reading():
        before = store.lexical("lamp", k=5, scopes=[0])
    store.close()
    with sqlite3.connect(file) as raw:
        raw.execute("DELETE FROM passages_text_postings")
    raw.close()
    monkeypatch.setattr(passage_store, "LISTS_FORMAT", 1)
    store = PassageStore.open(file, embedder=None)
    with store.reading():
        assert [hit.id for hit in before] == [2, 1]
        assert store.lexical("lamp", k=5, scopes=[0]) == before
    store.close()
