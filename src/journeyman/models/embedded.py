"""The embedded engine: a real model in this process, no server, no key.

`xllamacpp` runs llama.cpp's server inside the process: several replies at once by continuous batching, the prompt's
prefix kept between calls, log-probabilities, grammars. Models with the same settings share one engine; a model with
other settings gets an engine of its own, also of the same file.

Log-probabilities are of the model's own distribution, before temperature and grammar: they say what it would have said.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from journeyman.errors import (
    ContextOverflowError,
    MissingExtraError,
    ModelError,
    ModelFileError,
    ModelReplyError,
)
from journeyman.models import toolcalls, wire
from journeyman.models.gguf import control_tokens
from journeyman.models.messages import text_alone
from journeyman.protocols import Model
from journeyman.system.cores import usable_cores
from journeyman.types import Json, Message, Reply, Sampling, ToolSpec

CONTEXT_TOKENS = 16_384
"""Shared by all replies in flight; the longest prompt that fits."""

BATCH_TOKENS = 512
"""Prompt tokens computed at a time: a cancelled call ends after one batch."""


def free_cores() -> int:
    """Cores that are idle now, at least one. The engine's threads spin, so one too many costs more than it gives."""
    here = usable_cores()
    first = _idle_ticks()
    time.sleep(0.1)
    second = _idle_ticks()
    if first is None or second is None:
        return here
    idle = (second - first) / (0.1 * os.sysconf("SC_CLK_TCK"))
    return max(1, min(here, round(idle)))


def _idle_ticks() -> int | None:
    """Idle time of all cores so far; None where the system does not say."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        return None
    return int(fields[4])


class _Stream:
    """What one call has given so far; called by the engine's thread with each piece."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.entries: list[Mapping[str, Json]] = []
        self.last: Mapping[str, Json] = {}
        """The choice that says why it ended."""
        self.usage: Mapping[str, Json] = {}
        self.error: Mapping[str, Json] | None = None
        self.cancelled = False

    def __call__(self, piece: Mapping[str, Json]) -> bool:
        """True asks the engine to stop."""
        if "error" in piece:
            self.error = piece["error"]
            return True
        self.usage = piece.get("usage") or self.usage
        for choice in piece.get("choices", ()):
            self.text.append(choice["delta"].get("content") or "")
            self.entries.extend(wire.entries_of(choice))
            self.last = choice if choice.get("finish_reason") else self.last
        return self.cancelled


@dataclass(frozen=True)
class _Call:
    messages: Sequence[Message]
    tools: Sequence[ToolSpec]
    sampling: Sampling


@dataclass(frozen=True)
class Settings:
    """All that an engine is opened with. Engines are shared by it, so that everybody gets the one they ask for."""

    path: Path
    at_once: int
    """Replies in flight."""
    context_tokens: int = CONTEXT_TOKENS
    batch_tokens: int = BATCH_TOKENS


class _Engine:
    """One loaded file. Calls block, so they run in threads, as many as there are slots."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threads = ThreadPoolExecutor(settings.at_once, thread_name_prefix="journeyman-engine")
        self.loading = threading.Lock()
        self.server: Any = None
        self.special: frozenset[str] = frozenset()
        """The file's control tokens; known once it is loaded."""

    def load(self, cores: int | None = None) -> Any:
        """On so many cores, those that are free where none are told. Raises MissingExtraError or ModelFileError."""
        with self.loading:
            if self.server is None:
                self.server = _start(self.settings, cores or free_cores())
                self.special = control_tokens(self.settings.path)
            return self.server

    def call(self, call: _Call, stream: _Stream) -> None:
        server = self.load()
        request = request_of(call.messages, call.tools, call.sampling, self.special)
        try:
            server.handle_chat_completions(request, stream)
        except (ValueError, RuntimeError) as error:
            raise ModelReplyError(
                f"The engine refused the call: {error}.", "Check the tools and the schema."
            ) from None

    def close(self) -> None:
        self.threads.shutdown(wait=True)
        self.server = None


def _start(settings: Settings, cores: int) -> Any:
    try:
        import xllamacpp  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise MissingExtraError("The embedded engine", "local") from None
    _readable(settings.path)
    try:
        return xllamacpp.Server(params_of(xllamacpp, settings, cores))
    except (ValueError, RuntimeError) as error:
        hint = "Fetch it again with `journeyman models fetch --again`."
        raise ModelFileError(f"{settings.path} can't be loaded: {error}.", hint) from None


def params_of(engine: Any, settings: Settings, cores: int) -> Any:
    """Settings in the engine's own form."""
    params = engine.CommonParams()
    params.model.path = str(settings.path)
    params.n_ctx = settings.context_tokens
    params.n_parallel = settings.at_once
    params.kv_unified = True
    params.n_batch = settings.batch_tokens
    params.cpuparams.n_threads = cores
    params.cpuparams_batch.n_threads = cores
    params.verbosity = -1
    params.ui = False
    params.warmup = False
    params.fit_params = _has_gpu(engine)
    return params


def _has_gpu(engine: Any) -> bool:
    """Only there is anything to fit into; trying costs more than a second, as the file is read twice."""
    cpu = engine.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in engine.get_device_info())


def _readable(path: Path) -> None:
    """What is no GGUF at all would end the process inside the engine, so look first."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelFileError(
            f"{path} can't be read: {error.strerror}.", "Fetch it with `journeyman models`."
        ) from None
    if magic != b"GGUF":
        raise ModelFileError(
            f"{path} is no GGUF model file.",
            "Give a .gguf file, or a name from `journeyman models`.",
        )


_engines: dict[Settings, _Engine] = {}
_sharing = threading.Lock()


def _shared(settings: Settings) -> _Engine:
    """The engine of just these settings, made if need be."""
    with _sharing:
        if settings not in _engines:
            _engines[settings] = _Engine(settings)
        return _engines[settings]


class EmbeddedModel:
    """A GGUF file in this process. Cheap to make: the file is loaded at the first call."""

    def __init__(self, path: Path, *, name: str | None = None, at_once: int = 2) -> None:
        self.settings = Settings(
            path=path.resolve(),
            at_once=at_once,
        )
        self.name = name or path.stem.lower()

    @property
    def engine(self) -> _Engine:
        return _shared(self.settings)

    def preload(self) -> None:
        """Begin to load, beside whatever comes next; `load` waits for it, and tells what went wrong."""
        cores = free_cores()  # before the caller keeps one of them busy
        self.engine.threads.submit(self.engine.load, cores)

    async def load(self) -> None:
        """Load now what the first call would load."""
        engine = self.engine
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(engine.threads, engine.load)

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        text_alone(messages, self.name)
        stream = _Stream()
        engine = self.engine
        began = time.monotonic()
        call = _Call(messages, tools, sampling)
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(engine.threads, engine.call, call, stream)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            stream.cancelled = True
            raise
        seconds = time.monotonic() - began
        return _reply(stream, tools, position=len(messages), seconds=seconds)

    async def aclose(self) -> None:
        """End the engine, for all that share it; a later call would load it again."""
        with _sharing:
            engine = _engines.pop(self.settings, None)
        if engine is not None:
            await asyncio.to_thread(engine.close)


def request_of(
    messages: Sequence[Message],
    tools: Sequence[ToolSpec],
    sampling: Sampling,
    special: frozenset[str] = frozenset(),
) -> dict[str, Json]:
    """A call in the engine's own form; `special` are the model's control tokens, which no text may hold."""
    request: dict[str, Json] = {
        "messages": toolcalls.as_plain_chat(messages, tools, special),
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "cache_prompt": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    if sampling.top_logprobs:
        request |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    if sampling.json_schema is not None:
        request["grammar"] = toolcalls.schema_grammar(sampling.json_schema)
    elif tools and sampling.tool_choice == "required":
        request["grammar"] = toolcalls.grammar(tools)
    return request


def _reply(stream: _Stream, tools: Sequence[ToolSpec], *, position: int, seconds: float) -> Reply:
    if stream.error is not None:
        raise _refused(stream.error)
    if not stream.usage:
        raise ModelReplyError(
            "The engine stopped in the middle of a reply.",
            "Try the case again with --retry-failed.",
        )
    text = "".join(stream.text)
    content, calls, malformed = toolcalls.parse(text, tools, position=position)
    finish = wire.finish_of(stream.last.get("finish_reason"), called=bool(calls))
    if finish == "length" and malformed is not None:
        malformed = "the reply was cut off; write less"
    message = Message(role="assistant", content=content, tool_calls=calls)
    usage = wire.usage_of(stream.usage, seconds=seconds)
    return Reply(
        message=message,
        usage=usage,
        logprobs=wire.logprobs_of(stream.entries),
        finish=finish,
        malformed=malformed,
        token_ids=wire.token_ids_of(stream.last, stream.entries, usage),
        raw=wire.raw_of(text, message),
    )


def _refused(error: Mapping[str, Json]) -> ModelError:
    if error.get("type") == "exceed_context_size_error":
        return ContextOverflowError(
            f"The prompt has {error['n_prompt_tokens']:,} tokens; the context holds {error['n_ctx']:,}.",
            "Shorten the instructions, the documents or the tool results.",
        )
    return ModelReplyError(
        f"The engine failed: {json.dumps(error)}.", "Try the case again with --retry-failed."
    )


def _conforms(path: Path) -> Model:
    return EmbeddedModel(path)
