"""Questions to the model about its own answer: put only where they cost little, read from the first token."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import pytest

from journeyman.assess.evidence import evidence_of
from journeyman.assess.selfcheck import affordable, probability_of_yes, self_check
from journeyman.job.check import answered
from journeyman.types import (
    Case,
    Message,
    Reply,
    Sampling,
    Step,
    TokenLogprob,
    ToolSpec,
    Trajectory,
    Usage,
)

TOKEN = TokenLogprob(token="x", logprob=-0.1)


def reply(*top: tuple[str, float], cached: int | None = 90, written: int = 300) -> Reply:
    usage = Usage(prompt_tokens=100, completion_tokens=written, cached_tokens=cached)
    first = TokenLogprob(
        token="x", logprob=-0.1, top=tuple((token, math.log(p)) for token, p in top)
    )
    return Reply(message=Message(role="assistant", content="x"), usage=usage, logprobs=(first,))


def done(last: Reply, answer: str | None = "x") -> Trajectory:
    opening = (Message(role="user", content="q"),)
    return answered(Case(id="c", prompt="q"), answer).model_copy(
        update={"opening": opening, "steps": (Step(reply=last),)}
    )


def test_yes_is_weighed_against_no_alone_in_any_spelling() -> None:
    assert probability_of_yes(
        reply((" Yes", 0.3), ("no", 0.1), ("yes.", 0.1), ("maybe", 0.5))
    ) == pytest.approx(0.8)


def test_neither_yes_nor_no_is_unknown() -> None:
    assert probability_of_yes(reply(("maybe", 0.9))) is None
    assert probability_of_yes(reply().model_copy(update={"logprobs": None})) is None


def test_questions_are_put_only_where_they_cost_little() -> None:
    assert affordable(done(reply()))
    assert not affordable(done(reply(written=20)))
    assert not affordable(done(reply(cached=None)))
    assert not affordable(done(reply(), answer=None))
    assert not affordable(done(reply().model_copy(update={"logprobs": None})))


class Asked:
    """Says yes to the first question and no to the second, and keeps what it was given."""

    name = "asked"

    def __init__(self) -> None:
        self.seen: list[tuple[Sequence[Message], Sequence[ToolSpec], Sampling]] = []

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        self.seen.append((messages, tools, sampling))
        return (
            reply(("yes", 0.9), ("no", 0.1))
            if len(self.seen) == 1
            else reply(("no", 0.75), ("yes", 0.25))
        )

    async def aclose(self) -> None: ...


def test_questions_go_on_from_the_cached_conversation_apart_from_each_other() -> None:
    model, trajectory = Asked(), done(reply())
    tool = ToolSpec(name="t", description="", parameters={})
    checks = asyncio.run(self_check(model, trajectory, [tool]))
    assert [(check.question, round(check.yes or 0, 2)) for check in checks] == [
        ("right", 0.9),
        ("flaw", 0.25),
    ]
    for messages, tools, sampling in model.seen:
        assert tuple(messages[:-1]) == trajectory.messages
        assert (list(tools), sampling.max_tokens) == ([tool], 1)
    told = evidence_of(trajectory.model_copy(update={"checks": checks})).signals
    assert told["said_right"] == pytest.approx(math.log(9))
    assert told["said_flaw"] == pytest.approx(-math.log(3))
