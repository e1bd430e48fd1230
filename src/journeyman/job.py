"""A job: a role with its cases, its environment, its verifiers and the error allowed. On disk it is one small folder.

`load_job` reads the folder; `check` proves it without a model: for every case with a target, each verifier must give
the reference answer 1, silence 0 and nonsense 0.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from journeyman.cases import read_cases
from journeyman.environments import AnyEnvironment
from journeyman.environments.informed import Informed
from journeyman.errors import InputError, boundary
from journeyman.gym import family_of
from journeyman.gym.drawing import draw
from journeyman.knowledge.finder import Finder
from journeyman.knowledge.modes import NEAR, Mode
from journeyman.memory.context import tokens_of
from journeyman.models.embedding import embedder_named
from journeyman.protocols import JobFolder, Model, OpenEnvironment, Verifier
from journeyman.types import Budget, Case, Failure, Json, Record, Sampling, Trajectory
from journeyman.verifiers import AnyVerifier

NONSENSE = "flurbish ≠ 呜里哇"
"""An answer that no case can have."""


class CasesSettings(Record):
    file: str | None = None
    """JSONL or CSV in the job's folder. None: `job.py` has `cases()`, or `gym` names tasks."""
    gym: tuple[str, ...] = ()
    """Tasks that make cases of seeds, each as FAMILY:TASK."""
    each: Annotated[int, Field(ge=1)] = 100
    """Cases of every such task."""
    first_seed: Annotated[int, Field(ge=0)] = 0


class SamplingSettings(Record):
    """`[sampling]`: what a job may say of how replies are written."""

    temperature: Annotated[float, Field(ge=0)] = 0.0
    max_tokens: Annotated[int, Field(ge=1)] = 512
    seed: int = 0
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 5
    json_schema: str | None = None
    """A JSON schema file in the job's folder that every reply must fit."""


class KnowledgeSettings(Record):
    """`[knowledge]`: documents that the worker may go by."""

    paths: tuple[str, ...] = ()
    """Files and folders, in the job's folder or absolute; read at the first case, and what changed at each start."""
    base: str | None = None
    """A base that `journeyman knowledge add` made, as a file, instead. Just one of the two is given."""
    embedder: str = "use"
    """As `journeyman knowledge` has it: a name, an endpoint as URL#MODEL, or "none"."""
    labels: tuple[str, ...] = ()
    """That the worker holds: it sees only documents all of whose labels are among them."""
    mode: Mode = "basic"
    passages: Annotated[int, Field(ge=1, le=50)] = 5
    """That a search finds, at most."""
    tokens: Annotated[int, Field(ge=50)] = 600
    """Of them at once in a prompt, about."""
    recall: bool = True
    """Whether passages that fit stand before every case."""
    tool: bool = False
    """Whether the worker can search for more."""


class JobSettings(Record):
    """`job.toml`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")]
    description: str = ""
    instructions: str | None = None
    """A text file in the job's folder: what the worker is told about the role. None: nothing."""
    allowed_error: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The share of wrong answers allowed among those delivered without a person."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """With which that must hold."""
    audit_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """The share of delivered answers that a person looks at all the same, drawn at random."""
    cases: CasesSettings = CasesSettings()
    environment: AnyEnvironment
    knowledge: KnowledgeSettings | None = None
    verifier: tuple[AnyVerifier, ...] = ()
    budget: Budget = Budget()
    sampling: SamplingSettings = SamplingSettings()


@dataclass(frozen=True)
class Job:
    """What a worker is to do. Made by `load_job` from a folder, or directly in Python."""

    name: str
    environment: OpenEnvironment
    verifiers: tuple[Verifier, ...] = ()
    cases: Callable[[], Iterable[Case]] = tuple
    """Gives the job's own cases, each time anew."""
    description: str = ""
    instructions: str = ""
    allowed_error: float = 0.1
    confidence: float = 0.95
    audit_rate: float = 0.1
    budget: Budget = field(default_factory=Budget)
    sampling: Sampling = field(default_factory=Sampling)
    fingerprint: str = ""
    """Of everything in the folder that can change an answer or a score; not of the cases."""


def _no_model(name: str) -> Model:
    raise InputError(f"This job needs the model {name!r}, but none can be opened here.", "Give load_job an open_model.")


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
    """A fault of job.py as a mistake of its author's; an error that says itself what to do keeps its own mend."""
    return InputError(f"{what}: {failure.message}", "Mend job.py." if failure.kind == "fault" else failure.mend)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no job in {str(file.parent)!r}: it has no job.toml.", "Name a job's folder."
        ) from None
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}.", "Check its permissions.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is not TOML: {error}.", "Correct that place; text is UTF-8.") from None


def _members(file: Path) -> dict[str, Any]:
    """What `job.py` defines; the folder is importable only while it is read, so that it can have siblings."""
    if not file.exists():
        return {}
    name = f"journeyman_job_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent))
    sys.modules[name] = module
    try:
        with boundary(str(file)) as outcome:
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    if outcome.failure is not None:
        raise _jobs_fault("job.py does not run", outcome.failure)
    return {key: value for key, value in vars(module).items() if not key.startswith("_")}


def _with_database(raw: Mapping[str, Any], database: Path | None) -> Mapping[str, Any]:
    """The settings with one database for the environment and every verifier that reads one and names none."""
    environment = raw.get("environment", {})
    if not isinstance(environment, dict) or environment.get("kind") != "sql":
        if database is not None:
            raise InputError("--database is for jobs whose environment is of kind 'sql'.", "Leave it out.")
        return raw
    if database is not None:
        if not database.is_file():
            raise InputError(f"There is no database {str(database)!r}.", "Correct --database.")
        environment = {**environment, "database": str(database.resolve())}
    verifiers = [
        {**verifier, "database": environment.get("database")}
        if isinstance(verifier, dict)
        and verifier.get("kind") == "sql_result"
        and (database is not None or "database" not in verifier)
        else verifier
        for verifier in raw.get("verifier", [])
    ]
    return {**raw, "environment": environment, "verifier": verifiers}


def _settings(raw: Mapping[str, Any], context: JobFolder, file: Path) -> JobSettings:
    try:
        return JobSettings.model_validate(raw, context=context)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        if first["type"] == "extra_forbidden":
            raise InputError(f"{file}: unknown key {place!r}.", "Remove it; docs/reference/job.md has all.") from None
        given = "" if first["type"] == "missing" else f" (given: {str(first.get('input'))[:80]!r})"
        raise InputError(f"{file}: {place!r}: {first['msg']}{given}.", "docs/reference/job.md has every key.") from None


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / name} can't be read: {error}.", "Correct its name in job.toml.") from None


def _schema(folder: Path, name: str) -> dict[str, Json]:
    try:
        return TypeAdapter(dict[str, Json]).validate_json(_text(folder, name))
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise InputError(f"{folder / name} is no JSON schema: {said}.", "It is one JSON object.") from None


def _environment(settings: JobSettings, context: JobFolder) -> OpenEnvironment:
    """The environment, with the job's documents behind it where it has some."""
    known = settings.knowledge
    if known is None:
        return settings.environment
    if (known.base is None) == (not known.paths):
        raise InputError("[knowledge] in job.toml needs `paths` or `base`, and not both.", "Give one of them.")
    paths = tuple(map(context.path, known.paths))
    file = context.data / "knowledge.sqlite" if known.base is None else context.path(known.base)
    finder = Finder(
        file, embedder_named(known.embedder), paths=paths, labels=known.labels, mode=known.mode, k=known.passages
    )
    return Informed(
        settings.environment,
        finder.find,
        tokens=known.tokens,
        near=NEAR[known.mode],
        recall=known.recall,
        tool=known.tool,
        cost=tokens_of,
    )


def _case_source(settings: JobSettings, context: JobFolder) -> Callable[[], Iterable[Case]]:
    if settings.cases.file is not None:
        path = context.path(settings.cases.file)
        return lambda: read_cases(path)
    if settings.cases.gym:
        names = settings.cases.gym
        for name in names:
            family_of(name)
        return lambda: draw(names, each=settings.cases.each, first_seed=settings.cases.first_seed)
    if "cases" in context.members:
        return lambda: _made(context.members["cases"])
    return tuple


def _made(make: Callable[[], Iterable[Case]]) -> Iterator[Case]:
    """What `cases()` gives; a fault of it is told as the job's."""
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
    digest = hashlib.sha256()
    own_cases = settings.cases.file
    for path in sorted(chain(folder.glob("*.toml"), folder.glob("*.py"), folder.glob("*.md"), folder.glob("*.json"))):
        if path.name not in {own_cases, "README.md"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(str(database.resolve() if database else None).encode())
    return digest.hexdigest()


# --- check -----------------------------------------------------------------------------------------------------


class Finding(Record):
    """What `check` found wrong with one case under one verifier."""

    case_id: str
    verifier: str
    given: str
    """"reference", "silence" or "nonsense"."""
    expected: float
    value: float | None
    reason: str


class Checked(Record):
    """What `check` saw of one case. Neither findings nor a reference: nothing could be proved of it."""

    case_id: str
    proved: bool
    findings: tuple[Finding, ...] = ()


async def check(job: Job) -> AsyncIterator[Checked]:
    """Prove each case without any model. A case without a target can't be proved, and is told apart."""
    seen: set[str] = set()
    for case in job.cases():
        if case.id in seen:
            raise InputError(f"Two cases have the id {case.id!r}.", "Give each case an id of its own.")
        seen.add(case.id)
        findings: list[Finding] = []
        proved = False
        for verifier in job.verifiers:
            reference = verifier.reference(case) if case.target is not None else None
            if reference is None:
                continue
            proved = True
            trials = (("reference", reference, 1.0), ("silence", None, 0.0), ("nonsense", NONSENSE, 0.0))
            for given, answer, expected in trials:
                if given != "reference" and await _says_nothing_is_right(verifier, case):
                    continue
                score = await verifier.score(case, answered(case, answer))
                if score.value != expected:
                    findings.append(
                        Finding(
                            case_id=case.id,
                            verifier=verifier.name,
                            given=given,
                            expected=expected,
                            value=score.value,
                            reason=score.reason,
                        )
                    )
        yield Checked(case_id=case.id, proved=proved, findings=tuple(findings))


async def _says_nothing_is_right(verifier: Verifier, case: Case) -> bool:
    """Whether the reference answer is to hand in nothing, as where no function fits."""
    return verifier.reference(case) in {"", "[]"}


def answered(case: Case, answer: str | None) -> Trajectory:
    """A trajectory that only hands in `answer`."""
    stop = "silent" if answer is None else "answered"
    return Trajectory(case_id=case.id, worker="reference@0", opening=(), answer=answer, stop=stop)
