"""Rows of the form in which passages were text."""

from __future__ import annotations

import pytest

from journeyman.documents import Passage, cited, listed
from journeyman.store.journal.upcast import case_events, event_body, listing
from journeyman.types import (
    EVENT_VERSION,
    Event,
    EventBody,
    Json,
    Message,
    Replied,
    Reply,
    Resulted,
    ToolCall,
    Usage,
)

RENT = Passage(
    document="/docs/lease.pdf",
    id="1",
    text="The rent is 900 EUR.\n[7] A footnote.\n",
    title="Rent",
    page=3,
)
FEES = Passage(document="/docs/费用.md", id="1", text="\n逾期费为三十欧元。")
TEXT = listed([RENT, FEES], first=4)


def said(role: str, text: str) -> dict[str, Json]:
    return {"role": role, "content": text, "tool_calls": [], "call_id": None, "failed": False}


def event(body: EventBody, version: int | None) -> Event:
    return Event(run_id="r", case_id="c", attempt=1, seq=0, body=body, at=0.0, version=version)


def searched(
    name: str, result: str, *, failed: bool = False, version: int | None = None
) -> Message:
    """The result of a call of this name, as it is read from rows of this version."""
    call = ToolCall(id="1", name=name, arguments={})
    reply = Reply(
        message=Message(role="assistant", content="", tool_calls=(call,)),
        usage=Usage(prompt_tokens=1, completion_tokens=1),
    )
    message = Message(role="tool", content=result, call_id="1", failed=failed)
    before = event(Replied(reply=reply), version)
    _, after = case_events([before, event(Resulted(message=message), version)])
    assert isinstance(after.body, Resulted)
    return after.body.message


@pytest.mark.parametrize("text", [TEXT, listed([RENT]), listed([FEES, RENT, FEES])])
def test_a_listing_becomes_passages_that_read_the_same(text: str) -> None:
    passages = listing(text)
    assert passages is not None
    assert passages.rendered == text


def test_what_stood_in_a_listing_is_known_again() -> None:
    passages = listing(TEXT)
    assert passages is not None
    heads = [(passage.number, passage.head) for passage in passages.passages]
    assert heads == [(4, "lease.pdf, page 3: Rent"), (5, "费用.md")]


@pytest.mark.parametrize("text", ["", "好", f"Found:\n{TEXT}", "[1] a.md", "[x] a.md\nb"])
def test_other_texts_are_no_listing(text: str) -> None:
    assert listing(text) is None


def test_passages_before_an_old_case_become_parts_and_the_case_stays() -> None:
    messages = [said("system", TEXT), said("user", TEXT), said("user", TEXT)]
    old = event_body("opened", {"messages": messages}, None)["messages"]
    system, before, case = (Message.model_validate(message) for message in old)
    assert (system.passages, case.passages) == ((), ())
    assert [passage.number for passage in before.passages] == [4, 5]
    assert before.text == TEXT


def test_rows_of_now_stay_as_they_are() -> None:
    body = {"messages": [said("user", TEXT), said("user", "q")]}
    assert event_body("opened", body, EVENT_VERSION) == body
    assert searched("search", TEXT, version=EVENT_VERSION).passages == ()


def test_what_an_old_search_found_becomes_parts() -> None:
    assert searched("search", TEXT).content == (listing(TEXT),)
    assert searched("search", TEXT).text == TEXT


@pytest.mark.parametrize("result", [searched("other", TEXT), searched("search", TEXT, failed=True)])
def test_no_other_result_does(result: Message) -> None:
    assert (result.passages, result.text) == ((), TEXT)


def test_a_part_in_a_row_is_left_alone() -> None:
    part = cited([RENT]).model_dump(mode="json")
    body = {"messages": [{**said("user", ""), "content": [part]}, said("user", "q")]}
    assert event_body("opened", body, None) == body
