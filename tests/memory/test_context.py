"""Recalled cases are told as turns, in the form that the worker itself answers in, within a budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from journeyman.answers import answer_of
from journeyman.memory.context import as_turns, cost_of, fit_budget, tokens_of, usable_in
from journeyman.protocols import Environment
from journeyman.types import Lesson, ToolSpec

SQL = {"type": "object", "properties": {"sql": {"type": "string"}}}
TOOLS = (
    ToolSpec(name="query", description="", parameters=SQL),
    ToolSpec(name="submit", description="", parameters=SQL, final=True),
)
FUNCTIONS = (
    ToolSpec(
        name="f",
        description="",
        parameters={"type": "object", "properties": {"a": {}, "b": {}}},
        final=True,
    ),
    ToolSpec(name="g", description="", parameters={"type": "object", "properties": {}}, final=True),
)


def lesson(text: str, about: str = "问题") -> Lesson:
    return Lesson(
        id=text[:9], kind="correction", about=about, text=text, by="mei", sources=("case:c",)
    )


def desk(tools: Sequence[ToolSpec], only: str | None = None) -> Environment:
    return cast(
        "Environment", SimpleNamespace(tools=tools, accepts=lambda answer: only in {None, answer})
    )


def test_an_answer_by_a_tool_is_shown_as_the_call_that_hands_it_in() -> None:
    told = as_turns([lesson("SELECT 1")], TOOLS, as_json=False)
    assert [message.role for message in told] == ["user", "assistant", "tool"]
    assert answer_of(told[1].tool_calls) == "SELECT 1"
    assert told[2].call_id == told[1].tool_calls[0].id


def test_several_calls_are_shown_as_several_calls() -> None:
    answer = json.dumps(
        [{"name": "f", "arguments": {"a": 1, "b": "二"}}, {"name": "g", "arguments": {}}]
    )
    told = as_turns([lesson(answer)], FUNCTIONS, as_json=False)
    assert json.loads(answer_of(told[1].tool_calls)) == json.loads(answer)
    assert len({call.id for call in told[1].tool_calls}) == 2


def test_without_tools_it_is_the_text_or_json() -> None:
    assert as_turns([lesson("retour")], (), as_json=False)[1].text == "retour"
    assert as_turns([lesson("退货")], (), as_json=True)[1].text == '"退货"'
    assert as_turns([lesson('{"a": 1}')], (), as_json=True)[1].text == '{"a": 1}'


MOVE = {"type": "object", "properties": {"command": {"type": "string"}}}
GAME = (
    ToolSpec(name="act", description="", parameters=MOVE),
    ToolSpec(
        name="finish", description="", parameters={"type": "object", "properties": {}}, final=True
    ),
)
PLAYED = Lesson(
    id="game", kind="demonstration", about="Find the coin.", text='["go east", "拿硬币"]',
    observations=("Find the coin. You are in a cellar.", "A hall. There is a coin here."),
    by="ada", sources=("case:g",),
)  # fmt: skip


def test_a_game_is_told_move_by_move_with_what_was_seen_before_each() -> None:
    told = as_turns([PLAYED, PLAYED], GAME, as_json=False)
    assert [message.role for message in told] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
    ] * 2
    assert [message.text for message in told[:5:2]] == [*PLAYED.observations, "accepted"]
    calls = [call for message in told for call in message.tool_calls]
    assert [call.arguments["command"] for call in calls] == ["go east", "拿硬币"] * 2
    assert [message.call_id for message in told if message.role == "tool"] == [
        call.id for call in calls
    ]
    assert len({call.id for call in calls}) == 4


def test_of_what_was_seen_the_ends_are_told() -> None:
    long = PLAYED.model_copy(
        update={"observations": ("A cellar. " + "x" * 5_000 + " Commands: go east", "y" * 300)}
    )
    seen = as_turns([long], GAME, as_json=False)[0].text
    assert (seen[:9], seen[-8:], len(seen) < 400) == ("A cellar.", " go east", True)
    assert cost_of(PLAYED) < cost_of(long) < 400


def test_games_are_told_of_games_and_nothing_else_is() -> None:
    assert usable_in(PLAYED, desk(GAME))
    assert not any(usable_in(PLAYED, desk(tools)) for tools in ((), TOOLS, FUNCTIONS))
    assert not usable_in(lesson('["go east", "take coin"]'), desk(GAME))


def test_only_what_could_be_handed_in_there_is_told() -> None:
    offered = lesson(json.dumps([{"name": "f", "arguments": {"a": "臺北"}}]))
    foreign = lesson(json.dumps([{"name": "stock_price", "arguments": {}}]))
    namesake = lesson(json.dumps([{"name": "f", "arguments": {"a": 1, "to": 2}}]))
    others = (foreign, namesake, lesson("[]"), lesson("No function fits."))
    assert usable_in(offered, desk(FUNCTIONS))
    assert not any(usable_in(one, desk(FUNCTIONS)) for one in others)
    assert all(usable_in(one, desk(tools)) for one in (offered, *others) for tools in ((), TOOLS))


def test_what_the_environment_does_not_accept_is_not_told() -> None:
    assert not usable_in(lesson("SELECT 1"), desk(TOOLS, only="SELECT 2"))
    assert usable_in(lesson("SELECT 2"), desk(TOOLS, only="SELECT 2"))


@given(st.lists(st.text(max_size=300), max_size=12), st.integers(0, 500))
def test_the_budget_holds_and_the_first_go_first(texts: list[str], tokens: int) -> None:
    lessons = [lesson(text) for text in texts]
    kept = fit_budget(lessons, tokens)
    assert sum(map(cost_of, kept)) <= tokens
    assert [one for one in lessons if one in kept][: len(kept)] == kept or len(set(texts)) < len(
        texts
    )
    if lessons and cost_of(lessons[0]) <= tokens:
        assert kept[0] == lessons[0]


def test_a_chinese_character_counts_as_one_token() -> None:
    assert tokens_of("退货退货") == 4
    assert tokens_of("abcdefgh") == 2
    assert tokens_of("") == 0
