"""Parsing: the olmOCR checks and generated truth against other parsers, scans, hostile files, a book of 5,000 pages.

    python -m bench.parsing [--only olmocr,speed,truth,scans,hostile,large]

The figures of sections that were not run, or had to be left out, stay as they were measured before.

The PDFs of the olmOCR checks are read from $JOURNEYMAN_DATA/pdf/olmocr; without them, or without an optional parser or
the recognition model, the figures concerned are left out and that is said.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.lib.figures import Figure, of_share
from bench.lib.results import write
from bench.parsing.generated import chinese_font, documents, flowing, many_pages
from bench.parsing.hostile import files
from bench.parsing.measures import Cells, cell_counts, character_errors, order_kept
from bench.parsing.olmocr import Check, checks, passes, tables_of
from bench.parsing.parsers import TABLELESS, Pages, in_this_process, page_text, parsers, tables_ours
from bench.parsing.scans import scan
from bench.parsing.survive import LIMITS, Memory, Outcome
from journeyman.assess.stats import proportion
from journeyman.knowledge.parse.pdf.recognition import available

Figures = dict[str, Figure]

SEED = 2026
ROUNDS = 1
NOISES = {"": 14.0, "_noisy": 60.0}
"""Standard deviation of what is added to each dot, by the end of the figure's name."""

SPEED_ROUNDS = 3
SPEED_SECONDS = 2.0
HOSTILE = 200
BOOK_PAGES = 5_000
ANGLES = (-1.5, 0.8, 2.0)


def main() -> None:
    sections: Mapping[str, Callable[[Path], Figures]] = {
        "olmocr": olmocr,
        "speed": speed,
        "truth": truth,
        "scans": scans,
        "hostile": hostile,
        "large": large,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(sections))
    chosen = parser.parse_args().only.split(",")
    found: Figures = {}
    with tempfile.TemporaryDirectory() as room:
        for name in chosen:
            found |= sections[name](Path(room))
            write("parsing", found, keep=True)


# --- the olmOCR checks -----------------------------------------------------------------------------------------


def olmocr(_: Path) -> Figures:
    """Checks passed, by parser and kind."""
    folder = pdfs()
    if folder is None:
        return {}
    asked = checks(folder)
    found: Figures = {}
    for parser, call in parsers().items():
        told = {
            name: call(folder / "pdfs" / name) for name in sorted({check["pdf"] for check in asked})
        }
        found |= _passed(parser, asked, told)
    return found


def pdfs() -> Path | None:
    folder = Path(os.environ.get("JOURNEYMAN_DATA", "data")) / "pdf" / "olmocr"
    if folder.is_dir():
        return folder
    print(f"No {folder}: the olmOCR checks are left out.")
    return None


def speed(_room: Path) -> Figures:
    """Pages in a second of one core, over the files with a text layer. Processor time, for others use the machine."""
    folder = pdfs()
    if folder is None:
        return {}
    files_read = [
        folder / "pdfs" / name
        for name in sorted({check["pdf"] for check in checks(folder)} - PICTURED)
    ]
    calls = {**parsers(), "ours": in_this_process}
    rates: dict[str, list[float]] = {parser: [] for parser in calls}
    for call in calls.values():
        call(files_read[0])
    for _ in range(SPEED_ROUNDS):
        for parser, call in calls.items():
            rates[parser].append(_pages_per_s(call, files_read))
    pages = sum(max(1, len(calls["ours"](path))) for path in files_read)
    unit = f"pages a second of one core, {pages} pages, median of {SPEED_ROUNDS} rounds in turn"
    return {
        f"pages_per_s_{parser}": Figure(value=statistics.median(each), unit=unit)
        for parser, each in rates.items()
    }


def _pages_per_s(call: Callable[[Path], Pages], paths: Sequence[Path]) -> float:
    """All files, again and again for a while."""
    began, pages = time.process_time(), 0
    while (taken := time.process_time() - began) < SPEED_SECONDS:
        pages += sum(max(1, len(call(path))) for path in paths)
    return pages / taken


PICTURED = {
    "blank_book_pg1.pdf",
    "buildingnotes.pdf",
    "lincoln_letter.pdf",
    "mattsnotes.pdf",
    "test-graphical-text.pdf",
    "headers_footers/ff1fc6a205ad039139ce566851b6b260c929_pg1.pdf",
}
"""Scans and pictures: not counted for speed, since other parsers do not read them."""


def _passed(parser: str, asked: list[Check], told: Mapping[str, Pages]) -> Figures:
    right: dict[str, list[bool]] = defaultdict(list)
    for check in asked:
        right[check["type"]].append(passes(check, page_text(told[check["pdf"]], check["page"])))
    everything = [each for kind in right.values() for each in kind]
    figures = {f"olmocr_passed_{parser}": of_share(proportion(sum(everything), len(everything)))}
    for kind, each in sorted(right.items()):
        figures[f"olmocr_{kind}_{parser}"] = of_share(proportion(sum(each), len(each)))
    return figures


# --- generated truth -------------------------------------------------------------------------------------------


def truth(room: Path) -> Figures:
    """Reading order of every parser on PDFs drawn from a seed, and table cells of those that give tables."""
    drawn = documents(SEED, ROUNDS)
    found: Figures = {}
    for parser, call in parsers().items():
        ordered, cells = [0, 0], [0, 0, 0]
        for n, each in enumerate(drawn):
            path = room / f"{n}.pdf"
            path.write_bytes(each.pdf)
            pages = call(path)
            text = "\n\n".join(pages[page] for page in sorted(pages))
            ordered = [a + b for a, b in zip(ordered, order_kept(each.texts, text), strict=True)]
            if parser in TABLELESS:
                continue
            tables: list[Cells] = [*(tables_ours(path) if parser == "ours" else tables_of(text))]
            cells = [a + b for a, b in zip(cells, cell_counts(each.tables, tables), strict=True)]
        found[f"order_{parser}"] = of_share(proportion(*ordered))
        if parser in TABLELESS:
            continue
        key = "table_cell_f1" if parser == "ours" else f"table_cell_f1_{parser}"
        right, told, there = cells
        found[key] = Figure(
            value=2 * right / max(1, told + there), unit=f"F1 of neighbouring cells, {there} pairs"
        )
    return found


# --- scans -----------------------------------------------------------------------------------------------------


def scans(room: Path) -> Figures:
    if not available():
        print("No recognition model: scans are left out. Install journeyman[ocr].")
        return {}
    found: Figures = {}
    for language, (kind, noise) in itertools.product(("en", "zh"), NOISES.items()):
        if language == "zh" and chinese_font() is None:
            print("No Chinese font: scans in Chinese are left out. Install mplfonts.")
            continue
        draw, errors, seconds = random.Random(SEED), list[float](), list[float]()
        for n, degrees in enumerate(ANGLES):
            drawn = flowing(draw, chinese=language == "zh")
            path = room / f"scan_{language}_{n}.pdf"
            path.write_bytes(scan(drawn.pdf, draw, degrees=degrees, noise=noise))
            began = time.process_time()
            text = "\n\n".join(in_this_process(path).values())
            seconds.append(time.process_time() - began)
            glue = "" if language == "zh" else " "
            errors.append(character_errors(glue.join(drawn.texts), glue.join(text.split())))
        unit = f"edits per character, {len(errors)} scans at 150 dpi, up to 2° crooked, noise of {noise:g} in 255"
        found[f"ocr_cer_{language}{kind}"] = Figure(value=statistics.mean(errors), unit=unit)
        if not kind:
            found[f"ocr_page_s_{language}"] = Figure(
                value=statistics.median(seconds), unit="seconds of one core a page"
            )
    return found


# --- hostile files ---------------------------------------------------------------------------------------------


def hostile(room: Path) -> Figures:
    """What became of broken files, read in a process of its own: were it to hang or die, files would be missing."""
    folder = room / "hostile"
    folder.mkdir()
    for name, data in files(SEED, HOSTILE):
        (folder / name).write_bytes(data)
    command = [sys.executable, "-m", "bench.parsing.survive", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    outcomes = [Outcome.model_validate_json(line) for line in lines[:HOSTILE]]
    for each in outcomes:
        if not each.clear:
            print("not survived:", each.name, f"{each.seconds:.1f} s", each.said)
    survived = sum(each.clear for each in outcomes)
    found = {
        "hostile_files_survived": Figure(
            value=survived, unit=f"of {HOSTILE} files", goal=str(HOSTILE)
        ),
        "hostile_files_refused": Figure(
            value=sum(each.clear and each.refused for each in outcomes),
            unit="of them with an error that names the file and the mend",
        ),
        "hostile_slowest_s": Figure(
            value=max(each.seconds for each in outcomes),
            unit="seconds for one of them, on a machine that others used too",
        ),
    }
    if len(lines) <= HOSTILE:
        print(f"The process ended after {len(lines)} files (exit status {done.returncode}).")
        return found
    memory = Memory.model_validate_json(lines[HOSTILE])
    return found | {
        "hostile_reader_mb": Figure(
            value=memory.reader_mb,
            unit="MB, most that a reading process had",
            goal=f"<= {LIMITS.memory_mb}",
        ),
        "hostile_caller_mb": Figure(value=memory.caller_mb, unit="MB, most that the caller had"),
    }


# --- a large book ----------------------------------------------------------------------------------------------


def large(room: Path) -> Figures:
    path = room / "book.pdf"
    path.write_bytes(many_pages(BOOK_PAGES))
    done = subprocess.run(
        [sys.executable, "-m", "bench.parsing.large", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["pages"] == BOOK_PAGES
    return {
        "large_seconds": Figure(
            value=told["seconds"],
            unit=f"seconds for {BOOK_PAGES:,} pages, on a machine that others used too",
        ),
        "large_pages_per_s": Figure(
            value=told["pages"] / told["cpu_seconds"],
            unit=f"pages a second of one core, {BOOK_PAGES:,} pages",
        ),
        "large_reader_mb": Figure(
            value=told["reader_mb"], unit="MB, most that the reading process had"
        ),
        "large_caller_mb": Figure(value=told["caller_mb"], unit="MB, most that the caller had"),
    }


if __name__ == "__main__":
    main()
