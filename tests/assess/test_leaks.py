"""The leak scan: finds planted cases in every guise, and leaves siblings of one template alone."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from journeyman.assess.leaks import Kind, leaks
from journeyman.types import Case, Json

JOBS = Path(__file__).parents[2] / "jobs"

PARIS = "How many customers live in Paris?"
ZH = "上海分公司2025年6月的退货订单有多少？"
LONG = (
    "A bakery sells trays of rolls to four restaurants every morning before the market opens. Each tray holds 24 rolls,"
    " and the first restaurant takes 7 trays while the others take 5 trays each. How many rolls does the bakery deliver"
    " to all restaurants together in one week of 6 days?"
)


def case(prompt: str, target: Json = None) -> Case:
    return Case(id="sealed", prompt=prompt, target=target, split="exam")


@pytest.mark.parametrize(
    ("prompt", "text", "kind"),
    [
        (PARIS, PARIS, "exact"),
        (PARIS, f"Lesson: when asked {PARIS} count test customers out.", "exact"),
        (PARIS, "HOW MANY   customers\nlive in paris", "normalised"),
        (PARIS, "Ｈｏｗ ｍａｎｙ customers live in Paris？！", "normalised"),
        (PARIS, "how many “customers” live, in (Paris)", "normalised"),
        (PARIS, "Please, how many customers are there that live in Paris", "near"),
        (PARIS, "How many custmers live in Paris?", "near"),
        (PARIS, "Asked once: how many customers lvie in Praris? The answer was 12.", None),
        (ZH, ZH, "exact"),
        (ZH, f"经验：{ZH}先去掉测试订单。", "exact"),
        (ZH, "上海分公司２０２５年６月的退货订单有多少?", "normalised"),
        (ZH, "上海分公司 2025 年 6 月 的 退货订单 有多少", "normalised"),
        (ZH, "请问我们上海分公司2025年6月退货订单有多少呢", "near"),
        (ZH, "请上海分公司2025年6月退货订单有多少呢", "near"),
        (LONG, LONG.replace("bakery", "bakrey").replace("rolls", "rolls "), "near"),
        (LONG, LONG.replace("before the market opens", "before the market closes"), "near"),
        (LONG, "Remember. " + LONG.replace(". ", ", ").upper() + " 1584", "normalised"),
        (
            "1,200 boxes at 3 euros each cost how much?",
            "1200 boxes at 3 euros each cost how much",
            "normalised",
        ),
    ],
)
def test_planted_leaks_of_each_kind(prompt: str, text: str, kind: Kind | None) -> None:
    found = leaks(
        ["nothing here", text], [case(prompt), case("Which supplier delivers the Classic Mirror?")]
    )
    assert [(leak.text, leak.case_id, leak.kind) for leak in found] == (
        [(1, "sealed", kind)] if kind else []
    )


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (PARIS, "How many customers live in Berlin?"),
        (PARIS, "How many suppliers live in Paris?"),
        (PARIS, "How many active customers live in Paris?"),
        (PARIS, "How many customers do not live in Paris?"),
        (PARIS, "Which customers live in Paris?"),
        (PARIS, "Count the Parisian customers."),
        ("How many orders were placed in 2025-03?", "How many orders were placed in 2025-04?"),
        (
            "How many products cost more than 26 euros?",
            "How many products cost less than 26 euros?",
        ),
        ("What is 17 + 4 times 3 minus 2?", "What is 17 - 4 times 3 minus 2?"),
        (
            "How far is it from Paris to Berlin by road?",
            "How far is it from Berlin to Paris by road?",
        ),
        ("How many people live in Austria in all?", "How many people live in Australia in all?"),
        (ZH, ZH.replace("上海", "北京")),
        (ZH, ZH.replace("6月", "7月")),
        (ZH, ZH.replace("退货", "换货")),
        ("从北京到上海的火车几点出发？", "从上海到北京的火车几点出发？"),
        ("从北京到上海的火车几点出发？", "从南京到上海的火车几点出发？"),
        (LONG, LONG.replace("24 rolls", "25 rolls")),
        (
            LONG,
            LONG.replace("restaurants", "schools")
            .replace("bakery", "farm")
            .replace("rolls", "eggs"),
        ),
        ("Why?", "Nobody knows why? Ask again."),
    ],
)
def test_other_questions_are_no_leaks(prompt: str, text: str) -> None:
    assert leaks([text], [case(prompt)]) == ()
    assert leaks([prompt], [case(text)]) == ()


@pytest.mark.parametrize(
    ("target", "text", "answered"),
    [
        (None, PARIS, None),
        (12, PARIS, False),
        (12, f"{PARIS} 12", True),
        ("Twelve", f"{PARIS} It is twelve, they say.", True),
        (["12", "twelve"], f"{PARIS} twelve", True),
        (
            {"sql": "SELECT COUNT(*) FROM customers", "ordered": False},
            f"{PARIS} select count(*) from customers;",
            True,
        ),
        ({"city": "Paris", "count": 12}, f"{PARIS} In Paris.", False),
        ("customers", PARIS, False),
    ],
)
def test_whether_the_answer_stands_beside_it(
    target: Json, text: str, answered: bool | None
) -> None:
    (leak,) = leaks([text], [case(PARIS, target)])
    assert leak.answered is answered


def test_a_short_prompt_counts_alone_or_with_its_answer() -> None:
    short = case("Why not?", "because")
    assert leaks(["He asked: why not? She laughed."], [short]) == ()
    assert [leak.kind for leak in leaks(["Why not?", "why not: because"], [short])] == [
        "exact",
        "normalised",
    ]


def test_nothing_in_nothing() -> None:
    assert leaks([], [case(PARIS)]) == ()
    assert leaks([PARIS], []) == ()
    assert leaks(["", "?!"], [case(""), case("?!")]) == ()


@pytest.mark.parametrize("job", ["analyst", "clerk"])
def test_the_shipped_jobs_do_not_leak_into_their_exams(job: str) -> None:
    lines = (JOBS / job / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [Case.model_validate(json.loads(line)) for line in lines]
    sealed = [one for one in cases if one.split == "exam"]
    open_ones = [one.prompt for one in cases if one.split != "exam"]
    assert len(sealed) >= 50
    assert leaks(open_ones, sealed) == ()
    assert {leak.case_id for leak in leaks([one.prompt for one in sealed], sealed)} >= {
        one.id for one in sealed
    }


@pytest.mark.parametrize(
    ("count", "sealed_count"), [(1_000, 100), pytest.param(10_000, 1_000, marks=pytest.mark.slow)]
)
def test_many_texts_in_seconds(count: int, sealed_count: int) -> None:
    """English and Chinese, siblings of one template and long prompts; all that is planted is found, and little else."""
    rng = random.Random(1)
    syllables = [a + b for a in "bcdfgklmnprst" for b in "aeiou"]
    words = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(4000)]
    characters = [chr(0x4E00 + n) for n in range(1500)]

    def template() -> str:
        return f"How many {rng.choice(words)} customers live in {rng.choice(words)}?"

    part = sealed_count // 4
    prompts = [template() for _ in range(2 * part)]
    prompts += [" ".join(rng.choices(words, k=60)) for _ in range(part)]
    prompts += ["".join(rng.choices(characters, k=20)) for _ in range(part)]
    sealed = [Case(id=str(n), prompt=prompt) for n, prompt in enumerate(prompts)]
    texts = [
        template() + " " + " ".join(rng.choices(words, k=rng.randint(5, 80)))
        for _ in range(count * 4 // 5)
    ]
    texts += ["".join(rng.choices(characters, k=rng.randint(20, 200))) for _ in range(count // 5)]
    planted = {(n * 10, str(n)) for n in range(sealed_count)}
    for place, name in planted:
        texts[place] += " " + prompts[int(name)].upper()
    began = time.process_time()
    found = {(leak.text, leak.case_id) for leak in leaks(texts, sealed)}
    assert time.process_time() - began < 20
    assert found >= planted
    assert len(found - planted) <= 5  # two templates with the same values by chance
