"""The desk of the golden stores: a job with a tool of every effect, whose cases a scripted model can go on with.

`make.py` wrote the store `desk` with it, and left cases in it half done. What a replay depends on (names, docstrings,
instructions, prompts) must stay as it is, to the letter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from journeyman.environments.tools import Tools, effect, reconciled_by
from journeyman.job import Job
from journeyman.types import Budget, Case, Message, Reply, Score, ToolCall, Trajectory, Usage

PLAN = ("look", "note", "book", "pay")
"""The calls that an order takes: pure, idempotent, reconcilable, once."""


@dataclass
class Ledger:
    """What the world outside has seen."""

    deeds: list[tuple[str, str]] = field(default_factory=list)
    """Each carried out call of a tool: its name and its order, or its key."""
    booked: set[str] = field(default_factory=set)
    """Orders that are booked already, so that asking for them tells that it happened."""

    def count(self, tool: str, of: str) -> int:
        return self.deeds.count((tool, of))


class Stamped:
    """Right is the stamp of the order. Gives the parts of the stamp as fields."""

    name = "stamped"

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        if case.target is None:
            return Score(verifier=self.name, value=None, reason="no target")
        wanted, given = str(case.target).split(), (trajectory.answer or "").split()
        parts = {"word": float(given[:1] == wanted[:1]), "order": float(given[-1:] == wanted[-1:])}
        return Score(verifier=self.name, value=float(given == wanted), reason=f"given {len(given)}", fields=parts)

    def reference(self, case: Case) -> str | None:
        return None if case.target is None else str(case.target)


def desk(ledger: Ledger, *, name: str = "desk") -> Job:
    """The job, acting on this ledger."""
    return Job(
        name=name,
        environment=Tools(functions=tools(ledger)),
        verifiers=(Stamped(),),
        instructions="Work the order step by step, then answer with its stamp. 请逐步办理订单。",
        allowed_error=0.2,
        confidence=0.9,
        audit_rate=0.25,
        budget=Budget(steps=7, tokens=20_000, seconds=60),
        fingerprint="desk-1",
    )


def tools(ledger: Ledger) -> tuple[Callable[..., str], ...]:
    def look(order: str, page: int = 1) -> str:
        """Read an order.

        Args:
            order: Its number.
            page: Of its papers.
        """
        ledger.deeds.append(("look", order))
        if order.endswith("torn"):
            raise ValueError(f"the papers of {order} are torn")
        long = "a long list of parts, 零件清单; " * 200 if order.endswith("long") else ""
        return f"{order} is open, page {page}. {long}".strip()

    @effect("idempotent")
    def note(order: str, key: str) -> str:
        """Write a note on an order."""
        ledger.deeds.append(("note", key))
        return f"{order} noted"

    def was_booked(order: str) -> str | None:
        """Whether it is booked."""
        return f"{order} booked" if order in ledger.booked else None

    @reconciled_by(was_booked)
    def book(order: str) -> str:
        """Book an order."""
        ledger.deeds.append(("book", order))
        ledger.booked.add(order)
        return f"{order} booked"

    @effect("once")
    def pay(order: str) -> str:
        """Pay an order. Never twice."""
        ledger.deeds.append(("pay", order))
        return f"{order} paid"

    return (look, note, book, pay)


def order_of(prompt: str) -> str:
    """`Order D-07: work it.` is about `D-07`."""
    return prompt.removeprefix("Order ").partition(":")[0]


def planned(messages: tuple[Message, ...]) -> ToolCall | str:
    """What a clerk who makes no mistake says next."""
    last = max(n for n, message in enumerate(messages) if message.role == "user" and message.content[:6] == "Order ")
    order, step = order_of(messages[last].content), sum(message.role == "assistant" for message in messages[last:])
    if step < len(PLAN):
        return ToolCall(id=f"{order}-{step}", name=PLAN[step], arguments={"order": order})
    return f"stamped {order}"


def costly(line: ToolCall | str, asked: int) -> Reply:
    """A reply that says what it cost."""
    calls = (line,) if isinstance(line, ToolCall) else ()
    message = Message(role="assistant", content="" if calls else str(line), tool_calls=calls)
    usage = Usage(prompt_tokens=40 + asked, completion_tokens=7, cached_tokens=32, seconds=0.25)
    return Reply(message=message, usage=usage, finish="tool_calls" if calls else "stop")
