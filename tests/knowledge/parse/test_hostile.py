"""Whatever a file is, parsing it ends in time, in a document or in an error that names it and the mend."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from bench.parsing.hostile import (
    by_hand_office,
    by_hand_pdf,
    by_hand_text,
    damaged,
    files,
    sound_files,
)
from bench.parsing.survive import outcome_of
from journeyman.documents import Document
from journeyman.errors import InputError
from journeyman.knowledge.parse import ParseLimits, parse, parse_many, processes, stream
from journeyman.knowledge.parse.processes import ReadingProcess, reading_process
from journeyman.types import Failure

LIMITS = ParseLimits(page_seconds=20.0, file_seconds=40.0, memory_mb=2048)

HEAVY = {
    "zip_bomb.docx",
    "bomb_of_spaces.xlsx",
    "too_many_parts.pptx",
    "content_unpacks_to_half_a_gigabyte.pdf",
    "million_lines.pdf",
    "million_words.pdf",
    "nested_states.pdf",
    "million_cells.html",
    "one_long_line.txt",
    "picture_too_large.pdf",
    "million_columns.csv",
    "nested_parts.eml",
    "open_brackets.md",
    "many_stars.md",
    "laughs.epub",
    "billion_laughs.xlsx",
}
"""Take seconds to make or to read; the benchmark does them all."""


def outcomes(folder: Path, made: dict[str, bytes]) -> dict[str, Document | Failure]:
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return {
        Path(path).name: told
        for path, told in parse_many([folder / name for name in made], limits=LIMITS)
    }


def test_files_made_by_hand(tmp_path: Path) -> None:
    makers = {**by_hand_pdf(), **by_hand_office(), **by_hand_text()}
    told = outcomes(tmp_path, {name: make() for name, make in makers.items() if name not in HEAVY})
    assert len(told) == len(makers) - len(HEAVY)
    for name, outcome in told.items():
        if isinstance(outcome, Failure):
            assert outcome.kind in {"input", "missing_extra"}, name
            assert name in outcome.message or outcome.kind == "missing_extra"
            assert outcome.hint
        else:
            assert outcome.text or outcome.notes, name
    messages = {name: o.message for name, o in told.items() if isinstance(o, Failure)}
    assert "needs a password" in messages["password.pdf"]
    assert "needs a password" in messages["locked.xlsx"]
    assert "declares XML entities" in messages["billion_laughs.docx"]
    assert "declares XML entities" in messages["outside_entity.docx"]
    assert "is empty" in messages["empty.txt"]
    assert "before 2007" in messages["old_office.doc"]
    macros = told["macros.docm"]
    assert isinstance(macros, Document)
    assert macros.notes == ("It holds macros, which were not run.",)
    assert "root:" not in repr(told)


@pytest.mark.slow
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    path.write_bytes(by_hand_office()["zip_bomb.docx"]())
    with pytest.raises(InputError, match="unpacks to more than can be read"):
        parse(path)


def test_damaged_files(tmp_path: Path) -> None:
    draw, sound = random.Random(4), sound_files(4)
    told = outcomes(
        tmp_path,
        {f"{n}_{name}": damaged(draw, data) for n in range(3) for name, data in sound.items()},
    )
    assert len(told) == 3 * len(sound)
    for name, outcome in told.items():
        assert isinstance(outcome, Document) or (
            outcome.kind in {"input", "missing_extra"} and outcome.hint
        ), name


def test_the_same_seed_makes_the_same_files() -> None:
    names = [name for name, _ in files(1, 5)]
    assert names == list(by_hand_pdf())[:5]


def test_the_benchmark_counts_no_file_that_had_to_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_bytes(b"word " * 2_000_000)
    hurried = ParseLimits(page_seconds=0.001)
    [(_, told)] = parse_many([tmp_path / "long.txt"], limits=hurried)
    assert isinstance(told, Failure)
    assert not outcome_of("long.txt", told, 1.0).clear
    [(_, told)] = parse_many([tmp_path / "long.txt"])
    assert outcome_of("long.txt", told, 1.0).clear
    (tmp_path / "empty.txt").write_text("")
    [(_, told)] = parse_many([tmp_path / "empty.txt"])
    assert outcome_of("empty.txt", told, 1.0).clear
    assert outcome_of("empty.txt", told, 1.0).refused


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    for path, message in [
        (tmp_path / "pipe.txt", "is no file"),
        (tmp_path, "is no file"),
        (tmp_path / "none.txt", "There is no file"),
        (tmp_path / "loop.txt", "There is no file"),
        (Path("bad\0name"), "There is no file"),
    ]:
        with pytest.raises(InputError, match=message):
            parse(path)


def test_a_file_above_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 2_000_000)
    with pytest.raises(InputError, match=r"has 2 MB\. Split it; 1 MB are the limit"):
        parse(tmp_path / "a.txt", limits=ParseLimits(file_mb=1.0))
    cut = parse(tmp_path / "a.txt", limits=ParseLimits(text_mb=1.0))
    assert cut.partial
    assert cut.notes[0] == "Only the first 1 MB of its text are read."


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words " * 20_000_000)
    with pytest.raises(InputError, match="needs more than 300 MB"):
        parse(tmp_path / "a.txt", limits=ParseLimits(memory_mb=300))


def test_a_process_that_dies_takes_nobody_along(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    with reading_process() as process:
        os.kill(process.process.pid, signal.SIGKILL)
        process.process.wait()
    assert parse(tmp_path / "a.txt").text == "words"


def test_a_process_is_used_again_also_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "empty.txt").write_text("")
    processes.end_idle()
    parse(tmp_path / "a.txt")
    with reading_process() as first:
        pid = first.process.pid
    with pytest.raises(InputError, match="is empty"):
        parse(tmp_path / "empty.txt")
    with reading_process() as second:
        assert second.process.pid == pid


def test_a_stream_that_is_left_ends_its_process(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# a\n")
    (tmp_path / "a.txt").write_text("\n\n".join(f"paragraph {n}" for n in range(5000)))
    sheets = stream(tmp_path / "a.txt")
    assert next(sheets).blocks
    sheets.close()  # type: ignore[attr-defined]
    assert parse(tmp_path / "a.md").text == "a"


def test_many_files_give_results_and_errors_as_they_come(tmp_path: Path) -> None:
    for n in range(12):
        (tmp_path / f"{n}.txt").write_text(f"text {n}" if n % 3 else "")
    told = dict(parse_many((tmp_path / f"{n}.txt" for n in range(12)), processes=2))
    assert len(told) == 12
    for n in range(12):
        outcome = told[str(tmp_path / f"{n}.txt")]
        assert outcome.text == f"text {n}" if isinstance(outcome, Document) else n % 3 == 0


def test_the_process_ends_with_its_parent() -> None:
    process = ReadingProcess()
    assert process.process.stdin is not None
    process.process.stdin.close()
    assert process.process.wait(timeout=10) == 0
    process.end()
