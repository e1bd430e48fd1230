"""The figures of a run, computed from the journal's events in one pass. Unknown stays None."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from math import inf
from statistics import fmean

from journeyman.assess.stats import Proportion, proportion
from journeyman.autonomy.tracker import rule_of
from journeyman.reports.trust import Seen, Trust, trust
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseResult, Failure, Record, Run


class Quantiles(Record):
    """Of a list of numbers, by linear interpolation. None: there were none."""

    median: float | None
    p90: float | None
    most: float | None


class SliceMetrics(Record):
    """One slice's row. `right` counts only cases that were judged."""

    slice: str
    cases: int
    correct: Proportion
    seconds: Quantiles


class FailureFigures(Record):
    """One kind of failure, with an example of what was said."""

    failure: Failure
    count: int


class RunMetrics(Record):
    """What a report says of a run."""

    run: str
    job: str
    worker: str
    model: str
    opened_at: float
    cases: int
    closed: int
    not_judged: int
    """Closed, but judged by no verifier: no target, or failed."""
    targets_known: bool
    """Whether anything could be scored at all."""
    correct: Proportion
    slices: tuple[SliceMetrics, ...]
    splits: tuple[SliceMetrics, ...]
    fields: dict[str, float]
    """Mean score of each JSON field, where a verifier scores fields."""
    failures: tuple[FailureFigures, ...]
    in_doubt: int
    stops: dict[str, int]
    prompt_tokens: int | None
    """None: an engine did not say."""
    cached_tokens: int | None
    """Prompt tokens taken from the prefix cache. None: an engine did not say."""
    completion_tokens: int | None
    """None: an engine did not say."""
    tokens_per_correct: float | None
    """Prompt tokens computed and tokens written, per right case."""
    model_calls: int
    model_seconds: float
    tool_calls: int
    failed_tool_calls: int
    malformed_replies: int
    well_formed: Proportion
    """Replies that hold a call that could be read, among those that tried to call."""
    seconds: Quantiles
    """Wall time of a case."""
    cases_per_hour: float | None
    """Closed cases over the time from the first one's beginning to the last one's end, pauses included."""
    mean_confidence: float | None
    trust: Trust | None
    """What the decisions came to. None: none was made."""


def quantile(numbers: list[float], q: float) -> float | None:
    """Linear interpolation between order statistics (R's type 7)."""
    if not numbers:
        return None
    place = q * (len(numbers) - 1)
    low = int(place)
    high = min(low + 1, len(numbers) - 1)
    ordered = sorted(numbers)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def quantiles(numbers: list[float]) -> Quantiles:
    return Quantiles(
        median=quantile(numbers, 0.5), p90=quantile(numbers, 0.9), most=max(numbers, default=None)
    )


@dataclass
class _Group:
    cases: int = 0
    judged: int = 0
    correct: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, outcome: CaseResult) -> None:
        self.cases += 1
        self.judged += outcome.correct is not None
        self.correct += outcome.correct is True
        self.seconds.append(outcome.trajectory.seconds)

    def metrics(self, name: str) -> SliceMetrics:
        correct = proportion(self.correct, self.judged)
        return SliceMetrics(
            slice=name, cases=self.cases, correct=correct, seconds=quantiles(self.seconds)
        )


@dataclass
class _Fold:
    """All that one pass over the outcomes collects."""

    cases: int = 0
    began: float = inf
    ended: float = -inf
    all: _Group = field(default_factory=_Group)
    slices: dict[str, _Group] = field(default_factory=dict)
    splits: dict[str, _Group] = field(default_factory=dict)
    parts: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    model_seconds: float = 0.0
    unknown: set[str] = field(default_factory=set)
    """Kinds of tokens that an engine did not tell."""
    confidences: list[float] = field(default_factory=list)
    decided: list[Seen] = field(default_factory=list)

    def add(self, outcome: CaseResult) -> None:
        self.cases += 1
        self._cost(outcome)
        if not outcome.closed:
            return
        assert outcome.at is not None
        self.began = min(self.began, outcome.at - outcome.trajectory.seconds)
        self.ended = max(self.ended, outcome.at)
        self.all.add(outcome)
        self.slices.setdefault(outcome.slice or "(none)", _Group()).add(outcome)
        self.splits.setdefault(outcome.split, _Group()).add(outcome)
        self.stops[outcome.trajectory.stop] += 1
        if (failure := outcome.trajectory.failure) is not None:
            self.failures.setdefault(failure.kind, failure)
            self.failed[failure.kind] += 1
        for name, value in chain.from_iterable(score.fields.items() for score in outcome.scores):
            self.parts.setdefault(name, []).append(value)
        if outcome.confidence is not None:
            self.confidences.append(outcome.confidence)
        if outcome.decision is not None:
            self.decided.append(
                Seen(outcome.at, outcome.decision, outcome.correct, bool(outcome.labels))
            )

    def _cost(self, outcome: CaseResult) -> None:
        usage = outcome.trajectory.usage
        self._count("prompt", usage.prompt_tokens)
        self._count("completion", usage.completion_tokens)
        self._count("cached", usage.cached_tokens)
        self.model_seconds += usage.seconds
        for step in outcome.trajectory.steps:
            self.counts["calls"] += 1
            self.counts["tools"] += len(step.reply.message.tool_calls)
            self.counts["failed_tools"] += sum(result.failed for result in step.results)
            self.counts["malformed"] += step.reply.malformed is not None
            self.counts["with_calls"] += bool(step.reply.message.tool_calls)

    def _count(self, name: str, tokens: int | None) -> None:
        if tokens is None:
            self.unknown.add(name)
        else:
            self.counts[name] += tokens

    def tokens(self, name: str) -> int | None:
        """None: an engine did not say for each call."""
        return None if name in self.unknown else self.counts[name]

    def tokens_per_correct(self) -> float | None:
        prompt, completion = self.tokens("prompt"), self.tokens("completion")
        if prompt is None or completion is None or not self.all.correct:
            return None
        return (prompt - (self.tokens("cached") or 0) + completion) / self.all.correct


def run_metrics(journal: Journal, run: Run) -> RunMetrics:
    """All figures of a run, as the journal has it now."""
    return fold_metrics(run, outcomes(journal, run))


def fold_metrics(run: Run, rows: Iterable[CaseResult]) -> RunMetrics:
    """The figures of these outcomes; keeps a few numbers per case."""
    seen = _Fold()
    for outcome in rows:
        seen.add(outcome)
    counts, whole = seen.counts, seen.all
    hours = (seen.ended - seen.began) / 3600 if whole.cases else 0.0
    return RunMetrics(
        run=run.id,
        job=run.job,
        worker=run.worker,
        model=run.model,
        opened_at=run.opened_at,
        cases=seen.cases,
        closed=whole.cases,
        not_judged=whole.cases - whole.judged,
        targets_known=whole.judged > 0,
        correct=proportion(whole.correct, whole.judged),
        slices=tuple(group.metrics(name) for name, group in sorted(seen.slices.items())),
        splits=tuple(group.metrics(name) for name, group in sorted(seen.splits.items())),
        fields={name: fmean(values) for name, values in seen.parts.items()},
        failures=tuple(
            FailureFigures(failure=seen.failures[k], count=n) for k, n in seen.failed.most_common()
        ),
        in_doubt=seen.stops["in_doubt"],
        stops=dict(seen.stops),
        prompt_tokens=seen.tokens("prompt"),
        cached_tokens=seen.tokens("cached"),
        completion_tokens=seen.tokens("completion"),
        tokens_per_correct=seen.tokens_per_correct(),
        model_calls=counts["calls"],
        model_seconds=seen.model_seconds,
        tool_calls=counts["tools"],
        failed_tool_calls=counts["failed_tools"],
        malformed_replies=counts["malformed"],
        well_formed=proportion(counts["with_calls"], counts["with_calls"] + counts["malformed"]),
        seconds=quantiles(whole.seconds),
        cases_per_hour=whole.cases / hours if hours > 0 else None,
        mean_confidence=fmean(seen.confidences) if seen.confidences else None,
        trust=trust(rule_of(run.spec), seen.decided),
    )
