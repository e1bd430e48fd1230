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
from statistics import fmean

from journeyman.types import Json, Message, Step, TokenLogprob, Trajectory
from journeyman.verifiers.citations import LEAST, CitedSentence, abstains, cited_sentences, shown_to

Signal = Callable[[Trajectory], float | None]

Tokens = Sequence[TokenLogprob]

ARGUMENTS = '"arguments":'


def answer_tokens(trajectory: Trajectory) -> Tokens:
    """Empty where nothing was answered, or the engine gives no log-probabilities."""
    if trajectory.answer is None or not trajectory.steps:
        return ()
    return content_tokens(trajectory.steps[-1])


def content_tokens(step: Step) -> Tokens:
    """A reply's tokens; of a call, those after the word `arguments`, or all where that word does not stand there."""
    reply = step.reply
    tokens = reply.logprobs or ()
    if not reply.message.tool_calls:
        return tokens
    text = "".join(token.token for token in tokens)
    place = text.find(ARGUMENTS)
    if place < 0:
        return tokens
    end = place + len(ARGUMENTS)
    content: list[TokenLogprob] = []
    start = 0
    for token in tokens:
        if start >= end:
            content.append(token)
        start += len(token.token)
    return content


def entropy(token: TokenLogprob) -> float:
    """In nats, of the alternatives that are known; what is left of the probability counts as one more."""
    shares: list[float] = []
    for _, logprob in token.top:
        if not math.isnan(logprob):
            share = math.exp(logprob)
            shares.append(share)
    rest = max(0.0, 1.0 - sum(shares))
    shares.append(rest)
    positive = [share for share in shares if share > 0]
    return -sum(share * math.log(share) for share in positive)


def margin(token: TokenLogprob) -> float | None:
    """Between the two likeliest tokens, as probabilities. None: fewer than two are known."""
    if len(token.top) < 2:
        return None
    _, likeliest = token.top[0]
    _, second = token.top[1]
    return math.exp(likeliest) - math.exp(second)


def _logprobs(trajectory: Trajectory) -> list[float]:
    tokens = answer_tokens(trajectory)
    return _known_logprobs(tokens)


def _known_logprobs(tokens: Tokens) -> list[float]:
    logprobs = [token.logprob for token in tokens]
    return [logprob for logprob in logprobs if not math.isnan(logprob)]


def _mean(values: Sequence[float]) -> float | None:
    """None: there are no values."""
    return fmean(values) if values else None


def mean_logprob(trajectory: Trajectory) -> float | None:
    """Length-normalised log-likelihood of the answer (Malinin and Gales 2021)."""
    return _mean(_logprobs(trajectory))


def sum_logprob(trajectory: Trajectory) -> float | None:
    """Log-likelihood of the answer (Malinin and Gales 2021)."""
    values = _logprobs(trajectory)
    return sum(values) if values else None


def least_logprob(trajectory: Trajectory) -> float | None:
    """Of the answer's unlikeliest token: one wrong name spoils a query (Manakul et al. 2023, maximum −log p)."""
    values = _logprobs(trajectory)
    return min(values, default=None)


def third_least_logprob(trajectory: Trajectory) -> float | None:
    """Like the least, but unmoved by a single odd token."""
    values = sorted(_logprobs(trajectory))
    if not values:
        return None
    third = min(2, len(values) - 1)
    return values[third]


def last_logprob(trajectory: Trajectory) -> float | None:
    """Of the answer's last token with something to decide, probability under .999; of the last if there is none."""
    values = _logprobs(trajectory)
    if not values:
        return None
    sure = math.log(0.999)
    deciding = [value for value in values if value < sure]
    return deciding[-1] if deciding else values[-1]


def mean_entropy(trajectory: Trajectory) -> float | None:
    """Predictive entropy over the answer, from the top alternatives (Kadavath et al. 2022)."""
    return _mean(_entropies(trajectory))


def most_entropy(trajectory: Trajectory) -> float | None:
    """At the answer's most open place."""
    values = _entropies(trajectory)
    return max(values, default=None)


def _entropies(trajectory: Trajectory) -> list[float]:
    known = _with_alternatives(trajectory)
    return [entropy(token) for token in known]


def _with_alternatives(trajectory: Trajectory) -> list[TokenLogprob]:
    tokens = answer_tokens(trajectory)
    return [token for token in tokens if token.top]


def _margins(trajectory: Trajectory) -> list[float]:
    margins = map(margin, answer_tokens(trajectory))
    return [value for value in margins if value is not None]


def mean_margin(trajectory: Trajectory) -> float | None:
    """How far the likeliest token leads, on average (Wang and Zhou 2024, chain-of-thought decoding)."""
    return _mean(_margins(trajectory))


def least_margin(trajectory: Trajectory) -> float | None:
    """How far the likeliest token leads where it leads least."""
    values = _margins(trajectory)
    return min(values, default=None)


def unsure_share(trajectory: Trajectory) -> float | None:
    """The share of answer tokens with a probability under one half."""
    half = math.log(0.5)
    unsure = [value < half for value in _logprobs(trajectory)]
    return _mean(unsure)


def worst_place(trajectory: Trajectory) -> float | None:
    """Where the unlikeliest token stands, from 0, the beginning, to 1 (position, as in HTC, arXiv 2601.15778)."""
    values = _logprobs(trajectory)
    if not values:
        return None
    worst = values.index(min(values))
    last = max(1, len(values) - 1)
    return worst / last


def trend(trajectory: Trajectory) -> float | None:
    """Mean log-probability of the answer's second half less that of its first (dynamics, as in HTC)."""
    values = _logprobs(trajectory)
    half = len(values) // 2
    if not half:
        return None
    first = values[:half]
    second = values[half:]
    return fmean(second) - fmean(first)


def earlier_logprob(trajectory: Trajectory) -> float | None:
    """Mean log-probability of all replies before the last. None: there was only one."""
    values: list[float] = []
    for step in trajectory.steps[:-1]:
        tokens = content_tokens(step)
        values.extend(token.logprob for token in tokens)
    return _mean(values)


def change_of_mind(trajectory: Trajectory) -> float | None:
    """Mean log-probability of the answer less that of the replies before it. None: there was only one."""
    earlier = earlier_logprob(trajectory)
    of_answer = mean_logprob(trajectory)
    if earlier is None or of_answer is None:
        return None
    return of_answer - earlier


def forced_share(trajectory: Trajectory) -> float | None:
    """The share of answer tokens that were not the model's own first choice: a grammar or a draw chose them."""
    forced = [_is_forced(token) for token in _with_alternatives(trajectory)]
    return _mean(forced)


def _is_forced(token: TokenLogprob) -> bool:
    """Whether another token was likelier."""
    _, likeliest = token.top[0]
    return token.logprob < likeliest - 1e-6


def first_margin(trajectory: Trajectory) -> float | None:
    """How far the last reply's first token leads: whether to call a tool or to speak is often decided there."""
    tokens = _last_reply(trajectory)
    if not tokens:
        return None
    return margin(tokens[0])


def choice_logprob(trajectory: Trajectory) -> float | None:
    """Of the unlikeliest token before a call's arguments, its name among them. None: nothing was called."""
    tokens = _last_reply(trajectory)
    of_answer = len(answer_tokens(trajectory))
    end = len(tokens) - of_answer
    values = _known_logprobs(tokens[:end])
    return min(values, default=None)


def _last_reply(trajectory: Trajectory) -> Tokens:
    if not trajectory.steps:
        return ()
    last = trajectory.steps[-1]
    return last.reply.logprobs or ()


def calls(trajectory: Trajectory) -> float:
    """Tool calls in the last reply: none, one or several."""
    if not trajectory.steps:
        return 0.0
    message = trajectory.steps[-1].reply.message
    return float(len(message.tool_calls))


CHARACTERS_PER_TOKEN = 4
"""About."""

VALUE = re.compile(r"'([^']+)'|\"([^\"]+)\"|(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])")
"""A literal: something quoted, or a number."""


def values(trajectory: Trajectory) -> list[str]:
    """The literals of the answer: of JSON the values, of anything else what is quoted and the numbers."""
    answer = trajectory.answer or ""
    try:
        parsed = json.loads(answer)
        leaves = _leaves(parsed)
        return [leaf.casefold() for leaf in leaves]
    except (ValueError, RecursionError):
        literals = VALUE.findall(answer)
        found = map(_literal, literals)
        return list(found)


def _literal(groups: Sequence[str]) -> str:
    """What stands in a match of `VALUE`, whichever of its groups holds it."""
    literal = next(group for group in groups if group)
    return literal.casefold()


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
    found = values(trajectory)
    return math.log1p(len(found))


def prompt_of(trajectory: Trajectory) -> str:
    """The case's own words: the last thing that the user said before the first reply. Empty: it failed before that."""
    for message in reversed(trajectory.opening):
        if message.role == "user":
            return message.text
    return ""


def grounded_share(trajectory: Trajectory) -> float | None:
    """The share of the answer's literals that stand in what was asked (extractive coverage, Grusky et al. 2018).

    None: it has none.
    """
    asked = prompt_of(trajectory).casefold()
    grounded = [value in asked for value in values(trajectory)]
    return _mean(grounded)


def ungrounded(trajectory: Trajectory) -> float:
    """How many literals stand nowhere in what was asked."""
    grounded = grounded_share(trajectory)
    if grounded is None:
        return 0.0
    count = len(values(trajectory))
    return round((1 - grounded) * count)


def recalled_agreement(trajectory: Trajectory) -> float | None:
    """The share of recalled cases whose answer is this one: the neighbours' vote (Cover and Hart 1967).

    None: none was recalled.
    """
    answer = _plain(trajectory.answer or "")
    votes = [_plain(lesson.text) == answer for lesson in trajectory.recalled]
    return _mean(votes)


def best_recalled_agrees(trajectory: Trajectory) -> float | None:
    """Whether the recalled case that is most like this one has this answer. None: none was recalled."""
    if not trajectory.recalled:
        return None
    best = trajectory.recalled[-1]
    answer = _plain(trajectory.answer or "")
    agrees = _plain(best.text) == answer
    return float(agrees)


def supported_share(trajectory: Trajectory) -> float | None:
    """The share of the answer's sentences that stand in a passage it was shown (attribution; Rashkin et al. 2023).

    None: no passages were shown, or there is nothing in the answer to look up.
    """
    supported = [support >= LEAST for support in _supports(trajectory)]
    return _mean(supported)


def least_support(trajectory: Trajectory) -> float | None:
    """Of the sentence that stands least in any passage, from 0 to 1. None as for `supported_share`."""
    supports = _supports(trajectory)
    return min(supports, default=None)


def _supports(trajectory: Trajectory) -> list[float]:
    """Of each sentence that can be looked up, how far it stands in a passage."""
    supports = [claim.support for claim in _claims(trajectory)]
    return [support for support in supports if support is not None]


def says_nothing_is_said(trajectory: Trajectory) -> float | None:
    """Whether the answer is that the documents do not say. None: no passages were shown."""
    if not shown_to(trajectory):
        return None
    answer = trajectory.answer or ""
    return float(abstains(answer))


def _claims(trajectory: Trajectory) -> tuple[CitedSentence, ...]:
    passages = shown_to(trajectory)
    answer = trajectory.answer
    if not passages or answer is None:
        return ()
    prompt = prompt_of(trajectory)
    return cited_sentences(answer, passages, prompt)


def _plain(text: str) -> str:
    words = text.casefold().split()
    return " ".join(words).rstrip(";")


def length(trajectory: Trajectory) -> float | None:
    """Logarithm of the number of answer tokens: long queries are hard ones."""
    tokens = answer_tokens(trajectory)
    if not tokens:
        return None
    return math.log1p(len(tokens))


def steps(trajectory: Trajectory) -> float:
    """Model calls."""
    count = len(trajectory.steps)
    return float(count)


def _results(trajectory: Trajectory) -> list[Message]:
    """Whatever followed upon replies, in order."""
    results: list[Message] = []
    for step in trajectory.steps:
        results.extend(step.results)
    return results


def failed_calls(trajectory: Trajectory) -> float:
    """Tool results that were failures."""
    failed = [result for result in _results(trajectory) if result.failed]
    return float(len(failed))


def remarks(trajectory: Trajectory) -> float:
    """What the loop had to say: repeated calls, text where a call was due, calls that could not be read."""
    found = [result for result in _results(trajectory) if result.role == "user"]
    return float(len(found))


def result_size(trajectory: Trajectory) -> float | None:
    """Logarithm of the characters of the last tool result that did not fail. None: there was none."""
    for result in reversed(_results(trajectory)):
        if result.role == "tool" and not result.failed:
            size = len(result.text)
            return math.log1p(size)
    return None


def prompt_size(trajectory: Trajectory) -> float | None:
    """Logarithm of the length of the last call's prompt, about in tokens, without what memory told.

    That says how much was remembered by then, which grows, and not what kind of case it is.
    """
    if not trajectory.steps:
        return None
    messages = [message for message in trajectory.opening if message.role == "system"]
    for step in trajectory.steps[:-1]:
        messages.append(step.reply.message)
        messages.extend(step.results)
    characters = len(prompt_of(trajectory))
    characters += sum(len(message.text) for message in messages)
    return math.log1p(characters / CHARACTERS_PER_TOKEN)


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
    found: dict[str, float | None] = {}
    for name, signal in SIGNALS.items():
        value = signal(trajectory)
        is_number = value is not None and math.isfinite(value)
        found[name] = value if is_number else None
    return found
