"""`journeyman doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from journeyman.app.workspace import DEFAULT_WORKSPACE
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.errors import boundary
from journeyman.models import DEFAULT_MODEL
from journeyman.models.catalogue import CATALOGUE
from journeyman.models.embedded import CONTEXT_TOKENS, free_cores
from journeyman.models.fetching import models_folder, stamped
from journeyman.store.connect import SQLITE_VERSION
from journeyman.store.journal import has_journal, open_journal, shown_as
from journeyman.types import Record

app = new_app()


class Diagnosis(Record):
    """One thing looked at. `mend` is empty where nothing has to be done."""

    what: str
    found: str
    good: bool
    hint: str = ""


@app.command()
def main(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    """Look whether this machine has what is needed. Exit code 1 when something is amiss."""
    findings = list(examine(workspace))
    if as_json:
        rows = [finding.model_dump() for finding in findings]
        print_json(rows)
    else:
        for finding in findings:
            mark = "ok  " if finding.good else "MEND"
            say(f"{mark} {finding.what}: {finding.found}")
            if finding.hint:
                say(f"     {finding.hint}")
    all_good = all(finding.good for finding in findings)
    if not all_good:
        raise typer.Exit(1)


def examine(workspace: Path | str) -> Iterator[Diagnosis]:
    """Everything that is looked at, one by one."""
    python = platform.python_version()
    yield Diagnosis(what="Python", found=python, good=sys.version_info >= (3, 11))
    yield _memory()
    yield Diagnosis(
        what="cores", found=f"{os.cpu_count()}, of which {free_cores()} are free now", good=True
    )
    yield _package("xllamacpp", "the embedded engine", "local")
    yield _package("matplotlib", "PNG figures", "report")
    yield _package("reasoning-gym", "the job arith", "gym")
    yield _model()
    yield _key()
    yield _journal(workspace)


def _memory() -> Diagnosis:
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    enough = gigabytes >= 3.5
    hint = (
        ""
        if enough
        else "The default model needs about 2.5 GB; use an endpoint, or --model smollm2-135m."
    )
    return Diagnosis(what="memory", found=f"{gigabytes:.1f} GiB", good=enough, hint=hint)


def _package(name: str, purpose: str, extra: str) -> Diagnosis:
    """Optional parts that are missing are told, but nothing is amiss."""
    try:
        return Diagnosis(what=purpose, found=f"{name} {version(name)}", good=True)
    except PackageNotFoundError:
        return Diagnosis(
            what=purpose,
            found="not installed",
            good=True,
            hint=f"If wanted: pip install 'journeyman[{extra}]'",
        )


def _model() -> Diagnosis:
    entry, folder = CATALOGUE[DEFAULT_MODEL], models_folder()
    if stamped(entry, folder):
        return Diagnosis(
            what="the default model",
            found=f"{folder / entry.file}, context {CONTEXT_TOKENS:,}",
            good=True,
        )
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    enough = free > 1.3 * entry.size
    found = f"not fetched; {free / 1e9:.1f} GB free at {existing}"
    hint = f"Fetch it with: journeyman models fetch ({entry.size / 1e9:.1f} GB)"
    return Diagnosis(what="the default model", found=found, good=enough, hint=hint)


def _key() -> Diagnosis:
    names = [name for name in ("JOURNEYMAN_API_KEY", "OPENAI_API_KEY") if os.environ.get(name)]
    return Diagnosis(
        what="key for endpoints",
        found=f"{names[0]} is set" if names else "none; the embedded engine needs none",
        good=True,
    )


def _journal(workspace: Path | str) -> Diagnosis:
    sqlite = f"SQLite {SQLITE_VERSION}"
    shown = shown_as(workspace)
    if not has_journal(workspace):
        return Diagnosis(what="journal", found=f"none yet in {shown}; {sqlite}", good=True)
    with boundary("opening the journal") as outcome, open_journal(workspace) as journal:
        state = journal.check()
        good = state == "ok"
        runs = len(journal.runs())
        return Diagnosis(
            what="journal",
            found=f"{runs} runs in {shown}, integrity {state}; {sqlite}",
            good=good,
        )
    assert outcome.failure is not None
    return Diagnosis(
        what="journal", found=outcome.failure.message, good=False, hint=outcome.failure.hint
    )
