"""Support: the share of the similar lessons that say the same.

A single lesson that is most like a case may be a slip of whoever taught it, or stand on the wrong side of a fine
distinction; many that are nearly as like the case seldom are all wrong together. So each lesson found has a vote for
what it says, and a lesson's support is the share of all votes that say the same (nearest neighbours weighted by
distance, Dudani 1976). Different here: the vote answers nothing. It only decides which lessons the model is told of,
and in what order; a vote weighs what its lesson is likely to be sound; and it falls so steeply with likeness that a
lesson on nearly the same words is not outvoted by many that are merely alike: a person's correction holds at once.

Where no two lessons say the same, as with calculations, each has its own vote, and the order stays that of likeness.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from journeyman.answers import folded
from journeyman.store.lessons import Found

STEEP = 4.0
"""A vote weighs the lesson's likeness, as a share of the best one's, to this power."""


def support(found: Sequence[Found], sound: Mapping[str, float]) -> dict[str, float]:
    """Of each lesson's id, the share of all votes that say the same, above 0 to 1. `sound`: by id, above 0."""
    if not found:
        return {}
    best = max(one.likeness for one in found)
    answers: dict[str, str] = {}
    votes: list[float] = []
    together: defaultdict[str, float] = defaultdict(float)
    for one in found:
        lesson = one.lesson
        share = one.likeness / best
        vote = sound[lesson.id] * share**STEEP
        answer = folded(lesson.text)
        votes.append(vote)
        together[answer] += vote
        answers[lesson.id] = answer
    whole = sum(votes)
    return {lesson_id: together[answer] / whole for lesson_id, answer in answers.items()}
