"""Demonstrations: a worker's own answers that were found right are examples for cases like theirs.

After self-generated in-context examples (Sarukkai et al. 2025), which collects an agent's successful trajectories and
shows the most similar ones. Different here: an example counts as success only where somebody or a verifier looked,
never by the agent's own opinion; only the case and its answer are shown, not the whole trajectory, for on a CPU what
is in the prompt is what a case costs (in a world that is played, the answer is all moves, and they are shown with what
was seen before them; what was refused is left out); each example is withheld at random now and then and retired when it
costs more than it gives; and showing any at all is a change of the mind that an exam must pass first.
"""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.answers import course, moves, only_text
from journeyman.learn.lessons import lesson, sources_of
from journeyman.protocols import Lab, Learner
from journeyman.types import Case, Label, Lesson, Mind, Outcome, Proposal, Trajectory

FEWEST = 8
"""Successes to learn from."""


def demonstration(case: Case, trajectory: Trajectory, worker: str, labels: Sequence[Label]) -> Lesson | None:
    """What an accepted answer teaches. None: the last label does not accept it, or there is none."""
    answer = trajectory.answer
    if labels[-1].error or answer is None or not answer.strip():
        return None
    saw = seen_before_moves(trajectory)
    return lesson("demonstration", case.prompt, answer, worker, sources_of(case, worker, labels), saw=saw)


def seen_before_moves(trajectory: Trajectory) -> tuple[str, ...]:
    """What the worker saw before each of the moves that are its answer. Empty: its answer is no course of moves."""
    calls = [call for step in trajectory.steps for call in step.reply.message.tool_calls]
    made = moves(trajectory.steps, calls[-1].name) if calls else []
    if not made or course(trajectory.answer or "") != [only_text(call) for call, _ in made]:
        return ()
    return (trajectory.opening[-1].content, *(result.content for _, result in made[:-1]))


class Demonstrations:
    """Proposes to recall own successes, once there are some."""

    name = "demonstrations"

    async def learn(self, mind: Mind, seen: Sequence[Outcome], lab: Lab) -> Proposal | None:
        """None: they are recalled already, or there are too few."""
        right = [outcome for outcome in seen if outcome.right and outcome.trajectory.answer]
        recall = mind.recall.model_copy(update={"kinds": ("demonstration", "correction"), "alike": 0.0})
        if recall == mind.recall or len(right) < FEWEST:
            return None
        return Proposal(
            mind=mind.model_copy(update={"recall": recall}),
            why=f"Recall own successes as examples; there are {len(right)} so far.",
        )


_: Learner = Demonstrations()
