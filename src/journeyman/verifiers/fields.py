"""Answers that are JSON with named fields."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date
from typing import Literal

from journeyman.answers import folded
from journeyman.types import Case, Json, Record, Score, Trajectory
from journeyman.verifiers.text import NO_TARGET, unjudged

NAMES_OF_MONTHS = (
    "jan january",
    "feb february",
    "mar march",
    "apr april",
    "may",
    "jun june",
    "jul july",
    "aug august",
    "sep sept september",
    "oct october",
    "nov november",
    "dec december",
)
MONTHS = {
    name: number for number, names in enumerate(NAMES_OF_MONTHS, start=1) for name in names.split()
}
YEAR_FIRST = re.compile(r"(\d{4})[-/年.](\d{1,2})[-/月.](\d{1,2})日?")
DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([a-z]+)\.?,? (\d{4})")
MONTH_FIRST = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


def as_date(text: str) -> date | None:
    """`2026-03-05`, `2026/3/5`, `5 March 2026`, `March 5, 2026`, `2026年3月5日`; None: no date, or an unclear one."""
    plain = unicodedata.normalize("NFKC", text)
    plain = plain.strip().lower()
    plain = plain.rstrip(".")
    if found := YEAR_FIRST.fullmatch(plain):
        year, month, day = found.groups()
    elif found := DAY_FIRST.fullmatch(plain):
        day, month, year = found.groups()
    elif found := MONTH_FIRST.fullmatch(plain):
        month, day, year = found.groups()
    else:
        return None
    try:
        month_number = _month(month)
        return date(int(year), month_number, int(day))
    except ValueError:
        return None


def _month(text: str) -> int:
    """Its number; 0 for a word that names none."""
    if text.isdigit():
        return int(text)
    return MONTHS.get(text, 0)


def same(got: Json, wanted: Json) -> bool:
    """Equal as values: numbers by value (also written as text), dates by day, texts folded, lists in order."""
    if wanted is None or got is None:
        return got is None and wanted is None
    if isinstance(wanted, bool) or isinstance(got, bool):
        return got is wanted
    if isinstance(wanted, int | float):
        return _same_number(got, wanted)
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(wanted, dict):
        return isinstance(got, dict) and _same_object(got, wanted)
    return _same_text(str(got), str(wanted))


def _same_number(got: Json, wanted: float) -> bool:
    number = as_number(got)
    tolerance = 1e-9 + 1e-6 * abs(wanted)
    return number is not None and abs(number - wanted) <= tolerance


def _same_object(got: dict[str, Json], wanted: dict[str, Json]) -> bool:
    if got.keys() != wanted.keys():
        return False
    got_values = [got[key] for key in wanted]
    wanted_values = wanted.values()
    return all(map(same, got_values, wanted_values))


def _same_text(got: str, wanted: str) -> bool:
    """By the day where a date is wanted, else folded."""
    day = as_date(wanted)
    if day is not None:
        return as_date(got) == day
    return folded(got) == folded(wanted)


def as_number(value: Json) -> float | None:
    """A number, also one written as text with thousands separators; None: it is none."""
    try:
        return float(str(value).replace(",", ""))
    except ValueError:
        return None


def read_object(answer: str) -> dict[str, Json] | None:
    """The JSON object of an answer, fenced or bare; None: there is none."""
    text = answer
    fenced = FENCED.search(answer)
    if fenced is not None:
        text = fenced.group(1)
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return value


class JsonFields(Record):
    """Each field of the target is in the answer with the same value; null must be null, not missing; more don't count.

    `fields` of the score tells of each. The value is 1 only if all are right, or their mean with `partial`.
    """

    kind: Literal["json_fields"] = "json_fields"
    name: str = "json_fields"
    partial: bool = False

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        target = case.target
        if target is None:
            return unjudged(self.name, NO_TARGET)
        if not isinstance(target, dict) or not target:
            beginning = str(target)[:60]
            return unjudged(self.name, f"the target {beginning!r} is no object with fields")
        got = None
        if trajectory.answer is not None:
            got = read_object(trajectory.answer)
        if got is None:
            none_right = dict.fromkeys(target, 0.0)
            return self._score(0.0, "no JSON object", none_right)
        fields: dict[str, float] = {}
        problems: list[str] = []
        for key, wanted in target.items():
            given = got.get(key, "missing")
            is_right = key in got and same(given, wanted)
            fields[key] = float(is_right)
            if not is_right:
                problems.append(f"{key}: {given!r} is not {wanted!r}")
        share = sum(fields.values()) / len(fields)
        value = share if self.partial else float(share == 1.0)
        reason = "; ".join(problems)
        return self._score(value, reason[:1000], fields)

    def _score(self, value: float, reason: str, fields: dict[str, float]) -> Score:
        return Score(
            verifier=self.name,
            value=value,
            reason=reason,
            fields=fields,
        )

    def reference(self, case: Case) -> str | None:
        target = case.target
        if not isinstance(target, dict) or not target:
            return None
        return json.dumps(target, ensure_ascii=False)
