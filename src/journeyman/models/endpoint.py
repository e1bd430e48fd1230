"""Any OpenAI-compatible chat endpoint: vLLM, SGLang, Ollama, llama.cpp, most vendors.

The official client carries the request (imported at the first call: it takes half a second); its own retries are off,
and ours tell apart what may pass (429, 5xx, no connection, time-outs) from what will not (401, 404, a prompt too long).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from journeyman.errors import (
    ContextOverflowError,
    ModelBusyError,
    ModelError,
    ModelRefusedError,
    ModelReplyError,
    ModelTimeoutError,
    ModelUnreachableError,
)
from journeyman.models import toolcalls, wire
from journeyman.models.messages import chat_messages
from journeyman.types import Json, Message, Reply, Sampling, ToolCall, ToolSpec

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LONGEST_WAIT_SECONDS = 60.0
"""A server that asks for a longer pause is busy for this case."""

OPTIONAL = ("logprobs", "top_logprobs", "seed", "response_format", "tool_choice")
"""What some endpoints refuse; left out from then on where the refusal names it."""

TOO_LONG = ("context_length", "context size", "context length", "context window")
"""What an endpoint says of a prompt that is too long."""

Read = TypeVar("Read")


class Endpoint:
    """A URL, asked with patience. The key comes from JOURNEYMAN_API_KEY, or else OPENAI_API_KEY; it is never shown."""

    def __init__(
        self, base_url: str, *, api_key: str | None, timeout_seconds: float, retries: int
    ) -> None:
        self.base_url = base_url
        self.timeout_seconds = timeout_seconds
        self.retries = retries
        self.refused: set[str] = set()
        self._key = (
            api_key
            or os.environ.get("JOURNEYMAN_API_KEY")
            or os.environ.get("OPENAI_API_KEY")
            or "none"
        )
        self._clients: dict[int, AsyncOpenAI] = {}

    async def ask(
        self, path: str, body: Mapping[str, Json], read: Callable[[Mapping[str, Json]], Read]
    ) -> Read:
        """What `read` makes of the answer; asked again while what went wrong may pass. Raises ModelError."""
        last: ModelError | None = None
        attempts = range(self.retries + 1)
        for attempt in attempts:
            if last is not None:
                pause = _pause(last, attempt)
                await asyncio.sleep(pause)
            try:
                sent = {key: value for key, value in body.items() if key not in self.refused}
                answer = await self._ask_once(path, sent)
                return read(answer)
            except PassingError as passing:
                last = passing.error
                asked_to_wait = getattr(last, "retry_after", 0.0)
                if asked_to_wait > LONGEST_WAIT_SECONDS:
                    break
        assert last is not None
        raise last

    async def _ask_once(self, path: str, body: Mapping[str, Json]) -> Mapping[str, Json]:
        """One request. Raises ModelError for what will not pass, PassingError for what may."""
        import openai  # noqa: PLC0415 - takes half a second

        try:
            # chat.completions.create goes through the whole conversation each time: as long as all the rest of a turn
            text = await self._client().post(path, cast_to=str, body=body)
        except openai.APIStatusError as error:
            raise self._judged(
                error.status_code, error.response.headers, error.response.text, body
            ) from None
        except openai.APITimeoutError:
            message = f"{self.base_url} gave no reply within {self.timeout_seconds:g} s."
            raise PassingError(
                ModelTimeoutError(message, "Look at the server, or allow more time.")
            ) from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            if type(cause).__name__ in {"RemoteProtocolError", "ReadError"}:
                raise PassingError(cut(f"cut off: {cause}")) from None
            message = f"No connection to {self.base_url}: {cause}."
            raise PassingError(
                ModelUnreachableError(message, "Start the server, or correct the URL.")
            ) from None
        try:
            told = json.loads(text)
        except json.JSONDecodeError as error:
            raise PassingError(cut(f"not JSON ({error}): {text[:80]!r}")) from None
        if not isinstance(told, dict):
            raise PassingError(cut(f"not a JSON object: {text[:200]!r}"))
        return told

    def _judged(
        self, status: int, headers: Mapping[str, str], text: str, body: Mapping[str, Json]
    ) -> Exception:
        said = _said(text)
        low = said.lower()
        if status == 429:
            busy = ModelBusyError(
                f"{self.base_url} is busy (429): {said}", "Try again later, or fewer cases at once."
            )
            busy.retry_after = _retry_after(headers)  # type: ignore[attr-defined]
            return PassingError(busy)
        if status in {408, 409} or status >= 500:
            message = f"{self.base_url} failed ({status}): {said}"
            return PassingError(ModelUnreachableError(message, "Look at the server's log."))
        if any(word in low for word in TOO_LONG):
            return ContextOverflowError(
                f"The prompt is too long: {said}", "Shorten instructions, documents or results."
            )
        named = [key for key in OPTIONAL if key in low and key in body]
        if named and status in {400, 422}:
            self.refused.update({"logprobs", "top_logprobs"} if "logprobs" in low else set(named))
            return PassingError(
                ModelRefusedError(
                    f"{self.base_url} refused {named}: {said}", "Use another endpoint."
                )
            )
        hint = {
            401: "Set JOURNEYMAN_API_KEY to a key that this endpoint takes.",
            403: "Use a key that may use this model.",
            404: "Correct the URL (it usually ends in /v1) or the model's name.",
        }.get(status, "Correct what it names.")
        return ModelRefusedError(f"{self.base_url} refused ({status}): {said}", hint)

    def _client(self) -> AsyncOpenAI:
        """One client per event loop: its connections belong to the loop."""
        from openai import AsyncOpenAI  # noqa: PLC0415 - takes half a second

        loop = id(asyncio.get_running_loop())
        if loop not in self._clients:
            self._clients[loop] = AsyncOpenAI(
                base_url=self.base_url,
                api_key=self._key,
                max_retries=0,
                timeout=self.timeout_seconds,
            )
        return self._clients[loop]

    async def aclose(self) -> None:
        client = self._clients.pop(id(asyncio.get_running_loop()), None)
        if client is not None:
            await client.close()


class EndpointModel:
    """A model behind a URL."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 120,
        retries: int = 4,
    ) -> None:
        self.model = model
        self.name = f"{base_url}#{model}"
        self.endpoint = Endpoint(
            base_url, api_key=api_key, timeout_seconds=timeout_seconds, retries=retries
        )

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        body = _body(self.model, messages, tools, sampling)
        began = time.monotonic()

        def read(answer: Mapping[str, Json]) -> Reply:
            return _reply(
                answer,
                tools,
                position=len(messages),
                seconds=time.monotonic() - began,
            )

        return await self.endpoint.ask("/chat/completions", body, read)

    async def aclose(self) -> None:
        await self.endpoint.aclose()


class PassingError(Exception):
    """Wraps an error that may pass when asked again."""

    def __init__(self, error: ModelError) -> None:
        super().__init__(str(error))
        self.error = error


def cut(what: str) -> ModelReplyError:
    """The reply is not whole."""
    return ModelReplyError(
        f"The endpoint's reply was {what}.", "Look at the server's log; try the case again."
    )


def _pause(last: ModelError, attempt: int) -> float:
    """What the server asked for, or else half a second doubling, with jitter."""
    asked: float = getattr(last, "retry_after", 0.0)
    if asked:
        return asked
    longest: float = min(LONGEST_WAIT_SECONDS, 0.25 * 2**attempt)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return longest * jitter


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds, from `retry-after-ms` or `retry-after` (seconds or an HTTP date); 0: it does not say."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return float(milliseconds) / 1000
        asked = headers.get("retry-after")
        if asked is None:
            return 0.0
        if asked.replace(".", "", 1).isdigit():
            return float(asked)
        return _seconds_until(asked)
    except ValueError:
        return 0.0


def _seconds_until(date: str) -> float:
    then = parsedate_to_datetime(date)
    return max(0.0, then.timestamp() - time.time())


def _said(text: str) -> str:
    """The endpoint's own message, on one line."""
    try:
        message = json.loads(text)
    except json.JSONDecodeError:
        message = text
    for key in ("error", "message"):
        if isinstance(message, dict):
            message = message.get(key, message)
    words = str(message).split()
    return " ".join(words)[:300]


def _body(
    model: str, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling
) -> dict[str, Json]:
    body: dict[str, Json] = {
        "model": model,
        "messages": chat_messages(messages),
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    if sampling.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    if sampling.json_schema is not None:
        schema = {"name": "reply", "schema": dict(sampling.json_schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if tools:
        body["tools"] = [_tool(spec) for spec in tools]
        if sampling.tool_choice == "required":
            body["tool_choice"] = "required"
    return body


def _tool(spec: ToolSpec) -> dict[str, Json]:
    return {
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.description,
            "parameters": dict(spec.parameters),
        },
    }


def _reply(
    answer: Mapping[str, Json], tools: Sequence[ToolSpec], *, position: int, seconds: float
) -> Reply:
    if not answer.get("choices"):
        raise PassingError(cut(f"without choices: {json.dumps(answer)[:200]!r}"))
    choice = answer["choices"][0]
    message = choice.get("message")
    if not isinstance(message, dict):
        raise PassingError(cut("without a message"))
    text = _said_text(message.get("content"))
    content, raw = text, None
    calls, malformed = _calls(message.get("tool_calls") or ())
    if not calls and malformed is None:
        content, calls, malformed = toolcalls.parse(text, tools, position=position)
        raw = wire.raw_of(text, Message(role="assistant", content=content, tool_calls=calls))
    usage = wire.usage_of(answer.get("usage"), seconds=seconds)
    entries = wire.entries_of(choice)
    return Reply(
        message=Message(role="assistant", content=content, tool_calls=calls),
        usage=usage,
        logprobs=wire.logprobs_of(entries),
        finish=wire.finish_of(choice.get("finish_reason"), called=bool(calls)),
        malformed=malformed,
        token_ids=wire.token_ids_of(choice, entries, usage),
        raw=raw,
    )


def _said_text(content: Json) -> str:
    """The words of a reply; some endpoints give them as a list of parts."""
    if not isinstance(content, list):
        return content or ""
    texts: list[str] = []
    for part in content:
        if isinstance(part, dict):
            text = part.get("text") or ""
            texts.append(str(text))
    return "".join(texts)


def _calls(entries: Sequence[Mapping[str, Json]]) -> tuple[tuple[ToolCall, ...], str | None]:
    """The calls; or none of them, and why one could not be read."""
    calls: list[ToolCall] = []
    for n, entry in enumerate(entries):
        function = entry.get("function") or {}
        name = function.get("name")
        arguments = function.get("arguments") or "{}"
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments, strict=False)
            except json.JSONDecodeError as error:
                return (), f"the arguments of {name!r} are not JSON: {error}"
        if not isinstance(arguments, dict) or not isinstance(name, str):
            return (), f"the arguments of {name!r} are not an object"
        call_id = entry.get("id") or f"call_{n}"
        calls.append(ToolCall(id=str(call_id), name=name, arguments=arguments))
    return tuple(calls), None
