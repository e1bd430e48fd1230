"""What only a journal in PostgreSQL does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from journeyman.errors import InputError, MissingExtraError, StoreError
from journeyman.store.journal import Journal, folder_of, open_journal, shown_as
from tests.store.journal.parts import choose, event, said

pytest.importorskip("psycopg", reason="an optional extra: pip install 'journeyman[postgres]'")

SECRET = "s3cr3t-word"


def test_it_is_a_journal() -> None:
    from journeyman.store.journal.postgres import PostgresJournal  # noqa: PLC0415 - optional

    _: type[Journal] = PostgresJournal


def test_blobs_are_in_the_database_or_in_a_folder_by_the_url(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNEYMAN_FOLDER", str(tmp_path / "w"))
    large = said("x" * 5000)
    with open_journal(database) as journal:
        journal.open_run(choose, job="j")
        journal.append([event(0, large)])
        assert journal.events("r-1", "a")[0].body == large
    assert not (tmp_path / "w").exists()
    with open_journal(f"{database}?blobs={tmp_path / 'b'}") as journal:
        journal.append([event(1, said("y" * 5000))])
    assert sum(path.is_file() for path in (tmp_path / "b").rglob("*")) == 1


@pytest.mark.parametrize(
    "where", ["ada:{}@127.0.0.1:1/none", "127.0.0.1:1/none?user=a&password={}"]
)
def test_a_password_is_never_told(where: str) -> None:
    with pytest.raises(StoreError) as error:
        open_journal("postgresql://" + where.format(SECRET))
    said_all = f"{error.value} {error.value!r} {error.value.__cause__} {error.value.__context__}"
    assert SECRET not in said_all
    assert "127.0.0.1:1/none" in error.value.message


def test_the_local_folder_depends_on_the_url_but_not_on_its_password(tmp_path: Path) -> None:
    one = folder_of(f"postgresql://ada:{SECRET}@h/d")
    assert one == folder_of("postgresql://ada@h/d") == folder_of("postgresql://ada:other@h/d")
    assert one == folder_of(f"postgresql://ada@h/d?password={SECRET}")
    assert one != folder_of("postgresql://ada@h/e")
    assert folder_of(tmp_path) == tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:{}@h/d",
        "postgresql://ada:{}@h:port/d",
        "postgresql:/ada:{}@h/d",
        "postgres:ada:{}@h/d",
        "postgresql://ada:p@ss/{}@h/d",
    ],
)
def test_another_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InputError, match="URL") as error:
        open_journal(url.format(SECRET))
    assert SECRET not in f"{error.value} {error.value!r}"


def test_somebody_elses_database_is_refused(database: str) -> None:
    import psycopg  # noqa: PLC0415 - optional

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE invoices (n INTEGER)")
    with pytest.raises(StoreError, match="invoices"):
        open_journal(database)


def test_without_the_extra_it_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "journeyman.store.journal.postgres", None)
    with pytest.raises(MissingExtraError, match=r"journeyman\[postgres\]"):
        open_journal("postgresql://h/d")


def test_a_workspace_is_shown_without_secrets(tmp_path: Path) -> None:
    assert shown_as(f"postgresql://ada:{SECRET}@h:5/d?password={SECRET}") == "postgresql://h:5/d"
    assert shown_as(tmp_path) == str(tmp_path)
