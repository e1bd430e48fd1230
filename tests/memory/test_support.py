"""What much of what was found says alike outranks what one lesson says, where answers come again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from journeyman.memory.lessons import lesson
from journeyman.memory.recall import recall
from journeyman.memory.support import support
from journeyman.store.lessons import AttemptId, Found, LabelledAttempt, LessonStore, LessonUse
from journeyman.types import Lesson, Recall


def found(text: str, likeness: float, n: int) -> Found:
    return Found(lesson("correction", f"case {n}", text, "mei", (f"case:{n}",)), likeness)


def shares(*listed: tuple[str, float], sound: float = 0.9) -> list[float]:
    made = [found(text, likeness, n) for n, (text, likeness) in enumerate(listed)]
    told = support(made, {one.lesson.id: sound for one in made})
    return [told[one.lesson.id] for one in made]


def test_votes_for_the_same_answer_are_counted_together() -> None:
    assert shares(("Red", 1.0), ("blue", 1.0), ("red.", 1.0), ("red", 1.0)) == pytest.approx(
        [0.75, 0.25, 0.75, 0.75]
    )
    assert support([], {}) == {}


def test_a_vote_falls_steeply_with_likeness() -> None:
    alone, *others = shares(("red", 10.0), *[("blue", 4.0)] * 30)
    assert alone > 0.5
    assert sum(others[:1]) == pytest.approx(1 - alone)


def test_what_is_likely_unsound_has_less_of_a_vote() -> None:
    one, other = found("red", 5.0, 1), found("blue", 5.0, 2)
    told = support([one, other], {one.lesson.id: 0.9, other.lesson.id: 0.6})
    assert told[one.lesson.id] == pytest.approx(0.6)


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[LessonStore]:
    opened = LessonStore.open(tmp_path / "memory.sqlite", "desk")
    yield opened
    opened.close()


def judged(memories: LessonStore, taught: Lesson | None, told: dict[str, LessonUse]) -> None:
    with memories.changing() as (place, already_unlearned):
        memories.remember(
            LabelledAttempt(
                attempt=AttemptId("run", f"c{place}", 1), place=place + 1, sources=(f"case:c{place}",), lesson=taught,
                score=1.0, weight=1.0, withheld=0.1, told=told,
            )
        )  # fmt: skip
        memories.reached(place + 1, already_unlearned)


def desk(memories: LessonStore, *, agreed: bool | None) -> None:
    """Six past mails about a broken lamp went to `returns`; the one most like the next case, to `sales`."""
    lessons = [
        lesson("correction", f"my lamp broke on day {n}", "returns", "mei", (f"case:{n}",))
        for n in range(6)
    ] + [lesson("correction", "my lamp broke today", "sales", "mei", ("case:today",))]
    for one in lessons:
        judged(memories, one, {})
    other = lesson("correction", "an invoice", "billing", "mei", ("case:invoice",))
    judged(memories, other, {})
    for _ in range(20):
        judged(memories, None, {other.id: LessonUse(shown=True, agreed=agreed)})


def best(memories: LessonStore, query: str) -> str:
    return recall(memories, query, Recall(), lambda _: True)[-1].text


def test_where_answers_come_again_the_many_outrank_the_one(memories: LessonStore) -> None:
    desk(memories, agreed=True)
    assert best(memories, "my lamp broke") == "returns"


@pytest.mark.parametrize("agreed", [False, None])
def test_where_none_ever_came_again_likeness_decides(
    memories: LessonStore, *, agreed: bool | None
) -> None:
    desk(memories, agreed=agreed)
    assert best(memories, "my lamp broke") == "sales"


def test_a_correction_holds_for_its_own_words_whatever_the_many_say(memories: LessonStore) -> None:
    desk(memories, agreed=True)
    assert best(memories, "My lamp broke today!") == "sales"
