"""The plainest memory: lessons in a tuple, recalled by how many of the query's words and character pairs they share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from journeyman.protocols import Memory
from journeyman.types import Lesson


@dataclass(frozen=True)
class PlainMemory:
    """Recalls at most `k` lessons that share a term with the query, best first; equal ones in the order they came."""

    lessons: tuple[Lesson, ...] = ()

    async def recall(self, query: str, *, k: int = 8) -> Sequence[Lesson]:
        wanted = terms(query)
        shared = [(len(wanted & terms(lesson.text)), lesson) for lesson in self.lessons]
        return [lesson for count, lesson in sorted(shared, key=lambda pair: -pair[0]) if count][:k]

    def add(self, lessons: Sequence[Lesson]) -> Self:
        return type(self)((*self.lessons, *lessons))


def terms(text: str) -> frozenset[str]:
    """Lower-case words, and for Chinese every pair of neighbouring characters (one alone stands for itself)."""
    found: set[str] = set(re.findall(r"[a-z0-9_]+", text.lower()))
    for run in re.findall(r"[\u3400-\u9fff\uf900-\ufaff]+", text):
        found.update(run[i : i + 2] for i in range(max(1, len(run) - 1)))
    return frozenset(found)


_: Memory = PlainMemory()
