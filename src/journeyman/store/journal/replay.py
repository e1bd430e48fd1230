"""Turns a case's events back into records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from journeyman.store.journal.protocol import Journal
from journeyman.types import (
    Case,
    CaseResult,
    Closed,
    Decided,
    Event,
    Failure,
    Finished,
    Labelled,
    Message,
    Opened,
    Recalled,
    Record,
    Replied,
    Resulted,
    Run,
    Scored,
    SelfChecked,
    Step,
    Trajectory,
)

UNFINISHED = Failure(
    kind="unfinished",
    message="This case is not finished.",
    hint="Run the same `journeyman work` again.",
)

Body = TypeVar("Body", bound=Record)


def bodies(events: Sequence[Event], kind: type[Body]) -> list[Body]:
    """What the events of one kind say, in their order."""
    return [event.body for event in events if isinstance(event.body, kind)]


def last_body(events: Sequence[Event], kind: type[Body]) -> Body | None:
    """What the last event of a kind says. None: there is none."""
    found = bodies(events, kind)
    return found[-1] if found else None


def trajectory_of(case_id: str, worker: str, events: Sequence[Event]) -> Trajectory:
    """The rollout as far as it got; an unfinished one carries a failure that says so."""
    root = [event for event in events if not event.path]
    opened = last_body(root, Opened)
    recalled = last_body(root, Recalled)
    finished = last_body(root, Finished) or _unfinished(worker)
    checked = last_body(root, SelfChecked)
    return Trajectory(
        case_id=case_id,
        worker=finished.worker,
        opening=() if opened is None else opened.messages,
        recalled=() if recalled is None else recalled.told,
        steps=_steps(root),
        answer=finished.answer,
        stop=finished.stop,
        failure=finished.failure,
        seconds=finished.seconds,
        checks=() if checked is None else checked.checks,
    )


def _unfinished(worker: str) -> Finished:
    return Finished(worker=worker, answer=None, stop="failed", failure=UNFINISHED, seconds=0.0)


def _steps(events: Sequence[Event]) -> tuple[Step, ...]:
    """Each reply with the results that came before the next one."""
    steps: list[Step] = []
    results: list[Message] = []
    for event in events:
        if isinstance(event.body, Replied):
            results = []
            steps.append(Step(reply=event.body.reply))
        elif isinstance(event.body, Resulted) and steps:
            results.append(event.body.message)
            steps[-1] = Step(reply=steps[-1].reply, results=tuple(results))
    return tuple(steps)


def outcome_of(case: Case, worker: str, events: Sequence[Event]) -> CaseResult:
    """What became of a case."""
    decided = last_body(events, Decided)
    closed = [event.at for event in events if isinstance(event.body, Closed)]
    labelled = bodies(events, Labelled)
    last = events[-1] if events else None
    moment = max((event.at for event in events), default=None)
    return CaseResult(
        case_id=case.id,
        slice=case.slice,
        split=case.split,
        attempt=1 if last is None else last.attempt,
        trajectory=trajectory_of(case.id, worker, events),
        scores=tuple(scored.score for scored in bodies(events, Scored)),
        decision=None if decided is None else decided.decision,
        labels=tuple(one.label for one in labelled if one.label is not None),
        unjudged=tuple(one.by for one in labelled if one.by is not None),
        closed=bool(closed),
        at=closed[-1] if closed else moment,
    )


def outcomes(journal: Journal, run: Run) -> Iterator[CaseResult]:
    """All cases of a run, in the order they came, one at a time."""
    for case, events in journal.histories(run.id):
        yield outcome_of(case, run.worker, events)
