"""Finding what a command names: a job's folder, the journal, a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import journeyman
from journeyman.errors import InputError
from journeyman.gym import FAMILIES
from journeyman.job.job import Job
from journeyman.job.load import load_job
from journeyman.job.scaffold import gym_files
from journeyman.models import open_model
from journeyman.protocols import Model
from journeyman.store.journal import Journal, folder_of, has_journal, open_journal
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
    shipped = sorted({path.parent.name for folder in SHIPPED for path in folder.glob("*/job.toml")})
    raise InputError(
        f"There is no job {name!r}.", f"Give a job's folder, or one of: {', '.join(shipped)}."
    )


def open_job(
    name: str,
    workspace: Path | str,
    *,
    database: Path | None = None,
    model: Callable[[str], Model] = open_model,
) -> Job:
    place = folder_of(workspace)
    folder = generated_job(name, place) if name.partition(":")[0] in FAMILIES else job_folder(name)
    return load_job(folder, data=place / "data" / folder.name, database=database, open_model=model)


def generated_job(task: str, workspace: Path) -> Path:
    """The folder of a job over one generated task, FAMILY:TASK; written into the workspace, the same each time."""
    files = gym_files([task])
    folder = workspace / "gym" / task.replace(":", "-").replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def existing_journal(workspace: Path | str) -> Journal:
    """The journal of a workspace that must be there already."""
    if not has_journal(workspace):
        raise InputError(
            f"There is no journal in {str(workspace)!r}.",
            "Name the workspace with --workspace, or run `work` first.",
        )
    return open_journal(workspace)


def run_of_worker(journal: Journal, job: str, name: str) -> Run:
    """The latest run of a worker on a job, by the job's name or a run's."""
    latest = chosen_run(journal, job)
    mine = [run for run in journal.runs(job=latest.job) if run.name == name and not run.internal]
    if not mine:
        raise InputError(f"{name!r} never did {latest.job!r}.", "Name the worker with --name.")
    return mine[-1]


def chosen_run(journal: Journal, name: str | None) -> Run:
    """The run named, or the latest; a job's name stands for its latest run."""
    runs = [run for run in journal.runs() if not run.internal]
    fitting = [run for run in runs if name is None or name in {run.id, run.job}]
    if not fitting:
        known = ", ".join(run.id for run in runs[-10:]) or "none"
        raise InputError(f"There is no run {name!r}.", f"The latest runs: {known}.")
    return fitting[-1]
