"""The simplest memory: lessons in a tuple, recalled by the words and character pairs shared with the query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from journeyman.protocols import Memory
from journeyman.store.fulltext.terms import terms
from journeyman.types import Lesson


@dataclass(frozen=True)
class PlainMemory:
    """Recalls at most `k` lessons that share a term with the query, best last; equal ones in the order they came."""

    lessons: tuple[Lesson, ...] = ()
    k: int = 8

    async def recall(self, query: str, fits: Callable[[Lesson], bool]) -> Sequence[Lesson]:
        wanted = frozenset(terms(query))
        min_similarity: list[tuple[int, Lesson]] = []
        for lesson in filter(fits, self.lessons):
            words = terms(lesson.about)
            shared = wanted.intersection(words)
            if shared:
                min_similarity.append((len(shared), lesson))
        min_similarity.sort(key=_by_count)
        best = min_similarity[: self.k]
        best.reverse()
        return [lesson for _, lesson in best]

    def add(self, lessons: Sequence[Lesson]) -> Self:
        """A new memory with these too."""
        known = (*self.lessons, *lessons)
        return type(self)(known, self.k)


def _by_count(counted: tuple[int, Lesson]) -> int:
    """The most first."""
    count, _ = counted
    return -count


_: Memory = PlainMemory()
