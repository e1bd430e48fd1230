"""The shipped jobs are what they say: proved, split, small, and made by the code that claims to make them."""

from __future__ import annotations

import asyncio
import io
import tokenize
from collections import Counter
from pathlib import Path

import pytest

from journeyman.job.check import check
from journeyman.job.job import Job
from journeyman.job.load import load_job
from journeyman.types import Case

ROOT = Path(__file__).parents[2]
JOBS = ("analyst", "clerk", "arith")


@pytest.fixture(scope="module", params=JOBS)
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Job:
    if request.param == "arith":
        pytest.importorskip("reasoning_gym", reason="arith needs the extra `gym`")
    return load_job(ROOT / "jobs" / request.param, data=tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def cases(job: Job) -> list[Case]:
    return list(job.cases())


@pytest.mark.slow
def test_every_case_is_proved(job: Job, cases: list[Case]) -> None:
    async def prove() -> tuple[int, int]:
        seen = [one async for one in check(job)]
        return sum(one.proved for one in seen), sum(len(one.findings) for one in seen)

    assert asyncio.run(prove()) == (len(cases), 0)


def test_there_are_enough_cases_and_slices_in_all_three_splits(job: Job, cases: list[Case]) -> None:
    least = {"analyst": (240, 6), "clerk": (200, 6), "arith": (200, 6)}
    assert len(cases) >= least[job.name][0]
    assert len({case.slice for case in cases}) >= least[job.name][1]
    splits = Counter(case.split for case in cases)
    assert splits["train"] >= 0.45 * len(cases)
    assert min(splits["calibration"], splits["exam"]) >= 0.2 * len(cases)
    assert {case.slice for case in cases if case.split == "exam"} == {case.slice for case in cases}


def test_no_exam_answer_stands_among_the_other_cases(cases: list[Case]) -> None:
    exam = {case.prompt for case in cases if case.split == "exam"}
    assert not exam & {case.prompt for case in cases if case.split != "exam"}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_takes_at_most_a_hundred_lines_of_code(name: str) -> None:
    file = ROOT / "jobs" / name / "job.py"
    if not file.exists():
        return
    tokens = tokenize.generate_tokens(io.StringIO(file.read_text()).readline)
    telling = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines = {
        n
        for token in tokens
        if token.type not in telling
        for n in range(token.start[0], token.end[0] + 1)
    }
    assert len(lines) <= 100


def test_the_clerks_mail_is_chinese_for_a_good_part() -> None:
    cases = list(load_job(ROOT / "jobs" / "clerk", data=Path()).cases())
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in case.prompt) for case in cases)
    assert chinese >= 0.4 * len(cases)


def test_the_committed_cases_are_what_their_makers_make(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tools import analyst_questions, clerk_mails  # noqa: PLC0415

    for maker, name in ((analyst_questions, "analyst"), (clerk_mails, "clerk")):
        maker.main()
        assert capsys.readouterr().out == (ROOT / "jobs" / name / "cases.jsonl").read_text(
            encoding="utf-8"
        )


def test_conventions_are_told_nowhere_but_in_experience() -> None:
    told = (ROOT / "jobs" / "analyst" / "instructions.md").read_text().lower()
    assert not [
        word
        for word in ("active", "repeat", "net revenue", "late", "well reviewed")
        if word in told
    ]
