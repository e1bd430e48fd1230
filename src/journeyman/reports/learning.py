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
from journeyman.types import CaseResult, Change, Event, Recalled, Record, Run

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
    changes = journal.changes(run.job)
    runs = journal.runs(job=run.job)
    known = _versions_on_ground(run, versions(changes, runs, run.name))
    remembered = _remembered(journal, run.job)
    if len(known) < 2 and not remembered:
        return None
    working = champion(changes, known, run.name, run.config_hash)
    done, again = _done(journal, _alike(run, runs))
    by_version: dict[int, list[Done]] = {number: [] for number in known}
    for case in done:
        by_version[case.version].append(case)
    exams = _exams(changes, run.name)
    rows = [
        _version(version, by_version[number], exams.get(number), working=number == working.number)
        for number, version in known.items()
    ]
    nothing_told, told_alike = against_chance(done)
    drawn = [case for case in done if _drawn(case)]
    return Learned(
        worker=run.name,
        job=run.job,
        remembered=remembered,
        worked_again=again,
        versions=tuple(rows),
        nothing_told=nothing_told,
        told_alike=told_alike,
        best_told=_share([case for case in drawn if case.best_shown]),
        best_withheld=_share([case for case in drawn if not case.best_shown]),
        falls=tuple(_falls(known, by_version)),
    )


def _alike(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs of the same worker on the same ground."""
    return [
        other for other in runs if other.config_hash == run.config_hash if other.name == run.name
    ]


def _versions_on_ground(run: Run, versions: Mapping[int, Version]) -> dict[int, Version]:
    return {
        number: version
        for number, version in versions.items()
        if version.config_hash == run.config_hash
    }


def _exams(changes: Sequence[Change], worker: str) -> dict[int, Examination]:
    """The last exam of each version that was examined."""
    exams: dict[int, Examination] = {}
    for change in changes:
        if change.kind == "examined" and change.worker == worker:
            examined = Examined.model_validate(change.body)
            exams[examined.version] = _examination(examined)
    return exams


def _remembered(journal: Journal, job: str) -> int:
    projection = LessonProjection(journal, job)
    try:
        return projection.advance().count()
    finally:
        projection.close()


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
        if run.internal:
            continue
        for case, events in journal.histories(run.id):
            result = outcome_of(case, run.worker, events)
            if not result.closed:
                continue
            if case.id in found:
                again += 1
            else:
                found[case.id] = _numbers(run, result, events)
    ordered = sorted(found.values(), key=lambda done: done.at)
    return list(_placed(ordered)), again


def _placed(ordered: Sequence[Done]) -> Iterator[Done]:
    """The same cases; the judged ones know their place."""
    place = 0
    for done in ordered:
        if done.correct is None:
            yield done
            continue
        place += 1
        yield replace(done, place=place)


def _numbers(run: Run, result: CaseResult, events: Sequence[Event]) -> Done:
    recalled = last_body(events, Recalled) or Recalled()
    lessons = recalled.lessons
    trajectory = result.trajectory
    _, _, version = run.worker.rpartition("@")
    assert result.at is not None
    return Done(
        version=int(version),
        at=result.at,
        slice=result.slice,
        correct=result.correct,
        tokens=trajectory.usage.spent_tokens,
        memory_tokens=sum(map(cost_of, trajectory.recalled)),
        recalled=len(lessons),
        shown=len(recalled.shown),
        withheld=recalled.withheld,
        best_shown=bool(lessons) and lessons[-1].id in recalled.shown,
    )


def _share(done: Sequence[Done]) -> Proportion:
    """The accuracy of the judged ones."""
    verdicts = [case.correct for case in done]
    correct = verdicts.count(True)
    wrong = verdicts.count(False)
    return proportion(correct, correct + wrong)


# --- versions --------------------------------------------------------------------------------------------------


def _examination(examined: Examined) -> Examination:
    verdict = examined.verdict
    terms = verdict.terms
    target = terms.target
    pairs = [pair for pair in verdict.pairs if pair.job == target]
    differences = [pair.difference for pair in pairs if pair.difference is not None]
    gain = Interval(value=None, low=None, high=None)
    if differences:
        low, high = bounds(differences, terms.size(target))
        gain = Interval(value=fmean(differences), low=low, high=high)
    return Examination(
        champion=examined.champion,
        outcome=verdict.outcome,
        promoted=examined.promoted,
        cases=len(differences),
        gain=gain,
    )


def _tokens_per(count: int, done: Sequence[Done]) -> float | None:
    """None: the count is 0, or an engine did not say."""
    total = 0
    for case in done:
        if case.tokens is None:
            return None
        total += case.tokens
    return total / count if count else None


def _version(
    version: Version, done: Sequence[Done], exam: Examination | None, *, working: bool
) -> VersionMetrics:
    judged = [case for case in done if case.correct is not None]
    correct = _share(judged)
    worst = _worst(judged)
    in_worst = [case for case in judged if case.slice in worst]
    memory_tokens = [case.memory_tokens for case in done]
    return VersionMetrics(
        version=version.number,
        label=version.label,
        by=version.by,
        why=version.why,
        champion=working,
        exam=exam,
        cases=len(done),
        correct=correct,
        curve=tuple(curve(judged)),
        tokens_per_case=_tokens_per(len(done), done),
        memory_tokens_per_case=fmean(memory_tokens) if memory_tokens else None,
        tokens_per_correct=_tokens_per(correct.count, judged),
        worst_tenth=_share(in_worst),
        worst_slices=worst,
    )


def curve(judged: Sequence[Done]) -> Iterator[CurveStretch]:
    """The judged cases of a version, in order, in stretches of about equal length."""
    total = len(judged)
    if not total:
        return
    whole_stretches = total // STRETCH
    count = max(1, min(STRETCHES, whole_stretches))
    for n in range(count):
        start = n * total // count
        end = (n + 1) * total // count
        part = judged[start:end]
        first = part[0].place
        last = part[-1].place
        yield CurveStretch(first=first, last=last, correct=_share(part))


def _by_slice(judged: Sequence[Done]) -> Mapping[str, Proportion]:
    """Of slices with enough judged cases."""
    found: dict[str, list[Done]] = {}
    for case in judged:
        if case.slice is not None:
            found.setdefault(case.slice, []).append(case)
    shares: dict[str, Proportion] = {}
    for name in sorted(found):
        if len(found[name]) >= SLICE:
            shares[name] = _share(found[name])
    return shares


def _worst(judged: Sequence[Done]) -> tuple[str, ...]:
    """The worst tenth of the slices, rounded up; chosen and measured by the same cases, it looks worse than it is."""
    shares = _by_slice(judged)
    if len(shares) < 2:
        return ()
    ranked = sorted(shares, key=lambda name: shares[name].value or 0.0)
    count = ceil(len(ranked) / TENTH)
    return tuple(ranked[:count])


def _falls(known: Mapping[int, Version], by_version: Mapping[int, Sequence[Done]]) -> list[Fall]:
    """What got worse from each version that worked a slice to the next one that did."""
    last: dict[str, tuple[str, Proportion]] = {}
    found: list[Fall] = []
    for number, done in by_version.items():
        label = known[number].label
        judged = [case for case in done if case.correct is not None]
        for name, after in _by_slice(judged).items():
            if name in last:
                label_before, before = last[name]
                fall = _fall(before, after)
                if fall is not None:
                    found.append(
                        Fall(
                            slice=name,
                            before=label_before,
                            after=label,
                            right_before=before,
                            right_after=after,
                            fall=fall,
                        )
                    )
            last[name] = (label, after)
    return sorted(found, key=lambda fall: -(fall.fall.value or 0.0))


def _fall(before: Proportion, after: Proportion) -> Interval | None:
    """By how much the accuracy fell. None: it did not."""
    difference = less(before, after)
    if difference is None:
        return None
    value, low, high = difference
    if value <= 0:
        return None
    return Interval(value=value, low=low, high=high)


# --- against chance --------------------------------------------------------------------------------------------


def _drawn(one: Done) -> bool:
    """Whether chance had a say in what was told."""
    return one.recalled > 0 and one.withheld > 0


def _told_and_not(done: Sequence[Done]) -> tuple[list[Done], list[Done]]:
    """The judged cases that were told something, and those told nothing that have their like among the others."""
    told: list[Done] = []
    untold: list[Done] = []
    for case in done:
        if case.correct is None or not _drawn(case):
            continue
        if case.shown:
            told.append(case)
        else:
            untold.append(case)
    counts = {case.recalled for case in told}
    alike = [case for case in untold if case.recalled in counts]
    return told, alike


def against_chance(done: Sequence[Done]) -> tuple[Proportion, Interval]:
    """The accuracy where chance withheld all that was recalled, and where it did not, of cases otherwise alike.

    How many lessons were recalled decides how probable it is that all are withheld. So cases are compared with those
    that have as many, and each number counts as often as it does among those that were told nothing; numbers that only
    one side has are left out.
    """
    told, nothing = _told_and_not(done)
    if not nothing:
        return _share([]), Interval(value=None, low=None, high=None)
    total = len(nothing)
    weights = Counter(case.recalled for case in nothing)
    value = 0.0
    variance = 0.0
    for recalled, count in weights.items():
        part = _share([case for case in told if case.recalled == recalled])
        assert part.value is not None
        value += part.value * count / total
        careful = (part.count + 1) / (part.total + 2)
        weight = (count / total) ** 2
        variance += weight * careful * (1 - careful) / part.total
    spread = 1.96 * sqrt(variance)
    low = max(0.0, value - spread)
    high = min(1.0, value + spread)
    return _share(nothing), Interval(value=value, low=low, high=high)
