"""Answers that are function calls, judged as the Berkeley Function Calling Leaderboard does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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
        if not isinstance(case.target, list):
            return unjudged(self.name, NO_TARGET)
        calls = read_calls(trajectory.answer)
        if not case.target:
            return judged(self.name, not calls, f"{len(calls)} calls where none fits")
        if len(calls) != len(case.target):
            return judged(self.name, False, f"{len(calls)} calls instead of {len(case.target)}")
        left, problem = list(case.target), ""
        for call in calls:
            problems = [mismatch(call, wanted) for wanted in left]
            if None not in problems:
                problem = problems[0] or ""
                break
            left.pop(problems.index(None))
        return judged(self.name, not left, problem)

    def reference(self, case: Case) -> str | None:
        if not isinstance(case.target, list):
            return None
        calls = []
        for wanted in case.target:
            ((name, arguments),) = wanted.items()
            chosen = {
                key: options[0]
                for key, options in arguments.items()
                if options and options[0] != ""
            }
            calls.append(
                {
                    "name": name,
                    "arguments": {key: _reference(value) for key, value in chosen.items()},
                }
            )
        return json.dumps(calls, ensure_ascii=False)


def _reference(value: Json) -> Json:
    """Inside objects, too, the options are lists: take the first of each."""
    if isinstance(value, dict):
        first = {
            key: options[0] if isinstance(options, list) and options else options
            for key, options in value.items()
        }
        return {key: _reference(one) for key, one in first.items() if one != ""}
    return [_reference(one) for one in value] if isinstance(value, list) else value


def read_calls(answer: str | None) -> Calls:
    """The calls of an answer; words are no calls."""
    try:
        told = json.loads(answer or "[]")
    except json.JSONDecodeError:
        return []
    entries = told if isinstance(told, list) else [told]
    fitting = [one for one in entries if isinstance(one, dict) and isinstance(one.get("name"), str)]
    return [(one["name"], one.get("arguments") or {}) for one in fitting]


def mismatch(
    call: tuple[str, Mapping[str, Json]], wanted: Mapping[str, Mapping[str, list[Json]]]
) -> str | None:
    """Why a call is not the one wanted; None: it is."""
    name, arguments = call
    ((right, options),) = wanted.items()
    if name != right:
        return f"{name} instead of {right}"
    if unknown := sorted(arguments.keys() - options.keys()):
        return f"{name} has no argument {unknown[0]!r}"
    for key, accepted in options.items():
        if key not in arguments:
            if accepted and "" not in accepted:
                return f"{name} lacks {key!r}"
        elif not any(fits(arguments[key], option) for option in accepted or [[]]):
            return f"{key}={arguments[key]!r} is none of {accepted!r}"
    return None


def fits(got: Json, option: Json) -> bool:
    if isinstance(got, bool) or isinstance(option, bool):
        return got is option
    if isinstance(got, int | float) and isinstance(option, int | float):
        return abs(got - option) <= 1e-9 * max(1.0, abs(option))
    if isinstance(got, str) and isinstance(option, str):
        return _plain(got) == _plain(option)
    if isinstance(got, list) and isinstance(option, list):
        return len(got) == len(option) and all(map(fits, got, option))
    if isinstance(got, dict) and isinstance(option, dict):
        return (
            mismatch(
                ("object", got),
                {"object": {k: v if isinstance(v, list) else [v] for k, v in option.items()}},
            )
            is None
        )
    return bool(got == option)


def _plain(text: str) -> str:
    return re.sub(r"[ ,./\-_*^]", "", text).lower().replace("'", '"')
