"""Signals say what they claim, and nothing where there is nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from journeyman.assess.confidence import SIGNALS, answer_tokens, entropy, signals
from journeyman.types import Message, Reply, Step, TokenLogprob, ToolCall, Trajectory, Usage


def token(text: str, p: float, *others: float) -> TokenLogprob:
    top = ((text, math.log(p)), *((f"o{n}", math.log(q)) for n, q in enumerate(others)))
    return TokenLogprob(
        token=text, logprob=math.log(p), top=tuple(sorted(top, key=lambda t: -t[1]))
    )


def step(
    tokens: Sequence[TokenLogprob], *, called: bool = False, results: Sequence[Message] = ()
) -> Step:
    calls = (ToolCall(id="c", name="submit", arguments={"sql": "x"}),) if called else ()
    usage = Usage(prompt_tokens=99, completion_tokens=len(tokens))
    message = Message(role="assistant", content="", tool_calls=calls)
    return Step(
        reply=Reply(message=message, usage=usage, logprobs=tuple(tokens)), results=tuple(results)
    )


def done(*steps: Step, answer: str | None = "x") -> Trajectory:
    return Trajectory(
        case_id="c", worker="ada@1", opening=(), steps=steps, answer=answer, stop="answered"
    )


SURE, OPEN = token("a", 0.99, 0.01), token("b", 0.4, 0.5)


def test_each_signal_of_a_plain_answer() -> None:
    found = signals(done(step([SURE, SURE, OPEN, SURE])))
    assert found["mean_logprob"] == pytest.approx((3 * math.log(0.99) + math.log(0.4)) / 4)
    assert found["sum_logprob"] == pytest.approx(3 * math.log(0.99) + math.log(0.4))
    assert found["least_logprob"] == pytest.approx(math.log(0.4))
    assert found["third_least_logprob"] == pytest.approx(math.log(0.99))
    assert found["least_margin"] == pytest.approx(0.1)
    assert found["unsure_share"] == 0.25
    assert found["forced_share"] == 0.25
    assert found["worst_place"] == pytest.approx(2 / 3)
    assert found["trend"] is not None
    assert found["trend"] < 0
    assert (found["steps"], found["failed_calls"], found["earlier_logprob"]) == (1, 0, None)


def test_what_a_form_forces_is_no_answer_token() -> None:
    forced = [token('{"name": "submit", ', 0.01), token('"arguments": ', 0.01)]
    tokens = answer_tokens(done(step([*forced, SURE, OPEN], called=True)))
    assert [t.token for t in tokens] == ["a", "b"]


def test_tool_troubles_are_counted() -> None:
    bad = Message(role="tool", call_id="c", content="no", failed=True)
    remark = Message(role="user", content="again?")
    found = signals(done(step([OPEN], called=True, results=[bad, remark]), step([SURE])))
    assert (found["steps"], found["failed_calls"], found["remarks"]) == (2, 1, 1)
    assert found["change_of_mind"] == pytest.approx(math.log(0.99) - math.log(0.4))


def test_entropy_counts_what_is_left() -> None:
    assert entropy(token("a", 0.5, 0.25)) == pytest.approx(
        0.5 * math.log(2) + 2 * 0.25 * math.log(4)
    )
    assert entropy(token("a", 1.0)) == 0.0


@pytest.mark.parametrize(
    "trajectory", [done(answer=None), done(step([])), done(step([SURE]), answer=None)]
)
def test_where_there_is_nothing_there_is_none(trajectory: Trajectory) -> None:
    found = signals(trajectory)
    assert found.keys() == SIGNALS.keys()
    assert found["mean_logprob"] is None
    assert found["least_margin"] is None


def test_what_is_no_number_is_none() -> None:
    odd = TokenLogprob(token="a", logprob=math.nan, top=(("a", math.nan), ("b", math.nan)))
    worst = TokenLogprob(token="a", logprob=-math.inf)
    for tokens in ([odd], [worst], [odd, worst]):
        assert all(
            value is None or math.isfinite(value) for value in signals(done(step(tokens))).values()
        )
