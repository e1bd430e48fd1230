"""Layer 2 of memory: which past cases a worker is told of, by likeness, by what they have proved to be, and by how
much of what is like the case says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from journeyman.memory.context import cost_of, fit_budget
from journeyman.memory.soundness import LEAST, credit, soundness
from journeyman.memory.support import support
from journeyman.memory.worth import Worth, price, worth
from journeyman.store.fulltext.terms import shared
from journeyman.store.lessons import Found, Latest, LessonStore
from journeyman.types import Lesson, Recall, Record

SOUGHT = 4
"""Candidates looked at for each lesson told."""

FLAT = 3.0
"""How little the first ranks stand out: a lesson weighs 1 / (3 + its rank by likeness)."""

HARM, SURE_OF_HARM = 0.05, 0.99
"""What a contributor's lessons must take from the score, taken together, and how sure that must be: where they do
nothing, chance alone would shut their author out sooner or later, for worth is looked at all the time."""

UNKNOWN = 0.5
"""What cases score before any was judged."""


class LessonStats(Record):
    """What a lesson has proved to be by now."""

    worth: Worth
    """What telling it changed of the score."""
    sound: float
    """The probability that what it says is right where others recalled in its place are."""
    shut_out: bool
    """Its contributor's lessons, taken together, very likely do harm."""

    @property
    def recalled(self) -> bool:
        return not self.worth.retired and not self.shut_out and self.sound >= LEAST

    @property
    def weight(self) -> float:
        """What its place by likeness is multiplied with."""
        return self.sound * (1 + self.worth.shrunk)


def recall(
    memories: LessonStore,
    query: str,
    settings: Recall,
    fits: Callable[[Lesson], bool],
    *,
    until: int | None = None,
) -> list[Lesson]:
    """The lessons for a case within the settings' budget, best last; only such as fit.

    Ranks by likeness, times what each has proved to be, times the support that it has among what was found, as far as
    answers come again in this job. Left out is what has proved to cost more than it gives, what is seldom right where
    others are, and all that comes from a contributor whose lessons do harm taken together. Of the same words with the
    same answer one is enough; with different answers, the latest holds.
    """
    with memories.reading():
        found = memories.search(query, kinds=settings.kinds, k=SOUGHT * settings.k, until=until)
        latest = memories.latest(until=until)
        known = lesson_stats(memories, [one.lesson for one in found], latest)
    near = [
        one
        for one in found
        if not settings.min_similarity or shared(one.lesson.about, query) >= settings.min_similarity
    ]
    kept = distinct([one for one in near if known[one.lesson.id].recalled and fits(one.lesson)])
    supported = support(kept, {name: one.sound for name, one in known.items()})
    lessons = [one.lesson for one in kept]
    weights = {
        one.id: known[one.id].weight * supported[one.id] ** latest.recurring / (FLAT + rank)
        for rank, one in enumerate(lessons, 1)
    }
    best = sorted(lessons, key=lambda one: -weights[one.id])[: settings.k]
    return fit_budget(best, settings.tokens)[::-1]


def lesson_stats(
    memories: LessonStore, lessons: Iterable[Lesson], latest: Latest
) -> dict[str, LessonStats]:
    """Of each lesson by its id, from its uses and from those of its contributor's others in the latest cases."""
    known = list(lessons)
    with memories.reading():
        used = memories.uses([lesson.id for lesson in known], latest)
        used_of = memories.uses_of(sorted({lesson.by for lesson in known}), latest)
    typical = UNKNOWN if latest.typical is None else latest.typical
    # what is hard to see of one lesson is plain of many
    together = {
        name: worth(uses, typical=typical, least=-HARM, sure=SURE_OF_HARM)
        for name, uses in used_of.items()
    }
    believed = {name: credit(uses) for name, uses in used_of.items()}
    return {
        lesson.id: LessonStats(
            worth=worth(used[lesson.id], typical=typical, least=price(cost_of(lesson))),
            sound=soundness(used[lesson.id], believed[lesson.by]),
            shut_out=together[lesson.by].retired,
        )
        for lesson in known
    }


def distinct(found: Sequence[Found]) -> list[Found]:
    """One lesson for each prompt, in the order given. Search gives the latest of equally good ones last: it holds.

    Games with one goal are told apart by what was seen first.
    """
    kept: dict[str, Found] = {}
    for one in found:
        kept[
            " ".join(" ".join((one.lesson.about, *one.lesson.observations[:1])).casefold().split())
        ] = one
    return list(kept.values())
