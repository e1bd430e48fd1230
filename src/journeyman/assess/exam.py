"""The exam: may the challenger replace the champion? It may be checked after every case, at no cost.

Both work the same sealed cases, in random order; d = score(challenger) - score(champion), in [-1, 1]. Three kinds of
claim are put to the d of a job: that it *helps* (E[d] > 0), that it is *harmless* (E[d] > -margin), and that it is
*harmful* (E[d] < 0). Each is proven once the evidence for it (`assess/bets.py`) has reached one over its level. The
challenger is promoted when it is harmless to every job, and helps its target or costs no more than the champion. What
the proof needs, what it gives, and what was measured stands in docs/explanation/exam.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from journeyman.assess.bets import Hypothesis, Question
from journeyman.assess.selective import known_score
from journeyman.types import Record

REJECT_LEVEL = 0.05
"""How probable it may be, per exam, that a challenger that harms nothing is called harmful: half of it for the target
job, half shared by all other jobs and slices. A wrong rejection harms nobody, so this is no part of the budget."""

Watched = tuple[str, str | None, int]
"""A job, a slice of it (None: all of it), and its number of cases."""

DECAY = 1.5
SUM = 2.612375348685488
"""ζ(DECAY): what the decaying shares of the budget sum to."""


class ExamPlan(Record):
    """What is fixed before the first case."""

    target: str
    """The job that the change is for."""
    cases: Mapping[str, Annotated[Mapping[str, Annotated[int, Field(ge=1)]], Field(min_length=1)]]
    """Sealed cases of each job that must not be harmed, the target among them, counted by slice ("": not sorted)."""
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """How probable a false promotion may be; in a sequence of exams, what `level` gives."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """A loss of less than this in the mean score of a job is called harmless."""
    cheaper: bool = False
    """Whether the challenger costs at most what the champion does, in tokens per case."""

    @model_validator(mode="after")
    def _target_has_cases(self) -> Self:
        if self.target not in self.cases:
            known = sorted(self.cases)
            raise ValueError(f"target {self.target!r} is none of the jobs with cases: {known}")
        return self

    def size(self, job: str) -> int:
        slices = self.cases[job]
        return sum(slices.values())


class Pair(Record):
    """One sealed case, worked by both."""

    job: str
    slice: str = ""
    difference: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] | None
    """The challenger's score less the champion's. None: one of them was not judged; it tells nothing."""
    touched: bool = True
    """False: the change leaves this case's prompt as it was, so the recorded result counts for both."""

    @model_validator(mode="after")
    def _untouched_is_equal(self) -> Self:
        if not self.touched and self.difference != 0:
            raise ValueError(f"an untouched case differs by 0, not by {self.difference!r}")
        return self

    @classmethod
    def of(
        cls, job: str, *, champion: float | None, challenger: float | None, slice: str = ""
    ) -> Self:
        """Of two scores in [0, 1]. None or NaN: not judged."""
        before = known_score(champion)
        after = known_score(challenger)
        difference = None
        if before is not None and after is not None:
            difference = after - before
        return cls(job=job, slice=slice, difference=difference)


ExamOutcome = Literal["promote", "reject", "futile"]
"""`futile`: no proof either way can be expected of the cases left, or none is left; the champion stays."""


class TestResult(Record):
    """What became of one question."""

    claim: Hypothesis
    job: str
    slice: str | None
    evidence: float
    bar: float
    proven: bool


class Verdict(Record):
    """The outcome with all that it rests on: `sit(verdict.terms, verdict.pairs).verdict` is the same, bit by bit."""

    outcome: ExamOutcome
    claim: Hypothesis | None
    """What was proven of the challenger: that it helps its target, that it is harmless, or harmful. None: nothing."""
    terms: ExamPlan
    pairs: tuple[Pair, ...]
    """In the order in which they were folded."""
    findings: tuple[TestResult, ...]


@dataclass(frozen=True)
class Exam:
    """What is proven so far. A value: each pair gives a new one; the same pairs in the same order the same, bit by bit.

    Each job's cases must come in random order, those that the change does not touch in their place among the others:
    with these first, an edit that ruins the rest would seem harmless. Jobs may be interleaved in any way.
    """

    terms: ExamPlan
    questions: tuple[Question, ...]
    pairs: tuple[Pair, ...] = ()
    touched: Mapping[str, int] = field(default_factory=Counter)
    """Cases of each job so far whose prompt the change touches."""
    outcome: ExamOutcome | None = None
    """None: the exam goes on. Once there is one, it stays."""

    @classmethod
    def begun(cls, terms: ExamPlan) -> Self:
        questions = tuple(_questions(terms))
        exam = cls(terms=terms, questions=questions)
        outcome = exam._decided()
        return replace(exam, outcome=outcome)

    def after(self, pair: Pair) -> Self:
        """With one more pair. Raises ValueError for a job, slice or number of cases that the terms don't have."""
        if self.outcome is not None:
            return self
        job = pair.job
        slices = self.terms.cases.get(job, {})
        if pair.slice not in slices:
            raise ValueError(f"the terms have no cases of job {job!r}, slice {pair.slice!r}")
        questions = [_after(question, pair) for question in self.questions]
        count = self.touched.get(job, 0) + pair.touched
        touched = {**self.touched, job: count}
        exam = replace(
            self,
            questions=tuple(questions),
            pairs=(*self.pairs, pair),
            touched=touched,
        )
        outcome = exam._decided()
        return replace(exam, outcome=outcome)

    @property
    def next_job(self) -> str | None:
        """The job whose next case matters most: the target, then those not yet proven unharmed. None: it is decided."""
        if self.outcome is not None:
            return None
        target = self.terms.target
        if not self._worth_it:
            return target
        in_order = (target, *self.terms.cases)
        not_yet_unharmed = (job for job in in_order if not self._unharmed(job))
        return next(not_yet_unharmed)

    @property
    def untouched(self) -> int:
        untouched = [pair for pair in self.pairs if not pair.touched]
        return len(untouched)

    @property
    def unjudged(self) -> int:
        unjudged = [pair for pair in self.pairs if pair.difference is None]
        return len(unjudged)

    @property
    def verdict(self) -> Verdict | None:
        """For the journal. None: the exam goes on."""
        outcome = self.outcome
        if outcome is None:
            return None
        findings = tuple(map(_finding, self.questions))
        return Verdict(
            outcome=outcome,
            claim=self._proven(outcome),
            terms=self.terms,
            pairs=self.pairs,
            findings=findings,
        )

    def _proven(self, outcome: ExamOutcome) -> Hypothesis | None:
        """What an outcome rests on. None: nothing was proven."""
        if outcome == "reject":
            return "harmful"
        if outcome == "futile":
            return None
        target = self.terms.target
        helps = self._asked("helps", target)
        return "helps" if helps.proven else "harmless"

    def _decided(self) -> ExamOutcome | None:
        if self._harmful:
            return "reject"
        terms = self.terms
        harmed = [job for job in terms.cases if not self._unharmed(job)]
        worth_it = self._worth_it
        if worth_it and not harmed:
            return "promote"
        needed = [self._asked("harmless", job) for job in harmed]
        if not worth_it:
            helps = self._asked("helps", terms.target)
            needed.append(helps)
        if any(map(self._hopeless, needed)):
            return "futile"
        return None

    @property
    def _harmful(self) -> bool:
        proven = [question.claim for question in self.questions if question.proven]
        return "harmful" in proven

    @property
    def _worth_it(self) -> bool:
        terms = self.terms
        if terms.cheaper:
            return True
        helps = self._asked("helps", terms.target)
        return helps.proven

    def _unharmed(self, job: str) -> bool:
        """Proven harmless; or all its cases were met, and none is touched."""
        question = self._asked("harmless", job)
        if question.proven:
            return True
        touched = self.touched.get(job)
        return question.left == 0 and not touched

    def _hopeless(self, question: Question) -> bool:
        """Where no case was touched yet it costs nothing to go on."""
        if not question.hopeless:
            return False
        touched = self.touched.get(question.job)
        return bool(touched or not question.left)

    def _asked(self, claim: Hypothesis, job: str) -> Question:
        for question in self.questions:
            if question.claim == claim and question.job == job and question.slice is None:
                return question
        raise LookupError(f"nothing asks whether job {job!r} is {claim}")


def _finding(question: Question) -> TestResult:
    return TestResult(
        claim=question.claim,
        job=question.job,
        slice=question.slice,
        evidence=question.evidence,
        bar=question.bar,
        proven=question.proven,
    )


def _after(question: Question, pair: Pair) -> Question:
    """The question with one more pair; as it was where it does not ask about the pair's job or slice."""
    if question.job != pair.job:
        return question
    if question.slice not in {None, pair.slice}:
        return question
    return question.after(pair.difference)


def _questions(terms: ExamPlan) -> Iterable[Question]:
    """Helps its target; harmless to each job; harmful to a job, or to a slice of one."""
    target = terms.target
    bar = 1 / terms.level
    yield Question("helps", target, None, bar, terms.size(target))
    for job in terms.cases:
        yield Question("harmless", job, None, bar, terms.size(job), terms.margin)
    watched = _watched(terms)
    for job, part, cases in watched:
        of_target = job == target and part is None
        share = _share_of_rejections(of_target, len(watched))
        rejecting = 1 / (REJECT_LEVEL * share)
        yield Question("harmful", job, part, rejecting, cases)


def _watched(terms: ExamPlan) -> list[Watched]:
    """Each job, then the slices of each job that has several, with their numbers of cases."""
    watched: list[Watched] = [(job, None, terms.size(job)) for job in terms.cases]
    for job, parts in terms.cases.items():
        if len(parts) < 2:
            continue
        slices = [(job, part, cases) for part, cases in parts.items()]
        watched.extend(slices)
    return watched


def _share_of_rejections(of_target: bool, watched: int) -> float:
    """The share of `REJECT_LEVEL` for the target, or for one of the others that are watched."""
    if watched == 1:
        return 1.0
    if of_target:
        return 0.5
    return 0.5 / (watched - 1)


def sit(terms: ExamPlan, pairs: Iterable[Pair]) -> Exam:
    """The exam after these pairs, in this order."""
    exam = Exam.begun(terms)
    for pair in pairs:
        exam = exam.after(pair)
    return exam


def alpha_for(allowed: float, exam: int, promoted: int = 0) -> float:
    """The level of the n-th exam (1, 2, ...) after so many promotions: `allowed` · (promoted + 1) · n^-1.5 / ζ(1.5).

    Of all promotions, an expected share of at most `allowed` is then false, over any number of exams (e-LOND, Xu and
    Ramdas 2024); with `promoted` left at 0, the probability that any ever is. Raises ValueError for promotions that
    cannot have been.
    """
    if exam < 1 or not 0 <= promoted < exam:
        raise ValueError(f"{promoted} promotions before exam {exam} cannot have been")
    earned = allowed * (promoted + 1)
    decayed = earned * math.pow(exam, -DECAY)
    return decayed / SUM
