"""An OpenAI-compatible endpoint, through the official client, and all that can go wrong with one."""

from __future__ import annotations

import asyncio
import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from journeyman.errors import (
    ContextOverflowError,
    ModelBusyError,
    ModelError,
    ModelRefusedError,
    ModelReplyError,
    ModelTimeoutError,
    ModelUnreachableError,
    PartRefusedError,
)
from journeyman.models import endpoint
from journeyman.models.endpoint import EndpointModel
from journeyman.types import (
    Audio,
    Cited,
    Data,
    Image,
    Message,
    Part,
    Passages,
    Reply,
    Sampling,
    Text,
    ToolCall,
    ToolSpec,
)
from tests.loopback import Answer, Asked, as_json, free_port, serving

USER = (Message(role="user", content="hello 你好"),)
LOOK = ToolSpec(
    name="look",
    description="Look.",
    parameters={"type": "object", "properties": {"q": {"type": "string"}}},
)


def completion(content: str | None = "hi", calls: list[Any] | None = None, **more: Any) -> Answer:
    message = {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})}
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    choice = {"index": 0, "message": message, "finish_reason": more.pop("finish", "stop"), **more}
    return as_json({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})


def called(arguments: object, name: object = "look") -> list[Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return [{"id": "c1", "type": "function", "function": {"name": name, "arguments": text}}]


def ask(
    *answers: Answer, tools: tuple[ToolSpec, ...] = (), **settings: Any
) -> tuple[Reply, list[Asked]]:
    """The reply when the server gives these answers in turn, the last one for ever."""
    left = list(answers)
    messages = settings.pop("messages", USER)
    sampling = settings.pop("sampling", Sampling())

    async def generate(url: str) -> Reply:
        model = EndpointModel(f"{url}/v1", "some-model", **settings)
        try:
            return await model.generate(messages, tools=tools, sampling=sampling)
        finally:
            await model.aclose()

    with serving(lambda _: left.pop(0) if len(left) > 1 else left[0]) as (url, asked):
        return asyncio.run(generate(url)), asked


def fail(kind: type[ModelError], *answers: Answer, **settings: Any) -> ModelError:
    with pytest.raises(kind) as raised:
        ask(*answers, retries=settings.pop("retries", 1), **settings)
    assert type(raised.value) is kind
    assert raised.value.hint
    return raised.value


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "LONGEST_WAIT_SECONDS", 0.3)


def test_a_reply_with_usage_and_log_probabilities() -> None:
    entry = {"token": "hi", "logprob": -0.25, "top_logprobs": [{"token": "hi", "logprob": -0.25}]}
    reply, asked = ask(completion(logprobs={"content": [entry]}), api_key="secret")
    assert reply.message.text == "hi"
    assert (
        reply.usage.prompt_tokens,
        reply.usage.completion_tokens,
        reply.usage.cached_tokens,
    ) == (7, 2, 4)
    assert reply.logprobs is not None
    assert reply.logprobs[0].top == (("hi", -0.25),)
    assert asked[0].path == "/v1/chat/completions"
    assert asked[0].headers["Authorization"] == "Bearer secret"
    assert asked[0].json["messages"] == [{"role": "user", "content": "hello 你好"}]
    assert (asked[0].json["seed"], asked[0].json["temperature"], asked[0].json["logprobs"]) == (
        0,
        0.0,
        True,
    )


def test_what_an_endpoint_does_not_say_is_unknown() -> None:
    silent = as_json(
        {"choices": [{"message": {"content": "hi"}, "finish_reason": "content_filter"}]}
    )
    reply, _ = ask(silent)
    assert (
        reply.usage.prompt_tokens,
        reply.usage.completion_tokens,
        reply.usage.cached_tokens,
    ) == (None, None, None)
    assert (reply.finish, reply.logprobs, reply.token_ids, reply.raw) == (None, None, None, None)


def test_token_ids_and_the_text_of_a_call_are_kept() -> None:
    text = 'So:\n```json\n{"name":"look","arguments":{"q":"x"}}\n```'
    choice = {"message": {"content": text}, "finish_reason": "stop", "token_ids": [5, 7, 0]}
    reply, _ = ask(as_json({"choices": [choice]}), tools=(LOOK,))
    assert reply.message.tool_calls[0].arguments == {"q": "x"}
    assert (reply.token_ids, reply.raw) == ((5, 7, 0), text)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    assert ask(completion())[1][0].headers["Authorization"] == "Bearer second"
    monkeypatch.setenv("JOURNEYMAN_API_KEY", "first")
    assert ask(completion())[1][0].headers["Authorization"] == "Bearer first"


def test_tools_go_out_and_calls_come_in() -> None:
    reply, asked = ask(
        completion(None, called({"q": "x"})),
        tools=(LOOK,),
        sampling=Sampling(tool_choice="required"),
    )
    assert reply.message.tool_calls == (ToolCall(id="c1", name="look", arguments={"q": "x"}),)
    assert reply.finish == "tool_calls"
    assert asked[0].json["tools"][0]["function"]["name"] == "look"
    assert asked[0].json["tool_choice"] == "required"


def test_a_whole_conversation_goes_out_in_the_endpoints_form() -> None:
    call = ToolCall(id="c1", name="look", arguments={"q": "书"})
    conversation = (
        *USER,
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", call_id="c1", content="seen"),
    )
    sent = ask(completion(), messages=conversation, tools=(LOOK,))[1][0].json["messages"]
    assert sent[1]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"q": "书"}'}
    assert sent[2] == {"role": "tool", "content": "seen", "tool_call_id": "c1"}


def test_calls_written_as_text_are_read_too() -> None:
    text = '```json\n{"name": "look", "arguments": {"q": "x"}}\n```'
    assert ask(completion(text), tools=(LOOK,))[0].message.tool_calls[0].name == "look"


@pytest.mark.parametrize("arguments", ["{not json", "[1]"])
def test_a_call_that_cannot_be_read_is_malformed_not_an_error(arguments: str) -> None:
    reply, _ = ask(completion(None, called(arguments)), tools=(LOOK,))
    assert reply.malformed is not None
    assert "'look'" in reply.malformed


def test_a_schema_is_sent_along() -> None:
    sent = ask(completion("{}"), sampling=Sampling(json_schema={"type": "object"}))[1][0].json
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_what_an_endpoint_does_not_know_is_left_out_from_then_on() -> None:
    refusal = as_json({"error": {"message": "logprobs is not supported"}}, status=400)
    reply, asked = ask(refusal, completion())
    assert reply.message.text == "hi"
    assert "logprobs" in asked[0].json
    assert not {"logprobs", "top_logprobs"} & asked[1].json.keys()
    assert asked[1].json["seed"] == 0


@pytest.mark.parametrize(
    "pause",
    [{"retry_after": "0.2"}, {"retry_after_ms": "200"}, {"retry_after": "date"}],
    ids=["s", "ms", "date"],
)
def test_a_busy_endpoint_is_asked_again_after_the_pause_it_wants(pause: dict[str, str]) -> None:
    if pause.get("retry_after") == "date":
        pause = {"retry_after": formatdate(time.time() + 0.2, usegmt=True)}
    began = time.monotonic()
    reply, asked = ask(as_json({"error": "slow down"}, status=429, **pause), completion())
    assert (reply.message.text, len(asked)) == ("hi", 2)
    if "GMT" not in str(pause):
        assert time.monotonic() - began >= 0.2


def test_an_endpoint_that_wants_a_long_pause_is_busy_for_this_case() -> None:
    error = fail(
        ModelBusyError,
        as_json({"error": {"message": "quota"}}, status=429, retry_after="3600"),
        retries=9,
    )
    assert "quota" in error.message


def test_a_fault_of_the_server_passes() -> None:
    assert len(ask(Answer(status=500, body=b"oops"), Answer(status=503), completion())[1]) == 3


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, ModelRefusedError, "JOURNEYMAN_API_KEY"),
        (403, ModelRefusedError, "key"),
        (404, ModelRefusedError, "URL"),
        (400, ModelRefusedError, "Correct"),
        (429, ModelBusyError, "later"),
        (500, ModelUnreachableError, "log"),
    ],
)
def test_each_refusal_is_typed_and_says_what_to_do(
    status: int, kind: type[ModelError], said: str
) -> None:
    error = fail(
        kind, as_json({"error": {"message": "no way"}}, status=status), api_key="sk-secret"
    )
    assert "no way" in error.message
    assert said in error.hint
    assert "sk-secret" not in str(error)


@pytest.mark.parametrize(
    "words",
    ["This model's maximum context length is 10 tokens", "exceeds the available context size"],
)
def test_a_prompt_too_long_for_the_endpoint_is_told(words: str) -> None:
    fail(ContextOverflowError, as_json({"error": {"message": words}}, status=400))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(
            body=b'{"choices": [{"mess', promise=5000, headers={"Content-Type": "application/json"}
        ),
        Answer(body=b"<html>proxy</html>"),
        Answer(body=b'{"choices": [{"message"'),
        as_json({"object": "error"}),
        as_json([]),
        as_json({"choices": [{"finish_reason": "stop"}]}),
    ],
    ids=["cut", "html", "half", "no-choices", "list", "no-message"],
)
def test_a_reply_that_is_none_is_typed(answer: Answer) -> None:
    fail(ModelReplyError, answer)


def test_a_cut_reply_is_asked_for_again() -> None:
    cut = Answer(body=b'{"choices": [', promise=5000)
    assert ask(cut, completion())[0].message.text == "hi"


def test_nobody_there() -> None:
    async def ask_nobody() -> None:
        model = EndpointModel(f"http://127.0.0.1:{free_port()}/v1", "m", retries=0)
        await model.generate(USER)

    with pytest.raises(ModelUnreachableError, match="No connection"):
        asyncio.run(ask_nobody())


def test_a_server_that_says_nothing() -> None:
    error = fail(ModelTimeoutError, Answer(wait=5.0), timeout_seconds=0.2, retries=0)
    assert "0.2 s" in error.message


# --- parts

PICTURE = Image.of(b"png", "image/png")
SOUND = Audio.of(b"wav", "audio/wav")


def sent(*messages: Message) -> list[Any]:
    _, asked = ask(completion(), messages=messages)
    told: list[Any] = asked[0].json["messages"]
    return told


def test_texts_passages_and_values_are_sent_as_a_plain_text() -> None:
    shown = Passages(passages=(Cited(number=1, head="a.md", text="A"),))
    parts = (Text(text="Look:"), shown, Data(value={"b": 1}))
    assert sent(Message(role="user", content=parts, details={"kept": 1})) == [
        {"role": "user", "content": 'Look:\n\n[1] a.md\nA\n\n{"b": 1}'}
    ]


def test_pictures_and_sound_are_sent_as_content_parts() -> None:
    (told,) = sent(Message(role="user", content=(Text(text="看"), PICTURE, SOUND)))
    assert told["content"] == [
        {"type": "text", "text": "看"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
        {"type": "input_audio", "input_audio": {"data": "d2F2", "format": "wav"}},
    ]


def test_a_tools_picture_follows_the_results() -> None:
    first = Message(role="tool", call_id="1", content=(Text(text="drawn"), PICTURE))
    second = Message(role="tool", call_id="2", content="4")
    told = sent(*USER, first, second)
    assert [message["role"] for message in told[-3:]] == ["tool", "tool", "user"]
    assert told[-3]["content"].startswith("drawn\n\n(image: image/png, ")
    assert [part["type"] for part in told[-1]["content"]] == ["image_url"]


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (PICTURE.model_copy(update={"data": None}), "bytes of"),
        (Audio.of(b"x", "audio/flac"), "takes no"),
    ],
)
def test_what_cannot_be_sent_is_said_before_the_call(part: Part, why: str) -> None:
    message = Message(role="user", content=(part,))
    error = fail(PartRefusedError, completion(), messages=(message,))
    assert why in error.message


def test_a_reply_in_parts_is_its_words() -> None:
    said = [
        {"type": "text", "text": "hi "},
        {"type": "text", "text": "there"},
        {"kind": "passages"},
    ]
    answer = as_json({"choices": [{"message": {"role": "assistant", "content": said}}]})
    assert ask(answer)[0].message.content == (Text(text="hi there"),)
