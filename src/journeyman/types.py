"""Every stored or sent value. All frozen: a change makes a new record.

Unknown is None, never 0, "" or a guess. Times are seconds (durations) or Unix seconds (moments);
token counts are the engine's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = Any
"""A value that JSON can hold. Checked where it enters, at the file or the wire."""

Role = Literal["system", "user", "assistant", "tool"]

Split = Literal["train", "calibration", "exam", "live"]
"""Where a case may be used. No learner ever sees `exam`."""

Effect = Literal["pure", "idempotent", "reconcilable", "once"]
"""What a tool does to the world: `pure` nothing outside its case; `idempotent` the same when repeated
with the same key; `reconcilable` can be asked whether it happened; `once` must never be repeated."""

Stop = Literal["answered", "silent", "repeated", "steps", "tokens", "seconds", "in_doubt", "failed"]
"""Why a rollout ended: it `answered`; it fell `silent` (no answer, no call); it `repeated` one call; a budget of
`steps`, `tokens` or `seconds` ran out; an effect is `in_doubt`; or it `failed` and carries a `Failure`."""


class Record(BaseModel):
    """The base of all values: immutable, and no unknown field goes unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


# --- work ------------------------------------------------------------------------------------------------------


class Brief(Record):
    """What the worker may know of a case: everything but its target."""

    id: str
    prompt: str
    data: Mapping[str, Json] = Field(default_factory=dict)
    """What the environment needs to open this case, such as a database or the tools offered."""


class Case(Record):
    """One piece of work; holds the target where one is known. Only verifiers are handed a Case."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    prompt: str
    data: Mapping[str, Json] = Field(default_factory=dict)
    target: Json = None
    """What a verifier compares with. None: not known, so the case can't be scored."""
    slice: str | None = None
    """The kind of situation this is, for results per slice. None: not sorted."""
    split: Split = "live"

    @property
    def brief(self) -> Brief:
        return Brief(id=self.id, prompt=self.prompt, data=self.data)


class Budget(Record):
    """What one case may cost at most. A budget that runs out ends the case; it never ends the stream."""

    steps: Annotated[int, Field(ge=1, le=1000)] = 8
    """Model calls."""
    tokens: Annotated[int, Field(ge=1)] = 16_000
    """Prompt and completion tokens of all model calls together."""
    seconds: Annotated[float, Field(gt=0)] = 300.0
    """Wall time from the case's opening."""


# --- conversation ----------------------------------------------------------------------------------------------


class ToolSpec(Record):
    """A tool as the model sees it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]{0,127}$")]
    description: str
    parameters: Mapping[str, Json]
    """JSON schema of the arguments, `{"type": "object", ...}`."""
    effect: Effect = "pure"
    final: bool = False
    """A successful call of a final tool hands in the answer and ends the rollout. Asked after the call, so that an
    environment can make the call final that ends its world."""


class ToolCall(Record):
    id: str
    """Unique within its case: the key that idempotent and reconcilable tools are given."""
    name: str
    arguments: Mapping[str, Json]


class Message(Record):
    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    """On a tool's message: the call that it answers."""
    failed: bool = False
    """On a tool's message: the tool could not do what was asked, and says why in `content`."""


class Usage(Record):
    """What model calls cost."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    """Prompt tokens taken from the prefix cache. None: the engine does not say."""
    seconds: float = 0.0

    @property
    def computed_tokens(self) -> int:
        """Of the prompt, without what the prefix cache had."""
        return self.prompt_tokens - (self.cached_tokens or 0)

    @property
    def spent_tokens(self) -> int:
        """Computed and written."""
        return self.computed_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        cached = (self.cached_tokens, other.cached_tokens)
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=None if None in cached else sum(n for n in cached if n is not None),
            seconds=self.seconds + other.seconds,
        )


class TokenLogprob(Record):
    token: str
    logprob: float
    """Natural logarithm."""
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest alternatives at this position with their log-probabilities, likeliest first."""


class Sampling(Record):
    """How a model is to write one reply. Part of a call's key: equal sampling, equal call."""

    temperature: Annotated[float, Field(ge=0)] = 0.0
    max_tokens: Annotated[int, Field(ge=1)] = 512
    seed: int = 0
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 5
    """Alternatives per token. 0: no log-probabilities at all."""
    json_schema: Mapping[str, Json] | None = None
    """The reply must be JSON of this schema. None: free text."""
    tool_choice: Literal["auto", "required"] = "auto"
    """`required`: with tools offered, the reply must be a tool call."""


class Reply(Record):
    """One answer of a model."""

    message: Message
    usage: Usage
    logprobs: tuple[TokenLogprob, ...] | None = None
    """One per completion token, in order. None: the engine gave none."""
    finish: Literal["stop", "length", "tool_calls"] = "stop"
    malformed: str | None = None
    """Why what looks like a tool call could not be read as one. None: nothing wrong."""


# --- what is learned ---------------------------------------------------------------------------------------------


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
    saw: tuple[str, ...] = ()
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
    alike: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much of all their words a past case and this one must share. 0: anything at all; 0.7: nearly all of them."""
    k: Annotated[int, Field(ge=0, le=64)] = 8
    tokens: Annotated[int, Field(ge=0)] = 800
    """Of the prompt, at most, as `memory.context.tokens_of` counts."""
    withheld: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The probability with which each is left out all the same, to learn what it is worth."""


class Mind(Record):
    """What learning may change of a worker. A changed mind is a new version."""

    instructions: str | None = None
    """In the place of the job's. None: the job's own."""
    playbook: tuple[Lesson, ...] = ()
    """Rules that stand in every prompt."""
    recall: Recall = Recall()


class Proposal(Record):
    """What a learner proposes: another mind, and in a sentence what changed."""

    mind: Mind
    why: str
    sources: tuple[str, ...] = ()
    """What the change rests on beside what its rules rest on: of searched instructions, the cases searched with."""


# --- record of a run -------------------------------------------------------------------------------------------


class Failure(Record):
    """An error as data: what went wrong with one case, and what to do about it."""

    kind: str
    message: str
    mend: str


class Step(Record):
    """One model call, and what its tool calls gave, in the order of the calls."""

    reply: Reply
    results: tuple[Message, ...] = ()


class Check(Record):
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
    checks: tuple[Check, ...] = ()
    """What the model said of its own answer afterwards. Empty: it was not asked."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation."""
        told = [message for step in self.steps for message in (step.reply.message, *step.results)]
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


class Label(Record):
    """What somebody who knows says of a case's answer."""

    error: bool
    """Whether the worker's own answer was wrong."""
    by: str
    """"verifier", or who reviewed it."""
    correction: str | None = None
    """The answer that holds instead. None: the worker's own does, or nobody said."""
    saw: tuple[str, ...] = ()
    """Where that answer is a course of moves: what is seen before each of them."""
    note: str = ""


class Graded(Record):
    """A trajectory with what its verifiers said."""

    trajectory: Trajectory
    scores: tuple[Score, ...]

    @property
    def right(self) -> bool | None:
        """Right when every verifier that judged gave full marks. None: none judged."""
        judged = [score.value for score in self.scores if score.value is not None]
        return all(value >= 1.0 for value in judged) if judged else None


# --- journal ---------------------------------------------------------------------------------------------------


class Run(Record):
    """One stream of cases worked by one worker version: an entry of the journal."""

    id: str
    job: str
    worker: str
    """`name@version`."""
    model: str
    fingerprint: str
    """Changes when anything changes that can change an answer: job, model, instructions, sampling, budget."""
    spec: Mapping[str, Json]
    """What was set when it was opened: the rule, the mind, what it goes on from."""
    opened_at: float

    @property
    def name(self) -> str:
        """The worker's, without its version."""
        return self.worker.rpartition("@")[0]

    @property
    def mind(self) -> Mind:
        return Mind.model_validate(self.spec.get("mind", {}))

    @property
    def ground(self) -> str:
        """What the mind was learned for: the job as it is on disk, the model, the settings."""
        return str(self.spec.get("ground", self.fingerprint))

    @property
    def inside(self) -> bool:
        """Whether it is an exam's or a learner's, not a stream of work."""
        return "purpose" in self.spec


EventKind = Literal[
    "recalled",  # body: {"lessons": what memory gave, "shown": the ids of those told, "withheld": the probability}
    "opened",  # body: {"messages": the context before the first model call}
    "replied",  # body: Reply; key: the call's key
    "intended",  # body: ToolCall about to be carried out, of any effect but `pure`
    "resulted",  # body: Message of a tool, or of the loop itself
    "finished",  # body: answer, stop, failure, seconds
    "checked",  # body: {"checks"}
    "scored",  # body: Score
    "assessed",  # written by 0.1 in the place of `decided`; read, and left aside
    "decided",  # body: {"decision": Decision, "evidence": what it rests on, "settled", "draw", "sealed"}
    "closed",  # body: {"right"}; nothing but labels follows
    "labelled",  # body: Label
]


ChangeKind = Literal[
    "proposed",  # body: Version; a challenger
    "examined",  # body: {"version", "champion", "verdict", ...}
    "promoted",  # body: {"version"}; the one row that makes a version the champion
    "rolled_back",  # body: {"version"}; to an earlier one
    "unlearned",  # body: {"source"}; from here on nothing counts that rests on it
    "retired",  # body: {"case"}; an exam case that something learned gives away
]


class Change(Record):
    """One thing that happened to a worker's mind. The champion is what the last `promoted` or `rolled_back` names."""

    job: str
    worker: str
    """Its name, without a version."""
    kind: ChangeKind
    body: Mapping[str, Json]
    at: float
    """Unix seconds."""
    place: int | None = None
    """In the journal. None: not written yet."""


class Event(Record):
    """One thing that happened to a case. The order of `seq` is the order of what happened."""

    run_id: str
    case_id: str
    attempt: Annotated[int, Field(ge=1)]
    """1, and one more each time a failed case is tried again."""
    seq: Annotated[int, Field(ge=0)]
    kind: EventKind
    body: Mapping[str, Json]
    key: str | None = None
    at: float
    """Unix seconds."""


class Held(Record):
    """A case that this process holds, until it is closed or let go."""

    run_id: str
    seq: int
    attempt: int
    case: Case


class Outcome(Record):
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
    """In the order given; the first one counts for the certificate, the last one for the answer."""
    closed: bool = False
    """Whether all is done, scoring included."""
    at: float | None = None
    """When it was closed, or else the last thing happened, in Unix seconds. None: nothing has."""

    @property
    def right(self) -> bool | None:
        """By the verifiers; else by the last label. None: not judged."""
        judged = Graded(trajectory=self.trajectory, scores=self.scores).right
        return not self.labels[-1].error if judged is None and self.labels else judged

    @property
    def confidence(self) -> float | None:
        """P(right) when it was decided. None: nothing to go by."""
        return None if self.decision is None else self.decision.score
