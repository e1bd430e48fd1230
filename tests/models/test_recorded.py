"""Replaying a journal's replies, and what a call's key depends on."""

from __future__ import annotations

import asyncio

import pytest

from journeyman.models.recorded import NotRecordedError, RecordedModel, call_key
from journeyman.models.scripted import ScriptDryError, ScriptedModel
from journeyman.types import Message, Reply, Sampling, ToolSpec

ASKED = (Message(role="user", content="你好"),)
TOOL = ToolSpec(name="t", description="", parameters={"type": "object"})


def test_the_key_is_the_same_in_every_process_and_version() -> None:
    assert call_key("m", ASKED, (TOOL,), Sampling()) == call_key("m", ASKED, (TOOL,), Sampling())
    assert (
        call_key("m", ASKED, (), Sampling())
        == "ff28ccf8a913155643239cbca91095e28848d04a072c899c61bd91fe58a32112"
    )


@pytest.mark.parametrize(
    "other",
    [
        call_key("n", ASKED, (TOOL,), Sampling()),
        call_key("m", (), (TOOL,), Sampling()),
        call_key("m", ASKED, (), Sampling()),
        call_key("m", ASKED, (TOOL.model_copy(update={"description": "x"}),), Sampling()),
        call_key("m", ASKED, (TOOL,), Sampling(seed=1)),
        call_key("m", ASKED, (TOOL,), Sampling(temperature=0.1)),
    ],
)
def test_whatever_can_change_a_reply_changes_the_key(other: str) -> None:
    assert other != call_key("m", ASKED, (TOOL,), Sampling())


def test_a_recorded_call_is_replayed_and_an_unknown_one_is_refused() -> None:
    async def say() -> Reply:
        return await ScriptedModel(["hi"]).generate(ASKED)

    reply = asyncio.run(say())
    model = RecordedModel({call_key("m", ASKED, (), Sampling()): reply}, "m")
    assert asyncio.run(model.generate(ASKED)) == reply
    with pytest.raises(NotRecordedError, match="你好"):
        asyncio.run(model.generate(ASKED, sampling=Sampling(seed=2)))


def test_a_script_that_runs_dry_fails_loudly() -> None:
    with pytest.raises(ScriptDryError, match="call 1"):
        asyncio.run(ScriptedModel([]).generate(ASKED))
