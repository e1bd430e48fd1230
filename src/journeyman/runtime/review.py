"""The review inbox: cases that wait for a person, and the person's labels.

A case waits when it was escalated or audited and nobody who knows has said whether its answer is right. A review is a
label at once, written like everything else. Of two people who review the same case both are kept. "Can't judge" is an
answer too: that person is not asked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from journeyman.errors import InputError
from journeyman.store.journal import Journal, LeaseLostError
from journeyman.store.journal.replay import outcome_of
from journeyman.types import (
    Case,
    CaseResult,
    Decided,
    Decision,
    Event,
    Held,
    Label,
    Labelled,
    Run,
    Stop,
)

BLOCK = 20
"""Cases are shown oldest first in blocks of so many, and within a block the riskiest first: a label that is missing
holds up those behind it, so age comes first."""

HELD: Mapping[Held, str] = {
    "stopped": "The job was stopped: everything goes to a person.",
    "audits": "Too many audits are overdue: everything goes to a person until they are done.",
}

TRIES = 100
"""How often a label looks for a free place behind those of others."""


@dataclass(frozen=True)
class ReviewItem:
    """One case in the inbox."""

    case: Case
    outcome: CaseResult
    why: str

    @property
    def risk(self) -> float:
        return 1.0 - (self.outcome.confidence or 0.0)


def inbox(journal: Journal, run: Run, *, by: str | None = None) -> list[ReviewItem]:
    """All that waits, in the order in which it should be looked at; not what `by` could not judge."""
    waiting = list(_waiting(journal, run, by))
    blocks = (waiting[n : n + BLOCK] for n in range(0, len(waiting), BLOCK))
    return [item for block in blocks for item in sorted(block, key=lambda item: -item.risk)]


def _waiting(journal: Journal, run: Run, by: str | None) -> Iterator[ReviewItem]:
    """In the order of decisions."""
    for case_id in _open_cases(journal, run, by):
        case = journal.case(run.id, case_id)
        assert case is not None
        outcome = outcome_of(case, run.worker, journal.events(run.id, case_id))
        if outcome.closed and outcome.decision is not None:
            yield ReviewItem(
                case=case, outcome=outcome, why=reason(outcome.decision, outcome.trajectory.stop)
            )


def _open_cases(journal: Journal, run: Run, by: str | None) -> list[str]:
    """Those that nobody judged, without those that `by` can't judge."""
    open_cases: dict[str, None] = {}
    given_up: set[str] = set()
    for _, event in journal.news(run.id, ("decided", "labelled")):
        body = event.body
        if _asks_for_review(event):
            open_cases[event.case_id] = None
        elif isinstance(body, Labelled) and body.label is None:
            if by is not None and body.by == by:
                given_up.add(event.case_id)
        else:
            open_cases.pop(event.case_id, None)
    return [case_id for case_id in open_cases if case_id not in given_up]


def _asks_for_review(event: Event) -> bool:
    decided = event.body
    return isinstance(decided, Decided) and decided.decision.audit and not decided.sealed


def reason(decision: Decision, stop: Stop) -> str:
    """Why it was decided so, in one sentence."""
    if stop == "in_doubt":
        return "An effect may or may not have happened."
    if decision.held is not None:
        return HELD[decision.held]
    if decision.score is None:
        return (
            "There is no answer."
            if stop != "answered"
            else "Nothing is known yet of answers like this."
        )
    if decision.deliver:
        drawn = (
            f"drawn for an audit, as {100 * decision.propensity:g} % are"
            if decision.audit
            else "nobody looks at it"
        )
        return f"Confidence {decision.score:.2f} reaches the threshold {decision.threshold:.2f}; {drawn}."
    if decision.threshold is None:
        return f"Confidence {decision.score:.2f}; nothing may be delivered alone yet."
    return f"Confidence {decision.score:.2f} is under the threshold {decision.threshold:.2f}."


def review(journal: Journal, run: Run, case_id: str, label: Label) -> CaseResult:
    """Write down what a person says of a case; it counts at once. Gives the case as it then stands.

    A correction equal to the answer is an acceptance. Raises InputError for a case that is not there or not done yet.
    """

    def said(outcome: CaseResult) -> Labelled | None:
        given = _settled(label, outcome)
        if outcome.labels and _same(outcome.labels[-1], given):
            return None
        return Labelled(label=given)

    return _written(journal, run, case_id, said)


def give_up(journal: Journal, run: Run, case_id: str, by: str, note: str = "") -> CaseResult:
    """Write down that a person can't judge a case. It is not shown to that person again, and not waited for."""

    def said(outcome: CaseResult) -> Labelled | None:
        if by in outcome.unjudged:
            return None
        return Labelled(label=None, by=by, note=note)

    return _written(journal, run, case_id, said)


def _written(
    journal: Journal, run: Run, case_id: str, said: Callable[[CaseResult], Labelled | None]
) -> CaseResult:
    """The case with what is said of it as it stands. None: that is written already."""
    case = journal.case(run.id, case_id)
    if case is None:
        raise InputError(
            f"Run {run.id!r} has no case {case_id!r}.",
            "List what waits with: journeyman review --json",
        )
    for _ in range(TRIES):
        events = journal.events(run.id, case_id)
        outcome = outcome_of(case, run.worker, events)
        if not outcome.closed:
            raise InputError(
                f"Case {case_id!r} is not finished.", "Let `journeyman work` finish it first."
            )
        body = said(outcome)
        if body is None:
            return outcome
        event = _next_event(events, body)
        try:
            journal.append([event], fully=True)
        except LeaseLostError:
            continue  # somebody else's label took the place: look again
        return outcome_of(case, run.worker, [*events, event])
    raise InputError(f"Case {case_id!r} is being reviewed by many at once.", "Try again.")


def _next_event(events: Sequence[Event], body: Labelled) -> Event:
    """At the end of the case's root."""
    root = [event for event in events if not event.path]
    last = root[-1]
    return Event(
        run_id=last.run_id,
        case_id=last.case_id,
        attempt=last.attempt,
        seq=last.seq + 1,
        body=body,
        at=time.time(),
    )


def _settled(label: Label, outcome: CaseResult) -> Label:
    """Whether the answer was wrong follows from a correction; without an answer there is nothing to accept."""
    answer = outcome.trajectory.answer
    if answer is None and not label.error and label.correction is None:
        raise InputError(
            f"Case {outcome.case_id!r} has no answer to accept.",
            "Give the right one with --edit, or use --reject.",
        )
    if label.correction is None:
        return label
    return label.model_copy(
        update={"error": answer is None or label.correction.strip() != answer.strip()}
    )


def _same(one: Label, other: Label) -> bool:
    """The same said by the same person; that another one agrees is kept, for the first may be unlearned."""
    return (one.by, one.error, one.correction) == (other.by, other.error, other.correction)
