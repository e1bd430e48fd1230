"""What is said: messages, tools, and a model's replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = Any
"""A value that JSON can hold. Checked where it enters, at the file or the wire."""


Role = Literal["system", "user", "assistant", "tool"]


Effect = Literal["pure", "idempotent", "reconcilable", "once"]
"""What a tool does to the world: `pure` nothing outside its case; `idempotent` the same when repeated
with the same key; `reconcilable` can be asked whether it happened; `once` must never be repeated."""


class Record(BaseModel):
    """The base of all values: immutable, and no unknown field goes unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class ToolSpec(Record):
    """A tool as the model sees it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]{0,127}$")]
    description: str
    parameters: Mapping[str, Json]
    """JSON schema of the arguments, `{"type": "object", ...}`."""
    effect: Effect = "pure"
    final: bool = False
    """A successful call of a final tool hands in the answer and ends the rollout. Asked after the call, so that an
    environment can make the call final that ends its world."""


class ToolCall(Record):
    id: str
    """Unique within its case: the key that idempotent and reconcilable tools are given."""
    name: str
    arguments: Mapping[str, Json]


class Message(Record):
    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    """On a tool's message: the call that it answers."""
    failed: bool = False
    """On a tool's message: the tool could not do what was asked, and says why in `content`."""


class Usage(Record):
    """What model calls cost."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    """Prompt tokens taken from the prefix cache. None: the engine does not say."""
    seconds: float = 0.0

    @property
    def computed_tokens(self) -> int:
        """Of the prompt, without what the prefix cache had."""
        return self.prompt_tokens - (self.cached_tokens or 0)

    @property
    def spent_tokens(self) -> int:
        """Computed and written."""
        return self.computed_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        cached = (self.cached_tokens, other.cached_tokens)
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=None if None in cached else sum(n for n in cached if n is not None),
            seconds=self.seconds + other.seconds,
        )


class TokenLogprob(Record):
    token: str
    logprob: float
    """Natural logarithm."""
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest alternatives at this position with their log-probabilities, likeliest first."""


class Sampling(Record):
    """How a model is to write one reply. Part of a call's key: equal sampling, equal call."""

    temperature: Annotated[float, Field(ge=0)] = 0.0
    max_tokens: Annotated[int, Field(ge=1)] = 512
    seed: int = 0
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 5
    """Alternatives per token. 0: no log-probabilities at all."""
    json_schema: Mapping[str, Json] | None = None
    """The reply must be JSON of this schema. None: free text."""
    tool_choice: Literal["auto", "required"] = "auto"
    """`required`: with tools offered, the reply must be a tool call."""


class Reply(Record):
    """One answer of a model."""

    message: Message
    usage: Usage
    logprobs: tuple[TokenLogprob, ...] | None = None
    """One per completion token, in order. None: the engine gave none."""
    finish: Literal["stop", "length", "tool_calls"] = "stop"
    malformed: str | None = None
    """Why what looks like a tool call could not be read as one. None: nothing wrong."""
