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

MONTHS = {
    name: number
    for number, names in enumerate(
        (
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
        ),
        start=1,
    )
    for name in names.split()
}


def as_date(text: str) -> date | None:
    """`2026-03-05`, `2026/3/5`, `5 March 2026`, `March 5, 2026`, `2026年3月5日`; None: no date, or an unclear one."""
    plain = unicodedata.normalize("NFKC", text).strip().lower().rstrip(".")
    if found := re.fullmatch(r"(\d{4})[-/年.](\d{1,2})[-/月.](\d{1,2})日?", plain):
        year, month, day = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([a-z]+)\.?,? (\d{4})", plain):
        day, month, year = int(found[1]), MONTHS.get(found[2], 0), int(found[3])
    elif found := re.fullmatch(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", plain):
        month, day, year = MONTHS.get(found[1], 0), int(found[2]), int(found[3])
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def same(got: Json, wanted: Json) -> bool:
    """Equal as values: numbers by value (also written as text), dates by day, texts folded, lists in order."""
    if wanted is None or got is None:
        return got is None and wanted is None
    if isinstance(wanted, bool) or isinstance(got, bool):
        return got is wanted
    if isinstance(wanted, int | float):
        number = as_number(got)
        return number is not None and abs(number - wanted) <= 1e-9 + 1e-6 * abs(wanted)
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(wanted, dict):
        return (
            isinstance(got, dict)
            and got.keys() == wanted.keys()
            and all(same(got[k], wanted[k]) for k in wanted)
        )
    day = as_date(str(wanted))
    return folded(str(got)) == folded(str(wanted)) if day is None else as_date(str(got)) == day


def as_number(value: Json) -> float | None:
    """A number, also one written as text with thousands separators; None: it is none."""
    try:
        return float(str(value).replace(",", ""))
    except ValueError:
        return None


def read_object(answer: str) -> dict[str, Json] | None:
    """The JSON object of an answer, fenced or bare; None: there is none."""
    fenced = re.search(r"```(?:json)?\s*(.*?)```", answer, re.DOTALL)
    try:
        value = json.loads(fenced.group(1) if fenced else answer)
    except (json.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


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
            return unjudged(self.name, f"the target {str(target)[:60]!r} is no object with fields")
        got = None if trajectory.answer is None else read_object(trajectory.answer)
        if got is None:
            return Score(
                verifier=self.name,
                value=0.0,
                reason="no JSON object",
                fields=dict.fromkeys(target, 0.0),
            )
        fields = {
            key: float(key in got and same(got[key], wanted)) for key, wanted in target.items()
        }
        wrong = [
            f"{key}: {got.get(key, 'missing')!r} is not {target[key]!r}"
            for key, ok in fields.items()
            if not ok
        ]
        share = sum(fields.values()) / len(fields)
        value = share if self.partial else float(share == 1.0)
        return Score(verifier=self.name, value=value, reason="; ".join(wrong)[:1000], fields=fields)

    def reference(self, case: Case) -> str | None:
        return (
            json.dumps(case.target, ensure_ascii=False)
            if isinstance(case.target, dict) and case.target
            else None
        )
