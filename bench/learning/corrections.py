"""Planted corrections: does one change the next case like it, in the same words and in others, in English and Chinese?

    python -m bench.learning.corrections      asks the model 150 times; goes on where it was

Fifty facts of a made-up warehouse that no model can know. Each is asked once, put right by a reviewer, and asked again:
nearly in the same words, and as a paraphrase.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.lib.places import WORK
from journeyman.environments import SingleTurn
from journeyman.job.job import Job
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.protocols import Model
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.review import review
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import Journal, open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import Budget, Case, Label, Run, Sampling

ROOM = WORK / "corrections"
RECORDED = Path(__file__).parent / "corrections.csv"

SEED = 11

NAMES = (
    "copper kettle", "garden hose", "wool blanket", "desk lamp", "bread knife", "paint roller",
    "bicycle pump", "wall clock", "tea strainer", "leather belt", "snow shovel", "door mat",
    "salad bowl", "tool box", "rain barrel", "picture frame", "oven glove", "bird feeder",
    "coat hanger", "water can", "candle holder", "laundry bag", "spice rack", "foot stool",
    "ink pad",
)  # fmt: skip
CHINESE_NAMES = (
    "铜水壶", "浇水软管", "羊毛毯", "台灯", "面包刀", "油漆滚筒", "自行车打气筒", "挂钟", "滤茶器",
    "皮带", "雪铲", "门垫", "沙拉碗", "工具箱", "雨水桶", "相框", "隔热手套", "喂鸟器",
    "衣架", "洒水壶", "烛台", "洗衣袋", "调料架", "脚凳", "印台",
)  # fmt: skip

ENGLISH = (
    "On which shelf is the {}?",
    "On which shelf is the {}, please?",
    "Where do we keep the {}? Tell me its shelf.",
)
CHINESE = ("{}在哪个货架上？", "请问{}在哪个货架上？", "我要拿{}，应该去几号货架？")


class Fact(NamedTuple):
    asked: str
    nearly: str
    paraphrase: str
    shelf: str


def facts() -> Iterator[Fact]:
    """Fifty, half of them Chinese, with shelves that are all different."""
    rng = random.Random(SEED)
    shelves = [f"{letter}-{number}" for letter in "BCDFGHJK" for number in range(11, 90)]
    rng.shuffle(shelves)
    for names, forms in ((NAMES, ENGLISH), (CHINESE_NAMES, CHINESE)):
        for name in names:
            asked, nearly, paraphrase = (form.format(name) for form in forms)
            yield Fact(asked, nearly, paraphrase, shelves.pop())


def warehouse() -> Job:
    """Nobody knows a target; a reviewer does."""
    return Job(
        name="warehouse", environment=SingleTurn(), fingerprint="warehouse-1",
        instructions="You answer questions about a warehouse. Reply with the shelf's number alone, such as A-10.",
        budget=Budget(steps=1), sampling=Sampling(max_tokens=16),
    )  # fmt: skip


async def asked(
    journal: Journal, holder: LeaseOwner, model: Model, run: Run, cases: list[Case]
) -> None:
    add_cases(journal, run, cases)
    await work(Runner.open(journal, holder, warehouse(), model, run, at_once=1))


async def record() -> None:
    """Ask, put right, ask again."""
    model = open_model(DEFAULT_MODEL, at_once=1)
    planted = dict(enumerate(facts()))
    with open_journal(ROOM) as journal, LeaseOwner.enter(ROOM) as holder:
        run = open_run(journal, warehouse(), model)
        await asked(
            journal,
            holder,
            model,
            run,
            [Case(id=f"asked-{n}", prompt=f.asked) for n, f in planted.items()],
        )
        for n, fact in planted.items():
            review(
                journal, run, f"asked-{n}", Label(error=True, by="reviewer", correction=fact.shelf)
            )
        again = [(f"nearly-{n}", fact.nearly) for n, fact in planted.items()]
        again += [(f"paraphrase-{n}", fact.paraphrase) for n, fact in planted.items()]
        await asked(
            journal, holder, model, run, [Case(id=name, prompt=prompt) for name, prompt in again]
        )
        export(journal, run, planted)
    await model.aclose()


def export(journal: Journal, run: Run, planted: dict[int, Fact]) -> None:
    with RECORDED.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("form", "fact", "language", "told", "right"))
        for outcome in outcomes(journal, run):
            form, _, number = outcome.case_id.partition("-")
            fact, told = (
                planted[int(number)],
                [lesson.text for lesson in outcome.trajectory.recalled],
            )
            answer = (outcome.trajectory.answer or "").strip().rstrip(".。")
            language = "en" if int(number) < len(NAMES) else "zh"
            writer.writerow(
                (form, number, language, int(fact.shelf in told), int(answer == fact.shelf))
            )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.run(record())
