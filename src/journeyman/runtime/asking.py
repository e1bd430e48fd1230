"""Questions about documents: each is a case of the job `ask`, with confidence, review and memory.

Nothing but a person says whether an answer is right. Whether its sentences stand in passages is among the signals of
confidence; as a verdict it would call every good paraphrase wrong.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence

from journeyman.documents import Passage
from journeyman.environments.retrieval import RetrievalEnvironment
from journeyman.environments.single_turn import SingleTurn
from journeyman.errors import InputError
from journeyman.job.job import Job
from journeyman.knowledge.modes import NEAR
from journeyman.memory.context import tokens_of
from journeyman.runtime.runner import Runner
from journeyman.types import Budget, Case, CaseResult, Sampling

JOB = "ask"
MOST_IN_A_NAME = 4
"""Labels."""

INSTRUCTIONS = (
    "Answer the question in one or two short sentences, by the numbered passages alone, in the question's language."
    " If they do not contain the answer, reply: The documents do not say. (In Chinese: 资料中没有说明。)"
)

ANSWER_TOKENS = 160
PASSAGE_TOKENS = 360
"""Shown for a question, about: reading them is what an answer costs on a processor."""


def asking_job(
    find: Callable[[str], Awaitable[Sequence[Passage]]],
    *,
    about: str = "",
    labels: Collection[str] = (),
    tokens: int = PASSAGE_TOKENS,
    near: float = NEAR["basic"],
    on_passages: Callable[[str, Sequence[Passage]], None] = lambda case, passages: None,
) -> Job:
    """The job of answering by documents. `about` names them: what is known of answers holds for the same ones.

    Those who hold other `labels` have a job of their own: what is remembered of answers is told to nobody else.
    """
    return Job(
        name=name_for(labels),
        description="Questions to documents.",
        environment=RetrievalEnvironment(
            SingleTurn(), find, tokens=tokens, near=near, cost=tokens_of, on_passages=on_passages
        ),
        instructions=INSTRUCTIONS,
        budget=Budget(steps=1, tokens=16_000, seconds=300),
        sampling=Sampling(max_tokens=ANSWER_TOKENS),
        fingerprint=f"ask-4 {about}",
    )


def name_for(labels: Collection[str]) -> str:
    """`ask`, `ask-board`, `ask-board-staff`; a hash where that could be read in two ways, or is no name.

    No two sets of labels have the same one.
    """
    held = sorted(set(labels))
    if (
        all(re.fullmatch(r"[A-Za-z0-9_]{1,12}", label) for label in held)
        and len(held) <= MOST_IN_A_NAME
    ):
        return "-".join([JOB, *held])
    return f"{JOB}--{hashlib.sha256(repr(held).encode()).hexdigest()[:12]}"


async def ask(runner: Runner, question: str) -> CaseResult:
    """Work one question in a runner on the job's run; others can be asked meanwhile, here and in other processes.

    Raises InputError for an empty question.
    """
    if not question.strip():
        raise InputError("The question is empty.", "Ask something.")
    case = Case(id=f"q-{secrets.token_hex(4)}", prompt=question.strip())
    return await runner.submit(case)
