"""Converts messages to a provider's form, at the call and nowhere else.

Images and sound go to an endpoint as content parts, whole conversations of text as plain strings. A model that takes
text alone refuses other parts before the call. No text of a message can speak as another role: marks of the chat
template are broken up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from journeyman.errors import PartRefusedError
from journeyman.types import Audio, Image, Json, Message, Text, ToolCall
from journeyman.types.content import for_call

FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}
"""What OpenAI's form of a call names for a media type of sound."""

MARK = re.compile(r"<[|｜][^<>|｜\n]{1,64}[|｜]>")
"""How most chat templates mark a role or an end: `<|im_start|>`, `<|eot_id|>`, `<｜User｜>`."""


def text_alone(messages: Iterable[Message], model: str) -> None:
    """Raises PartRefusedError where a message holds what is no text."""
    for message in messages:
        for part in message.content:
            if isinstance(part, Image | Audio):
                raise PartRefusedError(
                    f"{model!r} reads text alone; the {message.role} message holds {part.rendered}.",
                    f"Use a model that takes {part.kind}, or have it turned into text first.",
                )


def without_marks(text: str, special: frozenset[str] = frozenset()) -> str:
    """The text with a blank inside each mark of a chat template, so that no engine reads it as one.

    `special` are the model's own control tokens beside what `MARK` finds.
    """
    text = MARK.sub(_broken, text)
    for token in special:
        if token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def _broken(mark: re.Match[str]) -> str:
    text = mark.group()
    return f"< {text[1:]}"


# --- OpenAI's form


def chat_messages(messages: Sequence[Message]) -> list[dict[str, Json]]:
    """The conversation in OpenAI's form. Raises PartRefusedError.

    A tool's message takes text alone there, so its images follow the results as the user's.
    """
    chat: list[dict[str, Json]] = []
    images: list[Json] = []
    for message in messages:
        if message.role != "tool" and images:
            chat.append({"role": "user", "content": images})
            images = []
        if message.role == "tool":
            images = [*images, *_blobs(message)]
        chat.append(_chat_message(message))
    if images:
        chat.append({"role": "user", "content": images})
    return chat


def _chat_message(message: Message) -> dict[str, Json]:
    fields: dict[str, Json] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        fields["tool_calls"] = [_chat_call(call) for call in message.tool_calls]
    if message.call_id is not None:
        fields["tool_call_id"] = message.call_id
    return fields


def _chat_call(call: ToolCall) -> dict[str, Json]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _content(message: Message) -> Json:
    parts = for_call(message.content)
    blobs = [part for part in parts if not isinstance(part, Text)]
    if not blobs or message.role == "tool":
        return message.text
    return [_chat_part(part) for part in parts]


def _blobs(message: Message) -> Iterator[Json]:
    for part in for_call(message.content):
        if not isinstance(part, Text):
            yield _chat_part(part)


def _chat_part(part: Text | Image | Audio) -> dict[str, Json]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.data is None:
        raise PartRefusedError(
            f"The bytes of {part.rendered} are not here.",
            "Give the part with its bytes: Image.of(data, media_type).",
        )
    if isinstance(part, Image):
        url = f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    if part.media_type not in FORMATS:
        raise PartRefusedError(
            f"An endpoint takes no {part.rendered}.",
            f"Convert it to one of {sorted(FORMATS)}.",
        )
    sound = {"data": part.data, "format": FORMATS[part.media_type]}
    return {"type": "input_audio", "input_audio": sound}
