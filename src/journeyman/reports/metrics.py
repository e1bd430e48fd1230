"""The figures of a run, computed from the journal's events in one pass. Unknown stays None."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from statistics import fmean

from journeyman.assess.stats import Proportion, proportion
from journeyman.autonomy.tracker import AutonomyTracker, Hold, rule_of
from journeyman.reports.trust import Seen, Trust, trust
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseResult, Failure, Record, Run, Step, Trajectory


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
    hold: Hold | None = None
    """What stands between the worker and what is proved of it. None: it was not looked up."""


def quantile(numbers: list[float], q: float) -> float | None:
    """Linear interpolation between order statistics (R's type 7)."""
    if not numbers:
        return None
    ordered = sorted(numbers)
    last = len(ordered) - 1
    place = q * last
    below = int(place)
    above = min(below + 1, last)
    step = ordered[above] - ordered[below]
    return ordered[below] + step * (place - below)


def quantiles(numbers: list[float]) -> Quantiles:
    return Quantiles(
        median=quantile(numbers, 0.5),
        p90=quantile(numbers, 0.9),
        most=max(numbers, default=None),
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
            slice=name,
            cases=self.cases,
            correct=correct,
            seconds=quantiles(self.seconds),
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

    def add(self, result: CaseResult) -> None:
        self.cases += 1
        self._add_cost(result.trajectory)
        if not result.closed:
            return
        assert result.at is not None
        began = result.at - result.trajectory.seconds
        self.began = min(self.began, began)
        self.ended = max(self.ended, result.at)
        self._add_to_groups(result)
        self.stops[result.trajectory.stop] += 1
        failure = result.trajectory.failure
        if failure is not None:
            self.failures.setdefault(failure.kind, failure.brief)
            self.failed[failure.kind] += 1
        for score in result.scores:
            for name, value in score.fields.items():
                self.parts.setdefault(name, []).append(value)
        if result.confidence is not None:
            self.confidences.append(result.confidence)
        if result.decision is not None:
            labelled = bool(result.labels)
            self.decided.append(Seen(result.at, result.decision, result.correct, labelled))

    def _add_to_groups(self, result: CaseResult) -> None:
        slice_name = result.slice or "(none)"
        self.all.add(result)
        self.slices.setdefault(slice_name, _Group()).add(result)
        self.splits.setdefault(result.split, _Group()).add(result)

    def _add_cost(self, trajectory: Trajectory) -> None:
        usage = trajectory.usage
        self._count("prompt", usage.prompt_tokens)
        self._count("completion", usage.completion_tokens)
        self._count("cached", usage.cached_tokens)
        self.model_seconds += usage.seconds
        for step in trajectory.steps:
            self._add_step(step)

    def _add_step(self, step: Step) -> None:
        calls = step.reply.message.tool_calls
        failed = [result for result in step.results if result.failed]
        self.counts["calls"] += 1
        self.counts["tools"] += len(calls)
        self.counts["failed_tools"] += len(failed)
        if calls:
            self.counts["with_calls"] += 1
        if step.reply.malformed is not None:
            self.counts["malformed"] += 1

    def _count(self, name: str, tokens: int | None) -> None:
        if tokens is None:
            self.unknown.add(name)
        else:
            self.counts[name] += tokens

    def tokens(self, name: str) -> int | None:
        """None: an engine did not say for each call."""
        if name in self.unknown:
            return None
        return self.counts[name]

    def tokens_per_correct(self) -> float | None:
        prompt = self.tokens("prompt")
        completion = self.tokens("completion")
        if prompt is None or completion is None or not self.all.correct:
            return None
        computed = prompt - (self.tokens("cached") or 0)
        return (computed + completion) / self.all.correct

    def well_formed(self) -> Proportion:
        """Of the replies that tried to call, those with a call that could be read."""
        readable = self.counts["with_calls"]
        return proportion(readable, readable + self.counts["malformed"])

    def cases_per_hour(self) -> float | None:
        """None: no case is closed, or no time went by."""
        if not self.all.cases:
            return None
        hours = (self.ended - self.began) / 3600
        return self.all.cases / hours if hours > 0 else None

    def failure_figures(self) -> Iterator[FailureFigures]:
        """The most frequent first."""
        for kind, count in self.failed.most_common():
            yield FailureFigures(failure=self.failures[kind], count=count)


def _group_metrics(groups: Mapping[str, _Group]) -> tuple[SliceMetrics, ...]:
    """A row for each group, in order of the names."""
    rows: list[SliceMetrics] = []
    for name in sorted(groups):
        group = groups[name]
        rows.append(group.metrics(name))
    return tuple(rows)


def run_metrics(journal: Journal, run: Run) -> RunMetrics:
    """All figures of a run, as the journal has it now."""
    figures = fold_metrics(run, outcomes(journal, run))
    return with_hold(figures, journal, run)


def with_hold(figures: RunMetrics, journal: Journal, run: Run) -> RunMetrics:
    """With what holds up the worker now, where it decided anything."""
    if run.internal or figures.trust is None:
        return figures
    hold = AutonomyTracker(journal, run).hold()
    return figures.model_copy(update={"hold": hold})


def fold_metrics(run: Run, rows: Iterable[CaseResult]) -> RunMetrics:
    """The figures of these outcomes; keeps a few numbers per case."""
    seen = _Fold()
    for outcome in rows:
        seen.add(outcome)
    counts = seen.counts
    whole = seen.all
    field_means = {name: fmean(values) for name, values in seen.parts.items()}
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
        slices=_group_metrics(seen.slices),
        splits=_group_metrics(seen.splits),
        fields=field_means,
        failures=tuple(seen.failure_figures()),
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
        well_formed=seen.well_formed(),
        seconds=quantiles(whole.seconds),
        cases_per_hour=seen.cases_per_hour(),
        mean_confidence=fmean(seen.confidences) if seen.confidences else None,
        trust=trust(rule_of(run.spec), seen.decided),
    )
