"""Answers that are function calls, scored like the Berkeley Function Calling Leaderboard."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from journeyman.types import Case, Json, Record, Score, Trajectory
from journeyman.verifiers.text import NO_TARGET, judged, unjudged

Calls = list[tuple[str, Mapping[str, Json]]]


class FunctionCall(Record):
    """The target is a list of `{name: {argument: [accepted values]}}`; the calls may come in any order.

    An accepted `""` means that the argument may be left out; no accepted value at all, that it is left out or empty.
    Texts are compared without case, blanks and punctuation, numbers by value. The target `[]` means that nothing may be
    called; words, or silence, are then right.
    """

    kind: Literal["function_call"] = "function_call"
    name: str = "function_call"

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        target = case.target
        if not isinstance(target, list):
            return unjudged(self.name, NO_TARGET)
        calls = read_calls(trajectory.answer)
        count = len(calls)
        wanted = len(target)
        if not target:
            return judged(self.name, count == 0, f"{count} calls where none fits")
        if count != wanted:
            return judged(self.name, False, f"{count} calls instead of {wanted}")
        problem = _first_problem(calls, target)
        is_right = problem is None
        return judged(self.name, is_right, problem or "")

    def reference(self, case: Case) -> str | None:
        if not isinstance(case.target, list):
            return None
        calls = [_reference_call(wanted) for wanted in case.target]
        return json.dumps(calls, ensure_ascii=False)


def _reference_call(wanted: Json) -> Json:
    """The first option of each argument; an argument whose first option is "" is left out."""
    ((name, arguments),) = wanted.items()
    chosen: dict[str, Json] = {}
    for key, options in arguments.items():
        first = options[0] if options else ""
        if first != "":
            chosen[key] = _reference(first)
    return {"name": name, "arguments": chosen}


def _reference(value: Json) -> Json:
    """Inside objects, too, the options are lists: take the first of each."""
    if isinstance(value, list):
        return [_reference(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    chosen: dict[str, Json] = {}
    for key, options in value.items():
        first = options
        if isinstance(options, list) and options:
            first = options[0]
        if first != "":
            chosen[key] = _reference(first)
    return chosen


def read_calls(answer: str | None) -> Calls:
    """The calls of an answer; words are no calls."""
    try:
        content = json.loads(answer or "[]")
    except json.JSONDecodeError:
        return []
    entries = content if isinstance(content, list) else [content]
    calls: Calls = []
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        name = entry.get("name")
        arguments = entry.get("arguments") or {}
        if isinstance(name, str):
            calls.append((name, arguments))
    return calls


def _first_problem(
    calls: Sequence[tuple[str, Mapping[str, Json]]], target: Sequence[Json]
) -> str | None:
    """Why the first call that fits nothing is wrong; None: each call fits another one of the target's."""
    left = list(target)
    for call in calls:
        problems = [mismatch(call, wanted) for wanted in left]
        if None not in problems:
            return problems[0]
        fitting = problems.index(None)
        left.pop(fitting)
    return None


def mismatch(
    call: tuple[str, Mapping[str, Json]], wanted: Mapping[str, Mapping[str, list[Json]]]
) -> str | None:
    """Why a call is not the one wanted; None: it is."""
    name, arguments = call
    ((wanted_name, options),) = wanted.items()
    if name != wanted_name:
        return f"{name} instead of {wanted_name}"
    unknown = sorted(arguments.keys() - options.keys())
    if unknown:
        return f"{name} has no argument {unknown[0]!r}"
    for key, accepted in options.items():
        if key not in arguments:
            if accepted and "" not in accepted:
                return f"{name} lacks {key!r}"
            continue
        value = arguments[key]
        if not _fits_one(value, accepted):
            return f"{key}={value!r} is none of {accepted!r}"
    return None


def _fits_one(value: Json, accepted: Sequence[Json]) -> bool:
    """Where nothing is accepted, an empty list is."""
    options = accepted or [[]]
    return any(fits(value, option) for option in options)


def fits(got: Json, option: Json) -> bool:
    if isinstance(got, bool) or isinstance(option, bool):
        return got is option
    match got, option:
        case ((int() | float()), (int() | float())):
            tolerance = 1e-9 * max(1.0, abs(option))
            return bool(abs(got - option) <= tolerance)
        case str(), str():
            return _plain(got) == _plain(option)
        case list(), list():
            same_length = len(got) == len(option)
            return same_length and all(map(fits, got, option))
        case dict(), dict():
            return _fits_object(got, option)
    return bool(got == option)


def _fits_object(got: Mapping[str, Json], option: Mapping[str, Json]) -> bool:
    """As for a call's arguments; what is no list of options is the only one."""
    options: dict[str, list[Json]] = {}
    for key, value in option.items():
        is_list = isinstance(value, list)
        options[key] = value if is_list else [value]
    call = ("object", got)
    problem = mismatch(call, {"object": options})
    return problem is None


def _plain(text: str) -> str:
    without_marks = re.sub(r"[ ,./\-_*^]", "", text)
    return without_marks.lower().replace("'", '"')
