"""Answers that are a text or a number."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from journeyman.answers import folded
from journeyman.types import Case, Json, Record, Score, Trajectory

NO_TARGET = "the case has no target"


def unjudged(name: str, reason: str) -> Score:
    return Score(verifier=name, value=None, reason=reason)


def judged(name: str, right: bool, reason: str) -> Score:
    value = float(right)
    return Score(verifier=name, value=value, reason=reason)


def accepted(target: Json) -> list[Json]:
    return target if isinstance(target, list) else [target]


class Exact(Record):
    """The answer is the target, or one of its list; case, width, white space and closing punctuation don't count."""

    kind: Literal["exact"] = "exact"
    name: str = "exact"

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        target = case.target
        if target is None:
            return unjudged(self.name, NO_TARGET)
        answer = trajectory.answer
        reason = f"answer {answer!r}, target {target!r}"
        if answer is None:
            return judged(self.name, False, reason)
        wanted = {folded(str(one)) for one in accepted(target)}
        is_right = folded(answer) in wanted
        return judged(self.name, is_right, reason)

    def reference(self, case: Case) -> str | None:
        if case.target is None:
            return None
        first = accepted(case.target)[0]
        return str(first)


NUMBER = re.compile(r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?:\s*/\s*\d+)?\s*%?")


def last_number(text: str) -> float | None:
    """The number that a text ends on: after `####` where there is one, else the last; `1,234.5`, `3/4`, `12 %`, `１２`.

    A percentage is its share: 12 % is 0.12. None: there is no number.
    """
    plain = unicodedata.normalize("NFKC", text)
    plain = plain.replace("−", "-")
    end = plain.rsplit("####", 1)[-1]
    found = NUMBER.findall(end)
    if not found:
        return None
    last = found[-1]
    number = last.replace(",", "").replace(" ", "")
    top, _, bottom = number.rstrip("%").partition("/")
    divisor = float(bottom) if bottom else 1.0
    try:
        value = float(top) / divisor
    except ZeroDivisionError:
        return None
    if number.endswith("%"):
        return value / 100
    return value


class Number(Record):
    """The answer's last number is the target, within a tolerance."""

    kind: Literal["number"] = "number"
    name: str = "number"
    relative: float = 1e-6
    absolute: float = 1e-9

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        target = case.target
        if target is None:
            return unjudged(self.name, NO_TARGET)
        wanted = last_number(str(target))
        if wanted is None:
            return unjudged(self.name, f"the target {target!r} is no number")
        got = None
        if trajectory.answer is not None:
            got = last_number(trajectory.answer)
        reason = f"answer {got}, target {wanted}"
        if got is None:
            return judged(self.name, False, reason)
        tolerance = max(self.absolute, self.relative * abs(wanted))
        distance = abs(got - wanted)
        is_near = distance <= tolerance
        return judged(self.name, is_near, reason)

    def reference(self, case: Case) -> str | None:
        if case.target is None:
            return None
        text = str(case.target)
        return None if last_number(text) is None else text


class Regex(Record):
    """The answer has a match of the target, a regular expression; `full`: it is one from end to end."""

    kind: Literal["regex"] = "regex"
    name: str = "regex"
    full: bool = False

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        if case.target is None:
            return unjudged(self.name, NO_TARGET)
        try:
            pattern = re.compile(str(case.target))
        except re.error as error:
            return unjudged(self.name, f"the target is no regular expression: {error}")
        search = pattern.fullmatch if self.full else pattern.search
        answer = trajectory.answer
        found = None
        if answer is not None:
            found = search(answer)
        is_right = found is not None
        return judged(self.name, is_right, f"answer {answer!r}")

    def reference(self, case: Case) -> str | None:
        """Only a pattern without any special character can be its own answer."""
        target = case.target
        if isinstance(target, str) and re.escape(target) == target:
            return target
        return None
