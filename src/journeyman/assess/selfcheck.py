"""The model's opinion of its own answer: one-token questions after the answer, read from the logits.

The conversation so far is in the engine's prefix cache, so that a question costs its own few tokens. Questions are put
apart from each other, and their answers go nowhere but into the record: what the worker does is not changed by them.

Kadavath et al. 2022 (P(True)) put the answer into a new prompt and take the probability of one option; here the
conversation goes on, and the probability of *yes* among *yes* and *no* is taken, whatever else was likely.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from journeyman.protocols import Model
from journeyman.types import Message, Reply, Sampling, SelfCheck, ToolSpec, Trajectory

QUESTIONS: Mapping[str, str] = {
    "right": "Is that answer right? Reply yes or no.",
    "flaw": "Is there a flaw in that answer? Reply yes or no.",
}

ONE_WORD = Sampling(max_tokens=1, top_logprobs=20)

SHARE = 0.25
"""Of a case's work, what its questions may cost at most."""

WRITTEN = 4
"""What writing a token costs, in prompt tokens computed: about that much in time on a CPU, and in most price lists."""

ASKED = 30
"""Prompt tokens that a question adds, the chat's own marks among them."""


def affordable(trajectory: Trajectory) -> bool:
    """Whether all questions together cost at most `SHARE` of the case, counted in tokens, so that a replay agrees.

    Without an answer there is nothing to ask about, and without log-probabilities nothing to read; where the engine
    does not say what was computed or what its cache saved, a question may cost a whole prompt, and is not put.
    """
    used = trajectory.usage
    computed = used.computed_tokens
    written = used.completion_tokens
    if trajectory.answer is None or used.cached_tokens is None:
        return False
    if computed is None or written is None:
        return False
    last = trajectory.steps[-1]
    if not last.reply.logprobs:
        return False
    work = computed + WRITTEN * written
    cost_of_one = ASKED + WRITTEN
    cost = len(QUESTIONS) * cost_of_one
    return cost <= SHARE * work


async def self_check(
    model: Model, trajectory: Trajectory, tools: Sequence[ToolSpec]
) -> tuple[SelfCheck, ...]:
    """Every question with its answer. `tools` must be those of the rollout, or the cached prefix is lost.

    Raises what `model.generate` raises.
    """
    checks: list[SelfCheck] = []
    for name, question in QUESTIONS.items():
        asked = Message(role="user", content=question)
        messages = (*trajectory.messages, asked)
        reply = await model.generate(messages, tools=tools, sampling=ONE_WORD)
        yes = probability_of_yes(reply)
        check = SelfCheck(question=name, yes=yes, usage=reply.usage)
        checks.append(check)
    return tuple(checks)


def probability_of_yes(reply: Reply) -> float | None:
    """P(yes) / (P(yes) + P(no)) at the first token. None: neither is among the likeliest."""
    if not reply.logprobs:
        return None
    first = reply.logprobs[0]
    mass = {"yes": 0.0, "no": 0.0}
    for token, logprob in first.top:
        stripped = token.strip().strip(".,!")
        word = stripped.casefold()
        if word in mass and not math.isnan(logprob):
            mass[word] += math.exp(logprob)
    yes = mass["yes"]
    no = mass["no"]
    total = yes + no
    if not total:
        return None
    return yes / total
