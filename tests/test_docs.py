"""The pages are true: code runs, commands work, every command, key and code stands in them, figures are measured."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from bench.lib.pages import FIGURE, MACHINE, MARK, machines, pages, quotes, unnamed_machines
from bench.lib.places import RESULTS, ROOT
from bench.lib.results import Result, result_of
from bench.lib.sources import bench_names
from bench.lib.stale import Heavy, command, heavy, why_stale
from journeyman import errors
from journeyman.cli.main import COMMANDS
from journeyman.environments import AnyEnvironment
from journeyman.job.settings import JobSettings
from journeyman.store.readonly import QueryLimits
from journeyman.types import Case
from journeyman.verifiers import AnyVerifier
from tests.cli.commands import endpoint, library, runner, said
from tests.loopback import Answer, Asked

PAGES = pages()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

NOT_RUN = (
    "make ",
    "pip install ",
    "python3 -m venv ",
    ".venv/bin/pip install ",
    "journeyman models fetch",
)
"""Set-up, which other tests and CI do."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [
        code for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language
    ]


def with_blocks(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.mark.slow
@pytest.mark.parametrize("page", with_blocks("python"), ids=name_of)
def test_python_on_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {"__name__": "page"}
    for code in blocks(page, "python"):
        exec(compile(code, name_of(page), "exec", dont_inherit=True), known)


def answers_anything(asked: Asked) -> Answer:
    """A model that hands in some query where it can, and a word where it can't."""
    tools = {tool["function"]["name"] for tool in asked.json.get("tools", ())}
    if "submit" in tools:
        arguments = json.dumps({"sql": "SELECT 1"})
        return said(
            "",
            [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "submit", "arguments": arguments},
                }
            ],
        )
    return said("delivery")


@pytest.mark.slow
@pytest.mark.parametrize("page", with_blocks("sh"), ids=name_of)
def test_commands_on_a_page_work(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    library(tmp_path / "THEIRS.sqlite")
    (tmp_path / "theirs.jsonl").write_text('{"prompt": "How many books?"}\n')
    (tmp_path / "handbook" / "private").mkdir(parents=True)
    (tmp_path / "handbook" / "fees.md").write_text("# Fees\n\nThe late fee is 30 euros.\n")
    (tmp_path / "handbook" / "private" / "plan.md").write_text("The board will sell the bakery.\n")
    cli = runner(monkeypatch, capsys)
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    with endpoint(answers_anything) as model:
        monkeypatch.setenv("JOURNEYMAN_MODEL", model)
        for line in "".join(blocks(page, "sh")).splitlines():
            command = shlex.split(line, comments=True)
            if command[:1] == ["make"]:
                assert command[1] in targets
            if not command or line.startswith(NOT_RUN):
                continue
            assert command[0] == "journeyman", f"{line!r} is neither run nor known"
            ended = cli(*command[1:])
            assert ended.code == 0, f"{line}\n{ended.out}\n{ended.err}"


@pytest.mark.parametrize("page", with_blocks("json"), ids=name_of)
def test_json_on_a_page_is_a_case(page: Path) -> None:
    for code in blocks(page, "json"):
        Case.model_validate_json(code)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{name_of(page)} links to {target}"


# --- everything is documented ----------------------------------------------------------------------------------


def options(name: str) -> Iterator[str]:
    import typer  # noqa: PLC0415 - here only

    app = import_module(f"journeyman.cli.{name}_command").app
    for parameter in typer.main.get_command(app).params:
        yield from (
            option for option in parameter.opts if option.startswith("--") and option != "--help"
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    page = (ROOT / "docs/reference/cli.md").read_text()
    sections = {
        part.split("\n")[0].split()[1].strip("`"): part for part in page.split("\n## `")[1:]
    }
    assert name in sections
    for option in options(name):
        assert f"`{option}`" in sections[name] or option == "--json", f"{name} {option}"


def keys(settings: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in settings.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def test_every_setting_of_a_job_is_documented() -> None:
    page = (ROOT / "docs/reference/job.md").read_text()
    wanted = set(keys(JobSettings)) - {"environment", "verifier"}
    for family in (AnyEnvironment, AnyVerifier):
        for settings in get_args(get_args(family)[0]):
            assert f"| `{settings.model_fields['kind'].default}` |" in page
            wanted |= set(keys(settings)) - {"kind", "name"}
    assert set(QueryLimits.model_fields)
    missing = sorted(key for key in wanted if f"`{key}`" not in page)
    assert missing == []


def test_every_field_of_a_case_is_documented() -> None:
    page = (ROOT / "docs/reference/cases.md").read_text()
    assert [name for name in Case.model_fields if f"| `{name}` |" not in page] == []


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


def test_every_exit_code_and_kind_of_failure_is_documented() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    for kind in subclasses(errors.JourneymanError):
        if kind.__module__.startswith("journeyman"):
            assert f"| `{kind.kind}` |" in page, kind
            assert f"| {kind.exit_code} |" in page, kind


def test_the_architecture_names_what_exists() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    source = ROOT / "src/journeyman"
    benches = [file for file in (ROOT / "bench").rglob("*.py") if ".work" not in file.parts]
    everything = "\n".join(file.read_text() for file in [*source.rglob("*.py"), *benches])
    for named in re.findall(r"`([\w./]+\.py)`", page):
        assert (source / named).exists() or (ROOT / named).exists(), named
    for named in re.findall(r"`(?:\w+\.)?([A-Za-z_]+)(?:\([^`]*\))?`", page):
        assert re.search(rf"\b{named}\b", everything), named


# --- figures ---------------------------------------------------------------------------------------------------

QUOTED = [
    (name_of(page), *quote) for page in PAGES for quote in quotes(page.read_text(encoding="utf-8"))
]
QUOTED_BENCHES = sorted({name for *_, name, _ in QUOTED})


def result(name: str) -> Result:
    found = result_of(name)
    assert found is not None, f"bench/results/{name}.json is not there, but a page quotes it"
    return found


@pytest.mark.parametrize(("page", "value", "percent", "low", "high", "name", "key"), QUOTED)
def test_a_quoted_figure_is_the_measured_one(
    page: str, value: str, percent: str, low: str, high: str, name: str, key: str
) -> None:
    measured = result(name).figures[key]
    for told, number in ((value, measured.value), (low, measured.low), (high, measured.high)):
        if told:
            assert number is not None, f"{page}: {name}.{key} has no such number"
            digits, scaled = len(told.partition(".")[2]), number * (100 if percent else 1)
            assert told.replace(",", "") == f"{scaled:.{digits}f}", (
                f"{page}: {name}.{key} is {scaled}"
            )


@pytest.mark.parametrize("name", QUOTED_BENCHES)
def test_a_quoted_figure_is_of_todays_sources(name: str) -> None:
    """Heavy benches are run again when an issue ends; until then the list says so."""
    why = why_stale(result(name))
    run = f"Run `{command(name)}`, then `python -m tools.requote`."
    assert why is None or name in heavy(), f"The figures of {name} are {why}. {run}"


@pytest.mark.parametrize("line", heavy().values(), ids=lambda line: line.name)
def test_what_may_be_stale_is_a_bench_and_waits_no_longer_than_it_must(line: Heavy) -> None:
    fresh = why_stale(result(line.name)) is None
    assert not (line.waiting and fresh), (
        f"{line.name} has been run: take its line out of bench/heavy.txt"
    )


def test_figures_are_quoted_from_each_benchmark() -> None:
    measured = {file.stem for file in RESULTS.glob("*.json")}
    assert set(QUOTED_BENCHES) == measured
    assert measured <= set(bench_names())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_quoted_figure_is_passed_over(page: Path) -> None:
    """A mark that follows neither a figure nor a machine, or an interval alone, is checked by nothing."""
    text = page.read_text(encoding="utf-8")
    known = len(FIGURE.findall(text)) + len(MACHINE.findall(text))
    assert known == len(MARK.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_that_quotes_a_time_names_the_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert unnamed_machines(text, result) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_machine_is_the_one_of_the_last_run(page: Path) -> None:
    for name, told in machines(page.read_text(encoding="utf-8")).items():
        assert told == result(name).machine.told, f"{name}: run `python -m tools.requote`"
