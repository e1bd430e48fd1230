"""Python functions as tools, and functions that are the answer."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from journeyman.environments import (
    Functions,
    SingleTurn,
    ToolResult,
    Tools,
    effect,
    final,
    reconciled_by,
)
from journeyman.environments.functions import json_schema
from journeyman.errors import InputError
from journeyman.protocols import OpenEnvironment
from journeyman.types import Case, CaseInput, Data, Image, Message, Text, ToolCall

BRIEF = CaseInput(id="c", prompt="q")
RUNG: list[str] = []


class Stock(BaseModel):
    number: str
    pieces: int


def stock(
    number: str, place: Literal["north", "south"] = "north", also: list[str] | None = None
) -> Stock:
    """How many pieces
    of an article there are.

    Args:
        number: The article's number,
            such as A-17.
        place (str): Which warehouse.
        also: More of them.

    Returns:
        The count.
    """
    return Stock(number=f"{number} {place} {also}", pieces=4)


@effect("once")
def ring(key: str, times: int) -> str:
    """Ring the bell."""
    RUNG.append(key)
    if times > 3:
        raise ValueError("too often")
    return "叮"


@final
async def answer(text: str) -> str:
    """Hand in."""
    return text


@reconciled_by(lambda number: "booked" if number == "7" else None)
def book(number: str) -> str:
    """Book a room."""
    return f"booked {number}"


def do(*functions: Any, name: str, **arguments: object) -> Message:
    return asyncio.run(
        Tools(functions=functions)(BRIEF).step(
            ToolCall(id="call-1", name=name, arguments=arguments)
        )
    )


def test_signature_and_docstring_are_what_the_model_sees() -> None:
    spec, *_ = Tools(functions=(stock,))(BRIEF).tools
    assert (spec.name, spec.description, spec.effect, spec.final) == (
        "stock",
        "How many pieces of an article there are.",
        "pure",
        False,
    )
    properties = spec.parameters["properties"]
    assert properties["number"] == {
        "type": "string",
        "description": "The article's number, such as A-17.",
    }
    assert properties["place"]["enum"] == ["north", "south"]
    assert spec.parameters["required"] == ["number"]


def test_effects_final_tools_and_keys() -> None:
    ring_spec, answer_spec, book_spec = Tools(functions=(ring, answer, book))(BRIEF).tools
    assert (ring_spec.effect, answer_spec.final, book_spec.effect) == ("once", True, "reconcilable")
    assert "key" not in ring_spec.parameters["properties"]
    RUNG.clear()
    assert do(ring, name="ring", times=1).text == "叮"
    assert RUNG == ["call-1"]


def test_results_are_text_or_json() -> None:
    assert do(stock, name="stock", number="A").text == '{"number": "A north None", "pieces": 4}'
    assert do(answer, name="answer", text="好").text == "好"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "number: Field required"),
        ({"number": "A", "place": "west"}, "place: Input should be 'north' or 'south'"),
        ({"number": "A", "colour": 1}, "colour: Extra inputs are not permitted"),
    ],
)
def test_wrong_arguments_are_told_to_the_worker(arguments: dict[str, object], said: str) -> None:
    result = do(stock, name="stock", **arguments)
    assert result.failed
    assert said in result.text


def test_a_function_that_raises_is_a_failed_result() -> None:
    result = do(ring, name="ring", times=9)
    assert result.failed
    assert "ValueError: too often" in result.text


def test_a_long_result_is_cut_and_says_so() -> None:
    def much() -> str:
        return "字" * 20_000

    assert do(much, name="much").text.endswith("… (cut: 20,000 characters)")


def test_what_the_program_keeps_is_not_shown() -> None:
    def priced() -> ToolResult:
        return ToolResult(content="12.50", details={"table": [["A-17", 12.5]]})

    result = do(priced, name="priced")
    assert (result.text, result.details) == ("12.50", {"table": [["A-17", 12.5]]})


def test_a_result_may_be_parts_and_only_its_texts_are_cut() -> None:
    picture = Image.of(b"x" * 20_000, "image/png")

    def drawn() -> ToolResult:
        return ToolResult(content=(Text(text="字" * 20_000), picture, Data(value="字" * 9_000)))

    text, shown, data = do(drawn, name="drawn").content
    assert text.rendered.endswith("… (cut: 20,000 characters)")
    assert shown == picture
    assert data.rendered.endswith("… (cut: 9,002 characters)")


def test_details_that_are_no_json_are_a_failed_result() -> None:
    def broken() -> ToolResult:
        return ToolResult(content="x", details={"file": object()})

    assert do(broken, name="broken").failed


@pytest.mark.parametrize(
    "opened",
    [SingleTurn(), Tools(functions=(answer,)), Functions()],
    ids=lambda environment: environment.kind,
)
def test_attachments_are_told_after_the_prompt(opened: OpenEnvironment) -> None:
    picture = Image.of(b"x", "image/png")
    functions = [{"name": "look", "parameters": {"type": "object", "properties": {}}}]
    case = Case(id="c", prompt="What is it?", attachments=(picture,), data={"functions": functions})
    (message,) = asyncio.run(opened(case.input).reset())
    assert message.content == (Text(text="What is it?"), picture)


def test_whether_it_happened_can_be_asked() -> None:
    def asked(number: str) -> Message | None:
        call = ToolCall(id="1", name="book", arguments={"number": number})
        return asyncio.run(Tools(functions=(book,))(BRIEF).reconcile(call))

    happened = asked("7")
    assert happened is not None
    assert happened.text == "booked"
    assert asked("8") is None


def test_a_parameter_without_a_type_is_refused() -> None:
    def loose(x) -> None:  # type: ignore[no-untyped-def]
        ...

    with pytest.raises(InputError, match="'x' of 'loose'"):
        Tools(functions=(loose,))(BRIEF)


def test_single_turn_is_the_prompt_and_no_tools() -> None:
    environment = SingleTurn()(BRIEF)
    assert environment.tools == ()
    assert asyncio.run(environment.reset())[0].text == "q"
    assert asyncio.run(environment.step(ToolCall(id="1", name="x", arguments={}))).failed


def test_functions_speak_json_schema() -> None:
    loose = {
        "type": "dict",
        "properties": {
            "a": {"type": "float"},
            "type": {"type": "any"},
            "b": {"type": "tuple", "items": {"type": "dict"}},
        },
    }
    assert json_schema(loose) == {
        "type": "object",
        "properties": {
            "a": {"type": "number"},
            "type": {},
            "b": {"type": "array", "items": {"type": "object"}},
        },
    }


def test_a_case_that_offers_no_functions_is_refused() -> None:
    with pytest.raises(InputError, match="offers no functions"):
        Functions()(BRIEF)
