"""Questions as cases: who else asks, and who holds which labels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from journeyman.documents import Passage
from journeyman.models.scripted import ScriptedModel
from journeyman.runtime.asking import ask, asking_job, name_for
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner
from journeyman.runtime.runs import open_run
from journeyman.store.journal import open_journal
from journeyman.types import Message, ToolSpec


async def find(query: str) -> Sequence[Passage]:
    return [Passage(document="lease.md", id="1", text="The rent is 900 EUR.")]


def echo(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    return f"On {messages[-1].text}: 900 EUR."


def test_who_asks_at_once_gets_the_own_answer(tmp_path: Path) -> None:
    questions = [f"question {n}" for n in range(6)]

    async def all_of_them() -> list[str | None]:
        with open_journal(tmp_path) as journal, LeaseOwner.enter(tmp_path) as holder:
            model = ScriptedModel([echo] * len(questions))
            job = asking_job(find)
            run = open_run(journal, job, model)
            async with Runner.open(journal, holder, job, model, run) as runner:
                asked = [ask(runner, question) for question in questions]
                return [outcome.trajectory.answer for outcome in await asyncio.gather(*asked)]

    assert asyncio.run(all_of_them()) == [f"On {question}: 900 EUR." for question in questions]


def test_no_two_sets_of_labels_share_a_job() -> None:
    labels = ["a", "b", "a-b", "a-b-c", "b-c", "", "-", "a" * 64, "板", "a b"]
    sets = [chosen for size in range(4) for chosen in combinations(labels, size)]
    assert len({name_for(chosen) for chosen in sets}) == len(sets)
    assert (name_for([]), name_for(["staff", "board", "board"])) == ("ask", "ask-board-staff")
