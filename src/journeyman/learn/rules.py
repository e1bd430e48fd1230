"""Rules by contrast: states in words what distinguishes a correct answer from wrong ones, for the playbook.

After training-free GRPO (Cai et al. 2025), which compares a group of rollouts of one question and writes down what the
better ones did, and ACE (Zhang et al. 2025), whose playbook grows by itemised edits that are merged without a model.
Different here:

- A group is one case's rollouts, the worker's own and some drawn at a temperature, with the answer that a person gave
  where none is right: a case whose failure nobody can contrast with a right answer teaches no rule, so that a failure
  of the moment (a tool that was down, a budget that ran out) leaves nothing.
- Rules are only added or dropped whole. None is ever rewritten by a model, and each names the cases that it came from.
- A rule is kept only if, on cases that it did not come from, the worker is not worse with it: a screen in the lab,
  before the exam.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from journeyman.errors import LearningBudgetSpent
from journeyman.memory.lessons import lesson
from journeyman.protocols import Lab, Learner
from journeyman.store.fulltext.terms import shared
from journeyman.types import CaseResult, Lesson, Message, Proposal, Sampling, WorkerSpec

GROUP = 3
"""Further rollouts of a case."""
GROUPS = 6
"""Cases looked at, at most."""
SCREENED = 8
"""Other cases on which a rule is tried."""
MOST_RULES = 12
"""In a playbook."""
CHARACTERS = 240
"""Of a rule."""
ALIKE = 0.6
"""Rules that share more of their terms say the same."""

DRAWN = Sampling(temperature=0.8)
WRITTEN = Sampling(
    max_tokens=160,
    json_schema={
        "type": "object",
        "properties": {
            "when": {"type": "string", "maxLength": 120},
            "rule": {"type": "string", "maxLength": CHARACTERS},
        },
        "required": ["when", "rule"],
        "additionalProperties": False,
    },
)

ASKED = """A worker did the case below. Compare the wrong answers with the right one and write one short rule that \
would have prevented the mistake and holds for other cases of the kind. Do not mention this case's own names, numbers \
or answer.
`when` says for which cases the rule is; `rule` says what to do.

Case:
{prompt}

Wrong:
{wrong}

Right:
{correct}"""


@dataclass(frozen=True)
class Contrast:
    """One case with answers that were wrong and one that is right."""

    case_id: str
    prompt: str
    wrong: tuple[str, ...]
    correct: str
    sources: tuple[str, ...]


class Rules:
    """Proposes a playbook with a few more rules."""

    name = "rules"

    async def learn(
        self, worker_spec: WorkerSpec, seen: Sequence[CaseResult], lab: Lab
    ) -> Proposal | None:
        playbook = list(worker_spec.playbook)
        fresh: list[Lesson] = []
        wrong = [outcome for outcome in reversed(seen) if outcome.correct is False]
        try:
            for outcome in wrong[:GROUPS]:
                contrast = await contrasted(outcome, worker_spec, lab)
                if contrast is None:
                    continue
                rule = await written(contrast, lab)
                if rule is None or known(rule, playbook) or len(playbook) >= MOST_RULES:
                    continue
                if await holds(rule, worker_spec, seen, lab):
                    playbook.append(rule)
                    fresh.append(rule)
        except LearningBudgetSpent:
            pass
        if not fresh:
            return None
        longer = {"playbook": tuple(playbook)}
        changed = worker_spec.model_copy(update=longer)
        texts = "; ".join(rule.text for rule in fresh)
        return Proposal(worker_spec=changed, why=f"New rules: {texts}")


async def contrasted(outcome: CaseResult, worker_spec: WorkerSpec, lab: Lab) -> Contrast | None:
    """A wrong case with more rollouts of it. None: nobody and no rollout knows what is right."""
    trajectory = outcome.trajectory
    if trajectory.failure is not None or trajectory.answer is None:
        return None
    wrong = [trajectory.answer]
    correct = _correction(outcome)
    for n in range(GROUP):
        sampling = DRAWN.model_copy(update={"seed": n + 1})
        again = await lab.attempt(worker_spec, outcome.case_id, sampling=sampling)
        answer = again.trajectory.answer
        if answer is None or again.trajectory.failure is not None:
            continue
        if again.correct:
            correct = correct or answer
        elif again.correct is False:
            wrong.append(answer)
    if correct is None:
        return None
    opening = trajectory.opening
    return Contrast(
        case_id=outcome.case_id,
        prompt=opening[-1].text if opening else "",
        wrong=tuple(dict.fromkeys(wrong)),
        correct=correct,
        sources=_sources(outcome),
    )


def _correction(outcome: CaseResult) -> str | None:
    """What the first person who put the answer right said."""
    for label in outcome.labels:
        if label.correction:
            return label.correction
    return None


def _sources(outcome: CaseResult) -> tuple[str, ...]:
    """The case, and the people who labelled it."""
    case = f"case:{outcome.case_id}"
    given_by = [label.by for label in outcome.labels]
    people = [f"person:{name}" for name in given_by if name != "verifier"]
    return (case, *people)


async def written(contrast: Contrast, lab: Lab) -> Lesson | None:
    """The rule that the teacher makes of it. None: what it wrote is none, or gives the answer away."""
    wrong = "\n".join(contrast.wrong)
    correct = contrast.correct
    asked = ASKED.format(
        prompt=contrast.prompt[:1500],
        wrong=wrong[:1500],
        correct=correct[:1500],
    )
    message = Message(role="user", content=asked)
    text = await lab.ask([message], sampling=WRITTEN)
    try:
        fields = json.loads(text)
        when = str(fields["when"]).strip()
        rule = str(fields["rule"]).strip()
    except (ValueError, KeyError, TypeError):
        return None
    if not rule or len(rule) > CHARACTERS:
        return None
    answer = correct.strip().casefold()
    gives_it_away = answer in rule.casefold()
    if gives_it_away:
        return None
    return lesson("rule", when, rule, "teacher", contrast.sources)


def known(rule: Lesson, playbook: Sequence[Lesson]) -> bool:
    """Whether a rule of the playbook says the same."""
    for other in playbook:
        likeness = shared(rule.text, other.text)
        if likeness > ALIKE:
            return True
    return False


async def holds(
    rule: Lesson, worker_spec: WorkerSpec, seen: Sequence[CaseResult], lab: Lab
) -> bool:
    """Whether, on cases that it did not come from, the worker with the rule is right at least as often."""
    chosen = _screen(rule, seen)
    if not chosen:
        return False
    playbook = (*worker_spec.playbook, rule)
    tried = worker_spec.model_copy(update={"playbook": playbook})
    gained = 0
    for outcome in chosen:
        again = await lab.attempt(tried, outcome.case_id)
        before = bool(outcome.correct)
        after = bool(again.correct)
        gained += after - before
    return gained >= 0


def _screen(rule: Lesson, seen: Sequence[CaseResult]) -> list[CaseResult]:
    """The latest judged cases that a rule did not come from, as many right ones as wrong ones at most."""
    correct: list[CaseResult] = []
    wrong: list[CaseResult] = []
    for outcome in reversed(seen):
        source = f"case:{outcome.case_id}"
        if outcome.correct is None or source in rule.sources:
            continue
        same = correct if outcome.correct else wrong
        same.append(outcome)
    half = SCREENED // 2
    return correct[:half] + wrong[:half]


_: Learner = Rules()
