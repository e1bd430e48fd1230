"""Rows as earlier versions wrote them, in today's words: the only place that knows the old ones.

A row is never rewritten on disk. It is read, and its old keys are given their new names; a row of today comes out
as it is. So a store of any released version opens, and opening it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from journeyman.types import Json

Body = Mapping[str, Json]

SPEC = {"mind": "worker_spec", "ground": "config_hash"}
"""Of a run, and of a version in a `proposed` change."""


def run_spec(spec: Body) -> Body:
    """The settings of a run."""
    spec = _renamed(spec, SPEC)
    return _within(spec, "worker_spec", _worker_spec)


def event_body(kind: str, body: Body, version: int | None) -> Body:
    """The body of an event of this kind, written in that version. None: before events had one."""
    if version is not None:
        return body
    upcast = EVENTS.get(kind)
    return body if upcast is None else upcast(body)


def change_body(kind: str, body: Body) -> Body:
    """The body of a change of this kind."""
    return run_spec(body) if kind == "proposed" else body


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
