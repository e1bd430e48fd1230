"""The loop: turns, budgets, repeats, corrections, and faults as data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from journeyman.answers import answer_of
from journeyman.errors import EnvironmentFault, ModelBusyError
from journeyman.memory.plain import PlainMemory
from journeyman.models.scripted import ScriptedModel
from journeyman.types import (
    Budget,
    CaseInput,
    Effect,
    Lesson,
    Message,
    Reply,
    ToolCall,
    ToolSpec,
    Trajectory,
    Usage,
)
from journeyman.worker import WorkerVersion, rollout

SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


class Desk:
    """An environment for these tests: `look` answers from a list, `pay` counts, `submit` is final unless told "bad"."""

    def __init__(
        self,
        *,
        tools: str = "look pay submit",
        answers: Sequence[str] = ("seen",),
        delay: float = 0,
    ) -> None:
        effects: dict[str, Effect] = {"look": "pure", "pay": "once", "submit": "pure"}
        self.tools = tuple(
            ToolSpec(
                name=n, description=n, parameters=SCHEMA, effect=effects[n], final=n == "submit"
            )
            for n in tools.split()
        )
        self.answers = list(answers)
        self.delay = delay
        self.calls: list[ToolCall] = []
        self.closed = 0

    async def reset(self) -> Sequence[Message]:
        return (
            Message(role="system", content="THE SCHEMA"),
            Message(role="user", content="question"),
        )

    async def step(self, call: ToolCall) -> Message:
        await asyncio.sleep(self.delay)
        self.calls.append(call)
        if call.name == "look":
            text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            return Message(role="tool", call_id=call.id, content=text)
        failed = call.arguments.get("q") == "bad"
        return Message(
            role="tool",
            call_id=call.id,
            content="no such column" if failed else "ok",
            failed=failed,
        )

    async def reconcile(self, call: ToolCall) -> Message | None:
        return None

    def accepts(self, answer: str) -> bool:
        return True

    async def close(self) -> None:
        self.closed += 1


def call(name: str, q: str = "x", n: int = 0) -> ToolCall:
    return ToolCall(id=f"{name}-{q}-{n}", name=name, arguments={"q": q})


def do(replies: Sequence[Any], desk: Desk, **worker_spec: Any) -> Trajectory:
    worker = WorkerVersion(instructions="BE BRIEF", **worker_spec)
    return asyncio.run(
        rollout(worker, ScriptedModel(replies), desk, CaseInput(id="c", prompt="question"))
    )


def test_an_answer_is_what_the_final_call_hands_in() -> None:
    desk = Desk()
    done = do([call("look"), call("submit", "SELECT 1")], desk)
    assert (done.stop, done.answer, done.worker) == ("answered", "SELECT 1", "ada@1")
    assert [m.role for m in done.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
    ]
    assert desk.closed == 1


def lesson(
    about: str, text: str, kind: Literal["demonstration", "rule"] = "demonstration"
) -> Lesson:
    return Lesson(id=text, kind=kind, about=about, text=text, by="ada", sources=("case:c",))


def test_stable_parts_come_before_lessons_and_lessons_before_the_case() -> None:
    memory = PlainMemory((lesson("another question", "SELECT 2"), lesson("unrelated", "SELECT 3")))
    rule = lesson("a question about dates", "use strftime", kind="rule")
    done = do([call("submit")], Desk(), memory=memory, playbook=(rule,))
    system, *recalled, user = done.opening
    assert system.text == (
        "BE BRIEF\n\nTHE SCHEMA\n\nRules learned on the job:\n- a question about dates: use strftime"
    )
    assert [message.role for message in recalled] == ["user", "assistant", "tool"]
    assert recalled[0].text == "another question"
    assert answer_of(recalled[1].tool_calls) == "SELECT 2"
    assert user.text == "question"
    assert [told.text for told in done.recalled] == ["SELECT 2"]


def test_token_ids_and_the_raw_text_are_in_no_prompt() -> None:
    look = Message(role="assistant", content="", tool_calls=(call("look"),))
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    model = ScriptedModel(
        [Reply(message=look, usage=usage, token_ids=(987654,), raw="RAW"), call("submit")]
    )
    asyncio.run(rollout(WorkerVersion(), model, Desk(), CaseInput(id="c", prompt="question")))
    told = "".join(message.model_dump_json() for message in model.calls[1])
    assert "look-x-0" in told
    assert "RAW" not in told
    assert "987654" not in told


def test_tokens_that_nobody_tells_are_bounded_by_steps() -> None:
    silent = Usage(prompt_tokens=None, completion_tokens=None)
    looks = [
        Message(role="assistant", content="", tool_calls=(call("look", str(n)),)) for n in range(9)
    ]
    done = do(
        [Reply(message=look, usage=silent) for look in looks],
        Desk(),
        budget=Budget(steps=3, tokens=1),
    )
    assert (done.stop, len(done.steps)) == ("steps", 3)


def test_a_final_call_that_fails_goes_on() -> None:
    done = do([call("submit", "bad"), call("submit", "good")], Desk())
    assert (done.answer, len(done.steps), done.steps[0].results[0].failed) == ("good", 2, True)


def test_without_tools_the_text_is_the_answer_and_nothing_is_silence() -> None:
    assert do([" 42 "], Desk(tools="")).answer == "42"
    silent = do([""], Desk(tools=""))
    assert (silent.stop, silent.answer) == ("silent", None)


def test_text_where_a_call_is_due_is_sent_back() -> None:
    done = do(["I think it is 4.", call("submit", "4")], Desk())
    assert done.answer == "4"
    assert done.steps[0].results[0].text == "Hand in your answer by calling `submit`."


def test_several_final_calls_are_one_answer() -> None:
    done = do([[call("submit", "a"), call("submit", "b")]], Desk(tools="submit"))
    assert done.answer == answer_of([call("submit", "a"), call("submit", "b")])
    assert '"b"' in str(done.answer)


def test_an_unknown_tool_is_answered_not_raised() -> None:
    done = do([call("fly"), call("submit")], Desk())
    assert done.steps[0].results[0].text == "There is no tool 'fly'."
    assert done.stop == "answered"


def test_a_repeat_that_gives_nothing_new_is_remarked_and_then_ends_the_case() -> None:
    desk = Desk()
    done = do([call("look", n=n) for n in range(9)], desk)
    assert (done.stop, len(done.steps), done.answer) == ("repeated", 3, None)
    assert "same result" in done.steps[1].results[1].text


def test_a_repeat_in_a_world_that_moves_on_is_no_repeat() -> None:
    done = do(
        [*(call("look", n=n) for n in range(4)), call("submit")], Desk(answers=["1", "2", "3", "4"])
    )
    assert done.stop == "answered"


def test_an_effect_is_never_carried_out_twice_by_a_repeat() -> None:
    desk = Desk()
    done = do([call("pay", n=0), call("pay", n=1), call("pay", "other"), call("submit")], desk)
    assert [c.arguments["q"] for c in desk.calls if c.name == "pay"] == ["x", "other"]
    assert done.steps[1].results[0].failed


@pytest.mark.parametrize(
    ("budget", "stop"),
    [(Budget(steps=2), "steps"), (Budget(tokens=1), "tokens"), (Budget(seconds=0.05), "seconds")],
)
def test_each_budget_ends_the_case_and_says_which(budget: Budget, stop: str) -> None:
    desk = Desk(answers=[str(n) for n in range(99)], delay=0.03)
    done = do([call("look", n=n) for n in range(50)], desk, budget=budget)
    assert (done.stop, done.answer, done.failure) == (stop, None, None)
    assert desk.closed == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ModelBusyError("busy", "wait"), "model_busy"),
        (EnvironmentFault("gone", "mend"), "environment"),
    ],
)
def test_what_goes_wrong_becomes_a_typed_failure(error: Exception, kind: str) -> None:
    desk = Desk()
    done = do([call("look"), error], desk)
    assert done.stop == "failed"
    assert done.failure is not None
    assert (done.failure.kind, len(done.steps), desk.closed) == (kind, 1, 1)


def test_a_fault_of_foreign_code_is_named_as_one() -> None:
    done = do([ZeroDivisionError("oh")], Desk())
    assert done.failure is not None
    assert done.failure.kind == "fault"
    assert "ZeroDivisionError: oh" in done.failure.message


def test_cancelling_passes_through_and_closes_the_environment() -> None:
    desk = Desk(delay=30)

    async def cancelled() -> None:
        doing = rollout(
            WorkerVersion(), ScriptedModel([call("look")]), desk, CaseInput(id="c", prompt="p")
        )
        await asyncio.wait_for(doing, 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())
    assert desk.closed == 1
