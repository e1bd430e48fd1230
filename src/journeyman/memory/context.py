"""Layer 1 of memory: the context, what the model reads before it begins, under a budget of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from journeyman.answers import call_with, move_tool, parse_moves
from journeyman.protocols import Environment
from journeyman.types import Lesson, Message, ToolCall, ToolSpec

ABOUT_CHARACTERS = 600
"""Of an earlier case's prompt, at most."""

TURN_TOKENS = 12
"""That a chat's own marks around a question and its answer take."""

SEEN_CHARACTERS = 360
"""Of what was seen before a move, at most."""

MOVE_TOKENS = 40
"""That the marks of a move take: of the call, and of the two turns."""

ANSWER_CHARACTERS = 1_500
"""A longer answer is no example for a small model."""


def context(
    instructions: str,
    opening: Sequence[Message],
    playbook: Sequence[Lesson] = (),
    examples: Sequence[Message] = (),
) -> tuple[Message, ...]:
    """What the model reads first: the stable parts before what changes, so that the engine's prefix cache holds.

    Instructions, the environment's own system text and the playbook make one system message, the same for every case of
    a version; recalled cases come after it as turns of their own, then the case itself.
    """
    stable = [
        instructions.strip(),
        *(m.text.strip() for m in opening if m.role == "system"),
        rules(playbook),
    ]
    told = [message for message in opening if message.role != "system"]
    system = "\n\n".join(text for text in stable if text)
    return (*([Message(role="system", content=system)] if system else []), *examples, *told)


def as_turns(
    lessons: Sequence[Lesson], tools: Sequence[ToolSpec], *, as_json: bool
) -> list[Message]:
    """Earlier cases as turns that went well, each answered in the form that this worker answers in.

    Told as a text beside the case, the same examples left a model of 1.5 billion parameters as it was without them.
    """
    told: list[Message] = []
    for n, lesson in enumerate(lessons):
        if lesson.observations:
            told += _played(lesson, tools, n)
            continue
        told.append(Message(role="user", content=_cut(lesson.about, ABOUT_CHARACTERS)))
        calls = tuple(_calls(lesson.text, tools, n))
        content = "" if calls else _json(lesson.text) if as_json else lesson.text
        told.append(Message(role="assistant", content=content, tool_calls=calls))
        told += [Message(role="tool", call_id=call.id, content="accepted") for call in calls]
    return told


def _played(lesson: Lesson, tools: Sequence[ToolSpec], example: int) -> Iterator[Message]:
    """A course of moves as it was played: what was seen, the move, what was seen then; of long sights the ends."""
    move = move_tool(tools)
    assert move is not None, "such lessons are told where there are moves"
    result: str | None = None
    for n, (seen, said) in enumerate(
        zip(lesson.observations, parse_moves(lesson.text), strict=True)
    ):
        told = _ends(seen, SEEN_CHARACTERS)
        yield Message(role="user" if result is None else "tool", content=told, call_id=result)
        result = f"example_{example}_{n}"
        yield Message(role="assistant", content="", tool_calls=(call_with(move, said, result),))
    yield Message(role="tool", call_id=result, content="accepted")


def usable_in(lesson: Lesson, environment: Environment) -> bool:
    """Whether a case can be told of this one: whether its answer could be handed in there.

    Where the calls themselves are the answer, an answer that calls what is not offered now can't. Told as text, it
    taught a model of 1.5 billion parameters to write down calls of what is not there, or to call nothing. Queries of
    another database taught it to ask for tables that are not there. Where nothing is handed in but by playing, only
    moves are told, with what was seen before them.
    """
    tools = environment.tools
    if (move_tool(tools) is not None) != bool(lesson.observations):
        return False
    calls_are_the_answer = bool(tools) and all(tool.final for tool in tools)
    return environment.accepts(lesson.text) and (
        not calls_are_the_answer or bool(_called(lesson.text, tools))
    )


def _called(answer: str, tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """An answer's calls, where it is nothing but calls of these tools with arguments that they take."""
    try:
        listed = json.loads(answer)
    except ValueError:
        return []
    takes = {tool.name: set(tool.parameters.get("properties", {})) for tool in tools}
    known = isinstance(listed, list) and all(
        isinstance(call, dict)
        and call.get("name") in takes
        and takes[call["name"]].issuperset(call.get("arguments") or ())
        for call in listed
    )
    return listed if known else []


def _calls(answer: str, tools: Sequence[ToolSpec], example: int) -> Iterator[ToolCall]:
    """The calls that hand this answer in, as `answers.answer_of` reads them; none where it is handed in as text."""
    if called := _called(answer, tools):
        for n, call in enumerate(called):
            yield ToolCall(
                id=f"example_{example}_{n}",
                name=call["name"],
                arguments=call.get("arguments") or {},
            )
        return
    final = [tool for tool in tools if tool.final]
    if len(final) == 1 and len(final[0].parameters.get("properties", {})) == 1:
        yield call_with(final[0], answer, f"example_{example}_0")


def _json(answer: str) -> str:
    try:
        json.loads(answer)
    except ValueError:
        return json.dumps(answer, ensure_ascii=False)
    return answer


def rules(playbook: Sequence[Lesson]) -> str:
    """The playbook's rules; empty for none."""
    lines = [
        f"- {rule.text}" if not rule.about else f"- {rule.about}: {rule.text}" for rule in playbook
    ]
    return "Rules learned on the job:\n" + "\n".join(lines) if lines else ""


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"


def _ends(text: str, characters: int) -> str:
    """The beginning and the end, where the middle is too much."""
    half = characters // 2
    return text if len(text) <= characters else f"{text[:half]} … {text[-half:]}"


def fit_budget(lessons: Iterable[Lesson], tokens: int) -> list[Lesson]:
    """As many of the first as fit the budget; one too long is passed over."""
    kept: list[Lesson] = []
    for lesson in lessons:
        cost = cost_of(lesson)
        if cost <= tokens and len(lesson.text) <= ANSWER_CHARACTERS:
            kept.append(lesson)
            tokens -= cost
    return kept


def cost_of(lesson: Lesson) -> int:
    """About the tokens that a recalled case takes, the marks of its turns among them."""
    if lesson.observations:
        seen = sum(tokens_of(_ends(one, SEEN_CHARACTERS)) for one in lesson.observations)
        return len(lesson.observations) * MOVE_TOKENS + seen + tokens_of(lesson.text)
    return TURN_TOKENS + tokens_of(_cut(lesson.about, ABOUT_CHARACTERS)) + tokens_of(lesson.text)


def tokens_of(text: str) -> int:
    """About what a text costs, without a tokenizer: a Chinese character is one token, four other characters are one."""
    wide = sum("\u2e80" <= character <= "\uffef" for character in text)
    return wide + (len(text) - wide + 3) // 4
