"""A model whose answers are checked as they come: one that does not pass is asked for again, a few times.

Only what the worker's own sampling asks for is an answer; other calls pass through untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from journeyman.errors import ModelReplyError
from journeyman.protocols import Model
from journeyman.types import Message, Reply, Sampling, ToolSpec, Usage

TRIES = 3
"""Answers, the first one included."""


class ValidatedModel:
    """Asks the model behind it. Raises ModelReplyError where no try passes."""

    def __init__(
        self, inner: Model, sampling: Sampling, why_refused: Callable[[str], str | None]
    ) -> None:
        """`why_refused` says what is wrong with an answer. None: nothing is."""
        self.inner = inner
        self.sampling = sampling
        self.why_refused = why_refused

    @property
    def name(self) -> str:
        return self.inner.name

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        if sampling != self.sampling:
            return await self.inner.generate(messages, tools=tools, sampling=sampling)
        told = list(messages)
        spent = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0)
        why: str | None = None
        for _ in range(TRIES):
            reply = await self.inner.generate(told, tools=tools, sampling=sampling)
            spent = spent + reply.usage
            why = self._why_not(reply)
            if why is None:
                return reply.model_copy(update={"usage": spent})
            told += [reply.message, Message(role="user", content=_again(why))]
        raise ModelReplyError(
            f"After {TRIES} tries the answer does not fit its type: {why}",
            "Say in the instructions what is wanted, or use a larger model.",
        )

    def _why_not(self, reply: Reply) -> str | None:
        """None: it passes, or it is no answer yet, or was cut off, which the loop sees to."""
        text = reply.message.text.strip()
        if reply.message.tool_calls or reply.malformed is not None or not text:
            return None
        return None if reply.finish == "length" else self.why_refused(text)

    async def aclose(self) -> None:
        await self.inner.aclose()


def _again(why: str) -> str:
    return f"That does not fit: {why}\nAnswer again, with the corrected JSON alone."


def _conforms(inner: Model) -> Model:
    return ValidatedModel(inner, Sampling(), lambda text: None)
