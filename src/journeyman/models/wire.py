"""Reads the completions of engines and endpoints, which all have the form of chat completions.

What is not told is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from journeyman.models import toolcalls
from journeyman.types import Finish, Json, Message, TokenLogprob, Usage

PLACES = 5
"""Decimals of a log-probability that are kept."""


def usage_of(told: Mapping[str, Json] | None, *, seconds: float) -> Usage:
    """What a call cost, from its `usage`."""
    told = told or {}
    details = told.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=told.get("prompt_tokens"),
        completion_tokens=told.get("completion_tokens"),
        cached_tokens=details.get("cached_tokens"),
        seconds=seconds,
    )


def entries_of(choice: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    """The log-probability entries of a choice, or of a piece of one. Empty: it has none."""
    logprobs = choice.get("logprobs")
    if not logprobs:
        return ()
    return logprobs.get("content") or ()


def logprobs_of(entries: Sequence[Mapping[str, Json]]) -> tuple[TokenLogprob, ...] | None:
    """Of each token. None: there are none."""
    if not entries:
        return None
    return tuple(map(_logprob, entries))


def _logprob(entry: Mapping[str, Json]) -> TokenLogprob:
    token, logprob = _rounded(entry)
    others = entry.get("top_logprobs") or ()
    top = tuple(map(_rounded, others))
    return TokenLogprob(token=token, logprob=logprob, top=top)


def _rounded(entry: Mapping[str, Json]) -> tuple[str, float]:
    """A token and its log-probability."""
    token = entry["token"]
    logprob = entry["logprob"]
    return token, round(logprob, PLACES)


def finish_of(told: str | None, *, called: bool) -> Finish | None:
    """Why a completion ended. None: nobody said, or for a reason of which we know nothing."""
    if called:
        return "tool_calls"
    if told == "length":
        return "length"
    return "stop" if told == "stop" else None


def token_ids_of(
    choice: Mapping[str, Json], entries: Sequence[Mapping[str, Json]], usage: Usage
) -> tuple[int, ...] | None:
    """The completion's tokens by number: all of them (the end token may be left out), or None.

    vLLM tells them as `token_ids`; llama.cpp with each log-probability, but leaves out the tokens that end in the
    middle of a character, so that there the count has to be right.
    """
    told = choice.get("token_ids")
    if told is not None:
        return tuple(told) or None
    ids = [entry.get("id") for entry in entries]
    known = tuple(number for number in ids if isinstance(number, int))
    if usage.completion_tokens is None or not known:
        return None
    expected = usage.completion_tokens
    if choice.get("finish_reason") != "length":
        expected -= 1
    return known if len(known) == expected else None


def raw_of(text: str, message: Message) -> str | None:
    """The completion as the model wrote it, where it is not what the message is written as. None: it is."""
    if text == toolcalls.written(message):
        return None
    return text
