"""What learning did to a worker: per version, against chance, and at what cost.

Of all work of one worker on one ground (a job as it is, a model, its settings), each case counts once, the first time:
worked again, it may be remembered. Only judged cases count as right or wrong; where only people label, those are the
escalated and the audited ones, so that shares lean towards the doubtful cases. Unknown stays None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt
from statistics import fmean

from journeyman.assess.bets import bounds
from journeyman.assess.exam import ExamOutcome
from journeyman.assess.reliability import Interval
from journeyman.assess.stats import Proportion, less, proportion
from journeyman.improve.exams import Examined
from journeyman.memory.context import cost_of
from journeyman.memory.projection import LessonProjection
from journeyman.runtime.versions import Version, champion, versions
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import last_body, outcome_of
from journeyman.types import CaseResult, Event, Recalled, Record, Run

STRETCHES = 12
"""Of a version's curve, at most."""
STRETCH = 10
"""Judged cases that a stretch has at least, where the version has as many."""
SLICE = 5
"""Judged cases that a slice must have to be compared."""
TENTH = 10


class CurveStretch(Record):
    """Part of a version's learning curve."""

    first: int
    """Its first judged case, counted over all versions from 1."""
    last: int
    correct: Proportion


class Examination(Record):
    """How a version's last exam ended."""

    champion: int
    """The version that it was examined against."""
    outcome: ExamOutcome
    promoted: bool
    cases: int
    """Worked by both and judged."""
    gain: Interval
    """Mean difference of the scores, with an interval that holds although the exam stops by what it sees."""


class VersionMetrics(Record):
    """One version's row."""

    version: int
    label: str
    by: str
    """The learner or the person that proposed it; `job` for the plain mind."""
    why: str
    champion: bool
    """Whether it works now."""
    exam: Examination | None
    """None: it was never examined."""
    cases: int
    correct: Proportion
    curve: tuple[CurveStretch, ...]
    tokens_per_case: float | None
    """Prompt tokens computed and tokens written. None: it worked no case, or an engine did not say."""
    memory_tokens_per_case: float | None
    """Of the prompt, what was recalled."""
    tokens_per_correct: float | None
    """Of judged cases. None: none was right, or an engine did not say."""
    worst_tenth: Proportion
    """Of its slices with enough judged cases: those with the least accuracy, together."""
    worst_slices: tuple[str, ...]
    """Empty: too few slices to tell."""


class Fall(Record):
    """A slice whose accuracy fell from one version to the next one that worked it."""

    slice: str
    before: str
    after: str
    right_before: Proportion
    right_after: Proportion
    fall: Interval
    """Above 0. Where its interval is too, it is more than chance."""


class Learned(Record):
    worker: str
    job: str
    remembered: int
    """Lessons that the job's workers remember now."""
    worked_again: int
    """Cases left out, for they had been worked before."""
    versions: tuple[VersionMetrics, ...]
    nothing_told: Proportion
    """Cases for which lessons were recalled, and chance withheld all of them."""
    told_alike: Interval
    """Accuracy where some were told, of cases with as many recalled lessons: the two differ by chance alone."""
    best_told: Proportion
    """Cases of which the best lesson recalled was told."""
    best_withheld: Proportion
    """Cases of which chance withheld it, others perhaps not."""
    falls: tuple[Fall, ...]
    """The largest first."""


def learned(journal: Journal, run: Run) -> Learned | None:
    """Of the worker and ground of a run. None: there is but one version, and nothing is remembered."""
    changes, runs = journal.changes(run.job), journal.runs(job=run.job)
    known = {
        n: v
        for n, v in versions(changes, runs, run.name).items()
        if v.config_hash == run.config_hash
    }
    remembered = _remembered(journal, run.job)
    if len(known) < 2 and not remembered:
        return None
    now = champion(changes, known, run.name, run.config_hash).number
    sat = [
        Examined.model_validate(c.body)
        for c in changes
        if c.kind == "examined" and c.worker == run.name
    ]
    done, again = _done(
        journal,
        [one for one in runs if one.config_hash == run.config_hash and one.name == run.name],
    )
    by_version: dict[int, list[Done]] = {number: [] for number in known}
    for one in done:
        by_version[one.version].append(one)
    exams = {examined.version: _examination(examined) for examined in sat}
    told = tuple(
        _version(version, by_version[number], exams.get(number), working=number == now)
        for number, version in known.items()
    )
    nothing, min_similarity = against_chance(done)
    return Learned(
        worker=run.name, job=run.job, remembered=remembered, worked_again=again, versions=told, nothing_told=nothing,
        told_alike=min_similarity, best_told=_share([one for one in done if _drawn(one) and one.best_shown]),
        best_withheld=_share([one for one in done if _drawn(one) and not one.best_shown]),
        falls=tuple(_falls(known, by_version)),
    )  # fmt: skip


def _remembered(journal: Journal, job: str) -> int:
    experience = LessonProjection(journal, job)
    try:
        return experience.advance().count()
    finally:
        experience.close()


# --- cases -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """A few numbers of one closed case."""

    version: int
    at: float
    slice: str | None
    correct: bool | None
    tokens: int | None
    memory_tokens: int
    recalled: int
    shown: int
    withheld: float
    best_shown: bool
    """Whether the best of them was told. False too where there was none."""
    place: int = 0
    """Among the judged ones, from 1. 0: it was not judged."""


def _done(journal: Journal, runs: Sequence[Run]) -> tuple[list[Done], int]:
    """All closed cases in order, each the first time only, and how many were left out."""
    found: dict[str, Done] = {}
    again = 0
    for run in runs:
        for case, events in () if run.internal else journal.histories(run.id):
            outcome = outcome_of(case, run.worker, events)
            if not outcome.closed:
                continue
            again += case.id in found
            found.setdefault(case.id, _numbers(run, outcome, events))
    ordered = sorted(found.values(), key=lambda one: one.at)
    return list(_placed(ordered)), again


def _placed(ordered: Sequence[Done]) -> Iterator[Done]:
    place = 0
    for one in ordered:
        place += one.correct is not None
        yield one if one.correct is None else replace(one, place=place)


def _numbers(run: Run, outcome: CaseResult, events: Sequence[Event]) -> Done:
    recalled = last_body(events, Recalled) or Recalled()
    used = outcome.trajectory.usage
    assert outcome.at is not None
    return Done(
        version=int(run.worker.rpartition("@")[2]),
        at=outcome.at,
        slice=outcome.slice,
        correct=outcome.correct,
        tokens=used.spent_tokens,
        memory_tokens=sum(map(cost_of, outcome.trajectory.recalled)),
        recalled=len(recalled.lessons),
        shown=len(recalled.shown),
        withheld=recalled.withheld,
        best_shown=bool(recalled.lessons) and recalled.lessons[-1].id in recalled.shown,
    )


def _share(done: Sequence[Done]) -> Proportion:
    judged = [one for one in done if one.correct is not None]
    return proportion(sum(one.correct is True for one in judged), len(judged))


# --- versions --------------------------------------------------------------------------------------------------


def _examination(examined: Examined) -> Examination:
    verdict = examined.verdict
    target = verdict.terms.target
    pairs = [
        pair.difference
        for pair in verdict.pairs
        if pair.job == target and pair.difference is not None
    ]
    gain = Interval(value=None, low=None, high=None)
    if pairs:
        low, high = bounds(pairs, verdict.terms.size(target))
        gain = Interval(value=fmean(pairs), low=low, high=high)
    return Examination(
        champion=examined.champion,
        outcome=verdict.outcome,
        promoted=examined.promoted,
        cases=len(pairs),
        gain=gain,
    )


def _tokens_per(count: int, done: Sequence[Done]) -> float | None:
    known = [one.tokens for one in done if one.tokens is not None]
    return sum(known) / count if count and len(known) == len(done) else None


def _version(
    version: Version, done: Sequence[Done], exam: Examination | None, *, working: bool
) -> VersionMetrics:
    judged = [one for one in done if one.correct is not None]
    correct = sum(one.correct is True for one in judged)
    worst = _worst(judged)
    return VersionMetrics(
        version=version.number,
        label=version.label,
        by=version.by,
        why=version.why,
        champion=working,
        exam=exam,
        cases=len(done),
        correct=_share(judged),
        curve=tuple(curve(judged)),
        tokens_per_case=_tokens_per(len(done), done),
        memory_tokens_per_case=fmean(one.memory_tokens for one in done) if done else None,
        tokens_per_correct=_tokens_per(correct, judged),
        worst_tenth=_share([one for one in judged if one.slice in worst]),
        worst_slices=worst,
    )


def curve(judged: Sequence[Done]) -> Iterator[CurveStretch]:
    """The judged cases of a version, in order, in stretches of about equal length."""
    count = max(1, min(STRETCHES, len(judged) // STRETCH)) if judged else 0
    for n in range(count):
        part = judged[n * len(judged) // count : (n + 1) * len(judged) // count]
        yield CurveStretch(first=part[0].place, last=part[-1].place, correct=_share(part))


def _by_slice(judged: Sequence[Done]) -> Mapping[str, Proportion]:
    """Of slices with enough judged cases."""
    found: dict[str, list[Done]] = {}
    for one in judged:
        if one.slice is not None:
            found.setdefault(one.slice, []).append(one)
    return {name: _share(part) for name, part in sorted(found.items()) if len(part) >= SLICE}


def _worst(judged: Sequence[Done]) -> tuple[str, ...]:
    """The worst tenth of the slices, rounded up; chosen and measured by the same cases, it looks worse than it is."""
    shares = _by_slice(judged)
    ranked = sorted(shares, key=lambda name: shares[name].value or 0.0)
    return tuple(ranked[: ceil(len(ranked) / TENTH)]) if len(ranked) > 1 else ()


def _falls(known: Mapping[int, Version], by_version: Mapping[int, Sequence[Done]]) -> list[Fall]:
    """What got worse from each version that worked a slice to the next one that did."""
    last: dict[str, tuple[str, Proportion]] = {}
    found: list[Fall] = []
    for number, done in by_version.items():
        for name, now in _by_slice([one for one in done if one.correct is not None]).items():
            label = known[number].label
            if name in last and (fallen := less(last[name][1], now)) is not None and fallen[0] > 0:
                fall = Interval(value=fallen[0], low=fallen[1], high=fallen[2])
                before, share_before = last[name]
                found.append(
                    Fall(
                        slice=name,
                        before=before,
                        after=label,
                        right_before=share_before,
                        right_after=now,
                        fall=fall,
                    )
                )
            last[name] = (label, now)
    return sorted(found, key=lambda one: -(one.fall.value or 0.0))


# --- against chance --------------------------------------------------------------------------------------------


def _drawn(one: Done) -> bool:
    """Whether chance had a say in what was told."""
    return one.recalled > 0 and one.withheld > 0


def against_chance(done: Sequence[Done]) -> tuple[Proportion, Interval]:
    """The accuracy where chance withheld all that was recalled, and where it did not, of cases otherwise alike.

    How many lessons were recalled decides how probable it is that all are withheld. So cases are compared with those
    that have as many, and each number counts as often as it does among those that were told nothing; numbers that only
    one side has are left out.
    """
    drawn = [one for one in done if one.correct is not None and _drawn(one)]
    nothing = [one for one in drawn if not one.shown]
    told = [one for one in drawn if one.shown]
    both = {one.recalled for one in nothing} & {one.recalled for one in told}
    nothing = [one for one in nothing if one.recalled in both]
    if not nothing:
        return _share([]), Interval(value=None, low=None, high=None)
    weight = Counter(one.recalled for one in nothing)
    value = variance = 0.0
    for number, count in weight.items():
        part = _share([one for one in told if one.recalled == number])
        assert part.value is not None
        careful = (part.count + 1) / (part.total + 2)
        value += part.value * count / len(nothing)
        variance += (count / len(nothing)) ** 2 * careful * (1 - careful) / part.total
    spread = 1.96 * sqrt(variance)
    return _share(nothing), Interval(
        value=value, low=max(0.0, value - spread), high=min(1.0, value + spread)
    )
