"""The runner: submitted cases give their own results, waits leave the queue, nothing waits for the disk on the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from journeyman.autonomy.tracker import AutonomyTracker
from journeyman.environments import SingleTurn, Tools
from journeyman.environments.running import await_event, sleep
from journeyman.environments.tools import effect
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.models.scripted import ScriptedModel
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner
from journeyman.runtime.runs import open_run
from journeyman.store.journal import Journal, open_journal
from journeyman.types import Case, CaseResult, Message, ToolCall, ToolSpec


def echo(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    return f"said {messages[-1].text}"


class Gated:
    """A model that answers `p0` at once, and everything else when the gate is open."""

    name = "gated"

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def generate(self, messages: Sequence[Message], **_: object) -> object:
        if messages[-1].text != "p0":
            await self.gate.wait()
        return await ScriptedModel([echo]).generate(messages)

    async def aclose(self) -> None: ...


def single(name: str = "echo") -> Job:
    return Job(name=name, environment=SingleTurn(), fingerprint=name)


def case(n: int) -> Case:
    return Case(id=f"c{n}", prompt=f"p{n}")


@asynccontextmanager
async def running(
    folder: Path, job: Job, model: object, *, at_once: int = 2
) -> AsyncIterator[Runner]:
    with open_journal(folder) as journal, LeaseOwner.enter(folder) as owner:
        run = open_run(journal, job, model)  # type: ignore[arg-type] # a test's own model
        async with Runner.open(journal, owner, job, model, run, at_once=at_once) as runner:  # type: ignore[arg-type]
            yield runner


def test_each_submitted_case_gives_its_own_result_while_others_go_on(tmp_path: Path) -> None:
    async def go() -> list[str | None]:
        async with running(tmp_path, single(), ScriptedModel([echo] * 5), at_once=3) as runner:
            results = await asyncio.gather(*[runner.submit(case(n)) for n in range(5)])
            return [result.trajectory.answer for result in results]

    assert asyncio.run(go()) == [f"said p{n}" for n in range(5)]


def test_a_case_that_is_done_comes_from_the_journal(tmp_path: Path) -> None:
    async def go() -> tuple[CaseResult, CaseResult]:
        async with running(tmp_path, single(), ScriptedModel([echo])) as runner:
            return await runner.submit(case(1)), await runner.submit(case(1))

    first, again = asyncio.run(go())
    assert (first.trajectory.answer, again.trajectory.answer) == ("said p1", "said p1")
    with pytest.raises(InputError, match="other content"):
        asyncio.run(changed(tmp_path))


def test_a_case_that_is_refused_or_given_up_is_not_awaited_any_more(tmp_path: Path) -> None:
    """Else the runner could never rest again."""

    async def go() -> int:
        async with running(tmp_path, single(), Gated()) as runner:
            await runner.submit(case(0))
            with pytest.raises(InputError, match="other content"):
                await runner.submit(Case(id="c0", prompt="something else"))
            given_up = runner.submit(case(1))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            return len(runner._awaited)

    assert asyncio.run(go()) == 0


async def changed(folder: Path) -> None:
    async with running(folder, single(), ScriptedModel([])) as runner:
        await runner.submit(Case(id="c1", prompt="something else"))


def test_an_answer_does_not_wait_for_the_others(tmp_path: Path) -> None:
    """The first of three is answered while the others can't be: it would hang if all had to be drained."""

    async def go() -> list[str | None]:
        model = Gated()
        async with running(tmp_path, single(), model, at_once=3) as runner:
            submitted = [runner.submit(case(n)) for n in range(3)]
            first = await asyncio.wait_for(submitted[0], timeout=60)
            assert not any(one.done() for one in submitted[1:])
            model.gate.set()
            rest = await asyncio.gather(*submitted[1:])
            return [one.trajectory.answer for one in (first, *rest)]

    assert asyncio.run(go()) == ["said p0", "said p1", "said p2"]


def test_nothing_is_folded_anew_for_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def counted(*arguments: object) -> object:
        opened.append(arguments)
        return AutonomyTracker(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("journeyman.runtime.runner.AutonomyTracker", counted)

    async def go() -> None:
        async with running(tmp_path, single(), ScriptedModel([echo] * 4)) as runner:
            for n in range(4):
                await runner.submit(case(n))

    asyncio.run(go())
    assert len(opened) == 1


def test_the_journal_is_never_called_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every operation of it waits for a disk, or for another process."""
    called: set[str] = set()

    def watched(name: str, operation: Callable[..., object]) -> Callable[..., object]:
        def on_which(*arguments: object, **named: object) -> object:
            called.add(name)
            assert threading.get_ident() != loops_thread, name
            return operation(*arguments, **named)

        return on_which

    loops_thread = threading.get_ident()

    async def go() -> None:
        async with running(tmp_path, desk(nap), ScriptedModel([calls("nap")] * 2)) as runner:
            for name in ("append", "claim", "events", "news", "add_cases", "suspend", "listen"):
                operation = getattr(runner.journal, name)
                monkeypatch.setattr(runner.journal, name, watched(name, operation))
            submitted = runner.submit(case(1))
            await runner.drain()
            await submitted

    asyncio.run(go())
    assert called == {"append", "claim", "events", "news", "add_cases", "suspend", "listen"}


# --- waiting


async def approval(order: str) -> str:
    """Ask a person.

    Args:
        order: Which one.
    """
    woken = await await_event(f"approve:{order}", seconds=60)
    return "timed out" if woken.timed_out else f"{woken.payload}"


async def nap(order: str) -> str:
    """Sleep.

    Args:
        order: Which one.
    """
    await sleep(0.3)
    return "slept"


@effect("once")
async def pay(order: str) -> str:
    """Pay, and wait, which is refused.

    Args:
        order: Which one.
    """
    await await_event("never")
    return "paid"


def calls(tool: str) -> Callable[[Sequence[Message], Sequence[ToolSpec]], ToolCall | str]:
    def reply(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> ToolCall | str:
        if messages[-1].role == "tool":
            return f"{messages[-1].text}"
        return ToolCall(id="1", name=tool, arguments={"order": messages[-1].text})

    return reply


def desk(*functions: Callable[..., object]) -> Job:
    return Job(name="desk", environment=Tools(functions=functions), fingerprint="desk")


def emit(folder: Path, name: str, payload: object) -> bool:
    with open_journal(folder) as journal:
        return journal.emit(name, payload)


def waiting(journal: Journal) -> list[str]:
    (run,) = journal.runs()
    return [one.name for one in journal.waiting(run.id)]


def test_a_case_that_waits_leaves_the_queue_and_comes_back(tmp_path: Path) -> None:
    job = desk(approval)
    model = ScriptedModel([calls("approval")])

    async def begin() -> None:
        async with running(tmp_path, job, model) as runner:
            runner.submit(case(1))
            await runner.drain()

    asyncio.run(begin())
    with open_journal(tmp_path) as journal:
        assert waiting(journal) == ["approve:p1"]
    assert emit(tmp_path, "approve:p1", "granted")
    assert not emit(tmp_path, "approve:p1", "refused")  # the first one holds

    async def go_on() -> CaseResult:
        async with running(tmp_path, job, ScriptedModel([calls("approval")])) as runner:
            return await runner.submit(case(1))

    result = asyncio.run(go_on())
    assert result.trajectory.answer == "granted"
    assert result.trajectory.usage.completion_tokens is not None
    assert len(result.trajectory.steps) == 2  # the first call was not made again


def test_a_wait_ends_in_the_process_that_waits(tmp_path: Path) -> None:
    async def go() -> CaseResult:
        async with running(
            tmp_path, desk(approval), ScriptedModel([calls("approval")] * 2)
        ) as runner:
            submitted = runner.submit(case(1))
            while not runner.journal.waiting(runner.run.id):
                await asyncio.sleep(0.01)
            runner.journal.emit("approve:p1", {"by": "mei"})
            return await submitted

    assert asyncio.run(go()).trajectory.answer == "{'by': 'mei'}"


def test_a_timer_wakes_a_case(tmp_path: Path) -> None:
    async def go() -> tuple[CaseResult, float]:
        async with running(tmp_path, desk(nap), ScriptedModel([calls("nap")] * 2)) as runner:
            began = time.monotonic()
            submitted = runner.submit(case(1))
            await runner.drain()
            return await submitted, time.monotonic() - began

    result, seconds = asyncio.run(go())
    assert result.trajectory.answer == "slept"
    assert 0.3 <= seconds < 5


def test_a_tool_with_an_effect_can_not_wait(tmp_path: Path) -> None:
    async def go() -> CaseResult:
        async with running(tmp_path, desk(pay), ScriptedModel([calls("pay")] * 2)) as runner:
            return await runner.submit(case(1))

    assert "can't wait" in str(asyncio.run(go()).trajectory.answer)


def test_nobody_waits_outside_a_worker() -> None:
    with pytest.raises(InputError, match="no worker called this"):
        asyncio.run(_wait())


async def _wait() -> None:
    await await_event("x")
