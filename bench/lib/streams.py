"""The six streams of the autonomy bench as jobs: many cases, half of them for calibration, half sealed.

Cases come in a seeded random order, so that the first n of a stream are a fair sample of it. The two shipped jobs'
cases are made by their own tools, from other seeds than the shipped ones; all else is real data, read in place.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.lib import datasets
from bench.lib.places import JOBS
from journeyman.job.job import Job
from journeyman.job.load import load_job
from journeyman.types import Case, Split
from tools import analyst_questions, clerk_mails

SEED = 101


def analyst(room: Path) -> Job:
    """About a thousand questions; wordings of one query are in the same split."""
    job = load_job(JOBS / "analyst", data=room / "analyst")
    rows = analyst_questions.questions(room / "analyst" / "shop.sqlite", seed=SEED, per_family=60)
    return _shuffled(job, (_case(row, half(row["target"]["sql"])) for row in rows))


def clerk(room: Path) -> Job:
    job = load_job(JOBS / "clerk", data=room / "clerk")
    rows = clerk_mails.messages(seed=SEED, per_slice=120)
    return _shuffled(job, (_case(row, half(row["id"])) for row in rows))


def clinc150(room: Path) -> Job:
    """Sentences of 150 intents, and a tenth that fit none: whatever is said of those is wrong."""
    data = _data()
    whole = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    parts: list[tuple[Split, str, int]] = [
        ("calibration", "val", 1800),
        ("calibration", "oos_val", 100),
        ("calibration", "oos_train", 100),
        ("exam", "test", 1800),
        ("exam", "oos_test", 200),
    ]
    cases = [
        Case(
            id=f"{part}-{n:04d}",
            prompt=text,
            target=label,
            slice="out of scope" if part.startswith("oos") else "in scope",
            split=split,
        )
        for split, part, count in parts
        for n, (text, label) in datasets.sample(list(enumerate(whole[part])), count)
    ]
    return _shuffled(datasets.clinc_job(data), cases)


def bfcl(room: Path) -> Job:
    job = datasets.bfcl_job(_data(), per_category=None)
    return _shuffled(
        job, (case.model_copy(update={"split": half(case.id)}) for case in job.cases())
    )


def defog(room: Path) -> Job:
    job = datasets.defog_job(_data(), room / "defog")
    return _shuffled(
        job, (case.model_copy(update={"split": half(case.id)}) for case in job.cases())
    )


def gsm8k(room: Path) -> Job:
    job = datasets.gsm8k_job(_data(), cases=1000)
    return _shuffled(
        job, (case.model_copy(update={"split": half(case.id)}) for case in job.cases())
    )


STREAMS: Mapping[str, Callable[[Path], Job]] = {
    "analyst": analyst,
    "clerk": clerk,
    "clinc150": clinc150,
    "bfcl": bfcl,
    "defog": defog,
    "gsm8k": gsm8k,
}


def half(key: str) -> Split:
    """One of the two splits, by a hash of what must not be in both."""
    return "calibration" if hashlib.sha256(f"{SEED}-{key}".encode()).digest()[0] % 2 else "exam"


def _data() -> Path:
    found = datasets.folder()
    if found is None:
        raise SystemExit("The benchmark data is not here; set JOURNEYMAN_DATA to its folder.")
    return found


def _case(row: Mapping[str, Any], split: Split) -> Case:
    return Case.model_validate({**row, "split": split})


def _shuffled(job: Job, cases: Iterable[Case]) -> Job:
    listed = list(cases)
    random.Random(SEED).shuffle(listed)
    return dataclasses.replace(job, cases=lambda: iter(listed))
