"""Trajectories, scores, decisions, labels and results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from journeyman.types.content import Json, Message, Record, Reply, Usage, without_empty
from journeyman.types.learning import Lesson
from journeyman.types.work import Split

Stop = Literal["answered", "silent", "repeated", "steps", "tokens", "seconds", "in_doubt", "failed"]
"""Why a rollout ended: it `answered`; it fell `silent` (no answer, no call); it `repeated` one call; a budget of
`steps`, `tokens` or `seconds` ran out; an effect is `in_doubt`; or it `failed` and carries a `Failure`."""


class Failure(Record):
    """An error as data: what went wrong with one case, and what to do about it."""

    kind: str
    message: str
    hint: str
    traceback: str | None = None
    """Where a fault in the code arose: the end of its traceback. No model and no inbox is shown it.
    None: it was no such fault, or it was recorded by an earlier version."""

    @model_serializer(mode="wrap")
    def _without_no_traceback(self, dump: SerializerFunctionWrapHandler) -> dict[str, Json]:
        return without_empty("traceback", dump(self))

    @property
    def brief(self) -> Failure:
        """The same without its traceback."""
        return self.model_copy(update={"traceback": None})


class Step(Record):
    """One model call, and what its tool calls gave, in the order of the calls."""

    reply: Reply
    results: tuple[Message, ...] = ()


class SelfCheck(Record):
    """A question put to the worker's own model after its answer. It changes nothing that the worker does."""

    question: str
    """Its name, such as "right"."""
    yes: Annotated[float, Field(ge=0, le=1)] | None
    """P(yes) among yes and no. None: the engine does not tell."""
    usage: Usage


class Trajectory(Record):
    """The record of one rollout."""

    case_id: str
    worker: str
    """`name@version`."""
    opening: tuple[Message, ...]
    """The context before the first model call. Empty: it failed before that."""
    recalled: tuple[Lesson, ...] = ()
    """What memory told the worker for this case, in the order told. Empty: nothing."""
    steps: tuple[Step, ...] = ()
    answer: str | None = None
    """What was handed in. None: nothing was."""
    stop: Stop
    failure: Failure | None = None
    """Only and always with `stop` "failed" or "in_doubt"."""
    seconds: float = 0.0
    """Wall time; after a crash, of the last life only."""
    checks: tuple[SelfCheck, ...] = ()
    """What the model said of its own answer afterwards. Empty: it was not asked."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation."""
        told: list[Message] = []
        for step in self.steps:
            told.append(step.reply.message)
            told.extend(step.results)
        return (*self.opening, *told)

    @property
    def usage(self) -> Usage:
        """Summed over all steps."""
        total = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0)
        for step in self.steps:
            total = total + step.reply.usage
        return total


class Score(Record):
    verifier: str
    value: Annotated[float, Field(ge=0, le=1)] | None
    """1 right, 0 wrong. None: not judged; never counted as wrong."""
    reason: str = ""
    fields: Mapping[str, float] = Field(default_factory=dict)
    """The parts of a score that has parts, such as one value per JSON field."""
    failure: Failure | None = None
    """Of a verifier that broke. None: it did not."""

    @model_serializer(mode="wrap")
    def _without_no_failure(self, dump: SerializerFunctionWrapHandler) -> dict[str, Json]:
        return without_empty("failure", dump(self))


class Evidence(Record):
    """Of one trajectory. The texts are for likeness with past cases, so their beginnings do."""

    signals: Mapping[str, float | None]
    prompt: str
    answer: str | None
    """None: there is none, or the case failed. Such a case is escalated, whatever anybody says."""


class Example(Record):
    """Evidence with what came of it."""

    evidence: Evidence
    correct: bool
    weight: float = 1.0
    """One over the probability that its label was seen."""


Held = Literal["stopped", "audits"]
"""Why everything is escalated, whatever is proved: a person `stopped` the job, or `audits` are overdue."""


class Decision(Record):
    """Deliver or escalate, with all that it rested on."""

    score: float | None
    """The confidence then. None: nothing to go by; such a case is escalated, and tells nothing of any threshold."""
    threshold: float | None
    """In force then. None: nothing was delivered."""
    deliver: bool
    audit: bool
    """Whether a person looks at it: always if it is escalated."""
    propensity: Annotated[float, Field(gt=0, le=1)]
    """The probability with which it was to be looked at, fixed before the draw."""
    held: Held | None = None
    """Why everything was escalated then. None: what reached the threshold was delivered."""

    @property
    def reaches(self) -> bool:
        """Whether its score reaches the threshold in force: it is delivered, unless everything is held."""
        if self.score is None or self.threshold is None:
            return False
        return self.score >= self.threshold


class Label(Record):
    """What somebody who knows says of a case's answer."""

    error: bool
    """Whether the worker's own answer was wrong."""
    by: str
    """"verifier", or who reviewed it."""
    correction: str | None = None
    """The answer that holds instead. None: the worker's own does, or nobody said."""
    observations: tuple[str, ...] = ()
    """Where that answer is a course of moves: what is seen before each of them."""
    note: str = ""


class ScoredTrajectory(Record):
    """A trajectory with what its verifiers said."""

    trajectory: Trajectory
    scores: tuple[Score, ...]

    @property
    def correct(self) -> bool | None:
        """Right when every verifier that judged gave full marks. None: none judged."""
        judged = [score.value for score in self.scores if score.value is not None]
        if not judged:
            return None
        return all(value >= 1.0 for value in judged)


class CaseResult(Record):
    """What became of one case, as far as it got: a row of a report."""

    case_id: str
    slice: str | None
    split: Split
    attempt: int
    trajectory: Trajectory
    scores: tuple[Score, ...] = ()
    decision: Decision | None = None
    """None: not decided yet, or worked before decisions were made."""
    labels: tuple[Label, ...] = ()
    """In the order given; the last one counts for the answer. What counts for the certificate, `autonomy` says."""
    unjudged: tuple[str, ...] = ()
    """Who looked at it and could not judge."""
    closed: bool = False
    """Whether all is done, scoring included."""
    at: float | None = None
    """When it was closed, or else the last thing happened, in Unix seconds. None: nothing has."""

    @property
    def correct(self) -> bool | None:
        """By the verifiers; else by the last label. None: not judged."""
        scored = ScoredTrajectory(trajectory=self.trajectory, scores=self.scores)
        if scored.correct is None and self.labels:
            last = self.labels[-1]
            return not last.error
        return scored.correct

    @property
    def confidence(self) -> float | None:
        """P(right) when it was decided. None: nothing to go by."""
        return None if self.decision is None else self.decision.score
