"""The embedded engine: a real model in this process, no server, no key.

`xllamacpp` runs llama.cpp's server inside the process: several replies at once by continuous batching, the prompt's
prefix kept between calls, log-probabilities, grammars. One engine is shared by all models of the same file.

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
from journeyman.models import toolcalls
from journeyman.models.gguf import control_tokens
from journeyman.models.messages import text_alone
from journeyman.protocols import Model
from journeyman.types import Json, Message, Reply, Sampling, TokenLogprob, ToolSpec, Usage

CONTEXT_TOKENS = 16_384
"""Shared by all replies in flight; the longest prompt that fits."""

BATCH_TOKENS = 512
"""Prompt tokens computed at a time: a cancelled call ends after one batch."""


def free_cores() -> int:
    """Cores that are idle now, at least one. The engine's threads spin, so one too many costs more than it gives."""
    here = len(os.sched_getaffinity(0))
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
        self.logprobs: list[Mapping[str, Json]] = []
        self.finish = "stop"
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
            self.logprobs.extend((choice.get("logprobs") or {}).get("content") or ())
            self.finish = choice.get("finish_reason") or self.finish
        return self.cancelled


@dataclass(frozen=True)
class _Call:
    messages: Sequence[Message]
    tools: Sequence[ToolSpec]
    sampling: Sampling


class _Engine:
    """One loaded file. Calls block, so they run in threads, as many as there are slots."""

    def __init__(self, path: Path, at_once: int) -> None:
        self.path = path
        self.at_once = at_once
        self.threads = ThreadPoolExecutor(at_once, thread_name_prefix="journeyman-engine")
        self.loading = threading.Lock()
        self.server: Any = None
        self.special: frozenset[str] = frozenset()
        """The file's control tokens; known once it is loaded."""

    def load(self, cores: int | None = None) -> Any:
        """On so many cores, those that are free where none are told. Raises MissingExtraError or ModelFileError."""
        with self.loading:
            if self.server is None:
                self.server = _start(self.path, self.at_once, cores or free_cores())
                self.special = control_tokens(self.path)
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


def _start(path: Path, at_once: int, cores: int) -> Any:
    try:
        import xllamacpp  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise MissingExtraError("The embedded engine", "local") from None
    _readable(path)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = at_once
    params.kv_unified = True
    params.n_batch = BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cores
    params.verbosity = -1
    params.ui = False
    params.warmup = False
    params.fit_params = _has_gpu(xllamacpp)
    try:
        return xllamacpp.Server(params)
    except (ValueError, RuntimeError) as error:
        hint = "Fetch it again with `journeyman models fetch --again`."
        raise ModelFileError(f"{path} can't be loaded: {error}.", hint) from None


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


_engines: dict[Path, _Engine] = {}
_sharing = threading.Lock()


class EmbeddedModel:
    """A GGUF file in this process. Cheap to make: the file is loaded at the first call."""

    def __init__(self, path: Path, *, name: str | None = None, at_once: int = 2) -> None:
        self.path = path.resolve()
        self.name = name or path.stem.lower()
        self.at_once = at_once

    @property
    def engine(self) -> _Engine:
        with _sharing:
            return _engines.setdefault(self.path, _Engine(self.path, self.at_once))

    def preload(self) -> None:
        """Begin to load, beside whatever comes next; `load` waits for it, and tells what went wrong."""
        cores = free_cores()  # before the caller keeps one of them busy
        self.engine.threads.submit(self.engine.load, cores)

    async def load(self) -> None:
        """Load now what the first call would load."""
        await asyncio.get_running_loop().run_in_executor(self.engine.threads, self.engine.load)

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        text_alone(messages, self.name)
        stream, engine, began = _Stream(), self.engine, time.monotonic()
        call = _Call(messages, tools, sampling)
        doing = asyncio.get_running_loop().run_in_executor(
            engine.threads, engine.call, call, stream
        )
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            stream.cancelled = True
            raise
        return _reply(stream, tools, position=len(messages), seconds=time.monotonic() - began)

    async def aclose(self) -> None:
        """End the engine, for all that share it; a later call would load it again."""
        with _sharing:
            engine = _engines.pop(self.path, None)
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
    content, calls, malformed = toolcalls.parse("".join(stream.text), tools, position=position)
    if stream.finish == "length" and not calls and malformed is not None:
        malformed = "the reply was cut off; write less"
    usage = stream.usage
    if not usage:
        raise ModelReplyError(
            "The engine stopped in the middle of a reply.",
            "Try the case again with --retry-failed.",
        )
    return Reply(
        message=Message(role="assistant", content=content, tool_calls=calls),
        usage=Usage(
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
            cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
            seconds=seconds,
        ),
        logprobs=tuple(map(_logprob, stream.logprobs)) or None,
        finish="tool_calls" if calls else "length" if stream.finish == "length" else "stop",
        malformed=malformed,
    )


def _logprob(entry: Mapping[str, Json]) -> TokenLogprob:
    top = tuple(
        (other["token"], round(other["logprob"], 5)) for other in entry.get("top_logprobs") or ()
    )
    return TokenLogprob(token=entry["token"], logprob=round(entry["logprob"], 5), top=top)


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
