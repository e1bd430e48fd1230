"""Each test of the suite gets an empty workspace in a folder, and one in a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from journeyman.store.journal import Journal, open_journal
from tests.store.journal.parts import choose


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
