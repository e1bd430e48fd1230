"""Branches of a case replay side by side, in whatever order they run, and pay no call twice."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from journeyman import Result, Worker
from journeyman.environments import SingleTurn, effect
from journeyman.environments.running import await_event, call_tool, gather
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.models.scripted import Line, ScriptedModel
from journeyman.runtime.case_log import CaseLog, DivergedError
from journeyman.runtime.durable import DurableModel
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store.journal import Journal, open_journal
from journeyman.types import Case, Message, ToolCall, ToolSpec


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


# --- branches that a tool runs


@effect("once")
def knock() -> str:
    """Knock at the door."""
    return "knocked"


def look(what: str) -> str:
    """Look at something."""
    return f"saw {what}"


async def waits() -> str:
    """Wait for somebody."""
    return str((await await_event("somebody")).payload)


async def looking() -> str:
    return (await call_tool("look", what="left")).text


async def knocking() -> str:
    return (await call_tool("knock")).text


async def waiting() -> str:
    return (await call_tool("waits")).text


async def waiting_itself() -> str:
    return str((await await_event("somebody")).payload)


async def both() -> str:
    """Look and knock at once."""
    told = await gather(left=looking, right=knocking)
    return f"{told['left']}, {told['right']}"


async def waits_within() -> str:
    """Let a branch wait."""
    return (await gather(one=waiting))["one"]


async def waits_itself() -> str:
    """Let a branch wait by itself."""
    return (await gather(one=waiting_itself))["one"]


async def twice() -> str:
    """Give two branches one name."""
    await gather(one=looking)
    return (await gather(one=looking))["one"]


async def outside() -> str:
    """Call a tool outside a branch."""
    return await looking()


@effect("idempotent")
async def acts(key: str) -> str:
    """Run branches in a tool that acts."""
    return (await gather(one=looking))["one"]


async def unknown() -> str:
    """Call a tool that there is not."""

    async def one() -> str:
        return (await call_tool("dance")).text

    return (await gather(one=one))["one"]


TOOLS = (knock, look, waits, both, waits_within, waits_itself, twice, outside, acts, unknown)


def clerk(tool: str) -> ScriptedModel:
    """Calls one tool and says what it was told."""

    def say(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Line:
        if messages[-1].role == "tool":
            return messages[-1].text
        return ToolCall(id="t", name=tool, arguments={})

    return ScriptedModel(say)


def did(tool: str, workspace: Path) -> Result[str]:
    worker = Worker("branches", tools=TOOLS, model=clerk(tool), workspace=workspace)
    return worker.do("Go.", id="c")


def test_a_tools_branches_have_paths_of_their_own_and_its_case_reads_as_before(
    tmp_path: Path,
) -> None:
    done = did("both", tmp_path)
    assert done.answer == "saw left, knocked"
    with open_journal(tmp_path) as journal:
        (run,) = journal.runs()
        events = journal.events(run.id, "c")
    kinds = {
        path: [event.kind for event in events if event.path == path]
        for path in ("t/left", "t/right")
    }
    assert kinds == {"t/left": ["resulted"], "t/right": ["intended", "resulted"]}
    (first, _) = done.trajectory.steps
    assert [result.text for result in first.results] == ["saw left, knocked"]


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ("waits_within", "A branch can't wait"),
        ("waits_itself", "A branch can't wait"),
        ("twice", "run a branch 'one' already"),
        ("outside", "can't be called outside a branch"),
        ("acts", "can't run branches"),
        ("unknown", "There is no tool 'dance'"),
    ],
)
def test_what_a_branch_can_not_do_is_told_to_the_worker(
    tmp_path: Path, tool: str, says: str
) -> None:
    assert says in str(did(tool, tmp_path).answer)


def test_outside_a_worker_there_are_no_branches() -> None:
    with pytest.raises(InputError, match="no worker called this"):
        asyncio.run(both())
    with pytest.raises(InputError, match="no worker called this"):
        asyncio.run(looking())
