"""Loads a job's folder: `job.toml`, and the code beside it."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from journeyman.cases import read_cases
from journeyman.environments.retrieval import RetrievalEnvironment
from journeyman.errors import InputError, boundary
from journeyman.gym import family_of
from journeyman.gym.drawing import sample_cases
from journeyman.job.job import Job
from journeyman.job.settings import JobSettings
from journeyman.knowledge.index.kinds import DEFAULT_INDEX, SUFFIXES
from journeyman.knowledge.modes import NEAR
from journeyman.knowledge.retriever import Retriever
from journeyman.memory.context import tokens_of
from journeyman.models.embedding import embedder_named
from journeyman.protocols import JobFolder, Model, OpenEnvironment
from journeyman.types import Case, Failure, Json, Sampling


def _no_model(name: str) -> Model:
    raise InputError(
        f"This job needs the model {name!r}, but none can be opened here.",
        "Give load_job an open_model.",
    )


def load_job(
    folder: Path,
    *,
    data: Path,
    database: Path | None = None,
    open_model: Callable[[str], Model] = _no_model,
) -> Job:
    """Read a job's folder. `data` is where `job.py`'s `prepare(data)` puts what it makes, if it has one.

    `database` takes the place of the environment's own. Raises InputError that names the file and the mend.
    """
    file = folder / "job.toml"
    raw = _read_toml(file)
    members = _members(folder / "job.py")
    if "prepare" in members and database is None:
        _prepare(members["prepare"], data)
    context = JobFolder(folder=folder, data=data, members=members, open_model=open_model)
    settings = _settings(_with_database(raw, database), context, file)
    instructions = _text(folder, settings.instructions) if settings.instructions else ""
    schema = settings.sampling.json_schema
    sampling = Sampling(
        **settings.sampling.model_dump(exclude={"json_schema"}),
        json_schema=None if schema is None else _schema(folder, schema),
    )
    return Job(
        name=settings.name,
        environment=_environment(settings, context),
        verifiers=settings.verifier,
        cases=_case_source(settings, context),
        description=settings.description,
        instructions=instructions,
        allowed_error=settings.allowed_error,
        confidence=settings.confidence,
        audit_rate=settings.audit_rate,
        review_within_hours=settings.review_within_hours,
        budget=settings.budget,
        sampling=sampling,
        fingerprint=_fingerprint(folder, settings, database),
    )


def _prepare(make: Callable[[Path], None], data: Path) -> None:
    with boundary("prepare() in job.py") as outcome:
        data.mkdir(parents=True, exist_ok=True)
        make(data)
    if outcome.failure is not None:
        raise _jobs_fault("The job can't be prepared", outcome.failure)


def _jobs_fault(what: str, failure: Failure) -> InputError:
    """A fault of job.py as a mistake of its author's; an error that says itself what to do keeps its own hint."""
    hint = failure.hint
    if failure.kind == "fault":
        hint = "Mend job.py."
    return InputError(f"{what}: {failure.message}", hint)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no job in {str(file.parent)!r}: it has no job.toml.", "Name a job's folder."
        ) from None
    except OSError as error:
        raise InputError(
            f"{file} can't be read: {error.strerror}.", "Check its permissions."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} is not TOML: {error}.", "Correct that place; text is UTF-8."
        ) from None


def _members(file: Path) -> dict[str, Any]:
    """What `job.py` defines; the folder is importable only while it is read, so that it can have siblings."""
    if not file.exists():
        return {}
    name = _module_name(file)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    loader = spec.loader
    assert loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(file.parent)
    sys.path.insert(0, folder)
    sys.modules[name] = module
    try:
        with boundary(str(file)) as outcome:
            loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    if outcome.failure is not None:
        raise _jobs_fault("job.py does not run", outcome.failure)
    members = vars(module).items()
    return {key: value for key, value in members if not key.startswith("_")}


def _module_name(file: Path) -> str:
    """A name of its own for each folder's job.py."""
    path = str(file.resolve())
    digest = hashlib.sha256(path.encode()).hexdigest()
    return f"journeyman_job_{digest[:12]}"


def _with_database(raw: Mapping[str, Any], database: Path | None) -> Mapping[str, Any]:
    """The settings with one database for the environment and every verifier that reads one and names none."""
    environment = raw.get("environment", {})
    is_sql = isinstance(environment, dict) and environment.get("kind") == "sql"
    if not is_sql:
        if database is not None:
            raise InputError(
                "--database is for jobs whose environment is of kind 'sql'.", "Leave it out."
            )
        return raw
    if database is not None:
        if not database.is_file():
            raise InputError(f"There is no database {str(database)!r}.", "Correct --database.")
        place = str(database.resolve())
        environment = {**environment, "database": place}
    shared = environment.get("database")
    verifiers: list[Any] = []
    for verifier in raw.get("verifier", []):
        if _takes_database(verifier, replaced=database is not None):
            verifiers.append({**verifier, "database": shared})
        else:
            verifiers.append(verifier)
    return {**raw, "environment": environment, "verifier": verifiers}


def _takes_database(verifier: object, *, replaced: bool) -> bool:
    """Whether a verifier reads the environment's database: it names none, or the database is replaced everywhere."""
    if not isinstance(verifier, dict) or verifier.get("kind") != "sql_result":
        return False
    return replaced or "database" not in verifier


def _settings(raw: Mapping[str, Any], context: JobFolder, file: Path) -> JobSettings:
    try:
        return JobSettings.model_validate(raw, context=context)
    except ValidationError as error:
        first = error.errors()[0]
        kind = first["type"]
        place = ".".join(map(str, first["loc"])) or "the whole file"
        if kind == "extra_forbidden":
            raise InputError(
                f"{file}: unknown key {place!r}.", "Remove it; docs/reference/job.md has all."
            ) from None
        problem = first["msg"]
        if kind != "missing":
            given = str(first.get("input"))
            problem = f"{problem} (given: {given[:80]!r})"
        raise InputError(
            f"{file}: {place!r}: {problem}.", "docs/reference/job.md has every key."
        ) from None


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{folder / name} can't be read: {error}.", "Correct its name in job.toml."
        ) from None


def _schema(folder: Path, name: str) -> dict[str, Json]:
    text = _text(folder, name)
    json_object = TypeAdapter(dict[str, Json])
    try:
        return json_object.validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise InputError(
            f"{folder / name} is no JSON schema: {problem}.", "It is one JSON object."
        ) from None


def _environment(settings: JobSettings, context: JobFolder) -> OpenEnvironment:
    """The environment, with the job's documents behind it where it has some."""
    known = settings.knowledge
    if known is None:
        return settings.environment
    if (known.base is None) == (not known.paths):
        raise InputError(
            "[knowledge] in job.toml needs `paths` or `base`, and not both.", "Give one of them."
        )
    if known.index == "lance" and known.mode != "basic":
        raise InputError(
            f"[knowledge] in job.toml: the index 'lance' knows no mode {known.mode!r}.",
            "Use the mode 'basic', or the index 'sqlite'.",
        )
    if known.base is None:
        suffix = SUFFIXES[known.index or DEFAULT_INDEX]
        file = context.data / f"knowledge{suffix}"
    else:
        file = context.path(known.base)
    retriever = Retriever(
        file,
        embedder_named(known.embedder),
        paths=tuple(map(context.path, known.paths)),
        labels=known.labels,
        mode=known.mode,
        k=known.passages,
        index=known.index,
    )
    return RetrievalEnvironment(
        settings.environment,
        retriever.find,
        tokens=known.tokens,
        near=NEAR[known.mode],
        recall=known.recall,
        tool=known.tool,
        cost=tokens_of,
    )


def _case_source(settings: JobSettings, context: JobFolder) -> Callable[[], Iterable[Case]]:
    source = settings.cases
    members = context.members
    if source.file is not None:
        path = context.path(source.file)
        return lambda: read_cases(path)
    tasks = source.gym
    if tasks:
        for name in tasks:
            family_of(name)
        return lambda: sample_cases(tasks, each=source.each, first_seed=source.first_seed)
    if "cases" in members:
        make_cases = members["cases"]
        return lambda: _made(make_cases)
    return tuple


def _made(make: Callable[[], Iterable[Case]]) -> Iterator[Case]:
    """What `cases()` gives. Its faults are the job's."""
    with boundary("cases() in job.py") as outcome:
        stream = iter(make())
    while outcome.failure is None:
        with boundary("cases() in job.py") as outcome:
            case = next(stream, None)
        if outcome.failure is None:
            if case is None:
                return
            yield case
    raise _jobs_fault("The job's cases can't be made", outcome.failure)


def _fingerprint(folder: Path, settings: JobSettings, database: Path | None) -> str:
    """Of the folder's files and the database's place; cases and README.md do not count."""
    digest = hashlib.sha256()
    left_out = {settings.cases.file, "README.md"}
    files: list[Path] = []
    for pattern in ("*.toml", "*.py", "*.md", "*.json"):
        files += folder.glob(pattern)
    for file in sorted(files):
        if file.name in left_out:
            continue
        name = file.name.encode()
        content = file.read_bytes()
        digest.update(name + b"\0" + content + b"\0")
    place = database.resolve() if database else None
    digest.update(str(place).encode())
    return digest.hexdigest()
