"""A model that replays journalled replies, and the key under which a call is journalled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from journeyman.errors import ModelError
from journeyman.protocols import Model
from journeyman.types import Message, Reply, Sampling, ToolSpec


def call_key(
    name: str, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling
) -> str:
    """The sha256 of everything that can change a reply: model, messages, tools, sampling with its seed.

    The same in every process and version: field order is the records' own, and unset fields are written too.
    """
    lines = (
        json.dumps(name),
        ",".join(message.keyed().model_dump_json() for message in messages),
        ",".join(tool.model_dump_json() for tool in tools),
        sampling.model_dump_json(),
    )
    text = "\n".join(lines)
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


class NotRecordedError(ModelError):
    """A call that was never recorded: the prompt, the tools or the sampling changed."""

    kind = "not_recorded"


class RecordedModel:
    """Answers a call with the reply recorded under its key, and nothing else."""

    def __init__(self, replies: Mapping[str, Reply], name: str) -> None:
        self.replies = dict(replies)
        self.name = name

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        key = call_key(self.name, messages, tools, sampling)
        if key not in self.replies:
            last = ""
            if messages:
                last = messages[-1].text[:80]
            raise NotRecordedError(
                f"No reply is recorded for call {key[:12]} of {self.name!r} (last message {last!r}).",
                "Record it with the real model, or replay with the same model, prompts, tools and sampling.",
            )
        return self.replies[key]

    async def aclose(self) -> None:
        """Nothing to close."""


_: Model = RecordedModel({}, "recorded")
