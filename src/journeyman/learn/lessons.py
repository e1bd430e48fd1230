"""A labelled case as a lesson: what every learner from cases stands on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Literal

from journeyman.types import Case, Label, Lesson


def lesson(
    kind: Literal["demonstration", "correction", "rule"],
    about: str,
    text: str,
    by: str,
    sources: Sequence[str],
    saw: Sequence[str] = (),
) -> Lesson:
    """Its id is of its content, so that the same lesson from the same sources is the same one."""
    content = json.dumps([kind, about, text, by, *sources]).encode("utf-8", "surrogatepass")
    name = hashlib.sha256(content).hexdigest()[:16]
    return Lesson(id=name, kind=kind, about=about, text=text, saw=tuple(saw), by=by, sources=tuple(sources))


def sources_of(case: Case, worker: str, labels: Sequence[Label]) -> tuple[str, ...]:
    """A labelled case rests on itself, on who worked it, and on whoever labelled it."""
    return tuple(dict.fromkeys((f"case:{case.id}", f"worker:{worker}", *map(person, labels))))


def person(label: Label) -> str:
    """Who gave a label, as a source."""
    return "verifier" if label.by == "verifier" else f"person:{label.by}"
