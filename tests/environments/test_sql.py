"""The sql environment: schema seen, queries tried, one submitted; and nothing that a query asks for does harm."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from journeyman.environments import Sql
from journeyman.environments.sql import table
from journeyman.errors import InputError
from journeyman.store.readonly import QueryError, QueryLimits, ReadOnlyDatabase
from journeyman.types import CaseInput, Message, ToolCall


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "d.sqlite"
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE book (id INTEGER PRIMARY KEY,\n  title TEXT)")
        connection.executemany(
            "INSERT INTO book (title) VALUES (?)", [(f"书 {n}",) for n in range(40)]
        )
        connection.execute("CREATE VIEW first AS SELECT * FROM book LIMIT 1")
    connection.close()
    return file


def do(settings: Sql, name: str = "query", **arguments: object) -> Message:
    async def one() -> Message:
        environment = settings(CaseInput(id="c", prompt="q"))
        await environment.reset()
        return await environment.step(ToolCall(id="1", name=name, arguments=arguments))

    return asyncio.run(one())


def test_the_schema_stands_in_the_stable_part(database: Path) -> None:
    async def opening() -> list[Message]:
        return list(
            await Sql(database=database, samples=1)(CaseInput(id="c", prompt="How many?")).reset()
        )

    system, user = asyncio.run(opening())
    assert (
        "CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT);\n-- (1, '书 0')\nCREATE VIEW first"
        in system.text
    )
    assert (system.role, user.text) == ("system", "How many?")


def test_a_query_shows_its_first_rows_and_says_how_many_there_are(database: Path) -> None:
    told = do(Sql(database=database), sql="SELECT title FROM book ORDER BY id").text
    assert told.splitlines()[:2] == ["title", "书 0"]
    assert told.endswith("… more rows, 40 in all")
    assert (
        do(Sql(database=database), sql="SELECT id FROM book WHERE id < 0").text == "id\n(no rows)"
    )


def test_a_submitted_query_must_run(database: Path) -> None:
    assert do(Sql(database=database), "submit", sql="SELECT 1").text == "accepted\n1\n1"
    wrong = do(Sql(database=database), "submit", sql="SELECT nope FROM book")
    assert wrong.failed
    assert "no such column: nope" in wrong.text
    assert do(Sql(database=database), "submit").failed


@pytest.mark.parametrize(
    ("sql", "accepted"),
    [
        ("SELECT count(*) FROM book", True),
        (" -- 书\nSELECT title FROM book ORDER BY 1 ;", True),
        ("SELECT count(*) FROM invoices", False),
        ("SELECT colour FROM book", False),
        ("DELETE FROM book", False),
        ("PRAGMA user_version=3", False),
        ("SELECT 1; SELECT 2", False),
        ("17 books", False),
        ("", False),
        ("SELECT '\0'", False),
        ("SELECT '\ud800'", False),
    ],
)
def test_it_accepts_as_an_example_what_could_be_asked_here(
    database: Path, sql: str, accepted: bool
) -> None:
    assert Sql(database=database)(CaseInput(id="c", prompt="q")).accepts(sql) is accepted


def test_a_cases_own_database_takes_its_place(database: Path, tmp_path: Path) -> None:
    case_input = CaseInput(id="c", prompt="q", data={"database": str(database)})
    assert Sql()(case_input).tools
    with pytest.raises(InputError, match="no database"):
        Sql()(CaseInput(id="c", prompt="q"))
    with pytest.raises(InputError, match=r"gone\.sqlite"):
        Sql(database=tmp_path / "gone.sqlite")(CaseInput(id="c", prompt="q"))


HOSTILE = [
    "DELETE FROM book",
    "INSERT INTO book (title) VALUES ('x')",
    "UPDATE book SET title = ''",
    "DROP TABLE book",
    "CREATE TABLE t (x)",
    "CREATE TEMP TABLE t (x)",
    "WITH x AS (SELECT 1) DELETE FROM book",
    "ATTACH DATABASE '/tmp/x' AS x",
    "DETACH DATABASE main",
    "PRAGMA writable_schema=ON",
    "PRAGMA query_only=OFF",
    "VACUUM INTO '/tmp/journeyman-vacuum'",
    "REINDEX",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT x",
    "SELECT load_extension('x')",
    "SELECT writefile('/tmp/x', 'y')",
    "SELECT 1; DELETE FROM book",
    "SELECT 1; SELECT 2",
    "EXPLAIN DELETE FROM book",
    "SELECT zeroblob(1000000000)",
    "SELECT * FROM pragma_database_list",
    "",
    "-- nothing",
    "hello",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_nothing_but_reading(database: Path, sql: str) -> None:
    before = database.read_bytes()
    with pytest.raises(QueryError):
        ReadOnlyDatabase(database).query(sql)
    assert database.read_bytes() == before
    assert sorted(file.name for file in database.parent.iterdir()) == ["d.sqlite"]


ENDLESS = [
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n",
    "SELECT COUNT(*) FROM book a, book b, book c, book d, book e, book f",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT SUM(x) FROM n ORDER BY 1",
]


@pytest.mark.parametrize("sql", ENDLESS)
def test_what_never_ends_is_stopped(database: Path, sql: str) -> None:
    began = time.monotonic()
    with pytest.raises(QueryError, match=r"longer than 0\.3 s"):
        ReadOnlyDatabase(database, QueryLimits(seconds=0.3)).query(sql)
    assert time.monotonic() - began < 5


HUGE = [
    "SELECT replace(hex(zeroblob(10)), '0', printf('%.*c', 400000, 'x'))",
    "SELECT group_concat(a.title || b.title || c.title || d.title) FROM book a, book b, book c, book d",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT printf('%.*c', 100000, 'x') FROM n",
]


@pytest.mark.parametrize("sql", HUGE)
def test_no_value_and_no_result_fills_the_memory(database: Path, sql: str) -> None:
    with pytest.raises(QueryError):
        ReadOnlyDatabase(database, QueryLimits(seconds=5)).query(sql)


@pytest.mark.slow
def test_a_value_that_sqlite_itself_refuses_is_null(database: Path) -> None:
    assert ReadOnlyDatabase(database).query("SELECT printf('%.*c', 900000000, 'x')").rows == (
        (None,),
    )


def test_many_rows_are_cut_and_said_to_be(database: Path) -> None:
    rows = ReadOnlyDatabase(database, QueryLimits(rows=7)).query("SELECT id FROM book")
    assert (len(rows.rows), rows.cut) == (7, True)
    assert table(rows, 10).endswith("… more rows, 7+ in all")


def test_binary_and_damaged_files_are_told(tmp_path: Path, database: Path) -> None:
    (tmp_path / "picture.sqlite").write_bytes(b"\x89PNG\r\n" + bytes(2000))
    with pytest.raises(InputError, match="not an SQLite database"):
        ReadOnlyDatabase(tmp_path / "picture.sqlite")
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(database.read_bytes()[:100] + b"\xff" * 8000)
    with pytest.raises(InputError, match="damaged"):
        ReadOnlyDatabase(damaged).query("SELECT * FROM book")


def test_text_that_is_no_utf8_is_read_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "latin.sqlite"
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE t (x TEXT)")
        connection.execute("INSERT INTO t VALUES (CAST(x'636166e9' AS TEXT))")
    connection.close()
    assert ReadOnlyDatabase(file).query("SELECT x FROM t").rows == (("caf�",),)
