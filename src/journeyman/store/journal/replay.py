"""Events back into records: what the journal says of a case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from journeyman.store.journal.sqlite import Journal
from journeyman.types import (
    Case,
    CaseResult,
    Decision,
    Event,
    Failure,
    Label,
    Message,
    Reply,
    Run,
    Score,
    Step,
    Trajectory,
)

UNFINISHED = Failure(
    kind="unfinished",
    message="This case is not finished.",
    hint="Run the same `journeyman work` again.",
)


def trajectory_of(case_id: str, worker: str, events: Sequence[Event]) -> Trajectory:
    """The rollout as far as it got; unfinished ones carry a failure that says so."""
    opening: tuple[Message, ...] = ()
    steps: list[Step] = []
    ending: dict[str, object] = {"worker": worker, "stop": "failed", "failure": UNFINISHED}
    for event in events:
        if event.kind == "recalled":
            told = [
                lesson for lesson in event.body["lessons"] if lesson["id"] in event.body["shown"]
            ]
            ending["recalled"] = told
        elif event.kind == "opened":
            opening = tuple(Message.model_validate(message) for message in event.body["messages"])
        elif event.kind == "replied":
            steps.append(Step(reply=Reply.model_validate(event.body)))
        elif event.kind == "resulted" and steps:
            result = Message.model_validate(event.body)
            steps[-1] = steps[-1].model_copy(update={"results": (*steps[-1].results, result)})
        elif event.kind == "finished":
            ending |= event.body
        elif event.kind == "checked":
            ending["checks"] = event.body["checks"]
    return Trajectory.model_validate(
        {"case_id": case_id, "opening": opening, "steps": tuple(steps), **ending}
    )


def outcome_of(case: Case, worker: str, events: Sequence[Event]) -> CaseResult:
    """What became of a case."""
    decided = [
        Decision.model_validate(event.body["decision"])
        for event in events
        if event.kind == "decided"
    ]
    closed = [event.at for event in events if event.kind == "closed"]
    return CaseResult(
        case_id=case.id,
        slice=case.slice,
        split=case.split,
        attempt=events[-1].attempt if events else 1,
        trajectory=trajectory_of(case.id, worker, events),
        scores=tuple(
            Score.model_validate(event.body) for event in events if event.kind == "scored"
        ),
        decision=decided[-1] if decided else None,
        labels=tuple(
            Label.model_validate(event.body) for event in events if event.kind == "labelled"
        ),
        closed=bool(closed),
        at=closed[-1] if closed else events[-1].at if events else None,
    )


def outcomes(journal: Journal, run: Run) -> Iterator[CaseResult]:
    """All cases of a run, in the order they came, one at a time."""
    for case, events in journal.histories(run.id):
        yield outcome_of(case, run.worker, events)
