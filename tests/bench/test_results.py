"""Figures are of today's sources: what a digest notices, what a result says, and what a page must name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench.lib import __main__ as runner
from bench.lib import results, stale
from bench.lib.figures import Figure
from bench.lib.machine import Machine, processor_name, this_machine
from bench.lib.pages import MACHINE, is_a_time, machines, quotes, unnamed_machines
from bench.lib.results import Result, result_of, write
from bench.lib.sources import (
    Bench,
    bench_named,
    bench_names,
    digest,
    digest_of_bench,
    digest_of_code,
    files_of,
    imports,
    sources_of,
)
from bench.lib.stale import heavy, takes, why_stale
from tools.requote import machine_again

CODE = '''
"""A module."""

class Case(Record):
    """A case."""

    name: str
    """As it is told."""
    size: int = 1  # at least


def told(case):
    """Its name."""
    return f"{case.name!r:>{case.size}}"
'''

WORDS = {
    f"journeyman.{name}"
    for name in ("answers", "documents", "errors", "protocols", "types", "job", "cases")
}
"""What every bench speaks in; `assess.stats` is the arithmetic of intervals."""


# --- the digest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("  # at least", "  # one or more"),
        CODE.replace('"""As it is told."""', '"""As it stands on the page."""'),
        CODE.replace('    """Its name."""\n', ""),
        CODE.replace("\n\n\n", "\n").replace("def told(case):", "def told(\n    case,\n):"),
        CODE.replace('f"{case.name!r:>{case.size}}"', "f'{case.name!r:>{case.size}}'"),
    ],
    ids=["comment", "field's docstring", "docstring gone", "formatting", "quotes"],
)
def test_remarks_and_formatting_change_nothing(other: str) -> None:
    assert other != CODE
    assert digest_of_code(other) == digest_of_code(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size: int = 1", "size: int = 2"),
        ("size: int = 1", "size: float = 1"),
        ("size: int = 1", "size: int = True"),
        ("case.name!r", "case.name"),
        ("def told", "def said"),
        ("class Case(Record)", "class Case"),
    ],
)
def test_what_code_does_changes_the_digest(old: str, new: str) -> None:
    assert digest_of_code(CODE.replace(old, new)) != digest_of_code(CODE)


def test_what_stands_in_which_place_counts() -> None:
    assert digest_of_code("f(a, b)") != digest_of_code("f(b, a)")
    assert digest_of_code("f(a)(b)") != digest_of_code("f(a, b)")
    assert digest_of_code("if a:\n    b\nelse:\n    c") != digest_of_code("if a:\n    b\n    c")
    assert digest_of_code("'1'") != digest_of_code("1")


def test_the_digest_is_the_same_on_every_python() -> None:
    """Newer ones have more fields in their trees; this one was computed by 3.11."""
    assert (
        digest_of_code(CODE) == "258b09559a15517aa4fb7633484e22dc6e4b38011526d0c0442acd9317c3599e"
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one bench, which uses a module of `lib` and measures a package."""
    files = {
        "src/journeyman/store/__init__.py": "",
        "src/journeyman/store/rows.py": "ROWS = 1\n",
        "src/journeyman/cases.py": "CASES = 1\n",
        "bench/speed/__init__.py": 'MEASURES = ("journeyman.store",)\n',
        "bench/speed/__main__.py": "from bench.lib import clock\nfrom bench.lib.results import write\n",
        "bench/speed/rows.csv": "a,b\n",
        "bench/lib/clock.py": "from bench.lib.ticks import tick\n",
        "bench/lib/ticks.py": "def tick():\n    return 1\n",
        "bench/lib/results.py": "def write():\n    pass\n",
        "bench/other/__main__.py": "1\n",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


SPEED = Bench("speed", ("journeyman.store",), ())


def test_a_bench_is_of_its_own_folder_of_what_it_imports_and_of_what_it_measures(
    checkout: Path,
) -> None:
    found = [str(file.relative_to(checkout)) for file in sources_of(SPEED, checkout)]
    assert found == [
        "bench/lib/clock.py",
        "bench/lib/ticks.py",
        "bench/speed/__init__.py",
        "bench/speed/__main__.py",
        "bench/speed/rows.csv",
        "src/journeyman/store/__init__.py",
        "src/journeyman/store/rows.py",
    ]


@pytest.mark.parametrize(
    "file",
    [
        "src/journeyman/store/rows.py",
        "bench/lib/ticks.py",
        "bench/speed/__main__.py",
        "bench/speed/rows.csv",
    ],
)
def test_a_changed_source_is_noticed(checkout: Path, file: str) -> None:
    before = digest(sources_of(SPEED, checkout), checkout)
    (checkout / file).write_text("a = 2\n")
    assert digest(sources_of(SPEED, checkout), checkout) != before


@pytest.mark.parametrize(
    "file", ["src/journeyman/cases.py", "bench/lib/results.py", "bench/other/__main__.py"]
)
def test_what_is_not_measured_is_not(checkout: Path, file: str) -> None:
    before = digest(sources_of(SPEED, checkout), checkout)
    (checkout / file).write_text("a = 2\n")
    assert digest(sources_of(SPEED, checkout), checkout) == before


def test_a_changed_comment_is_not_noticed_but_a_new_name_is(checkout: Path) -> None:
    before = digest(sources_of(SPEED, checkout), checkout)
    rows = checkout / "src/journeyman/store/rows.py"
    rows.write_text("# All of them.\nROWS = 1\n")
    assert digest(sources_of(SPEED, checkout), checkout) == before
    rows.rename(rows.with_name("lines.py"))
    assert digest(sources_of(SPEED, checkout), checkout) != before


def test_a_module_that_is_not_there_is_named(checkout: Path) -> None:
    with pytest.raises(ValueError, match=r"no 'journeyman\.gone': correct"):
        files_of("journeyman.gone", checkout)


# --- what benches say of themselves ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", bench_names())
def test_a_bench_says_what_it_measures(name: str) -> None:
    """All that it imports of the product is measured, or runs only while it records; words aside."""
    bench = bench_named(name)
    covered = (*bench.measures, *bench.records, *WORDS, "journeyman.assess.stats")
    for file in sources_of(Bench(name, (f"bench.{name}",), ())):
        used = (
            {module for module in imports(file) if module.startswith("journeyman.")}
            if file.suffix == ".py"
            else ()
        )
        for module in used:
            known = any(
                f"{module}.".startswith(f"{part}.") or part.startswith(f"{module}.")
                for part in covered
            )
            assert known or "bench/lib" in file.as_posix(), f"{file.name} imports {module}"
    assert len(digest_of_bench(name)) == 64


@pytest.mark.parametrize("name", bench_names())
def test_no_bench_imports_from_another(name: str) -> None:
    others = {f"bench.{other}" for other in bench_names()} - {f"bench.{name}"}
    for file in files_of(f"bench.{name}"):
        used = (
            {".".join(module.split(".")[:2]) for module in imports(file)}
            if file.suffix == ".py"
            else set()
        )
        assert not used & others, f"{file}: what two benches need stands in bench/lib"


def test_lib_imports_from_no_bench() -> None:
    benches = {f"bench.{name}" for name in bench_names()}
    for file in files_of("bench.lib"):
        used = {".".join(module.split(".")[:2]) for module in imports(file)}
        assert not used & benches, file


@pytest.mark.parametrize("name", ["", "harnes"])
def test_a_name_that_is_missing_or_wrong_gets_the_list(name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        runner.main([name] if name else [])
    for known in bench_names():
        assert f"  {known} " in str(ended.value)
    assert name in str(ended.value)


def test_a_bench_runs_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bench_ran"
    monkeypatch.setattr(runner, "bench_names", lambda: ["speed"])
    monkeypatch.setattr(
        "runpy.run_module", lambda name, **_: folder.write_text(f"{name} {sys.argv}")
    )
    monkeypatch.setattr(sys, "argv", ["x"])
    runner.main(["speed", "--cases", "3"])
    assert folder.read_text() == "bench.speed ['bench.speed', '--cases', '3']"


# --- results ---------------------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results and tries of a bench `kill` go here."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(results, "WORK", tmp_path / "work")
    return tmp_path


def test_a_result_says_what_was_measured_when_and_on_what(room: Path) -> None:
    file = write("kill", {"lost": Figure(value=0)})
    told = json.loads(file.read_text())
    assert file == room / "results" / "kill.json"
    assert told.keys() == {"name", "date", "took_s", "machine", "sources", "figures"}
    assert told["sources"] == digest_of_bench("kill")
    assert told["machine"].keys() == {"processor", "cores", "memory_gib", "python"}
    assert result_of("kill") == Result.model_validate(told)


def test_a_smaller_size_is_a_try_and_no_result(room: Path) -> None:
    assert write("kill", {}, whole=False) == room / "work" / "tried" / "kill.json"
    assert result_of("kill") is None


def test_figures_of_two_runs_are_of_no_known_sources(room: Path) -> None:
    write("kill", {"lost": Figure(value=0), "stuck": Figure(value=0)})
    write("kill", {"lost": Figure(value=1)}, keep=True)
    result = result_of("kill")
    assert result is not None
    assert (result.figures["lost"].value, result.figures["stuck"].value, result.sources) == (
        1,
        0,
        None,
    )
    write("kill", {"lost": Figure(value=1), "stuck": Figure(value=0)}, keep=True)
    assert result_of("kill") is not None
    assert why_stale(result_of("kill") or result) is None


def test_times_of_recordings_stay_with_their_machine(room: Path) -> None:
    elsewhere = Machine(processor="another", cores=1, memory_gib=1, python="3.11.7")
    file = write("kill", {})
    file.write_text(made(machine=elsewhere).model_dump_json())
    write("kill", {}, folded=True)
    assert (found := result_of("kill")) is not None
    assert found.machine == elsewhere
    write("kill", {})
    assert (found := result_of("kill")) is not None
    assert found.machine == this_machine()


def test_a_machine_has_no_host_name(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    assert processor_name(cpuinfo) is None
    cpuinfo.write_text("processor\t: 0\nmodel name\t: AMD EPYC\n")
    assert processor_name(cpuinfo) == "AMD EPYC"
    cpuinfo.write_text("Processor: ARM\n")
    assert processor_name(cpuinfo) is None
    assert this_machine().cores >= 1


# --- stale -----------------------------------------------------------------------------------------------------


def made(**fields: object) -> Result:
    machine = Machine(processor="AMD EPYC", cores=1, memory_gib=24, python="3.11.7")
    plain = {
        "name": "kill",
        "date": "2026-11-27",
        "took_s": 90,
        "machine": machine,
        "sources": None,
        "figures": {},
    }
    return Result.model_validate({**plain, **fields})


def test_a_result_is_stale_without_a_digest_and_with_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert why_stale(made()) == "of sources that were not noted"
    assert why_stale(made(sources="0" * 64)) == "of other sources"
    assert why_stale(made(sources=digest_of_bench("kill"))) is None


def test_how_long_it_takes_is_from_the_last_run_or_the_list(tmp_path: Path) -> None:
    file = tmp_path / "heavy.txt"
    file.write_text(
        "# benches\n\nkill · 15 min · heavy: 2,000 kills · each one counts\ngate · 4 min · waiting: new\n"
    )
    listed = heavy(file)
    assert [(line.takes, line.waiting) for line in listed.values()] == [
        ("15 min", False),
        ("4 min", True),
    ]
    assert takes(made(), listed["kill"]) == "1.5 min"
    assert takes(made(took_s=None), listed["kill"]) == "15 min"
    assert takes(made(took_s=None), None) == "not noted"


def test_a_line_that_gives_no_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "heavy.txt"
    file.write_text("kill · 15 min\n")
    with pytest.raises(ValueError, match="'kill · 15 min' is not"):
        heavy(file)


def test_the_tool_names_what_is_stale_and_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = made(name="gate", sources=digest_of_bench("gate"))
    monkeypatch.setattr(stale, "results", lambda: [made(), fresh])
    stale.main()
    said = capsys.readouterr().out
    assert "make bench NAME=kill" in said
    assert "NAME=gate" not in said
    assert "Of today's sources: gate." in said


# --- pages -----------------------------------------------------------------------------------------------------

PAGE = "A turn takes 2.98<!-- kill.turn_ms -->, 0.62 (0.5–0.7)<!-- kill.ratio --> of theirs."
FIGURES = {
    "turn_ms": Figure(value=2.98, unit="ms, median"),
    "ratio": Figure(value=0.62, unit="ratio, median"),
}


def test_a_time_without_its_machine_is_noticed() -> None:
    measured = made(figures=FIGURES)
    assert unnamed_machines(PAGE, lambda _: measured) == ["kill"]
    named = f"On **AMD EPYC, 1 core**<!-- kill.machine -->: {PAGE}"
    assert unnamed_machines(named, lambda _: measured) == []
    assert machines(named) == {"kill": "AMD EPYC, 1 core"}
    assert [quote.key for quote in quotes(named)] == ["turn_ms", "ratio"]
    assert unnamed_machines("0.62<!-- kill.ratio --> of theirs", lambda _: measured) == []


@pytest.mark.parametrize(
    ("key", "unit", "time"),
    [
        ("turn_ms", "ms, median", True),
        ("rollback", "s, the slowest", True),
        ("pages_per_s_ours", "pages of one core", True),
        ("textworld_per_second", "moves", True),
        ("speed", "cases/h", True),
        ("ratio", "ratio, median", False),
        ("share", "share of 20", False),
        ("rss", "MB", False),
    ],
)
def test_what_a_time_is(key: str, unit: str, time: bool) -> None:
    assert is_a_time(key, Figure(value=1, unit=unit)) == time


def test_a_machine_is_quoted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.requote.result_of", lambda _: made())
    assert MACHINE.sub(machine_again, "On **old**<!-- kill.machine -->.") == (
        "On **AMD EPYC, 1 core**<!-- kill.machine -->."
    )
