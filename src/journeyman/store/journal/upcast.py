"""Reads rows of earlier versions: gives their old keys today's names. Only here are the old names known.

A row is never rewritten on disk. It is read, and its old keys are given their new names; a row of today comes out
as it is. So a store of any released version opens, and opening it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from journeyman.types import Cited, Event, Json, Passages, Replied, Resulted
from journeyman.types.content import HEAD

Body = Mapping[str, Json]

SPEC = {"mind": "worker_spec", "ground": "config_hash"}
"""Of a run, and of a version in a `proposed` change."""


def run_spec(spec: Body) -> Body:
    """The settings of a run. An exam's named its model, which stands on the run itself."""
    kept = {key: value for key, value in spec.items() if key != "model"}
    return _version(kept)


def _version(body: Body) -> Body:
    """What a run and a proposed version have in common."""
    body = _renamed(body, SPEC)
    return _within(body, "worker_spec", _worker_spec)


def event_body(kind: str, body: Body, version: int | None) -> Body:
    """The body of an event of this kind, written in that version. None: before events had one."""
    if version is not None:
        return body
    if kind == "opened":
        body = _within(body, "messages", _opening)
    upcast = EVENTS.get(kind)
    return body if upcast is None else upcast(body)


def case_events(events: Sequence[Event]) -> list[Event]:
    """The events of a case, in order. What its old searches found becomes passages.

    Which tool a result is of stands only in the reply before it, so this takes all of them.
    """
    if all(event.version is not None for event in events):
        return list(events)
    names: dict[str, str] = {}
    found: list[Event] = []
    for event in events:
        if isinstance(event.body, Replied):
            names |= {call.id: call.name for call in event.body.reply.message.tool_calls}
        found.append(_with_findings(event, names))
    return found


def _with_findings(event: Event, names: Mapping[str, str]) -> Event:
    """The event; the result of an old search with its listing as passages."""
    if event.version is not None or not isinstance(event.body, Resulted):
        return event
    message = event.body.message
    if message.failed or names.get(message.call_id or "") != "search":
        return event
    passages = listing(message.text)
    if passages is None:
        return event
    told = message.model_copy(update={"content": (passages,)})
    return event.model_copy(update={"body": Resulted(message=told)})


def _opening(messages: Json) -> Json:
    """Passages stood in messages of the user's before the last one, which is the case's own."""
    said = [n for n, message in enumerate(messages) if message["role"] == "user"]
    told = list(messages)
    for n in said[:-1]:
        told[n] = _with_passages(told[n])
    return told


def _with_passages(message: Body) -> Body:
    """The message with its text as passages, if it is a listing of them and nothing else."""
    text = message["content"]
    if not isinstance(text, str):
        return message
    passages = listing(text)
    if passages is None:
        return message
    return {**message, "content": [passages.model_dump(mode="json")]}


def listing(text: str) -> Passages | None:
    """Passages as they stood in a text. None: it is not made of them alone."""
    heads = list(HEAD.finditer(text))
    ends = [found.start() - len("\n\n") for found in heads[1:]]
    cited: list[Cited] = []
    for found, end in zip(heads, [*ends, len(text)], strict=False):
        body = text[found.end() + 1 : end]
        cited.append(Cited(number=int(found[1]), head=found[2], text=body))
    passages = Passages(passages=tuple(cited))
    return passages if cited and passages.rendered == text else None


def change_body(kind: str, body: Body) -> Body:
    """The body of a change of this kind."""
    return _version(body) if kind == "proposed" else body


def source_file(stored: Body) -> Body:
    """The row of a knowledge base's file."""
    return _finished(stored)


def _worker_spec(spec: Body) -> Body:
    spec = _within(spec, "playbook", _lessons)
    return _within(spec, "recall", lambda recall: _renamed(recall, {"alike": "min_similarity"}))


def _lessons(lessons: Json) -> Json:
    return [_renamed(lesson, {"saw": "observations"}) for lesson in lessons]


def _finished(body: Body) -> Body:
    if body.get("failure") is None:
        return body
    return _within(body, "failure", lambda failure: _renamed(failure, {"mend": "hint"}))


EVENTS: Mapping[str, Callable[[Body], Body]] = {
    "recalled": lambda body: _within(body, "lessons", _lessons),
    "finished": _finished,
    "closed": lambda body: _renamed(body, {"right": "correct"}),
    "labelled": lambda body: _renamed(body, {"saw": "observations"}),
}


def _renamed(body: Body, names: Mapping[str, str]) -> Body:
    """The same values; keys that have a new name under that one, in the order they stood."""
    if not names.keys() & body.keys():
        return body
    return {names.get(key, key): value for key, value in body.items()}


def _within(body: Body, key: str, upcast: Callable[[Any], Json]) -> Body:
    return {**body, key: upcast(body[key])} if key in body else body
