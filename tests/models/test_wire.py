"""What is read off the wire, once for the embedded engine and for endpoints: what is not told stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from journeyman.models import toolcalls, wire
from journeyman.types import Message, ToolCall, Usage

TWO = Usage(prompt_tokens=1, completion_tokens=2)


def entry(token: str, number: int | None = None) -> dict[str, Any]:
    ids = {} if number is None else {"id": number}
    return {
        "token": token,
        "logprob": -0.1234567,
        "top_logprobs": [{"token": token, "logprob": -0.1234567}],
        **ids,
    }


def test_usage_is_read_and_what_is_missing_is_none() -> None:
    told = {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert wire.usage_of(told, seconds=1.5) == Usage(
        prompt_tokens=7, completion_tokens=2, cached_tokens=0, seconds=1.5
    )
    unknown = Usage(prompt_tokens=None, completion_tokens=None, cached_tokens=None, seconds=1.5)
    for silent in (None, {}, {"prompt_tokens_details": None}):
        assert wire.usage_of(silent, seconds=1.5) == unknown


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    known = Usage(prompt_tokens=3, completion_tokens=1, cached_tokens=2)
    both = known + Usage(prompt_tokens=None, completion_tokens=1)
    assert (both.prompt_tokens, both.completion_tokens, both.cached_tokens) == (None, 2, None)
    assert (both.computed_tokens, both.spent_tokens, both.total_tokens) == (None, None, None)
    assert (known.computed_tokens, known.spent_tokens, known.total_tokens) == (1, 2, 4)


def test_log_probabilities_are_read_rounded_and_none_where_there_are_none() -> None:
    read = wire.logprobs_of([entry("a")])
    assert read is not None
    assert (read[0].token, read[0].logprob, read[0].top) == ("a", -0.12346, (("a", -0.12346),))
    assert wire.logprobs_of([]) is None
    for choice in ({}, {"logprobs": None}, {"logprobs": {"content": None}}):
        assert wire.logprobs_of(wire.entries_of(choice)) is None


@pytest.mark.parametrize(
    ("told", "called", "finish"),
    [
        ("stop", False, "stop"),
        ("length", False, "length"),
        ("stop", True, "tool_calls"),
        ("length", True, "tool_calls"),
        ("content_filter", False, None),
        (None, False, None),
    ],
)
def test_the_finish_is_one_of_ours_or_unknown(
    told: str | None, called: bool, finish: str | None
) -> None:
    assert wire.finish_of(told, called=called) == finish


def test_token_ids_are_those_that_are_told_or_those_of_the_log_probabilities() -> None:
    assert wire.token_ids_of({"token_ids": [4, 5]}, [], TWO) == (4, 5)
    ended = {"finish_reason": "stop"}
    assert wire.token_ids_of(ended, [entry("a", 4)], TWO) == (4,)  # the end token is not among them
    assert wire.token_ids_of({"finish_reason": "length"}, [entry("a", 4), entry("b", 5)], TWO) == (
        4,
        5,
    )


@pytest.mark.parametrize(
    "entries",
    [[], [entry("a")], [entry("a"), entry("b", 5)], [entry("a", 4), entry("b", 5), entry("c", 6)]],
    ids=["none", "no number", "a number lacks", "too many"],
)
def test_token_ids_that_are_not_all_of_them_are_not_kept(entries: list[dict[str, Any]]) -> None:
    """llama.cpp tells none of a token that ends in the middle of a character."""
    three = Usage(prompt_tokens=1, completion_tokens=3)
    assert wire.token_ids_of({"finish_reason": "stop"}, entries, three) is None
    assert (
        wire.token_ids_of(
            {"finish_reason": "stop"}, entries, Usage(prompt_tokens=1, completion_tokens=None)
        )
        is None
    )


def test_the_raw_text_is_kept_only_where_the_message_does_not_say_it() -> None:
    plain = Message(role="assistant", content="hi ")
    assert wire.raw_of("hi ", plain) is None
    call = ToolCall(id="c", name="look", arguments={"q": "书"})
    message = Message(role="assistant", content="So:", tool_calls=(call,))
    assert wire.raw_of(toolcalls.written(message), message) is None
    other = 'So:\n<tool_call>{"name": "look", "arguments": {"q": "书"}}</tool_call>'
    assert wire.raw_of(other, message) == other
