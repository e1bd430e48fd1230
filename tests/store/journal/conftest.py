"""Each test of the suite gets an empty workspace in a folder, and one in a database of a cluster of our own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from bench.lib.cluster import NoClusterError, cluster
from journeyman.store.journal import Journal, open_journal
from tests.store.journal.parts import choose

DATABASES = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database of a running cluster; the tests that need it skip where there can be none."""
    pytest.importorskip("psycopg", reason="an optional extra: pip install 'journeyman[postgres]'")
    try:
        with cluster() as url:
            yield url
    except NoClusterError as error:
        pytest.skip(str(error))


@pytest.fixture
def database(postgres: str) -> str:
    """The URL of an empty database."""
    import psycopg  # noqa: PLC0415 - optional

    name = f"test_{next(DATABASES)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.rpartition("/")[0] + f"/{name}"


@pytest.fixture(params=["sqlite", "postgres"])
def workspace(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where a journal can be opened, whichever database keeps it."""
    if request.param == "sqlite":
        return str(tmp_path / "w")
    monkeypatch.setenv("JOURNEYMAN_FOLDER", str(tmp_path / "w"))
    return str(request.getfixturevalue("database"))


@pytest.fixture
def journal(workspace: str) -> Iterator[Journal]:
    """An open journal with one run."""
    with open_journal(workspace) as opened:
        opened.open_run(choose, job="j")
        yield opened
