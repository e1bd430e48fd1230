"""Layer 2 of memory: ranks past cases by similarity, worth, soundness and support."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from journeyman.memory.context import cost_of, fit_budget
from journeyman.memory.soundness import LEAST, credits_of, soundnesses
from journeyman.memory.support import support
from journeyman.memory.worth import Worth, price, worths
from journeyman.store.fulltext.terms import shared
from journeyman.store.lesson_uses import LatestCases
from journeyman.store.lessons import Found, LessonStore
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
        if self.worth.retired or self.shut_out:
            return False
        return self.sound >= LEAST

    @property
    def weight(self) -> float:
        """What its place by likeness is multiplied with."""
        helps = 1 + self.worth.shrunk
        return self.sound * helps


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
    sought = SOUGHT * settings.k
    with memories.reading():
        found = memories.search(query, kinds=settings.kinds, k=sought, until=until)
        latest = memories.latest(until=until)
        known = lesson_stats([one.lesson for one in found], latest)

    def is_wanted(one: Found) -> bool:
        lesson = one.lesson
        likeness = shared(lesson.about, query) if settings.min_similarity else 1.0
        if likeness < settings.min_similarity:
            return False
        return known[lesson.id].recalled and fits(lesson)

    kept = distinct(list(filter(is_wanted, found)))
    weights = _weights(kept, known, latest.recurring)
    lessons = [one.lesson for one in kept]
    lessons.sort(key=lambda lesson: -weights[lesson.id])
    best = lessons[: settings.k]
    return fit_budget(best, settings.tokens)[::-1]


def _weights(
    found: Sequence[Found], known: Mapping[str, LessonStats], recurring: float
) -> dict[str, float]:
    """By each lesson's id; `found` must come by likeness, the most like first."""
    sound = {name: standing.sound for name, standing in known.items()}
    supported = support(found, sound)
    weights: dict[str, float] = {}
    for rank, one in enumerate(found, 1):
        lesson_id = one.lesson.id
        proved = known[lesson_id].weight
        agreement = supported[lesson_id] ** recurring
        weights[lesson_id] = proved * agreement / (FLAT + rank)
    return weights


def lesson_stats(lessons: Iterable[Lesson], latest: LatestCases) -> dict[str, LessonStats]:
    """Of each lesson by its id, from its uses and from those of its contributor's others in the latest cases."""
    by_id = {lesson.id: lesson for lesson in lessons}
    known = list(by_id.values())
    typical = UNKNOWN if latest.typical is None else latest.typical
    taught_by = {lesson.by for lesson in known}
    contributors = _contributors(taught_by, latest, typical)
    credit = [contributors[lesson.by].credit for lesson in known]
    prices = [price(cost_of(lesson)) for lesson in known]

    used = latest.of_lessons(by_id)
    worth = worths(used, typical=typical, least=prices)
    sound = soundnesses(used, credit)
    found: dict[str, LessonStats] = {}
    for n, lesson in enumerate(known):
        found[lesson.id] = LessonStats(
            worth=worth[n],
            sound=sound[n],
            shut_out=contributors[lesson.by].shut_out,
        )
    return found


class ContributorStats(NamedTuple):
    """What a contributor's lessons have proved to be, taken together: what is hard to see of one is plain of many."""

    credit: float
    shut_out: bool


def _contributors(
    names: Iterable[str], latest: LatestCases, typical: float
) -> dict[str, ContributorStats]:
    used = latest.of_contributors(sorted(names))
    least = [-HARM] * len(used.names)
    together = worths(used, typical=typical, least=least, sure=SURE_OF_HARM)
    found: dict[str, ContributorStats] = {}
    for name, credit, worth in zip(used.names, credits_of(used), together, strict=True):
        found[name] = ContributorStats(credit, worth.retired)
    return found


def distinct(found: Sequence[Found]) -> list[Found]:
    """One lesson for each prompt, in the order given. Search gives the latest of equally good ones last: it holds.

    Games with one goal are told apart by what was seen first.
    """
    kept: dict[str, Found] = {}
    for one in found:
        lesson = one.lesson
        prompt = " ".join((lesson.about, *lesson.observations[:1]))
        words = prompt.casefold().split()
        kept[" ".join(words)] = one
    return list(kept.values())
