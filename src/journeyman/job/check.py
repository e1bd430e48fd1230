"""Tests a job's verifiers without a model.

For every case with a target, each verifier must give the reference answer 1, silence 0 and nonsense 0.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.protocols import Verifier
from journeyman.types import Case, Record, Stop, Trajectory

NONSENSE = "flurbish ≠ 呜里哇"
"""An answer that no case can have."""


class ProofFailure(Record):
    """What `check` found wrong with one case under one verifier."""

    case_id: str
    verifier: str
    given: str
    """"reference", "silence" or "nonsense"."""
    expected: float
    value: float | None
    reason: str


class CaseProof(Record):
    """What `check` saw of one case. Neither findings nor a reference: nothing could be proved of it."""

    case_id: str
    proved: bool
    findings: tuple[ProofFailure, ...] = ()


async def check(job: Job) -> AsyncIterator[CaseProof]:
    """Prove each case without any model. A case without a target can't be proved, and is told apart."""
    seen: set[str] = set()
    for case in job.cases():
        if case.id in seen:
            raise InputError(
                f"Two cases have the id {case.id!r}.", "Give each case an id of its own."
            )
        seen.add(case.id)
        findings: list[ProofFailure] = []
        proved = False
        for verifier in job.verifiers:
            reference = None
            if case.target is not None:
                reference = verifier.reference(case)
            if reference is not None:
                proved = True
                findings += await _failures(verifier, case, reference)
        yield CaseProof(case_id=case.id, proved=proved, findings=tuple(findings))


async def _failures(verifier: Verifier, case: Case, reference: str) -> list[ProofFailure]:
    """What one verifier gets wrong on one case."""
    trials = (
        ("reference", reference, 1.0),
        ("silence", None, 0.0),
        ("nonsense", NONSENSE, 0.0),
    )
    failures: list[ProofFailure] = []
    for given, answer, expected in trials:
        if given != "reference" and await _says_nothing_is_right(verifier, case):
            continue
        score = await verifier.score(case, answered(case, answer))
        if score.value == expected:
            continue
        failure = ProofFailure(
            case_id=case.id,
            verifier=verifier.name,
            given=given,
            expected=expected,
            value=score.value,
            reason=score.reason,
        )
        failures.append(failure)
    return failures


async def _says_nothing_is_right(verifier: Verifier, case: Case) -> bool:
    """Whether the reference answer is to hand in nothing, as where no function fits."""
    return verifier.reference(case) in {"", "[]"}


def answered(case: Case, answer: str | None) -> Trajectory:
    """A trajectory that only hands in `answer`."""
    stop: Stop = "silent" if answer is None else "answered"
    return Trajectory(
        case_id=case.id,
        worker="reference@0",
        opening=(),
        answer=answer,
        stop=stop,
    )
