"""Who shares an engine with whom: those that ask for the same, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from journeyman.models import embedded
from journeyman.models.embedded import EmbeddedModel, Settings


@pytest.fixture(autouse=True)
def no_engines_left() -> Iterator[None]:
    before = dict(embedded._engines)
    yield
    for settings in set(embedded._engines) - set(before):
        embedded._engines.pop(settings).close()


def test_models_that_ask_for_the_same_share_an_engine(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    (tmp_path / "link.gguf").symlink_to(path)
    one, other = (
        EmbeddedModel(path, at_once=2),
        EmbeddedModel(tmp_path / "link.gguf", at_once=2, name="other"),
    )
    assert one.engine is other.engine


@pytest.mark.parametrize("field", [field.name for field in fields(Settings)])
def test_any_other_setting_is_another_engine(tmp_path: Path, field: str) -> None:
    settings = Settings(tmp_path / "m.gguf", at_once=1)
    value = getattr(settings, field)
    changes: dict[str, Any] = {
        field: value.with_name("n.gguf") if isinstance(value, Path) else value + 1
    }
    changed = replace(settings, **changes)
    one, other = embedded._shared(settings), embedded._shared(changed)
    assert one is not other
    assert (one.settings, other.settings) == (settings, changed)


def test_who_asks_for_eight_at_once_gets_eight_whoever_came_first(tmp_path: Path) -> None:
    first, second = (
        EmbeddedModel(tmp_path / "m.gguf", at_once=1),
        EmbeddedModel(tmp_path / "m.gguf", at_once=8),
    )
    assert first.engine.threads._max_workers == 1
    assert second.engine.settings.at_once == 8
    assert second.engine.threads._max_workers == 8


def test_closing_ends_the_engine_of_those_settings_alone(tmp_path: Path) -> None:
    first, second = (
        EmbeddedModel(tmp_path / "m.gguf", at_once=1),
        EmbeddedModel(tmp_path / "m.gguf", at_once=8),
    )
    kept, closed = second.engine, first.engine
    asyncio.run(first.aclose())
    assert second.engine is kept
    assert first.engine is not closed
