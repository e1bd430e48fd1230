"""Layer 2 of memory: which past cases a worker is told of, by likeness and by what they have proved to be worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from journeyman.memory.context import cost_of, within
from journeyman.memory.fusion import fused
from journeyman.memory.worth import Use, Worth, factor, price, worth
from journeyman.store.memories import Memories, Used
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
        known, shut_out = worths(memories, found), harmful(memories, {lesson.by for lesson in found})
    kept = distinct([one for one in found if not known[one.id].retired and one.by not in shut_out and fits(one)])
    by_id = {one.id: one for one in kept}
    ordered = fused([list(by_id)], lambda name: factor(known[name]), k=settings.k)
    return within([by_id[name] for name in ordered], settings.tokens)[::-1]


def worths(memories: Memories, lessons: Iterable[Lesson]) -> dict[str, Worth]:
    """What each lesson is worth by its uses so far."""
    known = list(lessons)
    used, typical = memories.uses([lesson.id for lesson in known]), _typical(memories)
    return {lesson.id: worth(_uses(used[lesson.id]), typical=typical, least=price(cost_of(lesson))) for lesson in known}


def harmful(memories: Memories, contributors: Iterable[str]) -> set[str]:
    """Those whose lessons, taken together, very likely do harm: for what is hard to see of one is plain of many."""
    used, typical = memories.uses_of(sorted(contributors)), _typical(memories)
    return {name for name, told in used.items() if worth(_uses(told), typical=typical, least=-HARM).retired}


def _typical(memories: Memories) -> float:
    mean = memories.typical()
    return UNKNOWN if mean is None else mean


def _uses(used: Iterable[Used]) -> Iterator[Use]:
    return (Use(shown=u.shown, withheld=u.withheld, score=u.score, weight=u.weight) for u in used)


def distinct(lessons: Sequence[Lesson]) -> list[Lesson]:
    """One lesson for each prompt, in the order given. Search gives the latest of equally good ones last: it holds."""
    kept: dict[str, Lesson] = {}
    for lesson in lessons:
        kept[" ".join(lesson.about.casefold().split())] = lesson
    return list(kept.values())
