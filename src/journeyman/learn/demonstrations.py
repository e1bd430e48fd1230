"""Demonstrations: a worker's own correct answers become examples for similar cases.

After self-generated in-context examples (Sarukkai et al. 2025), which collects an agent's successful trajectories and
shows the most similar ones. Different here: an example counts as success only where somebody or a verifier looked,
never by the agent's own opinion; only the case and its answer are shown, not the whole trajectory, for on a CPU what
is in the prompt is what a case costs (in a world that is played, the answer is all moves, and they are shown with what
was seen before them; what was refused is left out); each example is withheld at random now and then and retired when it
costs more than it gives; and showing any at all is a change of the mind that an exam must pass first.
"""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.protocols import Lab, Learner
from journeyman.types import CaseResult, Proposal, WorkerSpec

FEWEST = 8
"""Successes to learn from."""


class Demonstrations:
    """Proposes to recall own successes, once there are some."""

    name = "demonstrations"

    async def learn(
        self, worker_spec: WorkerSpec, seen: Sequence[CaseResult], lab: Lab
    ) -> Proposal | None:
        """None: they are recalled already, or there are too few."""
        correct = [outcome for outcome in seen if outcome.correct and outcome.trajectory.answer]
        wider = {"kinds": ("demonstration", "correction"), "min_similarity": 0.0}
        recall = worker_spec.recall.model_copy(update=wider)
        is_recalled = recall == worker_spec.recall
        if is_recalled or len(correct) < FEWEST:
            return None
        changed = {"recall": recall}
        return Proposal(
            worker_spec=worker_spec.model_copy(update=changed),
            why=f"Recall own successes as examples; there are {len(correct)} so far.",
        )


_: Learner = Demonstrations()
