"""The plainest memory: lessons in a tuple, recalled by how many of the query's words and character pairs they share."""

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
        known = filter(fits, self.lessons)
        shared = [(len(wanted.intersection(terms(lesson.about))), lesson) for lesson in known]
        best = [lesson for count, lesson in sorted(shared, key=lambda pair: -pair[0]) if count][
            : self.k
        ]
        return best[::-1]

    def add(self, lessons: Sequence[Lesson]) -> Self:
        """A new memory with these too."""
        return type(self)((*self.lessons, *lessons), self.k)


_: Memory = PlainMemory()
