"""Ablation: proposes to leave out lessons that are shown without ever having been examined.

Corrections are recalled from the first day, for whoever puts an answer right wants just that. But of cases that are
merely alike they are examples, and examples can do harm: terse ones make a small model terse. Learned knowledge that
costs more than it saves is the utility problem (Minton 1990), and his mend was to measure, and to forget what does not
pay. Different here: nothing is forgotten. What is proposed is to recall only past cases in nearly the same words, so
that a person's correction still holds for its own case; whether the rest is missed, an exam on sealed cases says,
where leaving out must be harmless, not help, for it is cheaper. Single lessons are retired by their own worth
(`memory/worth.py`), for which telling none at all is not a draw that is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.protocols import Lab, Learner
from journeyman.types import CaseResult, Proposal, Recall, WorkerSpec

NEARLY = 0.7
"""Of all their words, so many stand in both cases. Sentences that say the same with a word more or less share .8 and
more; word problems of a kind, at most .4."""

FEWEST = 8
"""Cases that were told something: with fewer there is nothing to leave out."""


class Ablation:
    """Proposes to recall past cases in nearly the same words only."""

    name = "ablation"

    async def learn(
        self, worker_spec: WorkerSpec, seen: Sequence[CaseResult], lab: Lab
    ) -> Proposal | None:
        """None: that is so already, or hardly anything was told so far."""
        helped = [outcome for outcome in seen if outcome.trajectory.recalled]
        if narrow(worker_spec.recall) or len(helped) < FEWEST:
            return None
        recall = worker_spec.recall.model_copy(update={"min_similarity": NEARLY})
        changed = worker_spec.model_copy(update={"recall": recall})
        return Proposal(
            worker_spec=changed,
            why=f"Recall past cases in nearly the same words only; {len(helped)} cases were told of others.",
        )


def narrow(recall: Recall) -> bool:
    """Whether past cases that are merely alike are not recalled."""
    return recall.min_similarity >= NEARLY or not recall.k


_: Learner = Ablation()
