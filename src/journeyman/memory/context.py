"""Layer 1 of memory: the context, which the model reads before it begins, within a token budget."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    stable = [instructions.strip()]
    of_case: list[Message] = []
    for message in opening:
        if message.role == "system":
            stable.append(message.text.strip())
        else:
            of_case.append(message)
    stable.append(rules(playbook))
    system = "\n\n".join(text for text in stable if text)
    first: list[Message] = []
    if system:
        first.append(Message(role="system", content=system))
    return (*first, *examples, *of_case)


def as_turns(
    lessons: Sequence[Lesson], tools: Sequence[ToolSpec], *, as_json: bool
) -> list[Message]:
    """Earlier cases as turns that went well, each answered in the form that this worker answers in.

    Told as a text beside the case, the same examples left a model of 1.5 billion parameters as it was without them.
    """
    messages: list[Message] = []
    for n, lesson in enumerate(lessons):
        if lesson.observations:
            messages += _played(lesson, tools, n)
        else:
            messages += _answered(lesson, tools, n, as_json=as_json)
    return messages


def _answered(
    lesson: Lesson, tools: Sequence[ToolSpec], example: int, *, as_json: bool
) -> Iterator[Message]:
    """A case and its answer: as calls where it can be handed in so, as text otherwise."""
    prompt = _cut(lesson.about, ABOUT_CHARACTERS)
    yield Message(role="user", content=prompt)
    calls = tuple(_calls(lesson.text, tools, example))
    content = ""
    if not calls:
        content = _json(lesson.text) if as_json else lesson.text
    yield Message(role="assistant", content=content, tool_calls=calls)
    for call in calls:
        yield Message(role="tool", call_id=call.id, content="accepted")


def _played(lesson: Lesson, tools: Sequence[ToolSpec], example: int) -> Iterator[Message]:
    """A course of moves as it was played: what was seen, the move, what was seen then; of long sights the ends."""
    move = move_tool(tools)
    assert move is not None, "such lessons are told where there are moves"
    call_id: str | None = None
    texts = parse_moves(lesson.text)
    for n, (seen, text) in enumerate(zip(lesson.observations, texts, strict=True)):
        content = _ends(seen, SEEN_CHARACTERS)
        if call_id is None:
            yield Message(role="user", content=content)
        else:
            yield Message(role="tool", content=content, call_id=call_id)
        call_id = f"example_{example}_{n}"
        call = call_with(move, text, call_id)
        yield Message(role="assistant", content="", tool_calls=(call,))
    yield Message(role="tool", call_id=call_id, content="accepted")


def usable_in(lesson: Lesson, environment: Environment) -> bool:
    """Whether a case can be told of this one: whether its answer could be handed in there.

    Where the calls themselves are the answer, an answer that calls what is not offered now can't. Told as text, it
    taught a model of 1.5 billion parameters to write down calls of what is not there, or to call nothing. Queries of
    another database taught it to ask for tables that are not there. Where nothing is handed in but by playing, only
    moves are told, with what was seen before them.
    """
    tools = environment.tools
    is_played = move_tool(tools) is not None
    if is_played != bool(lesson.observations):
        return False
    if not environment.accepts(lesson.text):
        return False
    calls_are_the_answer = bool(tools) and all(tool.final for tool in tools)
    if not calls_are_the_answer:
        return True
    called = _called(lesson.text, tools)
    return bool(called)


def _called(answer: str, tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """An answer's calls, where it is nothing but calls of these tools with arguments that they take."""
    try:
        listed = json.loads(answer)
    except ValueError:
        return []
    if not isinstance(listed, list):
        return []
    takes = {tool.name: _parameters(tool) for tool in tools}
    if all(_is_call(call, takes) for call in listed):
        return listed
    return []


def _parameters(tool: ToolSpec) -> set[str]:
    properties = tool.parameters.get("properties", {})
    return set(properties)


def _is_call(call: Any, takes: Mapping[str, set[str]]) -> bool:
    """Whether it calls one of these tools by name, with no argument that the tool does not take."""
    if not isinstance(call, dict):
        return False
    name: Any = call.get("name")
    if name not in takes:
        return False
    arguments = call.get("arguments") or ()
    return takes[name].issuperset(arguments)


def _calls(answer: str, tools: Sequence[ToolSpec], example: int) -> Iterator[ToolCall]:
    """The calls that hand this answer in, as `answers.answer_of` reads them; none where it is handed in as text."""
    called = _called(answer, tools)
    for n, call in enumerate(called):
        yield ToolCall(
            id=f"example_{example}_{n}",
            name=call["name"],
            arguments=call.get("arguments") or {},
        )
    if called:
        return
    final = [tool for tool in tools if tool.final]
    if len(final) == 1 and len(_parameters(final[0])) == 1:
        yield call_with(final[0], answer, f"example_{example}_0")


def _json(answer: str) -> str:
    try:
        json.loads(answer)
    except ValueError:
        return json.dumps(answer, ensure_ascii=False)
    return answer


def rules(playbook: Sequence[Lesson]) -> str:
    """The playbook's rules; empty for none."""
    if not playbook:
        return ""
    lines = ["Rules learned on the job:"]
    for rule in playbook:
        condition = f"{rule.about}: " if rule.about else ""
        lines.append(f"- {condition}{rule.text}")
    return "\n".join(lines)


def _cut(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    beginning = text[:characters]
    return f"{beginning}…"


def _ends(text: str, characters: int) -> str:
    """The beginning and the end, where the middle is too much."""
    if len(text) <= characters:
        return text
    half = characters // 2
    beginning = text[:half]
    end = text[-half:]
    return f"{beginning} … {end}"


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
    answer = tokens_of(lesson.text)
    if not lesson.observations:
        prompt = _cut(lesson.about, ABOUT_CHARACTERS)
        return TURN_TOKENS + tokens_of(prompt) + answer
    marks = len(lesson.observations) * MOVE_TOKENS
    sights = [_ends(sight, SEEN_CHARACTERS) for sight in lesson.observations]
    return marks + sum(map(tokens_of, sights)) + answer


def tokens_of(text: str) -> int:
    """About what a text costs, without a tokenizer: a Chinese character is one token, four other characters are one."""
    wide = sum(map(_is_wide, text))
    narrow = len(text) - wide
    return wide + (narrow + 3) // 4


def _is_wide(character: str) -> bool:
    return "\u2e80" <= character <= "\uffef"
