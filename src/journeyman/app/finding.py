"""Finds what a user names: a job's folder, a run, a model, a person."""

from __future__ import annotations

import getpass
from pathlib import Path

import journeyman
from journeyman.errors import InputError
from journeyman.job.scaffold import gym_files
from journeyman.store.journal import Journal
from journeyman.types import Run

PACKAGE = Path(journeyman.__file__).parent
SHIPPED = (PACKAGE / "jobs", PACKAGE.parents[1] / "jobs")
"""Where the shipped jobs are: inside an installed package, or beside `src` in a checkout."""


def job_folder(name: str) -> Path:
    """A folder by its path, or a job by its name: in `jobs/` here, or shipped."""
    tried = [Path(name), Path("jobs") / name, *(shipped / name for shipped in SHIPPED)]
    for folder in tried:
        if (folder / "job.toml").exists():
            return folder
    if Path(name).is_dir():
        raise InputError(f"{name!r} has no job.toml.", f"Make one with: journeyman new {name}")
    found = [path for folder in SHIPPED for path in folder.glob("*/job.toml")]
    shipped = ", ".join(sorted({path.parent.name for path in found}))
    raise InputError(f"There is no job {name!r}.", f"Give a job's folder, or one of: {shipped}.")


def generated_job(task: str, workspace: Path) -> Path:
    """The folder of a job over one generated task, FAMILY:TASK; written into the workspace, the same each time."""
    files = gym_files([task])
    folder = workspace / "gym" / task.replace(":", "-").replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run_of_worker(journal: Journal, job: str, name: str) -> Run:
    """The latest run of a worker on a job, by the job's name or a run's."""
    latest = chosen_run(journal, job)
    runs = journal.runs(job=latest.job)
    outside = [run for run in runs if not run.internal]
    mine = [run for run in outside if run.name == name]
    if not mine:
        raise InputError(f"{name!r} never did {latest.job!r}.", "Name the worker with --name.")
    return mine[-1]


def chosen_run(journal: Journal, name: str | None) -> Run:
    """The run named, or the latest; a job's name stands for its latest run."""
    runs = [run for run in journal.runs() if not run.internal]
    fitting = runs
    if name is not None:
        fitting = [run for run in runs if name in {run.id, run.job}]
    if fitting:
        return fitting[-1]
    latest = [run.id for run in runs[-10:]]
    known = ", ".join(latest) or "none"
    raise InputError(f"There is no run {name!r}.", f"The latest runs: {known}.")


def user() -> str:
    """Who is at this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
