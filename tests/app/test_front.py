"""The worker as a library. Short programs that use it stand in docs/how-to/library.md, and run as its tests."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_type

import pytest
from pydantic import BaseModel

import journeyman
from journeyman import Budget, Case, Result, RunContext, ScriptedModel, Worker, Workspace
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.types import Message, ToolCall, ToolSpec
from journeyman.verifiers import Number

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "library.md"


class Invoice(BaseModel):
    number: str
    total: float


def echo(messages: Any, tools: Any) -> str:
    return str(messages[-1].text)


# --- the names


def test_every_public_name_is_documented_and_no_other() -> None:
    told = re.findall(r"^## `(\w+)`$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(journeyman.__all__)
    for name in journeyman.__all__:
        assert getattr(journeyman, name) is not None
        assert name in dir(journeyman)
    with pytest.raises(AttributeError, match="nobody"):
        journeyman.nobody  # noqa: B018 - reading it is the point


def test_every_argument_of_a_worker_is_documented() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    arguments = re.findall(r"^| `(\w+)` \|", page, re.MULTILINE)
    assert set(Worker("x").settings.__dataclass_fields__) <= {*arguments, "kind"}


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import journeyman", ("pydantic", "sqlalchemy", "numpy", "openai")),
        ("from journeyman import Worker; Worker('x')", ("sqlalchemy", "numpy", "openai")),
    ],
)
def test_what_is_heavy_is_imported_at_the_first_case(
    statement: str, heavy: tuple[str, ...]
) -> None:
    told = f"import sys; {statement}; print([m for m in {heavy!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_a_worker_costs_next_to_nothing_until_it_works() -> None:
    """Ten thousand in a process: microseconds and a kilobyte each. The bound on time is wide, for busy machines."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        workers = [Worker("shop", tools=[echo], output=Invoice) for _ in range(10_000)]
        kib = (tracemalloc.get_traced_memory()[0] - before) / 1024 / len(workers)
    finally:
        tracemalloc.stop()
    began = time.perf_counter()
    workers += [Worker("shop", tools=[echo], output=Invoice) for _ in range(10_000)]
    micros = 1e6 * (time.perf_counter() - began) / 10_000
    assert kib < 2
    assert micros < 100


# --- a case


def test_what_nothing_is_known_of_is_none(tmp_path: Path) -> None:
    ada = Worker("say", model=ScriptedModel(["hello"]), workspace=tmp_path)
    done = ada.do("Say hello.")
    assert (done.answer, done.output) == ("hello", "hello")
    assert (done.confidence, done.right, done.failure) == (None, None, None)
    assert done.delivered is False
    assert done.why == "Nothing is known yet of answers like this."
    assert done.citations == ()


def test_a_failure_is_a_result_and_says_why(tmp_path: Path) -> None:
    done = Worker("say", model=ScriptedModel([]), workspace=tmp_path).do("Say hello.")
    assert done.answer is None
    assert done.failure is not None
    assert done.failure.kind == "script_dry"
    assert done.failure.message in done.why


def test_a_label_says_who_gave_it_and_is_told_at_once(tmp_path: Path) -> None:
    """But for the share of cases, drawn by chance, by which the worth of lessons is measured."""

    def answer(messages: Sequence[Message], tools: Any) -> str:
        told = [message.text for message in messages if message.role == "assistant"]
        return told[-1] if told else "11.00"

    ada = Worker("prices", model=ScriptedModel(answer), workspace=tmp_path)
    done = ada.do("What does the blue chair cost?").correct("12.50", by="mei", note="new list")
    [label] = done.record.labels
    assert (label.by, label.correction, label.note) == ("mei", "12.50", "new list")
    assert done.right is False
    later = [ada.do("What does the blue chair cost today?") for _ in range(8)]
    assert "12.50" in [one.answer for one in later]
    assert any(one.record.trajectory.recalled for one in later)


def test_accepting_and_rejecting(tmp_path: Path) -> None:
    ada = Worker("say", model=ScriptedModel(["a", "b"]), workspace=tmp_path)
    first, second = ada.do("first"), ada.do("second")
    assert {waiting.case_id for waiting in ada.inbox()} == {first.case_id, second.case_id}
    assert first.accept(by="mei").right is True
    assert second.reject().right is False
    assert ada.inbox() == []


def test_a_case_with_an_id_is_done_once_also_by_another_process(tmp_path: Path) -> None:
    asked = ScriptedModel(["one"])
    first = Worker("orders", model=asked, workspace=tmp_path).do("When?", id="order-17")
    with Workspace.open(tmp_path) as room:
        again = Worker("orders", model=ScriptedModel([]), workspace=room).do("When?", id="order-17")
    assert again.answer == first.answer == "one"
    assert len(asked.calls) == 1


def test_a_tool_is_given_the_case_and_the_model_is_not_shown_it(tmp_path: Path) -> None:
    seen: list[RunContext] = []

    def balance(context: RunContext, currency: str) -> str:
        """The balance."""
        seen.append(context)
        return f"40 {currency}"

    specs: list[ToolSpec] = []

    def answer(messages: Any, tools: Sequence[ToolSpec]) -> ToolCall | str:
        specs.extend(tools)
        if messages[-1].role == "tool":
            return "40 euros"
        return ToolCall(id="1", name="balance", arguments={"currency": "euros"})

    model = ScriptedModel(answer)
    ada = Worker("bank", tools=[balance], model=model, workspace=tmp_path)
    ada.do("How much?", id="c1", user="mei", data={"secret": 7})
    [context] = seen
    assert (context.case_id, context.prompt, context.user) == ("c1", "How much?", "mei")
    assert context.data == {"secret": 7, "user": "mei"}
    assert context.workspace == tmp_path.resolve()
    assert list(specs[0].parameters["properties"]) == ["currency"]
    with pytest.raises(AttributeError):
        context.user = "tom"  # type: ignore[misc]


# --- typed output


def test_a_typed_answer_is_asked_for_again_until_it_fits(tmp_path: Path) -> None:
    model = ScriptedModel(["12.5", '{"number": 3}', '{"number": "R-9", "total": 12.5}'])
    clerk = Worker("invoices", output=Invoice, model=model, workspace=tmp_path)
    done = clerk.do("Read it.")
    assert_type(done, Result[Invoice])
    assert done.output == Invoice(number="R-9", total=12.5)
    assert "total" in model.calls[2][-1].text
    spent = done.record.trajectory.usage
    assert spent.completion_tokens is not None
    assert spent.completion_tokens > 3


def test_an_answer_that_never_fits_fails_and_is_not_delivered(tmp_path: Path) -> None:
    model = ScriptedModel(["x", "y", "z", "w"])
    done = Worker("invoices", output=Invoice, model=model, workspace=tmp_path).do("Read it.")
    assert (done.answer, done.output, done.delivered) == (None, None, False)
    assert "3 tries" in done.why
    assert len(model.lines) == 1


@dataclass
class Point:
    x: int
    y: int


@pytest.mark.parametrize(
    ("kind", "answer", "value"),
    [
        (Point, '```json\n{"x": 1, "y": 2}\n```', Point(1, 2)),
        (list[int], "[1, 2]", [1, 2]),
        (bool, "true", True),
    ],
)
def test_other_types_and_with_tools(kind: Any, answer: str, value: object, tmp_path: Path) -> None:
    def look(place: str) -> str:
        """Look."""
        return place

    call = ToolCall(id="1", name="look", arguments={"place": "here"})
    plain: list[Any] = [answer]
    longer: list[Any] = [call, "no", answer]
    for tools, lines in (([], plain), ([look], longer)):
        model = ScriptedModel(lines)
        ada: Worker[Any] = Worker(
            f"read-{len(tools)}", output=kind, tools=tools, model=model, workspace=tmp_path
        )
        assert ada.do("Read.").output == value


def test_a_typed_correction_and_typed_targets(tmp_path: Path) -> None:
    model = ScriptedModel(['{"number": "R-9", "total": 1}'] * 2)
    clerk = Worker("invoices", output=Invoice, model=model, workspace=tmp_path)
    done = clerk.do("Read it.").correct(Invoice(number="R-9", total=12.5), by="mei")
    assert done.record.labels[-1].correction == '{"number":"R-9","total":12.5}'
    rows = [{"prompt": "Read that.", "target": {"number": "R-9", "total": 1}}]
    assert clerk.work(rows).accuracy == 1.0


# --- many cases


def test_the_sync_form_inside_a_loop_names_the_coroutine(tmp_path: Path) -> None:
    ada = Worker("say", model=ScriptedModel(echo), workspace=tmp_path)

    async def main() -> str | None:
        with pytest.raises(InputError, match="event loop") as refused:
            ada.do("x")
        assert "ado" in refused.value.hint
        with pytest.raises(InputError) as refused:
            ada.work(["x"])
        assert "awork" in refused.value.hint
        return (await ada.ado("y")).answer

    assert asyncio.run(main()) == "y"
    assert ada.do("z").answer == "z"


def test_many_at_once_give_each_its_own_answer(tmp_path: Path) -> None:
    ada = Worker("say", model=ScriptedModel(echo), workspace=tmp_path)

    async def main() -> list[Result[str]]:
        return list(await asyncio.gather(*(ada.ado(f"number {n}") for n in range(12))))

    assert [done.answer for done in asyncio.run(main())] == [f"number {n}" for n in range(12)]


def test_work_goes_on_and_counts_the_cases_given(tmp_path: Path) -> None:
    model = ScriptedModel(echo)
    ada = Worker("say", model=model, workspace=tmp_path)
    ada.do("something else")
    rows = [{"prompt": "a", "target": "a"}, {"prompt": "b", "target": "c"}, {"prompt": "d"}]
    first = ada.work(rows)
    calls = len(model.calls)
    again = ada.work([Case.model_validate({"id": "own", "prompt": "e"}), *rows])
    assert (first.cases, first.closed, first.accuracy) == (3, 3, 0.5)
    assert (again.cases, again.closed, again.accuracy) == (4, 4, 0.5)
    assert len(model.calls) - calls <= 3  # one answer, and what is asked about it
    assert sorted(str(result.answer) for result in again) == ["a", "b", "d", "e"]
    assert ada.work([rows[2]]).accuracy is None


def test_a_stream_tells_what_happens_and_ends_with_the_result(tmp_path: Path) -> None:
    ada = Worker("say", model=ScriptedModel(["hello"]), workspace=tmp_path)

    async def main() -> list[Any]:
        return [event async for event in ada.stream("Say hello.")]

    *events, last = asyncio.run(main())
    assert isinstance(last, Result)
    assert last.answer == "hello"
    kinds = [event.kind for event in events]
    assert kinds == [event.kind for event in ada._desk.room.events(last.run, last.case_id)]


# --- settings


def test_a_changed_tool_begins_on_new_ground(tmp_path: Path) -> None:
    def tool_of(rate: float) -> Any:
        def price(item: str) -> str:
            """The price."""
            return f"{rate} {item}"

        return price

    def run_of(rate: float, **settings: Any) -> str:
        ada = Worker(
            "shop", tools=[tool_of(rate)], model=ScriptedModel(echo), workspace=tmp_path, **settings
        )
        return ada.do("x").run.id

    assert run_of(1.0) == run_of(1.0)
    others = {run_of(2.0), run_of(1.0, verifiers=[Number()]), run_of(1.0, output=Invoice)}
    assert len(others | {run_of(1.0)}) == 4


def test_a_job_says_itself_what_it_is(tmp_path: Path) -> None:
    made = Worker("say", model=ScriptedModel(echo), workspace=tmp_path)._desk.given.job
    ada = Worker(made, model=ScriptedModel(echo), workspace=tmp_path, budget=Budget(steps=1))
    assert ada.do("x").answer == "x"
    assert isinstance(made, Job)
    with pytest.raises(InputError, match="of its own"):
        Worker(made, instructions="Else.", workspace=tmp_path).do("x")
    with pytest.raises(InputError, match="no job"):
        Worker(Path("nowhere"), workspace=tmp_path, model=ScriptedModel(echo)).do("x")


def test_wrong_settings_are_told_at_the_first_use(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model 'gpt'"):
        Worker("say", model="gpt", workspace=tmp_path).do("x")
    with pytest.raises(InputError, match="handbuch"):
        Worker("say", knowledge="handbuch", model=ScriptedModel(echo), workspace=tmp_path).do("x")
    ada = Worker("say", model=ScriptedModel(echo), workspace=tmp_path)
    with pytest.raises(InputError, match="empty"):
        ada.do("  ")
    with pytest.raises(InputError, match="of its own"):
        ada.do(Case(id="c", prompt="x"), user="mei")


def test_the_workspace_of_the_environment_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Worker("say", model=ScriptedModel(echo)).do("x")
    assert (tmp_path / ".journeyman" / "journal.sqlite").exists()
    monkeypatch.setenv("JOURNEYMAN_WORKSPACE", str(tmp_path / "other"))
    Worker("say", model=ScriptedModel(echo)).do("x")
    assert (tmp_path / "other" / "journal.sqlite").exists()


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    model = ScriptedModel(echo, name="mine")
    done = Worker("say", model=model, workspace=tmp_path).do("x")
    assert done.run.model == "mine"
    assert Message(role="user", content="x") in model.calls[0]


def test_a_stopped_worker_delivers_nothing_and_says_why(tmp_path: Path) -> None:
    ada = Worker("stopped", model=ScriptedModel(["4", "5", "6"]), workspace=tmp_path)
    assert "stopped" not in ada.do("2 + 2?").why
    ada.stop(by="mei")
    held = ada.do("2 + 3?")
    assert (held.delivered, held.why) == (
        False,
        "The job was stopped: everything goes to a person.",
    )
    assert held.cannot_judge(by="mei").record.unjudged == ("mei",)
    ada.resume()
    assert "stopped" not in ada.do("2 + 4?").why
