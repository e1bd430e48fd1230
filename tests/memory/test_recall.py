"""What is recalled: by likeness first, and by what each lesson and its contributor proved to be."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from journeyman.memory.lessons import lesson
from journeyman.memory.recall import lesson_stats, recall
from journeyman.store.lesson_tables import LATEST, LATEST_USES
from journeyman.store.lesson_uses import LatestCases
from journeyman.store.lessons import AttemptId, LabelledAttempt, LessonStore, LessonUse
from journeyman.types import Lesson, Recall

WORDS = ["red", "blue", "green", "brown", "white", "black", "grey", "pink"]


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[LessonStore]:
    opened = LessonStore.open(tmp_path / "memory.sqlite", "prices")
    yield opened
    opened.close()


def add(
    memories: LessonStore,
    count: int,
    told: Mapping[str, LessonUse] | None = None,
    *,
    taught: Lesson | None = None,
    correct: bool = True,
) -> None:
    """So many judged cases, each of which recalled the same."""
    for _ in range(count):
        with memories.changing() as (place, already_unlearned):
            attempt = AttemptId("run", f"c{place}", 1)
            memories.remember(
                LabelledAttempt(
                    attempt=attempt, place=place + 1, sources=(f"case:c{place}",), lesson=taught, score=float(correct),
                    weight=1.0, withheld=0.1, told=told or {},
                )
            )  # fmt: skip
            memories.reached(place + 1, already_unlearned)


def taught(memories: LessonStore, words: int, text: str, by: str = "mei") -> Lesson:
    """A lesson on the price of a lamp in so many of the colours: the more, the less it is like one of all."""
    made = lesson(
        "correction",
        f"price of the {' '.join(WORDS[:words])} lamp",
        text,
        by,
        (f"case:{words}-{by}",),
    )
    add(memories, 1, taught=made)
    return made


def order(memories: LessonStore, k: int = 8) -> list[str]:
    """Best first."""
    found = recall(memories, f"price of the {' '.join(WORDS)} lamp", Recall(k=k), lambda _: True)
    return [one.text for one in reversed(found)]


def test_before_anything_is_proved_likeness_decides(memories: LessonStore) -> None:
    for words in (2, 8, 5):
        taught(memories, words, str(words))
    assert order(memories) == ["8", "5", "2"]
    assert order(memories, k=1) == ["8"]


def test_games_with_one_goal_are_told_apart_by_what_was_seen_first(memories: LessonStore) -> None:
    for place, move in (("a hall", "go east"), ("a cellar", "go up"), ("A  hall", "go north")):
        made = lesson(
            "demonstration",
            "find the coin",
            f'["{move}"]',
            "ada",
            (f"case:{move}",),
            observations=(place,),
        )
        add(memories, 1, taught=made)
    told = recall(memories, "find the coin", Recall(kinds=("demonstration",)), lambda _: True)
    assert sorted(one.text for one in told) == [
        '["go north"]',
        '["go up"]',
    ]  # of the same hall, the latest


def test_merely_alike_is_not_enough_where_only_nearly_the_same_words_are_wanted(
    memories: LessonStore,
) -> None:
    for words in (2, 5, 7):
        taught(memories, words, str(words))
    query = f"Price of the {' '.join(WORDS)} lamp!"
    told = recall(memories, query, Recall(min_similarity=0.7), lambda _: True)
    assert [one.text for one in told] == ["5", "7"]  # 9 and 11 of 12 terms
    assert recall(memories, query, Recall(min_similarity=1.0), lambda _: True) == []


def test_a_few_outcomes_do_not_upset_the_order(memories: LessonStore) -> None:
    """A lesson that was told in three right answers, and another withheld in one wrong, are not told apart by that."""
    first, second = taught(memories, 8, "8"), taught(memories, 7, "7")
    add(
        memories,
        1,
        {
            first.id: LessonUse(shown=True, agreed=None),
            second.id: LessonUse(shown=False, agreed=None),
        },
        correct=False,
    )
    add(memories, 3, {second.id: LessonUse(shown=True, agreed=None)})
    assert order(memories) == ["8", "7"]


def test_what_is_seldom_right_where_others_are_is_told_no_more(memories: LessonStore) -> None:
    wrong, sound = taught(memories, 8, "wrong", "ann"), taught(memories, 7, "sound", "bob")
    told = {
        wrong.id: LessonUse(shown=True, agreed=False),
        sound.id: LessonUse(shown=True, agreed=True),
    }
    other = {
        sound.id: LessonUse(shown=True, agreed=True),
        wrong.id: LessonUse(shown=True, agreed=False),
    }
    assert order(memories) == ["wrong", "sound"]
    add(memories, 10, told)
    add(memories, 10, other)
    assert order(memories) == ["sound"]
    assert not lesson_stats([wrong], memories.latest())[wrong.id].recalled


def test_a_contributor_whose_lessons_prove_wrong_is_not_believed_in_a_new_one(
    memories: LessonStore,
) -> None:
    wrong = [taught(memories, words, f"wrong {words}", "mallory") for words in (8, 7, 6)]
    sound = [taught(memories, words, f"sound {words}", "mei") for words in (5, 4, 3)]
    for one, other in zip(wrong, sound, strict=True):
        told = {
            one.id: LessonUse(shown=True, agreed=False),
            other.id: LessonUse(shown=True, agreed=True),
        }
        add(memories, 20, told)
        add(memories, 20, dict(reversed(told.items())))
    new = taught(memories, 2, "new", "mallory")
    assert lesson_stats([new], memories.latest())[new.id].sound < 0.5
    assert order(memories) == ["sound 5", "sound 4", "sound 3"]


def test_a_memory_of_one_moment_stays_what_it_was(memories: LessonStore) -> None:
    """An exam recalls for both sides as things stood when it began, whatever else is judged meanwhile."""
    wrong, sound = taught(memories, 8, "wrong"), taught(memories, 7, "sound", "bob")
    told = {
        wrong.id: LessonUse(shown=True, agreed=False),
        sound.id: LessonUse(shown=True, agreed=True),
    }
    add(memories, 20, told)
    add(memories, 20, dict(reversed(told.items())))
    words = f"price of the {' '.join(WORDS)} lamp"
    then = recall(memories, words, Recall(), lambda _: True, until=2)
    assert [one.text for one in reversed(then)] == ["wrong", "sound"]
    assert order(memories) == ["sound"]


def test_where_no_answer_comes_again_nothing_is_held_against_anybody(memories: LessonStore) -> None:
    first, second = taught(memories, 8, "8"), taught(memories, 7, "7")
    add(
        memories,
        60,
        {
            first.id: LessonUse(shown=True, agreed=False),
            second.id: LessonUse(shown=True, agreed=False),
        },
    )
    assert order(memories) == ["8", "7"]
    assert {one.sound for one in lesson_stats([first, second], memories.latest()).values()} == {0.9}


def test_what_a_young_memory_was_right_in_is_compared_with_its_time(memories: LessonStore) -> None:
    """Early on everybody was right in one of ten cases; who was recalled then is not blamed for it later."""
    early, late = taught(memories, 8, "early", "ann"), taught(memories, 7, "late", "bob")
    for n in range(400):
        add(memories, 1, {early.id: LessonUse(shown=True, agreed=n % 10 == 0)})
    for n in range(400):
        add(memories, 1, {late.id: LessonUse(shown=True, agreed=n % 10 != 0)})
    known = lesson_stats([early, late], memories.latest())
    assert known[early.id].sound > 0.9
    assert known[late.id].sound > 0.9


def test_telling_what_does_harm_is_seen_in_all_of_a_contributors_lessons(
    memories: LessonStore,
) -> None:
    """No answer comes again, but whenever one of them is told, the case goes wrong."""
    bad = [taught(memories, words, f"bad {words}", "mallory") for words in (8, 7, 6, 5)]
    for n in range(240):
        one, shown = bad[n % 4], n % 5 > 0
        add(memories, 1, {one.id: LessonUse(shown=shown, agreed=None)}, correct=not shown)
    assert all(one.shut_out for one in lesson_stats(bad, memories.latest()).values())
    assert order(memories) == []


def test_recall_reads_by_key(memories: LessonStore) -> None:
    """Without statistics, SQLite's planner takes what looks good: once it walked a million cases to find eight."""
    lessons = [taught(memories, words, str(words)) for words in (8, 7)]
    raw = memories.connection.connection.driver_connection
    assert raw is not None
    said: list[str] = []
    raw.set_trace_callback(said.append)
    add(memories, 2, {lesson.id: LessonUse(shown=True, agreed=True) for lesson in lessons})
    assert order(memories) == ["8", "7"]
    raw.set_trace_callback(None)
    asked = {
        one for one in said if one.startswith("SELECT") and ("uses." in one or "attempts." in one)
    }
    plans = [
        " | ".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {one}")) for one in asked
    ]
    found = {plan.split(" INDEX ")[-1].replace("SEARCH ", "") for plan in plans if "SEARCH" in plan}
    assert found == {
        "attempts_by_lesson (job=? AND lesson_id=?)",
        "attempts_by_place (job=? AND place>? AND place<?)",  # those judged since, in order
        "attempts USING INTEGER PRIMARY KEY (rowid=?)",
        "uses_by_attempt (job=? AND place>? AND place<?)",
    }
    assert not any("SCAN" in plan for plan in plans)


MORE = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6)]


@pytest.mark.parametrize("seed", [0, 1, *MORE])
def test_what_is_kept_of_the_latest_cases_is_what_a_new_reader_finds(
    tmp_path: Path, seed: int
) -> None:
    """Whoever wrote, forgot or taught anew, here or in another process: nobody reckons with what is not there."""
    rng = random.Random(seed)
    here, there = (LessonStore.open(tmp_path / "memory.sqlite", "prices") for _ in range(2))
    lessons = [
        lesson("correction", f"price of {n}", f"{n}", f"p{n % 3}", (f"case:{n}",))
        for n in range(12)
    ]
    place = 0
    attempts: list[AttemptId] = []
    for _ in range(60):
        writer = rng.choice([here, there])
        with writer.changing() as (_, unlearned):
            place += 1
            if attempts and rng.random() < 0.3:
                writer.forget(attempts.pop(rng.randrange(len(attempts))))
            attempts.append(AttemptId("run", f"c{place}", 1))
            told = {
                one.id: LessonUse(shown=rng.random() < 0.8, agreed=rng.choice([True, False, None]))
                for one in rng.sample(lessons, 4)
            }
            writer.remember(
                LabelledAttempt(
                    attempt=attempts[-1], place=place, sources=("case:x",), lesson=rng.choice([*lessons, None]),
                    score=rng.random(), weight=rng.choice([1.0, 10.0]), withheld=0.1, told=told,
                )
            )  # fmt: skip
            writer.reached(place, unlearned)
        until = rng.choice([None, max(place - 20, 1)])
        new = LessonStore.open(tmp_path / "memory.sqlite", "prices")
        expected, found = new.latest(until=until), rng.choice([here, there]).latest(until=until)
        ids = [one.id for one in lessons]
        assert [column.tolist() for column in found.cases] == [
            column.tolist() for column in expected.cases
        ]
        assert found.agreed.tolist() == expected.agreed.tolist()
        for ours, theirs in (
            (found.of_lessons(ids), expected.of_lessons(ids)),
            (
                found.of_contributors(["p0", "p1", "p2"]),
                expected.of_contributors(["p0", "p1", "p2"]),
            ),
        ):
            assert ours.group.tolist() == theirs.group.tolist()
            assert [column.tolist() for column in ours.uses] == [
                column.tolist() for column in theirs.uses
            ]
        new.close()
    here.close()
    there.close()


def test_only_the_latest_cases_are_kept() -> None:
    """A thousand and more are let go, with their uses and with the names of lessons that are used no more."""
    latest = LatestCases()
    for place in range(1, LATEST + 1_001):
        used = [f"l{place}", "mei", place, 1, 1, 1, 0.1, 1.0, 1.0]
        always = ["always", None, place, 2, -1, 1, 0.1, 1.0, 1.0]
        latest.add([(place, 1.0, 1.0)], [used, always])
    assert latest.cases.place.tolist() == list(range(1_001, LATEST + 1_001))
    found = latest.of_lessons(["l1000", "l1001", "always"])
    assert found.counts().tolist() == [0, 1, LATEST_USES]
    assert found.uses.place[0] == 1_001
    assert found.uses.place[-1] == LATEST + 1_000
    assert latest.of_contributors(["mei", "jan"]).counts().tolist() == [LATEST_USES, 0]
