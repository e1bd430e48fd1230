"""An opened store in neutral words: every figure that the code of today computes from it.

All use of journeyman's API by the tests of the golden stores stands in this folder's `reading.py`, `desk.py` and
`going_on.py`. The keys are words of the domain, and must never change: the expected files were written by the code of
then. A renamed attribute is renamed here on the right-hand side alone.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from journeyman.assess.reliability import Interval
from journeyman.assess.stats import Proportion
from journeyman.autonomy.backtest import Backtest, Outlook, outlook
from journeyman.autonomy.tracker import AutonomyTracker, remade
from journeyman.knowledge.base import KnowledgeBase
from journeyman.knowledge.graph.claims import claims
from journeyman.knowledge.graph.graph import Graph
from journeyman.knowledge.graph.reports import reports
from journeyman.memory.projection import LessonProjection
from journeyman.memory.recall import lesson_stats, recall
from journeyman.models.embedding import HashedEmbedder
from journeyman.reports.learning import Learned, VersionMetrics
from journeyman.reports.metrics import Quantiles, RunMetrics, SliceMetrics, run_metrics
from journeyman.reports.trust import Point, Trust
from journeyman.reports.writer import write_report
from journeyman.runtime.review import inbox
from journeyman.runtime.versions import Version, champion, versions
from journeyman.store.journal import Journal, open_journal
from journeyman.store.journal.replay import outcome_of, trajectory_of
from journeyman.types import (
    CaseResult,
    Change,
    Failure,
    Label,
    Lesson,
    Message,
    Recall,
    Run,
    Step,
    Trajectory,
    Usage,
    WorkerSpec,
)

Words = dict[str, Any]

DIGITS = 9
"""Significant ones, of what linear algebra computes: its last bits differ from processor to processor."""

WIDTH = 180
"""Of a line of the expected files, about."""

DIMENSIONS = 64
"""Of the embedder that the knowledge bases were made with."""

QUERIES = (
    "Where is the harbour master?",
    "rent of the boat house",
    "青山书店在哪里",
    "Acme Utrecht invoice",
)
"""Asked of each knowledge base."""

ASKED_OF_MEMORY = ("say 7", "Order D-07: work it.", "Which shelf holds order 12?")
"""Asked of each job's memory."""

LABELS: tuple[tuple[str, ...], ...] = ((), ("board",), ("board", "staff"))
"""Of those who search a knowledge base."""

CSV_WORDS = {
    "tokens_per_correct": "tokens_per_right", "worst_tenth_accuracy": "worst_tenth_share_right",
}  # fmt: skip
"""Columns of the reports' files as they are called today, and here."""


def read_store(workspace: Path) -> Words:
    """All of one workspace. Opening it may bring it up to date."""
    found = {"arithmetic": arithmetic(), **read_journal(workspace)}
    bases = sorted((workspace / "knowledge").glob("*.sqlite"))
    found["knowledge"] = {file.stem: read_base(file) for file in bases}
    return found


def read_journal(workspace: Path) -> Words:
    """All of the workspace but its knowledge bases."""
    with open_journal(workspace) as journal:
        runs = journal.runs()
        found: Words = {"integrity": journal.check(), "runs": {}, "jobs": {}, "reports": {}}
        gained: dict[str, Learned | None] = {}
        for run in runs:
            if run.internal:
                counted = run_metrics(journal, run)
            else:
                counted, gained[run.id], found["reports"][run.id] = read_report(journal, run)
            found["runs"][run.id] = {**read_run(journal, run), "metrics": metrics(counted)}
        for job in sorted({run.job for run in runs}):
            found["jobs"][job] = read_job(journal, job, gained)
    return found


# --- plain values ----------------------------------------------------------------------------------------------


def about(value: float | None) -> float | None:
    """To the digits that every processor agrees on."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


class Near(float):
    """A figure that rests on products of matrices in single precision: equal where these come out equal (`arithmetic`),
    elsewhere within `slack`."""

    slack: float

    def __new__(cls, value: float, slack: float) -> Near:
        made = super().__new__(cls, f"{value:.{DIGITS}g}")
        made.slack = slack
        return made


def assessed(value: float | None) -> float | None:
    """What an assessor that was fitted anew says. Where two past cases are equally alike, the last bit decides."""
    return None if value is None else Near(value, 2e-3)


def scored(value: float | None) -> float | None:
    """How well a passage answered a search."""
    return None if value is None else Near(value, 1e-6)


def arithmetic() -> str:
    """Of this machine: the same where products of matrices and logarithms come out the same, to the last bit."""
    numbers = np.sin(np.arange(96 * 257, dtype=np.float64)).reshape(96, 257)
    single = numbers.astype(np.float32)
    square = numbers @ numbers.T + np.eye(96)
    parts = (single @ single.T, square, np.linalg.solve(square, numbers), np.log(np.exp(numbers)))
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]


def digest(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def proportion(one: Proportion) -> Words:
    return {
        "count": one.count,
        "total": one.total,
        "value": one.value,
        "low": one.low,
        "high": one.high,
    }


def interval(one: Interval) -> Words:
    return {"value": about(one.value), "low": about(one.low), "high": about(one.high)}


def quantiles(one: Quantiles) -> Words:
    return {"median": one.median, "p90": one.p90, "most": one.most}


def points(found: Sequence[Point]) -> list[list[float | None]]:
    return [[about(one.x), about(one.y)] for one in found]


def failure(one: Failure | None) -> Words | None:
    """Of a case that is not finished the words are today's, so they are left out."""
    if one is None:
        return None
    if one.kind == "unfinished":
        return {"kind": one.kind}
    return {"kind": one.kind, "message": one.message, "hint": one.hint}


def usage(one: Usage) -> Words:
    return {
        "prompt_tokens": one.prompt_tokens, "completion_tokens": one.completion_tokens,
        "cached_tokens": one.cached_tokens, "seconds": one.seconds,
    }  # fmt: skip


def readable(value: object, indent: str = "") -> str:
    """JSON in which what fits on a line stands on one."""
    short = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(short) <= WIDTH or not isinstance(value, dict | list):
        return short
    deeper = indent + " "
    if isinstance(value, dict):
        rows = [
            f"{json.dumps(name, ensure_ascii=False)}: {readable(part, deeper)}"
            for name, part in value.items()
        ]
    elif all(isinstance(part, int | float | str | None) for part in value):
        return short
    else:
        rows = [readable(part, deeper) for part in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    inner = f",\n{deeper}".join(rows)
    return f"{first}\n{deeper}{inner}\n{indent}{last}"


# --- runs ------------------------------------------------------------------------------------------------------


def read_run(journal: Journal, run: Run) -> Words:
    told: Words = {
        "job": run.job,
        "worker": run.worker,
        "model": run.model,
        "fingerprint": run.fingerprint,
        "opened_at": run.opened_at,
        "config_hash": run.config_hash,
        "internal": run.internal,
        "settings": settings(run),
        "left_to_do": journal.remaining(run.id),
        "autonomy": autonomy(journal, run),
        "decisions": decisions(journal, run),
        "inbox": [[item.case.id, about(item.risk)] for item in inbox(journal, run)],
        "cases": list(read_cases(journal, run)),
    }
    if run.internal:  # of an exam's or a learner's cases a digest is enough
        told["cases"] = [[case["id"], case["correct"], digest(case)] for case in told["cases"]]
        told["decisions"] = digest(told["decisions"])
    if run.spec.warm_up is not None:
        told["backtest"] = backtest(outlook(journal, run))
    return told


def settings(run: Run) -> Words:
    """What was set when it was opened. Not set is not there."""
    words = {
        "allowed_error": "allowed_error", "confidence": "confidence", "audit_rate": "audit_rate", "salt": "salt",
        "warm_up": "warm_up", "history": "history", "continues": "continues", "purpose": "purpose",
        "until": "memory_until", "budget": "budget",
    }  # fmt: skip
    spec = run.spec.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    told = {word: spec[name] for name, word in words.items() if name in spec}
    return {**told, "worker_spec": worker_spec(run.worker_spec)}


def metrics(one: RunMetrics) -> Words:
    return {
        "run": one.run,
        "job": one.job,
        "worker": one.worker,
        "model": one.model,
        "opened_at": one.opened_at,
        "cases": one.cases,
        "closed": one.closed,
        "not_judged": one.not_judged,
        "targets_known": one.targets_known,
        "accuracy": proportion(one.correct),
        "slices": [slice_metrics(row) for row in one.slices],
        "splits": [slice_metrics(row) for row in one.splits],
        "fields": dict(sorted(one.fields.items())),
        "failures": [[failure(row.failure), row.count] for row in one.failures],
        "in_doubt": one.in_doubt,
        "stops": dict(sorted(one.stops.items())),
        "prompt_tokens": one.prompt_tokens,
        "cached_tokens": one.cached_tokens,
        "completion_tokens": one.completion_tokens,
        "tokens_per_correct": one.tokens_per_correct,
        "model_calls": one.model_calls,
        "model_seconds": one.model_seconds,
        "tool_calls": one.tool_calls,
        "failed_tool_calls": one.failed_tool_calls,
        "malformed_replies": one.malformed_replies,
        "well_formed": proportion(one.well_formed),
        "seconds": quantiles(one.seconds),
        "cases_per_hour": one.cases_per_hour,
        "mean_confidence": one.mean_confidence,
        "trust": None if one.trust is None else trust(one.trust),
    }


def slice_metrics(row: SliceMetrics) -> Words:
    return {
        "slice": row.slice, "cases": row.cases, "accuracy": proportion(row.correct), "seconds": quantiles(row.seconds)
    }  # fmt: skip


def trust(one: Trust) -> Words:
    return {
        "allowed_error": one.allowed_error,
        "confidence": one.confidence,
        "audit_rate": one.audit_rate,
        "decided": one.decided,
        "threshold": one.threshold,
        "delivered": proportion(one.delivered),
        "error_delivered": proportion(one.error_delivered),
        "reviewed": proportion(one.reviewed),
        "waiting": one.waiting,
        "base_error": proportion(one.base_error),
        "ceiling": one.ceiling,
        "efficiency": one.efficiency,
        "labels": one.labels,
        "labels_to_first": one.labels_to_first,
        "labels_needed": one.labels_needed,
        "auroc": interval(one.auroc),
        "ece": interval(one.ece),
        "ece_floor": about(one.ece_floor),
        "brier_skill": interval(one.brier_skill),
        "aurc": about(one.aurc),
        "bins": [[bar.cases, about(bar.confidence), about(bar.correct)] for bar in one.bins],
        "risk_coverage": points(one.risk_coverage),
        "delivered_lately": points(one.course),
    }


def autonomy(journal: Journal, run: Run) -> Words:
    """What the settled cases amount to, to the last bit where only labels and bets speak."""
    standing = AutonomyTracker(journal, run)
    now, waiting = standing.autonomy, standing.waiting
    told: Words = {
        "warm_up": now.warm_up,
        "settled": now.settled,
        "labels": now.labels,
        "next_fit": now.next_fit,
        "first_alone": now.first_alone,
        "learned_from": len(now.examples),
        "waiting_for_label": [list(attempt) for attempt in waiting],
        "allowed_error": now.rule.allowed_error,
        "confidence": now.rule.confidence,
        "audit_rate": now.rule.audit_rate,
        "certificate": None,
    }
    if (certificate := now.certificate) is not None:
        told["certificate"] = {
            "threshold": assessed(certificate.threshold),
            "passed": certificate.passed,
            "epoch": certificate.epoch,
            "bar": certificate.bar,
            "alarm": list(certificate.alarm),
            "alarm_evidence": certificate.alarm_evidence,
            "reviewed_deliveries": certificate.looked,
            "tests": [
                {
                    "threshold": assessed(level.threshold), "even": list(level.even), "eager": list(level.eager),
                    "evidence": level.evidence, "passed": level.passed,
                }
                for level in certificate.levels
            ],
        }  # fmt: skip
    return told


COLUMNS = (
    "case", "attempt", "at", "probability", "probability_again", "threshold", "threshold_again", "deliver",
    "deliver_again", "audit", "audit_again", "propensity", "propensity_again", "settled", "settled_again", "uniform",
    "sealed", "evidence",
)  # fmt: skip


def decisions(journal: Journal, run: Run) -> Words:
    """Each decision as it is recorded, and what comes out when it is made again from the same settled cases."""
    made = [event for _, event in journal.news(run.id, ("decided",))]
    rows: list[list[Any]] = []
    for event, (was, again) in zip(made, remade(journal, run), strict=True):
        one, other = was.decision, again.decision
        known = {name: about(value) for name, value in was.evidence.signals.items()}
        evidence = digest([known, was.evidence.prompt, was.evidence.answer])
        row: list[Any] = [
            event.case_id,
            event.attempt,
            event.at,
            about(one.score),
            assessed(other.score),
        ]
        row += [
            about(one.threshold),
            assessed(other.threshold),
            one.deliver,
            other.deliver,
            one.audit,
            other.audit,
        ]
        row += [
            one.propensity,
            other.propensity,
            was.settled,
            again.settled,
            was.draw,
            was.sealed,
            evidence,
        ]
        rows.append(row)
    return {"columns": list(COLUMNS), "rows": rows}


def backtest(one: Backtest) -> Words:
    return {
        "run": one.run, "labelled": one.labelled, "learned_from": one.learned_from, "confidence": one.confidence,
        "accuracy": proportion(one.correct), "asked": expected(one.asked), "others": [expected(o) for o in one.others],
    }  # fmt: skip


def expected(one: Outlook) -> Words:
    return {
        "allowed_error": one.allowed_error, "threshold": assessed(one.threshold), "alone": proportion(one.alone),
        "error_alone": proportion(one.error_alone), "ceiling": one.ceiling, "labels_needed": one.labels_needed,
        "labels_used": one.labels_used, "efficiency": one.efficiency,
    }  # fmt: skip


# --- cases -----------------------------------------------------------------------------------------------------


def read_cases(journal: Journal, run: Run) -> Iterable[Words]:
    for case, events in journal.histories(run.id):
        outcome = outcome_of(case, run.worker, events)
        told = read_outcome(outcome)
        told["input"] = digest([case.prompt, dict(case.data), case.target])
        earlier = range(1, outcome.attempt)
        if earlier:
            told["earlier_attempts"] = [
                trajectory(
                    trajectory_of(
                        case.id, run.worker, journal.events(run.id, case.id, attempt=number)
                    )
                )
                for number in earlier
            ]
        yield told


def read_outcome(one: CaseResult) -> Words:
    told: Words = {
        "id": one.case_id,
        "slice": one.slice,
        "split": one.split,
        "attempt": one.attempt,
        "closed": one.closed,
        "at": one.at,
        "correct": one.correct,
        "confidence": one.confidence,
        "scores": [
            [score.verifier, score.value, score.reason, dict(score.fields)] for score in one.scores
        ],
        "labels": [label(each) for each in one.labels],
        "decision": None,
        "trajectory": trajectory(one.trajectory),
    }
    if one.decision is not None:
        made = one.decision
        told["decision"] = [made.score, made.threshold, made.deliver, made.audit, made.propensity]
    return told


def label(one: Label) -> Words:
    told: Words = {"error": one.error, "by": one.by}
    more = {"correction": one.correction, "observations": list(one.observations), "note": one.note}
    return told | {name: value for name, value in more.items() if value}


def trajectory(one: Trajectory) -> Words:
    """What a person reads of it, and a digest of all of it."""
    return {
        "worker": one.worker,
        "answer": one.answer,
        "stop": one.stop,
        "failure": failure(one.failure),
        "seconds": one.seconds,
        "usage": usage(one.usage),
        "steps": len(one.steps),
        "told": [lesson.id for lesson in one.recalled],
        "checks": [[check.question, check.yes, usage(check.usage)] for check in one.checks],
        "opening": digest([message(each) for each in one.opening]),
        "digest": digest(
            [[message(each) for each in one.opening], [step(each) for each in one.steps]]
        ),
    }


def message(one: Message) -> list[Any]:
    calls = [[call.id, call.name, dict(call.arguments)] for call in one.tool_calls]
    return [one.role, one.text, calls, one.call_id, one.failed]


def step(one: Step) -> list[Any]:
    reply = one.reply
    tokens = None
    if reply.logprobs is not None:
        tokens = [
            [token.token, token.logprob, [list(pair) for pair in token.top]]
            for token in reply.logprobs
        ]
    results = [message(result) for result in one.results]
    return [
        message(reply.message),
        usage(reply.usage),
        tokens,
        reply.finish,
        reply.malformed,
        results,
    ]


# --- jobs: versions and memory ---------------------------------------------------------------------------------


def read_job(journal: Journal, job: str, gained: Mapping[str, Learned | None]) -> Words:
    changes, runs = journal.changes(job), journal.runs(job=job)
    names = sorted({run.name for run in runs if not run.internal})
    told: Words = {
        "changes": [change(one) for one in changes],
        "workers": {},
        "memory": memory(journal, job),
    }
    for name in names:
        known = versions(changes, runs, name)
        hashes = sorted({version.config_hash for version in known.values()})
        last = [run for run in runs if run.name == name and not run.internal][-1]
        shown = gained[last.id]
        told["workers"][name] = {
            "versions": [version_words(version) for version in known.values()],
            "champions": {one: champion(changes, known, name, one).label for one in hashes},
            "learned": None if shown is None else learned_words(shown),
        }
    return told


def change(one: Change) -> Words:
    told: Words = {"kind": one.kind, "worker": one.worker, "at": one.at, "position": one.position}
    body = one.body
    if one.kind in {"promoted", "rolled_back"}:
        told["version"] = body["version"]
    elif one.kind == "unlearned":
        told["source"] = body["source"]
    elif one.kind == "proposed":
        told["version"] = body["number"]
    elif one.kind == "examined":
        told |= {
            name: body[name]
            for name in ("version", "champion", "exam", "level", "promoted", "retired")
        }
        verdict = body["verdict"]
        told |= {"outcome": verdict["outcome"], "claim": verdict["claim"]}
        told["pairs"] = [
            [pair["slice"], pair["difference"], pair["touched"]] for pair in verdict["pairs"]
        ]
        told["findings"] = [
            [f["claim"], f["job"], f["slice"], f["evidence"], f["bar"], f["proven"]]
            for f in verdict["findings"]
        ]
    return told


def version_words(one: Version) -> Words:
    return {
        "worker": one.worker, "number": one.number, "config_hash": one.config_hash, "parent": one.parent,
        "by": one.by, "why": one.why, "sources": list(one.sources), "cost": dict(one.cost),
        "worker_spec": worker_spec(one.worker_spec),
    }  # fmt: skip


def worker_spec(one: WorkerSpec) -> Words:
    recall = one.recall
    return {
        "instructions": one.instructions,
        "playbook": [lesson(rule) for rule in one.playbook],
        "recall": {
            "kinds": list(recall.kinds), "min_similarity": recall.min_similarity, "k": recall.k,
            "tokens": recall.tokens, "withheld": recall.withheld,
        },
    }  # fmt: skip


def lesson(one: Lesson) -> Words:
    told: Words = {
        "id": one.id, "kind": one.kind, "about": one.about, "text": one.text, "by": one.by,
        "sources": list(one.sources),
    }  # fmt: skip
    return told | {"observations": list(one.observations)} if one.observations else told


def memory(journal: Journal, job: str) -> Words:
    """What the job's workers remember, with what each lesson has proved to be."""
    experience = LessonProjection(journal, job)
    try:
        memories = experience.advance()
        found, latest = memories.lessons(), memories.latest()
        known = lesson_stats(found, latest)
        used = latest.of_lessons([one.id for one in found]).by_name()
        told: list[Words] = []
        for one in found:
            proved, uses = known[one.id], used[one.id]
            worth = proved.worth
            told.append(
                {
                    **lesson(one),
                    "worth": [
                        about(worth.value),
                        about(worth.low),
                        about(worth.high),
                        about(worth.shrunk),
                    ],
                    "uses": [worth.uses, worth.shown],
                    "retired": worth.retired,
                    "sound": about(proved.sound),
                    "shut_out": proved.shut_out,
                    "recalled": proved.recalled,
                    "used_at": digest(
                        [
                            [int(place), bool(shown)]
                            for place, shown in zip(uses.place, uses.shown, strict=True)
                        ]
                    ),
                }
            )
        every = Recall(kinds=("correction", "demonstration"))
        recalled = {
            query: [one.id for one in recall(memories, query, every, lambda _: True)]
            for query in ASKED_OF_MEMORY
        }
        return {
            "lessons": told, "typical_score": about(latest.typical), "judged": len(latest.cases.place),
            "recurring": about(latest.recurring), "recalled": recalled,
        }  # fmt: skip
    finally:
        experience.close()


def learned_words(one: Learned) -> Words:
    return {
        "worker": one.worker,
        "job": one.job,
        "remembered": one.remembered,
        "worked_again": one.worked_again,
        "versions": [version_metrics(row) for row in one.versions],
        "nothing_told": proportion(one.nothing_told),
        "told_alike": interval(one.told_alike),
        "best_told": proportion(one.best_told),
        "best_withheld": proportion(one.best_withheld),
        "falls": [
            [
                fall.slice, fall.before, fall.after, proportion(fall.right_before), proportion(fall.right_after),
                interval(fall.fall),
            ]
            for fall in one.falls
        ],
    }  # fmt: skip


def version_metrics(row: VersionMetrics) -> Words:
    exam = None
    if row.exam is not None:
        exam = {
            "champion": row.exam.champion, "outcome": row.exam.outcome, "promoted": row.exam.promoted,
            "cases": row.exam.cases, "gain": interval(row.exam.gain),
        }  # fmt: skip
    return {
        "version": row.version,
        "label": row.label,
        "by": row.by,
        "why": row.why,
        "champion": row.champion,
        "exam": exam,
        "cases": row.cases,
        "accuracy": proportion(row.correct),
        "curve": [[part.first, part.last, proportion(part.correct)] for part in row.curve],
        "tokens_per_case": row.tokens_per_case,
        "memory_tokens_per_case": row.memory_tokens_per_case,
        "tokens_per_correct": row.tokens_per_correct,
        "worst_tenth": proportion(row.worst_tenth),
        "worst_slices": list(row.worst_slices),
    }


# --- reports ---------------------------------------------------------------------------------------------------


def read_report(journal: Journal, run: Run) -> tuple[RunMetrics, Learned | None, Words]:
    """The figures, what was learned, and the rows of the CSV files with neutral names of columns."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(sys.modules, {"matplotlib": None}),
    ):  # pictures are slow
        written = write_report(journal, run, Path(folder))
        return (
            written.figures,
            written.learned,
            {file.name: list(read_csv(file)) for file in written.csv},
        )


def read_csv(file: Path) -> Iterable[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.reader(opened)
        yield [CSV_WORDS.get(name, name) for name in next(rows)]
        yield from rows


# --- knowledge -------------------------------------------------------------------------------------------------


def read_base(file: Path) -> Words:
    with KnowledgeBase.open(file, HashedEmbedder(DIMENSIONS)) as base:
        stats, kept = base.stats(), base.sources()
        told: Words = {
            "stats": {
                "documents": stats.documents, "passages": stats.passages, "characters": stats.characters,
                "failed": stats.failed, "partial": stats.partial, "kinds": dict(stats.kinds),
            },
            "sources": [
                {
                    "document": one.document, "size": one.size, "modified": one.modified, "reader": one.reader,
                    "labels": list(one.labels), "sha256": one.sha256, "kind": one.kind, "pages": one.pages,
                    "characters": one.characters, "passages": one.passages, "template": one.template, "why": one.why,
                    "partial": one.partial, "notes": list(one.notes), "failure": failure(one.failure),
                }
                for one in kept
            ],
            "labels": {name: sorted(held) for name, held in sorted(base.index.documents().items())},
            "passages": {
                name: [[p.id, p.title, p.page, p.start, p.end, digest([p.text, p.box])] for p in base.passages(name)]
                for name in sorted(base.index.documents())
            },
            "searches": asyncio.run(searches(base)),
        }  # fmt: skip
        for held in LABELS:
            name = "+".join(held)
            facts = [
                [c.subject, c.relation, c.object, c.document, c.passage]
                for c in claims(base.sqlite_index(), labels=held)
            ]
            told.setdefault("claims", {})[name] = facts
            found, _ = asyncio.run(reports(Graph(base.sqlite_index()), labels=held))
            told.setdefault("community_reports", {})[name] = [
                [one.level, list(one.entities), list(one.passages), one.title, one.text]
                for one in found
            ]
        return told


async def searches(base: KnowledgeBase) -> Words:
    told: Words = {}
    for mode in ("basic", "local", "global", "drift"):
        for held in LABELS if mode == "basic" else LABELS[-1:]:
            for query in QUERIES:
                found = await base.search(query, k=5, labels=held, mode=mode)
                name = f"{mode} | {'+'.join(held)} | {query}"
                told[name] = [[one.document, one.id, scored(one.score)] for one in found]
    return told


# --- differences -----------------------------------------------------------------------------------------------


def differences(
    wanted: object, found: object, where: str = "", *, exactly: bool = True
) -> list[str]:
    """Every place at which two of these differ, with both values. `exactly`: figures that are near are not enough."""
    told: list[str] = []
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name in [*wanted, *(name for name in found if name not in wanted)]:
            if name not in wanted or name not in found:
                told.append(f"{where}/{name}: {'missing' if name in wanted else 'new'}")
            else:
                told += differences(wanted[name], found[name], f"{where}/{name}", exactly=exactly)
        return told
    if isinstance(wanted, list) and isinstance(found, list | tuple):
        if len(wanted) != len(found):
            told.append(f"{where}: {len(wanted)} rows, now {len(found)}")
        for n, (one, other) in enumerate(zip(wanted, found, strict=False)):
            told += differences(one, other, f"{where}[{n}]", exactly=exactly)
        return told
    return [] if _same(wanted, found, exactly=exactly) else [f"{where}: {wanted!r}, now {found!r}"]


def _same(wanted: object, found: object, *, exactly: bool) -> bool:
    if isinstance(found, Near) and isinstance(wanted, float | int) and not exactly:
        return abs(wanted - found) <= found.slack
    return wanted == found and isinstance(wanted, bool) == isinstance(found, bool)
