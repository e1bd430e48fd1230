"""Turns a labelled case into a lesson, the input of every learner from cases.

Corrections: an answer that somebody put right is a case at once, and the next case like it is told of it.

After case-based reasoning (Aamodt and Plaza 1994) and memory-assisted prompt editing (Madaan et al. 2022), which keeps
a user's feedback and shows it with similar questions. Different here: what is kept is the right answer, not a remark
on the wrong one, so that there is nothing to interpret; it is recalled under the same random withholding as all else,
so that a correction that misleads is found out; and it rests on its case and on its author, so that it can be taken
back.

A correction is a person's own word, and is recalled without an exam: whoever may correct an answer may say the same of
the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Literal

from journeyman.answers import moves_of, only_text, parse_moves
from journeyman.types import Case, Label, Lesson, Trajectory


def lesson(
    kind: Literal["demonstration", "correction", "rule"],
    about: str,
    text: str,
    by: str,
    sources: Sequence[str],
    observations: Sequence[str] = (),
) -> Lesson:
    """Its id is of its content, so that the same lesson from the same sources is the same one."""
    content = json.dumps([kind, about, text, by, *sources])
    encoded = content.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(encoded).hexdigest()
    return Lesson(
        id=digest[:16],
        kind=kind,
        about=about,
        text=text,
        observations=tuple(observations),
        by=by,
        sources=tuple(sources),
    )


def sources_of(case: Case, worker: str, labels: Sequence[Label]) -> tuple[str, ...]:
    """A labelled case rests on itself, on who worked it, and on whoever labelled it."""
    sources = [f"case:{case.id}", f"worker:{worker}"]
    sources += map(person, labels)
    distinct = dict.fromkeys(sources)
    return tuple(distinct)


def person(label: Label) -> str:
    """Who gave a label, as a source."""
    if label.by == "verifier":
        return "verifier"
    return f"person:{label.by}"


def correction(case: Case, worker: str, labels: Sequence[Label]) -> Lesson | None:
    """What the last label teaches. None: it accepts the answer, or says of no answer that it is right."""
    last = labels[-1]
    if not last.error or last.correction is None or not last.correction.strip():
        return None
    return lesson(
        "correction",
        case.prompt,
        last.correction,
        last.by,
        sources_of(case, worker, labels),
        observations=last.observations,
    )


def demonstration(
    case: Case, trajectory: Trajectory, worker: str, labels: Sequence[Label]
) -> Lesson | None:
    """What an accepted answer teaches. None: the last label does not accept it, or there is none."""
    answer = trajectory.answer
    if labels[-1].error or answer is None or not answer.strip():
        return None
    return lesson(
        "demonstration",
        case.prompt,
        answer,
        worker,
        sources_of(case, worker, labels),
        observations=seen_before_moves(trajectory),
    )


def seen_before_moves(trajectory: Trajectory) -> tuple[str, ...]:
    """What the worker saw before each of the moves that are its answer. Empty: its answer is no course of moves."""
    names: list[str] = []
    for step in trajectory.steps:
        calls = step.reply.message.tool_calls
        names.extend(call.name for call in calls)
    if not names:
        return ()
    played = moves_of(trajectory.steps, names[-1])
    texts = [only_text(call) for call, _ in played]
    if not played or parse_moves(trajectory.answer or "") != texts:
        return ()
    first = trajectory.opening[-1]
    later = [result.text for _, result in played[:-1]]
    return (first.text, *later)
