"""Signals of whether an answer is right, from the trajectory alone. Each is a small function with its source.

A signal is a number, or None where the trajectory does not have what it needs. Larger need not mean likelier right: the
calibration learns each one's direction. None of these costs a model call.

Log-probabilities are the model's own, before grammar and temperature. *Answer tokens* are those of the reply that
handed the answer in, from its content on: what a form forces at the beginning of a call says nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import fmean

from journeyman.types import Json, Step, TokenLogprob, Trajectory
from journeyman.verifiers.citations import LEAST, CitedSentence, abstains, cited_sentences, shown_to

Signal = Callable[[Trajectory], float | None]

Tokens = Sequence[TokenLogprob]


def answer_tokens(trajectory: Trajectory) -> Tokens:
    """Empty where nothing was answered, or the engine gives no log-probabilities."""
    if trajectory.answer is None or not trajectory.steps:
        return ()
    return content_tokens(trajectory.steps[-1])


def content_tokens(step: Step) -> Tokens:
    """A reply's tokens; of a call, those after the word `arguments`, or all where that word does not stand there."""
    tokens = step.reply.logprobs or ()
    if not step.reply.message.tool_calls:
        return tokens
    place = "".join(token.token for token in tokens).find('"arguments":')
    if place < 0:
        return tokens
    starts = accumulate((len(token.token) for token in tokens[:-1]), initial=0)
    return [
        token
        for token, start in zip(tokens, starts, strict=True)
        if start >= place + len('"arguments":')
    ]


def entropy(token: TokenLogprob) -> float:
    """In nats, of the alternatives that are known; what is left of the probability counts as one more."""
    shares = [math.exp(logprob) for _, logprob in token.top if not math.isnan(logprob)]
    rest = max(0.0, 1.0 - sum(shares))
    return -sum(p * math.log(p) for p in (*shares, rest) if p > 0)


def margin(token: TokenLogprob) -> float | None:
    """Between the two likeliest tokens, as probabilities. None: fewer than two are known."""
    if len(token.top) < 2:
        return None
    return math.exp(token.top[0][1]) - math.exp(token.top[1][1])


def _logprobs(trajectory: Trajectory) -> list[float]:
    return [token.logprob for token in answer_tokens(trajectory) if not math.isnan(token.logprob)]


def mean_logprob(trajectory: Trajectory) -> float | None:
    """Length-normalised log-likelihood of the answer (Malinin and Gales 2021)."""
    values = _logprobs(trajectory)
    return fmean(values) if values else None


def sum_logprob(trajectory: Trajectory) -> float | None:
    """Log-likelihood of the answer (Malinin and Gales 2021)."""
    values = _logprobs(trajectory)
    return sum(values) if values else None


def least_logprob(trajectory: Trajectory) -> float | None:
    """Of the answer's unlikeliest token: one wrong name spoils a query (Manakul et al. 2023, maximum −log p)."""
    return min(_logprobs(trajectory), default=None)


def third_least_logprob(trajectory: Trajectory) -> float | None:
    """Like the least, but unmoved by a single odd token."""
    values = sorted(_logprobs(trajectory))
    return values[min(2, len(values) - 1)] if values else None


def last_logprob(trajectory: Trajectory) -> float | None:
    """Of the answer's last token with something to decide, probability under .999; of the last if there is none."""
    values = _logprobs(trajectory)
    deciding = [value for value in values if value < math.log(0.999)]
    return (deciding or values)[-1] if values else None


def mean_entropy(trajectory: Trajectory) -> float | None:
    """Predictive entropy over the answer, from the top alternatives (Kadavath et al. 2022)."""
    values = [entropy(token) for token in answer_tokens(trajectory) if token.top]
    return fmean(values) if values else None


def most_entropy(trajectory: Trajectory) -> float | None:
    """At the answer's most open place."""
    return max((entropy(token) for token in answer_tokens(trajectory) if token.top), default=None)


def mean_margin(trajectory: Trajectory) -> float | None:
    """How far the likeliest token leads, on average (Wang and Zhou 2024, chain-of-thought decoding)."""
    values = [value for token in answer_tokens(trajectory) if (value := margin(token)) is not None]
    return fmean(values) if values else None


def least_margin(trajectory: Trajectory) -> float | None:
    """How far the likeliest token leads where it leads least."""
    values = [value for token in answer_tokens(trajectory) if (value := margin(token)) is not None]
    return min(values, default=None)


def unsure_share(trajectory: Trajectory) -> float | None:
    """The share of answer tokens with a probability under one half."""
    values = _logprobs(trajectory)
    return fmean(value < math.log(0.5) for value in values) if values else None


def worst_place(trajectory: Trajectory) -> float | None:
    """Where the unlikeliest token stands, from 0, the beginning, to 1 (position, as in HTC, arXiv 2601.15778)."""
    values = _logprobs(trajectory)
    return values.index(min(values)) / max(1, len(values) - 1) if values else None


def trend(trajectory: Trajectory) -> float | None:
    """Mean log-probability of the answer's second half less that of its first (dynamics, as in HTC)."""
    values = _logprobs(trajectory)
    half = len(values) // 2
    return fmean(values[half:]) - fmean(values[:half]) if half else None


def earlier_logprob(trajectory: Trajectory) -> float | None:
    """Mean log-probability of all replies before the last. None: there was only one."""
    values = [token.logprob for step in trajectory.steps[:-1] for token in content_tokens(step)]
    return fmean(values) if values else None


def change_of_mind(trajectory: Trajectory) -> float | None:
    """Mean log-probability of the answer less that of the replies before it. None: there was only one."""
    before, now = earlier_logprob(trajectory), mean_logprob(trajectory)
    return None if before is None or now is None else now - before


def forced_share(trajectory: Trajectory) -> float | None:
    """The share of answer tokens that were not the model's own first choice: a grammar or a draw chose them."""
    known = [token for token in answer_tokens(trajectory) if token.top]
    return fmean(token.logprob < token.top[0][1] - 1e-6 for token in known) if known else None


def first_margin(trajectory: Trajectory) -> float | None:
    """How far the last reply's first token leads: whether to call a tool or to speak is often decided there."""
    tokens = _last_reply(trajectory)
    return margin(tokens[0]) if tokens else None


def choice_logprob(trajectory: Trajectory) -> float | None:
    """Of the unlikeliest token before a call's arguments, its name among them. None: nothing was called."""
    tokens = _last_reply(trajectory)
    chosen = tokens[: len(tokens) - len(answer_tokens(trajectory))]
    return min((token.logprob for token in chosen if not math.isnan(token.logprob)), default=None)


def _last_reply(trajectory: Trajectory) -> Tokens:
    return (trajectory.steps[-1].reply.logprobs or ()) if trajectory.steps else ()


def calls(trajectory: Trajectory) -> float:
    """Tool calls in the last reply: none, one or several."""
    return float(len(trajectory.steps[-1].reply.message.tool_calls)) if trajectory.steps else 0.0


CHARACTERS_PER_TOKEN = 4
"""About."""

VALUE = re.compile(r"'([^']+)'|\"([^\"]+)\"|(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])")
"""A literal: something quoted, or a number."""


def values(trajectory: Trajectory) -> list[str]:
    """The literals of the answer: of JSON the values, of anything else what is quoted and the numbers."""
    try:
        return [text.casefold() for text in _leaves(json.loads(trajectory.answer or ""))]
    except (ValueError, RecursionError):
        found = VALUE.findall(trajectory.answer or "")
        return [next(filter(None, groups)).casefold() for groups in found]


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "name":  # of a call: which function, not a value
                yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def value_count(trajectory: Trajectory) -> float:
    """Logarithm of the number of literals in the answer."""
    return math.log1p(len(values(trajectory)))


def prompt_of(trajectory: Trajectory) -> str:
    """The case's own words: the last thing that the user said before the first reply. Empty: it failed before that."""
    return next(
        (message.text for message in reversed(trajectory.opening) if message.role == "user"), ""
    )


def grounded_share(trajectory: Trajectory) -> float | None:
    """The share of the answer's literals that stand in what was asked (extractive coverage, Grusky et al. 2018).

    None: it has none.
    """
    asked = prompt_of(trajectory).casefold()
    found = values(trajectory)
    return fmean(value in asked for value in found) if found else None


def ungrounded(trajectory: Trajectory) -> float:
    """How many literals stand nowhere in what was asked."""
    share = grounded_share(trajectory)
    return 0.0 if share is None else round((1 - share) * len(values(trajectory)))


def recalled_agreement(trajectory: Trajectory) -> float | None:
    """The share of recalled cases whose answer is this one: the neighbours' vote (Cover and Hart 1967).

    None: none was recalled.
    """
    votes = [
        _plain(lesson.text) == _plain(trajectory.answer or "") for lesson in trajectory.recalled
    ]
    return fmean(votes) if votes else None


def best_recalled_agrees(trajectory: Trajectory) -> float | None:
    """Whether the recalled case that is most like this one has this answer. None: none was recalled."""
    if not trajectory.recalled:
        return None
    return float(_plain(trajectory.recalled[-1].text) == _plain(trajectory.answer or ""))


def supported_share(trajectory: Trajectory) -> float | None:
    """The share of the answer's sentences that stand in a passage it was shown (attribution; Rashkin et al. 2023).

    None: no passages were shown, or there is nothing in the answer to look up.
    """
    support = [claim.support for claim in _claims(trajectory) if claim.support is not None]
    return fmean(value >= LEAST for value in support) if support else None


def least_support(trajectory: Trajectory) -> float | None:
    """Of the sentence that stands least in any passage, from 0 to 1. None as for `supported_share`."""
    return min(
        (claim.support for claim in _claims(trajectory) if claim.support is not None), default=None
    )


def says_nothing_is_said(trajectory: Trajectory) -> float | None:
    """Whether the answer is that the documents do not say. None: no passages were shown."""
    return float(abstains(trajectory.answer or "")) if shown_to(trajectory) else None


def _claims(trajectory: Trajectory) -> tuple[CitedSentence, ...]:
    passages = shown_to(trajectory)
    if not passages or trajectory.answer is None:
        return ()
    return cited_sentences(trajectory.answer, passages, prompt_of(trajectory))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(";")


def length(trajectory: Trajectory) -> float | None:
    """Logarithm of the number of answer tokens: long queries are hard ones."""
    tokens = answer_tokens(trajectory)
    return math.log1p(len(tokens)) if tokens else None


def steps(trajectory: Trajectory) -> float:
    """Model calls."""
    return float(len(trajectory.steps))


def failed_calls(trajectory: Trajectory) -> float:
    """Tool results that were failures."""
    return float(sum(result.failed for step in trajectory.steps for result in step.results))


def remarks(trajectory: Trajectory) -> float:
    """What the loop had to say: repeated calls, text where a call was due, calls that could not be read."""
    return float(sum(result.role == "user" for step in trajectory.steps for result in step.results))


def result_size(trajectory: Trajectory) -> float | None:
    """Logarithm of the characters of the last tool result that did not fail. None: there was none."""
    sizes = [
        len(m.text)
        for step in trajectory.steps
        for m in step.results
        if m.role == "tool" and not m.failed
    ]
    return math.log1p(sizes[-1]) if sizes else None


def prompt_size(trajectory: Trajectory) -> float | None:
    """Logarithm of the length of the last call's prompt, about in tokens, without what memory told.

    That says how much was remembered by then, which grows, and not what kind of case it is.
    """
    if not trajectory.steps:
        return None
    told = [
        message for step in trajectory.steps[:-1] for message in (step.reply.message, *step.results)
    ]
    system = [message for message in trajectory.opening if message.role == "system"]
    own = len(prompt_of(trajectory)) + sum(len(message.text) for message in (*system, *told))
    return math.log1p(own / CHARACTERS_PER_TOKEN)


SIGNALS: Mapping[str, Signal] = {
    signal.__name__: signal
    for signal in (
        mean_logprob, sum_logprob, least_logprob, third_least_logprob, last_logprob, mean_entropy, most_entropy,
        mean_margin, least_margin, unsure_share, worst_place, trend, earlier_logprob, change_of_mind, forced_share,
        first_margin, choice_logprob, calls, value_count, grounded_share, ungrounded,
        recalled_agreement, best_recalled_agrees, supported_share, least_support, says_nothing_is_said,
        length, steps, failed_calls, remarks, result_size, prompt_size,
    )
}  # fmt: skip
"""The cheap set, in a fixed order."""


def signals(trajectory: Trajectory) -> dict[str, float | None]:
    """All of the cheap set; what is no number is None."""
    found = {name: signal(trajectory) for name, signal in SIGNALS.items()}
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in found.items()
    }
