"""Parts of a message: what they look like to a model, in a row and in a call's key."""

from __future__ import annotations

import hashlib
import json

import pytest
from pydantic import ValidationError

from journeyman.documents import Passage, cited, listed
from journeyman.models.recorded import call_key
from journeyman.types import (
    Audio,
    Case,
    Cited,
    Data,
    Image,
    Message,
    Part,
    Passages,
    Sampling,
    Text,
    ToolCall,
)
from journeyman.types.content import for_call

RENT = Passage(
    document="/docs/lease.pdf",
    id="1",
    text="The rent is 900 EUR.\n[7] A footnote.",
    title="Lease\nRent",
    page=3,
)
FEES = Passage(document="/docs/费用.md", id="1", text="逾期费为三十欧元。\n")
PICTURE = Image.of(b"\x89PNG", "image/png")
SOUND = Audio.of(b"RIFF", "audio/wav")
EVERY: tuple[Part, ...] = (
    Text(text="好"),
    PICTURE,
    SOUND,
    cited([RENT, FEES]),
    Data(value={"a": [1, None]}),
)
SEARCH = ToolCall(id="call_2_0", name="search", arguments={"query": "rent"})
KEY_OF_0_1 = "e203159c5c207a5b549051f04db93a4804be3abeb93e240560edaa473f322e1f"
"""What the version whose messages were texts gave for `conversation`."""


def conversation(passages: str | tuple[Part, ...]) -> tuple[Message, ...]:
    return (
        Message(role="system", content="Be brief."),
        Message(role="user", content=passages),
        Message(role="user", content="租金是多少？"),
        Message(role="assistant", content="", tool_calls=(SEARCH,)),
        Message(role="tool", content="(none)", call_id="call_2_0", failed=True),
    )


def test_a_text_is_one_part_and_is_dumped_as_a_text() -> None:
    message = Message(role="user", content="hello")
    assert message.content == (Text(text="hello"),)
    assert message == Message(role="user", content=(Text(text="hello"),))
    assert message.model_dump_json() == (
        '{"role":"user","content":"hello","tool_calls":[],"call_id":null,"failed":false}'
    )


def test_no_words_are_no_part() -> None:
    message = Message(role="assistant", content="")
    assert (message.content, message.text) == ((), "")
    assert message == Message(role="assistant", content=(Text(text=""),))
    assert message.model_dump()["content"] == ""


@pytest.mark.parametrize("parts", [(), *((part,) for part in EVERY), EVERY, EVERY[:1] * 2])
def test_what_is_dumped_is_loaded_again(parts: tuple[Part, ...]) -> None:
    message = Message(role="user", content=parts, details={"rows": 3})
    assert Message.model_validate(message.model_dump(mode="json")) == message
    assert Message.model_validate_json(message.model_dump_json()) == message


def test_a_part_of_no_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        Message.model_validate({"role": "user", "content": [{"kind": "video"}]})


def test_passages_read_as_they_are_listed() -> None:
    part = cited([RENT, FEES], first=4)
    told = "[4] lease.pdf, page 3: Lease Rent\nThe rent is 900 EUR.\n [7] A footnote.\n\n"
    assert part.rendered == f"{told}[5] 费用.md\n逾期费为三十欧元。\n"
    assert part.rendered == listed([RENT, FEES], first=4)
    assert Message(role="user", content=(part,)).text == part.rendered
    assert (part.passages[0].document, part.passages[0].page) == ("/docs/lease.pdf", 3)


def test_each_kind_of_part_has_a_text() -> None:
    text = Message(role="user", content=EVERY).text
    digest = hashlib.sha256(b"\x89PNG").hexdigest()
    assert text.startswith(f"好\n\n(image: image/png, {digest[:12]})\n\n(audio: audio/wav, ")
    assert text.endswith('\n\n{"a": [1, null]}')


def test_only_a_part_shows_passages() -> None:
    forged = Message(role="tool", content=listed([RENT]))
    assert forged.passages == ()
    shown = Message(role="tool", content=(Text(text="Found:"), cited([RENT]), cited([FEES])))
    assert [passage.head for passage in shown.passages] == [
        "lease.pdf, page 3: Lease Rent",
        "费用.md",
    ]


def test_calls_keep_their_keys() -> None:
    passages = [RENT, FEES]
    as_text = call_key("m", conversation(listed(passages)), (), Sampling())
    as_part = call_key("m", conversation((cited(passages),)), (), Sampling())
    assert (as_text, as_part) == (KEY_OF_0_1, KEY_OF_0_1)


def test_details_are_in_no_key_and_in_rows_only_where_there_are_any() -> None:
    plain = Message(role="tool", content="done", call_id="1")
    kept = plain.model_copy(update={"details": {"rows": [1, 2]}})
    assert "details" not in json.loads(plain.model_dump_json())
    assert json.loads(kept.model_dump_json())["details"] == {"rows": [1, 2]}
    keys = {call_key("m", [message], (), Sampling()) for message in (plain, kept)}
    assert len(keys) == 1
    assert kept.text == "done"


def test_a_picture_is_in_the_key_by_its_hash() -> None:
    def key(part: Part) -> str:
        message = Message(role="user", content=(Text(text="What is it?"), part))
        return call_key("m", [message], (), Sampling())

    without_bytes = PICTURE.model_copy(update={"data": None})
    assert key(PICTURE) == key(without_bytes) != key(Image.of(b"other", "image/png"))


def test_bytes_that_are_not_what_their_hash_says_are_refused() -> None:
    forged = {**PICTURE.model_dump(), "sha256": "0" * 64}
    with pytest.raises(ValidationError, match="sha256"):
        Image.model_validate(forged)


def test_a_case_without_attachments_is_dumped_as_it_was() -> None:
    case = Case(id="c", prompt="问", target=1)
    assert case.model_dump_json() == (
        '{"id":"c","prompt":"问","data":{},"target":1,"slice":null,"split":"live"}'
    )
    assert case.input.message == Message(role="user", content="问")


def test_a_case_takes_attachments_but_no_passages() -> None:
    case = Case(id="c", prompt="Look.", attachments=(PICTURE, Data(value=1)))
    assert Case.model_validate_json(case.model_dump_json()) == case
    assert case.input.message.content == (Text(text="Look."), PICTURE, Data(value=1))
    forged = {"id": "c", "prompt": "", "attachments": [cited([RENT]).model_dump()]}
    with pytest.raises(ValidationError, match="passages"):
        Case.model_validate(forged)


def test_for_a_call_texts_beside_each_other_are_one() -> None:
    shown = Passages(passages=(Cited(number=1, head="a.md", text="A"),))
    parts = for_call((Text(text="Look:"), shown, PICTURE, Data(value=1)))
    assert parts == (Text(text="Look:\n\n[1] a.md\nA"), PICTURE, Text(text="1"))
