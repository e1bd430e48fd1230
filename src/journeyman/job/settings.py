"""The settings that `job.toml` may hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from journeyman.environments import AnyEnvironment
from journeyman.knowledge.index.kinds import IndexKind
from journeyman.knowledge.modes import Mode
from journeyman.types import Budget, Record
from journeyman.verifiers import AnyVerifier


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
    index: IndexKind | None = None
    """What the documents of `paths` are indexed with: `sqlite` (also where it is None), or `lance` for millions of
    passages. Of `base`: what it must have been made with; None: whatever it was made with."""
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
    """About the share of delivered answers that a person looks at all the same, drawn at random."""
    review_within_hours: Annotated[float, Field(gt=0)] = 72.0
    """After which a review that nobody did is overdue: it is counted as wrong, and no longer waited for."""
    cases: CasesSettings = CasesSettings()
    environment: AnyEnvironment
    knowledge: KnowledgeSettings | None = None
    verifier: tuple[AnyVerifier, ...] = ()
    budget: Budget = Budget()
    sampling: SamplingSettings = SamplingSettings()
