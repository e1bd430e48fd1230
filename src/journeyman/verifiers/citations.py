"""Checks whether the cited or given passages support an answer.

Each sentence is held against each passage: the share of its content words that stand there, those of the question
counting a quarter, since repeating it proves nothing; and every number must stand in the passage or in the question.
That is containment and not entailment: what a sentence denies while the passage affirms it passes. It costs no model
call, and is the same for English and Chinese. Evaluated as attribution (AIS, Rashkin et al. 2023; ALCE, Gao et al.
2023, which ask a language model instead) in `bench/bench_answers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from journeyman.store.fulltext.terms import terms
from journeyman.types import Case, Cited, Record, Score, Trajectory
from journeyman.verifiers.text import unjudged

MARK = re.compile(r"\s*[\[【](\d{1,3}(?:\s*[,，、]\s*\d{1,3})*)[\]】]")
SENTENCE = re.compile(
    r".+?(?:[。！？；]+[”’」』）]*|[.!?]+[\"'”’)\]]*(?=\s|$)|\n|$)(?:\s*[\[【]\d[\d,，、\s]*[\]】][.。]?)*",
    re.DOTALL,
)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
STOP = frozenset(
    terms(
        "a an and are as at be been but by can did do does for from had has have he her his i if in into is it its may"
        " more most no nor not of on or our shall she should so such than that the their them then there these they"
        " this those to was we were what when where which who whom whose why will with would you your yes"
        " 的 了 是 在 和 与 或 也 就 都 而 及 其 这 那 为 于 之 有 不 被 对 从"
    )
)
ASKED = 0.25
"""What a word that the question has already counts for."""
STEM = 5
"""Longer words are the same when so many letters are: allocated, allocation."""
LEAST = 0.6
"""Share of a sentence's weight that one passage must hold."""
ABSTAINS = re.compile(
    r"(?:do(?:es)?(?: not|n't) (?:say|state|mention|specify|contain|provide|answer|give|include|tell)"
    r"|(?:not|nothing|no information)(?: is| are)? (?:\w+ )?(?:mentioned|stated|provided|specified|found|given|said)"
    r"|cannot be (?:determined|answered|found)"
    r"|(?:没有|未|没)(?:明确)?(?:说明|提到|提及|提供|给出|回答|记载)|无法(?:得知|确定|回答|判断))",
    re.IGNORECASE,
)


class CitedSentence(Record):
    """A sentence of an answer, and where it stands."""

    text: str
    """Without citation marks."""
    cited: tuple[int, ...] = ()
    """The passages that the answer itself names for it."""
    found: tuple[int, ...] = ()
    """Passages that contain it, best first: of those cited, or else of all. Empty: none does."""
    support: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of the best passage, from 0 to 1. None: it says nothing that could be looked up, such as "Yes."."""

    @property
    def supported(self) -> bool | None:
        """None: can't be told."""
        return None if self.support is None else bool(self.found)


def abstains(answer: str) -> bool:
    """Whether an answer says that the documents don't."""
    return ABSTAINS.search(answer) is not None


def cited_sentences(
    answer: str, passages: Iterable[Cited], question: str = "", *, least: float = LEAST
) -> tuple[CitedSentence, ...]:
    """Each sentence with the passages that contain it."""
    asked = frozenset(_folded(question))
    held = {
        passage.number: frozenset(_folded(f"{passage.head}\n{passage.text}"))
        for passage in passages
    }
    numbers = {
        passage.number: frozenset(_numbers(f"{passage.head}\n{passage.text}\n{question}"))
        for passage in passages
    }
    return tuple(
        _claim(sentence, cited, held, numbers, asked, least)
        for sentence, cited in sentences(answer)
    )


def sentences(answer: str) -> list[tuple[str, tuple[int, ...]]]:
    """The sentences without their marks, and the numbers that the marks name."""
    told: list[tuple[str, tuple[int, ...]]] = []
    for found in SENTENCE.finditer(answer):
        sentence = found.group()
        cited = _cited(sentence)
        text = MARK.sub("", sentence).strip()
        if text.strip(" .。;；,，-*"):
            told.append((text, cited))
    return told


def _cited(sentence: str) -> tuple[int, ...]:
    """The numbers that a sentence's marks name, each once, in order."""
    cited: list[int] = []
    for marks in MARK.findall(sentence):
        numbers = re.findall(r"\d+", marks)
        cited += map(int, numbers)
    each_once = dict.fromkeys(cited)
    return tuple(each_once)


def _claim(
    sentence: str,
    cited: tuple[int, ...],
    held: Mapping[int, frozenset[str]],
    numbers: Mapping[int, frozenset[str]],
    asked: frozenset[str],
    least: float,
) -> CitedSentence:
    words = {word for word in _folded(sentence) if word not in STOP}
    weights = {word: ASKED if word in asked else 1.0 for word in words}
    total = sum(weights.values())
    if not total:
        return CitedSentence(text=sentence, cited=cited)
    must = frozenset(_numbers(sentence))
    shares: dict[int, float] = {}
    for number, has in held.items():
        shared = sum(weight for word, weight in weights.items() if word in has)
        has_numbers = must <= numbers[number]
        shares[number] = shared / total * has_numbers
    among = [number for number in cited if number in shares] or list(shares)
    supports = [shares[number] for number in among]
    supporting = [number for number in among if shares[number] >= least]
    supporting.sort(key=lambda number: (-round(shares[number], 6), number))
    return CitedSentence(
        text=sentence,
        cited=cited,
        found=tuple(supporting),
        support=max(supports, default=0.0),
    )


@lru_cache(maxsize=256)
def _folded(text: str) -> tuple[str, ...]:
    """Terms, long words cut to their stem."""
    return tuple(
        word[:STEM] if word.isascii() and word.isalpha() and len(word) > STEM else word
        for word in terms(text)
    )


def _numbers(text: str) -> list[str]:
    numbers: list[str] = []
    for found in NUMBER.findall(text):
        plain = found.replace(",", "")
        numbers.append(plain.rstrip("."))
    return numbers


def shown_to(trajectory: Trajectory) -> list[Cited]:
    """The passages that a worker was given: before the case, and by its tools. Text never counts."""
    results = [result for step in trajectory.steps for result in step.results]
    messages = (*trajectory.opening, *results)
    shown: dict[int, Cited] = {}
    for message in messages:
        if not message.failed:
            shown |= {passage.number: passage for passage in message.passages}
    return list(shown.values())


class Citations(Record):
    """Wrong where a sentence stands in no passage that it cites, or in none at all; else the verdict is left to others.

    That a sentence stands in a passage does not make it the right answer: this alone proves nothing right.
    """

    kind: Literal["citations"] = "citations"
    name: str = "citations"
    least: Annotated[float, Field(gt=0, le=1)] = LEAST

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        answer, passages = trajectory.answer, shown_to(trajectory)
        if answer is None or not passages:
            return unjudged(
                self.name, "there is no answer" if answer is None else "no passages were shown"
            )
        if abstains(answer):
            return unjudged(self.name, "the answer says that the documents don't")
        told = cited_sentences(answer, passages, case.prompt, least=self.least)
        without = [claim for claim in told if claim.supported is False]
        fields = {str(n): float(claim.support or 0.0) for n, claim in enumerate(told, start=1)}
        if not without:
            return Score(
                verifier=self.name,
                value=None,
                reason="every sentence stands in a passage",
                fields=fields,
            )
        return Score(
            verifier=self.name,
            value=0.0,
            reason=f"stands in no passage: {without[0].text!r}",
            fields=fields,
        )

    def reference(self, case: Case) -> str | None:
        return None
