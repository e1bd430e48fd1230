"""Layer 2 of memory: which past cases a worker is told of, by likeness and by what they have proved to be worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from journeyman.memory.context import cost_of, within
from journeyman.memory.fusion import fused
from journeyman.memory.worth import Worth, factor, price, worth
from journeyman.store.memories import Latest, Memories
from journeyman.types import Lesson, Recall

SOUGHT = 4
"""Candidates looked at for each lesson told."""

HARM = 0.05
"""What a contributor's lessons must take from the score, taken together: where they do nothing, chance alone would shut
their author out sooner or later, for worth is looked at all the time."""

UNKNOWN = 0.5
"""What cases score before any was judged."""


def recalled_from(
    memories: Memories, query: str, settings: Recall, fits: Callable[[Lesson], bool], *, until: int | None = None
) -> list[Lesson]:
    """The lessons for a case within the settings' budget, best last; only such as fit.

    Ranks by likeness, times proven worth; what has proved to cost more than it gives is left out, and so is all that
    comes from a contributor whose lessons do harm taken together. Of the same words with the same answer one is
    enough; with different answers, the latest holds.
    """
    with memories.reading():
        found = memories.search(query, kinds=settings.kinds, k=SOUGHT * settings.k, until=until)
        latest = memories.latest()
        known, shut_out = worths(memories, found, latest), harmful(memories, {lesson.by for lesson in found}, latest)
    kept = distinct([one for one in found if not known[one.id].retired and one.by not in shut_out and fits(one)])
    by_id = {one.id: one for one in kept}
    ordered = fused([list(by_id)], lambda name: factor(known[name]), k=settings.k)
    return within([by_id[name] for name in ordered], settings.tokens)[::-1]


def worths(memories: Memories, lessons: Iterable[Lesson], latest: Latest) -> dict[str, Worth]:
    """What each lesson is worth by its uses in the latest cases."""
    known, typical = list(lessons), _typical(latest)
    used = memories.uses([lesson.id for lesson in known], latest)
    return {lesson.id: worth(used[lesson.id], typical=typical, least=price(cost_of(lesson))) for lesson in known}


def harmful(memories: Memories, contributors: Iterable[str], latest: Latest) -> set[str]:
    """Those whose lessons, taken together, very likely do harm: for what is hard to see of one is plain of many."""
    used, typical = memories.uses_of(sorted(contributors), latest), _typical(latest)
    return {name for name, told in used.items() if worth(told, typical=typical, least=-HARM).retired}


def _typical(latest: Latest) -> float:
    return UNKNOWN if latest.typical is None else latest.typical


def distinct(lessons: Sequence[Lesson]) -> list[Lesson]:
    """One lesson for each prompt, in the order given. Search gives the latest of equally good ones last: it holds."""
    kept: dict[str, Lesson] = {}
    for lesson in lessons:
        kept[" ".join(lesson.about.casefold().split())] = lesson
    return list(kept.values())
