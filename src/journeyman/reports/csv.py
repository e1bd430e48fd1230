"""The report's CSV files: slices, cases, and what learning did."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from journeyman.reports.learning import Examination, Learned
from journeyman.reports.metrics import SliceMetrics
from journeyman.types import CaseResult

Row = Sequence[object]

SLICE_COLUMNS = (
    "slice",
    "cases",
    "judged",
    "correct",
    "accuracy",
    "low_95",
    "high_95",
    "median_s",
    "p90_s",
)

CASE_COLUMNS = (
    "case",
    "slice",
    "split",
    "stop",
    "correct",
    "answer",
    "confidence",
    "decision",
    "reviewed",
    "final_answer",
    "failure",
    "steps",
    "seconds",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
)

VERSION_COLUMNS = (
    "version",
    "by",
    "why",
    "works_now",
    "exam",
    "examined_against",
    "exam_cases",
    "gain",
    "gain_low_95",
    "gain_high_95",
    "cases",
    "judged",
    "correct",
    "accuracy",
    "low_95",
    "high_95",
    "tokens_per_case",
    "memory_tokens_per_case",
    "tokens_per_correct",
    "worst_tenth_accuracy",
    "worst_tenth_slices",
)

CURVE_COLUMNS = (
    "version",
    "first_case",
    "last_case",
    "judged",
    "correct",
    "accuracy",
    "low_95",
    "high_95",
)

FALL_COLUMNS = (
    "slice",
    "before",
    "after",
    "share_before",
    "share_after",
    "fall",
    "low_95",
    "high_95",
)


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        for row in rows:
            cells = map(cell, row)
            writer.writerow(cells)


def passed_through(results: Iterable[CaseResult], file: Path) -> Iterator[CaseResult]:
    """The same results. Each is written to `cases.csv` on its way."""
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(CASE_COLUMNS)
        for result in results:
            cells = map(cell, case_row(result))
            writer.writerow(cells)
            yield result


def write_slices(slices: Sequence[SliceMetrics], file: Path) -> None:
    rows = map(slice_row, slices)
    write_csv(file, SLICE_COLUMNS, rows)


def write_learned(gained: Learned, folder: Path) -> tuple[Path, ...]:
    """Write what learning did: its versions, its curve, and the slices that got worse."""
    versions = folder / "versions.csv"
    curve = folder / "learning.csv"
    falls = folder / "slices_lost.csv"
    write_csv(versions, VERSION_COLUMNS, version_rows(gained))
    write_csv(curve, CURVE_COLUMNS, curve_rows(gained))
    write_csv(falls, FALL_COLUMNS, fall_rows(gained))
    return (versions, curve, falls)


def cell(value: object) -> object:
    """A value for CSV: unknown is empty, and no text can become a formula in a spreadsheet."""
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@")):
        return "'" + value
    return value


# --- rows ------------------------------------------------------------------------------------------------------


def slice_row(row: SliceMetrics) -> Row:
    correct = row.correct
    return (
        row.slice,
        row.cases,
        correct.total,
        correct.count,
        correct.value,
        correct.low,
        correct.high,
        row.seconds.median,
        row.seconds.p90,
    )


def case_row(result: CaseResult) -> Row:
    trajectory = result.trajectory
    usage = trajectory.usage
    failure = trajectory.failure
    decision, reviewed, final_answer = _decided(result)
    return (
        result.case_id,
        result.slice,
        result.split,
        trajectory.stop if result.closed else "unfinished",
        result.correct,
        trajectory.answer,
        result.confidence,
        decision,
        reviewed,
        final_answer,
        failure.kind if failure else None,
        len(trajectory.steps),
        round(trajectory.seconds, 3),
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.completion_tokens,
    )


def _decided(result: CaseResult) -> tuple[str | None, bool | None, str | None]:
    """What became of the answer: delivered or escalated, whether it is reviewed, and the answer that holds."""
    if result.decision is None:
        return (None, None, None)
    decided = "deliver" if result.decision.deliver else "escalate"
    return (decided, result.decision.audit, _final_answer(result))


def _final_answer(result: CaseResult) -> str | None:
    """The answer that a person or the certificate vouches for. None: nobody does."""
    label = None
    if result.labels:
        label = result.labels[-1]
    if label is not None and label.error:
        return label.correction
    decision = result.decision
    delivered = decision is not None and decision.deliver
    if delivered or label is not None:
        return result.trajectory.answer
    return None


def version_rows(learned: Learned) -> Iterator[Row]:
    for version in learned.versions:
        correct = version.correct
        yield (
            version.label,
            version.by,
            version.why,
            version.champion,
            *_exam_cells(version.exam),
            version.cases,
            correct.total,
            correct.count,
            correct.value,
            correct.low,
            correct.high,
            version.tokens_per_case,
            version.memory_tokens_per_case,
            version.tokens_per_correct,
            version.worst_tenth.value,
            "; ".join(version.worst_slices),
        )


def _exam_cells(exam: Examination | None) -> Row:
    if exam is None:
        return (None,) * 6
    gain = exam.gain
    return (
        exam.outcome,
        exam.champion,
        exam.cases,
        gain.value,
        gain.low,
        gain.high,
    )


def curve_rows(learned: Learned) -> Iterator[Row]:
    for version in learned.versions:
        for stretch in version.curve:
            correct = stretch.correct
            yield (
                version.label,
                stretch.first,
                stretch.last,
                correct.total,
                correct.count,
                correct.value,
                correct.low,
                correct.high,
            )


def fall_rows(learned: Learned) -> Iterator[Row]:
    for worse in learned.falls:
        yield (
            worse.slice,
            worse.before,
            worse.after,
            worse.right_before.value,
            worse.right_after.value,
            worse.fall.value,
            worse.fall.low,
            worse.fall.high,
        )
