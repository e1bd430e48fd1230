"""The plainest memory: lessons in a tuple, recalled by how many of the query's words and character pairs they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from journeyman.protocols import Memory
from journeyman.store.terms import terms
from journeyman.types import Lesson


@dataclass(frozen=True)
class PlainMemory:
    """Recalls at most `k` lessons that share a term with the query, best first; equal ones in the order they came."""

    lessons: tuple[Lesson, ...] = ()

    async def recall(self, query: str, *, k: int = 8) -> Sequence[Lesson]:
        wanted = frozenset(terms(query))
        shared = [(len(wanted.intersection(terms(lesson.text))), lesson) for lesson in self.lessons]
        return [lesson for count, lesson in sorted(shared, key=lambda pair: -pair[0]) if count][:k]

    def add(self, lessons: Sequence[Lesson]) -> Self:
        return type(self)((*self.lessons, *lessons))


_: Memory = PlainMemory()
