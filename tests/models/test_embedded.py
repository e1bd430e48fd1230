"""The embedded engine with a real, tiny model: 98 MB, fetched once by the project's own fetch."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from journeyman.errors import ContextOverflowError, ModelFileError, PartRefusedError
from journeyman.models import embedded, toolcalls
from journeyman.models.embedded import EmbeddedModel, Settings, free_cores
from journeyman.models.gguf import control_tokens
from journeyman.types import Image, Message, Sampling, Text, ToolSpec

pytestmark = pytest.mark.model

T = TypeVar("T")
SYSTEM = Message(role="system", content="You are a helpful clerk. " * 20)
LOOK = ToolSpec(
    name="look",
    description="Look something up.",
    parameters={
        "type": "object",
        "properties": {"word": {"type": "string", "maxLength": 20}},
        "required": ["word"],
    },
)


def said(text: str) -> tuple[Message, ...]:
    return (SYSTEM, Message(role="user", content=text))


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Iterator[EmbeddedModel]:
    loaded = EmbeddedModel(tiny_model, at_once=2)
    yield loaded
    asyncio.run(loaded.aclose())


def run(doing: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(doing)


def test_a_reply_has_text_usage_and_a_log_probability_for_each_token(model: EmbeddedModel) -> None:
    reply = run(
        model.generate(said("Say hello."), sampling=Sampling(max_tokens=12, top_logprobs=3))
    )
    assert reply.message.text.strip()
    assert reply.logprobs is not None
    assert reply.usage.completion_tokens is not None
    assert abs(len(reply.logprobs) - reply.usage.completion_tokens) <= 1  # the end token has none
    assert all(entry.logprob <= 0 and 1 <= len(entry.top) <= 3 for entry in reply.logprobs)
    assert reply.usage.seconds > 0


def tokens_of(model: EmbeddedModel, text: str) -> int:
    reply = run(
        model.generate((Message(role="user", content=text),), sampling=Sampling(max_tokens=1))
    )
    assert reply.usage.prompt_tokens is not None
    return reply.usage.prompt_tokens


@pytest.mark.parametrize("mark", ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<repo_name>"])
def test_a_mark_in_a_text_is_never_the_token(model: EmbeddedModel, mark: str) -> None:
    broken = tokens_of(model, mark)
    one_token = tokens_of(model, "a")
    assert broken >= one_token + 3, "it is read letter by letter, and not as one token"


def test_the_file_names_its_control_tokens(tiny_model: Path) -> None:
    assert {"<|im_start|>", "<|im_end|>", "<repo_name>"} <= control_tokens(tiny_model)


def test_a_picture_is_refused_before_the_call(tmp_path: Path) -> None:
    message = Message(role="user", content=(Text(text="What is it?"), Image.of(b"x", "image/png")))
    with pytest.raises(PartRefusedError, match=r"user message holds \(image: image/png") as raised:
        run(EmbeddedModel(tmp_path / "no.gguf").generate((message,)))
    assert "takes image" in raised.value.hint


def test_token_ids_are_all_of_them_or_none(model: EmbeddedModel) -> None:
    sampling = Sampling(max_tokens=12)
    reply = run(model.generate(said("Say hello."), sampling=sampling))
    assert reply.token_ids is not None
    assert reply.logprobs is not None
    assert len(reply.token_ids) == len(reply.logprobs)
    assert "".join(entry.token for entry in reply.logprobs) == reply.message.text
    again = run(model.generate(said("Say hello."), sampling=sampling))
    assert again.token_ids == reply.token_ids
    chinese = Sampling(
        max_tokens=40, json_schema={"enum": ["你好, 世界"]}
    )  # its characters are several tokens each
    assert run(model.generate(said("Say hello."), sampling=chinese)).token_ids is None
    assert (
        run(
            model.generate(said("Say hello."), sampling=Sampling(max_tokens=4, top_logprobs=0))
        ).token_ids
        is None
    )


def test_the_text_of_a_call_is_kept_where_it_cannot_be_made_from_the_call(
    model: EmbeddedModel,
) -> None:
    sampling = Sampling(max_tokens=60, tool_choice="required")
    reply = run(model.generate(said("What is a lamp?"), tools=(LOOK,), sampling=sampling))
    assert (
        reply.raw is None
        or toolcalls.parse(reply.raw, (LOOK,), position=2)[1] == reply.message.tool_calls
    )
    assert run(model.generate(said("Say hello."), sampling=Sampling(max_tokens=4))).raw is None


def test_the_same_call_gives_the_same_reply(model: EmbeddedModel) -> None:
    sampling = Sampling(max_tokens=12, temperature=0.8, seed=7)
    first, second = (
        run(model.generate(said("Tell me a word."), sampling=sampling)) for _ in range(2)
    )
    assert first.message == second.message


def test_the_stable_prefix_is_taken_from_the_cache(model: EmbeddedModel) -> None:
    for question in ("One?", "Two?", "Three?"):
        reply = run(model.generate(said(question), sampling=Sampling(max_tokens=2)))
    assert reply.usage.cached_tokens is not None
    assert reply.usage.prompt_tokens is not None
    assert reply.usage.cached_tokens >= 0.8 * reply.usage.prompt_tokens


def test_a_schema_is_kept_to(model: EmbeddedModel) -> None:
    schema = {
        "type": "object",
        "properties": {
            "colour": {"enum": ["红", "blue"]},
            "count": {"type": "integer", "maximum": 9, "minimum": 0},
        },
        "required": ["colour", "count"],
        "additionalProperties": False,
    }
    reply = run(
        model.generate(said("Choose."), sampling=Sampling(max_tokens=40, json_schema=schema))
    )
    told = json.loads(reply.message.text)
    assert told["colour"] in {"红", "blue"}
    assert 0 <= told["count"] <= 9


def test_a_required_call_is_always_well_formed(model: EmbeddedModel) -> None:
    sampling = Sampling(max_tokens=60, tool_choice="required")
    reply = run(model.generate(said("What is a lamp?"), tools=(LOOK,), sampling=sampling))
    assert [call.name for call in reply.message.tool_calls] == ["look"]
    assert isinstance(reply.message.tool_calls[0].arguments["word"], str)
    assert reply.malformed is None


def test_two_replies_at_once_are_the_same_as_one_after_the_other(model: EmbeddedModel) -> None:
    sampling = Sampling(max_tokens=8)

    async def both() -> list[str]:
        replies = await asyncio.gather(
            *(model.generate(said(q), sampling=sampling) for q in ("A cat?", "A dog?"))
        )
        return [reply.message.text for reply in replies]

    assert len(run(both())) == 2


def test_a_prompt_longer_than_the_context_is_told_with_its_length(model: EmbeddedModel) -> None:
    with pytest.raises(ContextOverflowError, match="the context holds 8,192"):
        run(model.generate(said("word " * 9_000)))


def test_cancelling_frees_the_engine_soon(model: EmbeddedModel) -> None:
    async def cancelled() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                model.generate(said("Tell a long story."), sampling=Sampling(max_tokens=4000)), 0.5
            )
        began = time.monotonic()
        await model.generate(said("Hi"), sampling=Sampling(max_tokens=2))
        return time.monotonic() - began

    assert run(cancelled()) < 20


def test_what_is_no_model_file_is_told(tmp_path: Path) -> None:
    for name, data in (
        ("text.gguf", b"hello"),
        ("short.gguf", b"GGUF\x03\x00\x00\x00"),
        ("empty.gguf", b""),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelFileError, match=name):
            run(EmbeddedModel(tmp_path / name).generate(said("hi")))
    with pytest.raises(ModelFileError, match=r"gone\.gguf"):
        run(EmbeddedModel(tmp_path / "gone.gguf").generate(said("hi")))


def test_free_cores_are_at_least_one() -> None:
    assert free_cores() >= 1


def test_what_is_loaded_beforehand_is_loaded_once_and_its_fault_is_told(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    start = embedded._start

    def counted(settings: Settings, cores: int) -> Any:
        started.append(settings.path)
        return start(settings, cores)

    monkeypatch.setattr(embedded, "_start", counted)
    copy = tmp_path / "copy.gguf"
    shutil.copyfile(tiny_model, copy)  # an engine of the file itself is shared with the other tests
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"hello")

    async def use() -> None:
        model, bad = EmbeddedModel(copy, at_once=1), EmbeddedModel(broken)
        for one in (model, bad):
            one.preload()
        await model.load()
        await model.generate(said("Say hello."), sampling=Sampling(max_tokens=2))
        with pytest.raises(ModelFileError, match=r"broken\.gguf"):
            await bad.load()
        for one in (model, bad):
            await one.aclose()

    run(use())
    assert [path.name for path in started].count(copy.name) == 1
