"""Lessons, and the parts of a worker that learning may change."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from journeyman.types.content import Record


class Lesson(Record):
    """One thing worth remembering, with what it rests on. Never rewritten: a better one is another one."""

    id: str
    """Of its content: the same lesson from the same sources is the same."""
    kind: Literal["demonstration", "correction", "rule"]
    """An own answer that was right; an answer that somebody put right; or a rule in words, of the playbook."""
    about: str
    """What it is for: the prompt of its case, or the situation a rule is for. Recall goes by it. Empty: always."""
    text: str
    """The answer that holds, or the rule."""
    observations: Annotated[tuple[str, ...], Field(serialization_alias="saw")] = ()
    """Where the answer is a course of moves: what was seen before each of them."""
    by: str
    """Who contributed it: a worker's name, or a person's."""
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    """What it rests on: `case:RUN/CASE`, `worker:NAME`, `person:NAME`, … Take one away, and the lesson is gone."""


class Recall(Record):
    """What a worker may recall for a case, and how much of its prompt that may take."""

    kinds: tuple[Literal["demonstration", "correction"], ...] = ("correction",)
    """Corrections are a person's own word, and are recalled from the beginning; own successes once an exam has shown
    that they help."""
    min_similarity: Annotated[float, Field(ge=0, le=1, serialization_alias="alike")] = 0.0
    """How much of all their words a past case and this one must share. 0: anything at all; 0.7: nearly all of them."""
    k: Annotated[int, Field(ge=0, le=64)] = 8
    tokens: Annotated[int, Field(ge=0)] = 800
    """Of the prompt, at most, as `memory.context.tokens_of` counts."""
    withheld: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The probability with which each is left out all the same, to learn what it is worth."""


class WorkerSpec(Record):
    """What learning may change of a worker. A changed mind is a new version."""

    instructions: str | None = None
    """In the place of the job's. None: the job's own."""
    playbook: tuple[Lesson, ...] = ()
    """Rules that stand in every prompt."""
    recall: Recall = Recall()


class Proposal(Record):
    """What a learner proposes: another mind, and in a sentence what changed."""

    worker_spec: WorkerSpec
    why: str
    sources: tuple[str, ...] = ()
    """What the change rests on beside what its rules rest on: of searched instructions, the cases searched with."""
