"""Messages and their parts, tools, and a model's replies.

Parts are turned into a provider's form only at the model call. What else reads a message reads its parts, or its
`text`: the whole as a model without parts reads it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

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


class Text(Record):
    """Words."""

    kind: Literal["text"] = "text"
    text: str

    @property
    def rendered(self) -> str:
        return self.text


SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Blob(Record):
    """Bytes by their hash. A call's key holds the hash and never the bytes."""

    sha256: SHA256
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$")]
    """Such as `image/png`."""
    data: str | None = None
    """The bytes in base64; the journal keeps them in a blob outside the row. None: they are kept elsewhere."""

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if self.data is None:
            return self
        held = hashlib.sha256(base64.b64decode(self.data, validate=True)).hexdigest()
        if held != self.sha256:
            raise ValueError(f"the bytes have the sha256 {held!r}, and not {self.sha256!r}")
        return self

    @classmethod
    def of(cls, data: bytes, media_type: str) -> Self:
        """The part that holds these bytes."""
        digest = hashlib.sha256(data).hexdigest()
        encoded = base64.b64encode(data).decode("ascii")
        return cls(sha256=digest, media_type=media_type, data=encoded)


class Image(_Blob):
    """A picture."""

    kind: Literal["image"] = "image"

    @property
    def rendered(self) -> str:
        return f"(image: {self.media_type}, {self.sha256[:12]})"


class Audio(_Blob):
    """Sound."""

    kind: Literal["audio"] = "audio"

    @property
    def rendered(self) -> str:
        return f"(audio: {self.media_type}, {self.sha256[:12]})"


class Cited(Record):
    """A passage as it stands in a prompt, under the number that an answer can cite."""

    number: int
    head: str
    """The file's name, the page and the headings, on one line."""
    text: str
    document: str | None = None
    """The document's id. None: not known."""
    page: int | None = None
    """None: the document has no pages, or it is not known."""

    @property
    def rendered(self) -> str:
        """As a model reads it. A line of its text that looks like a passage's head is indented."""
        number = f"[{self.number}]"
        body = HEAD.sub(_indented, self.text)
        return f"{number} {self.head}\n{body}"


HEAD = re.compile(r"^\[(\d{1,4})\] (.+)$", re.MULTILINE)
"""The first line of a passage in a prompt."""


def _indented(line: re.Match[str]) -> str:
    return f" {line.group()}"


class Passages(Record):
    """Passages of documents that were really shown. Only these count as shown, whatever any text says."""

    kind: Literal["passages"] = "passages"
    passages: tuple[Cited, ...]

    @property
    def rendered(self) -> str:
        return "\n\n".join(passage.rendered for passage in self.passages)


class Data(Record):
    """A value, which a model reads as JSON."""

    kind: Literal["data"] = "data"
    value: Json

    @property
    def rendered(self) -> str:
        return json.dumps(self.value, ensure_ascii=False)


Attachment = Annotated[Text | Image | Audio | Data, Field(discriminator="kind")]
"""What a case may bring beside its prompt. Passages are shown by an environment, never brought."""

Part = Annotated[Text | Image | Audio | Passages | Data, Field(discriminator="kind")]
"""One piece of what is said."""


def without_empty(name: str, dumped: dict[str, Json]) -> dict[str, Json]:
    """A dump without this field where it holds nothing: rows stay as they were before the field was there."""
    if not dumped.get(name):
        dumped.pop(name, None)
    return dumped


def rendered(parts: tuple[Part, ...]) -> str:
    """Parts as a model without parts reads them, an empty line between two."""
    texts = [part.rendered for part in parts]
    between = "\n\n"
    return between.join(texts)


def is_plain(parts: tuple[Part, ...]) -> bool:
    """Whether they are nothing, or one text."""
    if not parts:
        return True
    first = parts[0]
    alone = len(parts) == 1
    return alone and isinstance(first, Text)


def for_call(parts: tuple[Part, ...]) -> tuple[Text | Image | Audio, ...]:
    """Parts as a model call knows them: neighbours that read as text are one text."""
    told: list[Text | Image | Audio] = []
    for part in parts:
        if isinstance(part, Image | Audio):
            told.append(part)
        elif told and isinstance(told[-1], Text):
            told[-1] = Text(text=f"{told[-1].text}\n\n{part.rendered}")
        else:
            told.append(Text(text=part.rendered))
    return tuple(told)


def _by_hash(part: Text | Image | Audio) -> Text | Image | Audio:
    if isinstance(part, Text):
        return part
    without = {"data": None}
    return part.model_copy(update=without)


class Message(Record):
    """What one side says. `content` may be given as a text, and is dumped as one where that is all it holds."""

    role: Role
    content: tuple[Part, ...]
    """Empty: nothing is said. An empty text is no part."""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    """On a tool's message: the call that it answers."""
    failed: bool = False
    """On a tool's message: the tool could not do what was asked, and says why in `content`."""
    details: Mapping[str, Json] | None = None
    """On a tool's message: what the tool keeps for the program. No model is sent it, and no call's key holds it.
    None or empty: nothing."""

    @field_validator("content", mode="wrap")
    @classmethod
    def _parts(cls, content: Any, validate: ValidatorFunctionWrapHandler) -> tuple[Part, ...]:
        if content == "":
            return ()
        if isinstance(content, str):
            part = Text(text=content)
            return (part,)
        parts = validate(content)
        told = [part for part in parts if part != NO_TEXT]
        return tuple(told)

    @field_serializer("content", mode="wrap")
    def _plain_text(self, content: tuple[Part, ...], dump: SerializerFunctionWrapHandler) -> Json:
        if is_plain(content):
            return rendered(content)
        return dump(content)

    @model_serializer(mode="wrap")
    def _without_no_details(self, dump: SerializerFunctionWrapHandler) -> dict[str, Json]:
        return without_empty("details", dump(self))

    @property
    def text(self) -> str:
        """All of it as a model without parts reads it."""
        return rendered(self.content)

    @property
    def passages(self) -> tuple[Cited, ...]:
        """The passages that it shows."""
        shown: list[Cited] = []
        for part in self.content:
            if isinstance(part, Passages):
                shown.extend(part.passages)
        return tuple(shown)

    def keyed(self) -> Message:
        """What of it can change a model's reply: texts as they are read, blobs by their hash, no details."""
        if self.details is None and is_plain(self.content):
            return self
        parts = tuple(_by_hash(part) for part in for_call(self.content))
        return self.model_copy(update={"content": parts, "details": None})


NO_TEXT = Text(text="")


class Usage(Record):
    """What model calls cost. A sum is unknown where a part of it is."""

    prompt_tokens: int | None
    """None: the engine does not say."""
    completion_tokens: int | None
    """None: the engine does not say."""
    cached_tokens: int | None = None
    """Prompt tokens taken from the prefix cache. None: the engine does not say."""
    seconds: float = 0.0

    @property
    def computed_tokens(self) -> int | None:
        """Of the prompt, without what the prefix cache had."""
        return (
            None if self.prompt_tokens is None else self.prompt_tokens - (self.cached_tokens or 0)
        )

    @property
    def spent_tokens(self) -> int | None:
        """Computed and written."""
        return _sum(self.computed_tokens, self.completion_tokens)

    @property
    def total_tokens(self) -> int | None:
        """Read and written."""
        return _sum(self.prompt_tokens, self.completion_tokens)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=_sum(self.prompt_tokens, other.prompt_tokens),
            completion_tokens=_sum(self.completion_tokens, other.completion_tokens),
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            seconds=self.seconds + other.seconds,
        )


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return None
    return one + other


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


Finish = Literal["stop", "length", "tool_calls"]
"""Why a completion ended."""


class Reply(Record):
    """One answer of a model."""

    message: Message
    usage: Usage
    logprobs: tuple[TokenLogprob, ...] | None = None
    """One per completion token that ends a character, in order. None: the engine gave none."""
    finish: Finish | None = "stop"
    """None: the engine did not say."""
    malformed: str | None = None
    """Why what looks like a tool call could not be read as one. None: nothing wrong."""
    token_ids: tuple[int, ...] | None = None
    """The completion's tokens by the model's own numbers, in order; the end token may be left out. None: not known."""
    raw: str | None = None
    """What the model wrote. None: what `toolcalls.written` makes of the message; or, where an endpoint read the tool
    calls itself, unknown."""
