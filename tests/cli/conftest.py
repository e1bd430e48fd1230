"""Each test has a folder of its own, in which it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Cli, runner


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capsys)
