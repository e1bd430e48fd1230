"""Plays given moves in a fresh game, to record the observations."""

from __future__ import annotations

from journeyman.answers import call_with, move_tool, parse_moves
from journeyman.errors import boundary
from journeyman.protocols import OpenEnvironment
from journeyman.types import CaseInput


async def replay_moves(
    opened: OpenEnvironment, case_input: CaseInput, answer: str
) -> tuple[str, ...]:
    """What is seen before each move of an answer, from the opening on, in an environment of its own.

    Empty: the answer lists no moves, the world is not played, one of them is refused, or a move might not be pure.
    """
    said, seen = parse_moves(answer), list[str]()
    if not said:
        return ()
    with boundary("playing what is right") as outcome:
        environment = opened(case_input)
        try:
            move = move_tool(environment.tools)
            if move is None or move.effect != "pure":
                return ()
            seen.append((await environment.reset())[-1].text)
            for n, text in enumerate(said):
                result = await environment.step(call_with(move, text, f"shown_{n}"))
                if result.failed:
                    return ()
                seen.append(result.text)
        finally:
            await environment.close()
    return tuple(seen[: len(said)]) if outcome.failure is None else ()
