"""Branches of a case replay side by side, in whatever order they run, and pay no call twice."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from journeyman.environments import SingleTurn
from journeyman.job.job import Job
from journeyman.models.scripted import ScriptedModel
from journeyman.runtime.case_log import CaseLog, DivergedError
from journeyman.runtime.durable import DurableModel
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import Journal, open_journal
from journeyman.types import Case, Message, ToolSpec


def echo(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    return f"said {messages[-1].text}"


async def at_once(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return function(*arguments, **named)


async def opened(journal: Journal) -> CaseLog:
    job = Job(name="branches", environment=SingleTurn(), fingerprint="branches")
    run = open_run(journal, job, ScriptedModel([]))
    add_cases(journal, run, [Case(id="c", prompt="p")])
    lease = journal.claim(run.id, holder=secrets.token_hex(4), seconds=60, is_dead=lambda _: True)
    assert lease is not None
    past = journal.events(lease.run_id, lease.case.id, attempt=lease.attempt)
    return CaseLog(journal, lease, at_once, past)


async def ask(log: CaseLog, name: str, model: ScriptedModel, prompts: Sequence[str]) -> list[str]:
    """A branch that asks one thing after the other."""
    durable = DurableModel(model, log.branch(name), asyncio.Event())
    answers: list[str] = []
    for prompt in prompts:
        reply = await durable.generate([Message(role="user", content=prompt)])
        answers.append(reply.message.text)
        await asyncio.sleep(0)  # lets the other branch go first
    return answers


DRAFT, CHECK = ("draft one", "draft two"), ("check one",)


def test_branches_replay_in_another_order_and_pay_nothing_twice(tmp_path: Path) -> None:
    async def live(journal: Journal) -> list[list[str]]:
        log, model = await opened(journal), ScriptedModel([echo] * 3)
        both = [ask(log, "draft", model, DRAFT), ask(log, "loop[1]/check", model, CHECK)]
        return list(await asyncio.gather(*both))

    async def again(journal: Journal) -> list[list[str]]:
        log, model = await opened(journal), ScriptedModel([])  # it would fail if it were asked
        second = await ask(log, "loop[1]/check", model, CHECK)
        return [await ask(log, "draft", model, DRAFT), second]

    with open_journal(tmp_path) as journal:
        first = asyncio.run(live(journal))
    with open_journal(tmp_path) as journal:
        assert asyncio.run(again(journal)) == first
        (run,) = journal.runs()
        events = journal.events(run.id, "c")
    assert {event.path for event in events} == {"draft", "loop[1]/check"}
    for path in ("draft", "loop[1]/check"):
        seqs = [event.seq for event in events if event.path == path]
        assert seqs == list(range(len(seqs)))  # each branch counts its own


def test_a_branch_that_asks_something_else_is_noticed(tmp_path: Path) -> None:
    async def go(prompts: Sequence[str], model: ScriptedModel) -> None:
        with open_journal(tmp_path) as journal:
            await ask(await opened(journal), "draft", model, prompts)

    asyncio.run(go(DRAFT, ScriptedModel([echo] * 2)))
    with pytest.raises(DivergedError, match="Model call 1"):
        asyncio.run(go(["something else"], ScriptedModel([])))
