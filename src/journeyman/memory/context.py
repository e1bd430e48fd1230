"""Layer 1 of memory: the context, what the model reads before it begins."""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.types import Lesson, Message


def context(instructions: str, opening: Sequence[Message], lessons: Sequence[Lesson]) -> tuple[Message, ...]:
    """What the model reads first: the stable parts before what changes, so that the engine's prefix cache holds.

    Instructions and the environment's own system text make one system message; lessons stand before the case itself.
    """
    stable = [instructions.strip(), *(m.content.strip() for m in opening if m.role == "system")]
    told = [message for message in opening if message.role != "system"]
    system = "\n\n".join(text for text in stable if text)
    if lessons and told:
        recalled = "Learned from earlier cases:\n" + "\n".join(f"- {lesson.text}" for lesson in lessons)
        told[0] = told[0].model_copy(update={"content": f"{recalled}\n\n{told[0].content}"})
    return (*([Message(role="system", content=system)] if system else []), *told)
