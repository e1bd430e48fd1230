"""A model with scripted replies, for tests and examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from journeyman.errors import ModelError
from journeyman.protocols import Model
from journeyman.types import Message, Reply, Sampling, TokenLogprob, ToolCall, ToolSpec, Usage

Line = str | ToolCall | Sequence[ToolCall] | Reply | Exception
"""One thing to say: a text, one or several calls, a whole reply, or an error to raise."""

Script = Callable[[Sequence[Message], Sequence[ToolSpec]], Line]
"""What to say, given the conversation and the tools: the form for several cases at once."""

CHARACTERS_PER_TOKEN = 4
"""For the usage that it claims."""


class ScriptDryError(ModelError):
    """The script has no more lines: the test's expectation was wrong."""

    kind = "script_dry"


class ScriptedModel:
    """Plays the lines in order, or asks the script each time; fails loudly when it runs dry.

    `calls` holds the conversations that it was given.
    """

    def __init__(self, lines: Iterable[Line | Script] | Script, name: str = "scripted") -> None:
        self.name = name
        self.script: Script | None = None
        self.lines: list[Line | Script] = []
        if callable(lines):
            self.script = lines
        else:
            self.lines = list(lines)
        self.calls: list[tuple[Message, ...]] = []

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        self.calls.append(tuple(messages))
        return self._reply(self._next(messages, tools), messages, sampling)

    def _next(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Line:
        if self.script is not None:
            return self.script(messages, tools)
        if not self.lines:
            raise ScriptDryError(
                f"The script has no line for call {len(self.calls)}.",
                "Give it one more, or find out why it is asked.",
            )
        line = self.lines.pop(0)
        return line(messages, tools) if callable(line) else line

    def _reply(self, line: Line, messages: Sequence[Message], sampling: Sampling) -> Reply:
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Reply):
            return line
        text = ""
        calls: tuple[ToolCall, ...] = ()
        if isinstance(line, str):
            text = line
        elif isinstance(line, ToolCall):
            calls = (line,)
        else:
            calls = tuple(line)
        words = text.split(" ") if text else [call.name for call in calls]
        return Reply(
            message=Message(role="assistant", content=text, tool_calls=calls),
            usage=_usage(messages, words),
            logprobs=tuple(map(_logprob, words)) if sampling.top_logprobs else None,
            finish="tool_calls" if calls else "stop",
        )

    async def aclose(self) -> None:
        """Nothing to close."""


def _usage(messages: Sequence[Message], words: Sequence[str]) -> Usage:
    characters = sum(len(message.text) for message in messages)
    return Usage(
        prompt_tokens=characters // CHARACTERS_PER_TOKEN + 1,
        completion_tokens=max(1, len(words)),
        cached_tokens=0,
    )


def _logprob(word: str) -> TokenLogprob:
    top = ((word, -0.1),)
    return TokenLogprob(token=word, logprob=-0.1, top=top)


_: Model = ScriptedModel([])
