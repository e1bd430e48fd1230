"""Adds documents to any environment: passages stand before the case, and the worker can search for more.

Passages come in a message of their own, before the case's, so that the case's prompt stays what it was. They are
numbered through the whole case, and are parts of a kind of their own: no text of a tool can pass for one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from journeyman.documents import Passage, cited, listed
from journeyman.environments.tools import failed_result
from journeyman.errors import boundary
from journeyman.protocols import Environment, OpenEnvironment
from journeyman.types import CaseInput, Message, Part, Text, ToolCall, ToolSpec

QUERY_CHARACTERS = 2_000
"""Of a case's prompt that are looked up."""

NOTHING = "(No passage of the documents fits.)"

SEARCH = ToolSpec(
    name="search",
    description="Search the documents for passages.",
    parameters={
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What to look for."}},
        "required": ["query"],
        "additionalProperties": False,
    },
    effect="pure",
)


@dataclass(frozen=True)
class RetrievalEnvironment:
    """Opens the inner environment with what a search of the documents finds."""

    inner: OpenEnvironment
    find: Callable[[str], Awaitable[Sequence[Passage]]]
    """Passages for a query, best first."""
    tokens: int = 600
    """About as many of them are shown at once as fit here; the best one always is."""
    near: float = 0.0
    """Share of the best one's score below which a passage is not shown: it would only distract. For searches whose
    scores are shares; 0 shows all that fit."""
    recall: bool = True
    """Whether passages for the case's prompt stand before it."""
    tool: bool = False
    """Whether the worker can search for more."""
    cost: Callable[[str], int] = len
    """Tokens of a text, about. Unless told otherwise each character counts as one."""
    on_passages: Callable[[str, Sequence[Passage]], None] = lambda case, passages: None
    """Called with a case's id and the passages shown, whenever some are."""

    def __call__(self, case_input: CaseInput) -> Environment:
        return _Informed(self, case_input)


class _Informed:
    def __init__(self, settings: RetrievalEnvironment, case_input: CaseInput) -> None:
        self.settings = settings
        self.input = case_input
        self.inner = settings.inner(case_input)
        self.shown: list[Passage] = []

    @property
    def tools(self) -> Sequence[ToolSpec]:
        tools = self.inner.tools
        return (*tools, SEARCH) if self.settings.tool else tools

    async def reset(self) -> Sequence[Message]:
        opening = list(await self.inner.reset())
        if not self.settings.recall:
            return opening
        query = self.input.prompt[:QUERY_CHARACTERS]
        found = await self._found(query)
        asked = [n for n, message in enumerate(opening) if message.role == "user"]
        last = max(asked, default=len(opening))
        told = Message(role="user", content=(found,))
        opening.insert(last, told)
        return opening

    async def step(self, call: ToolCall) -> Message:
        if call.name != SEARCH.name or not self.settings.tool:
            return await self.inner.step(call)
        query = call.arguments.get("query")
        if not isinstance(query, str) or not query.strip():
            return Message(
                role="tool",
                call_id=call.id,
                content="Wrong arguments: query: give a text.",
                failed=True,
            )
        told: tuple[Part, ...] = ()
        with boundary("the search") as outcome:
            told = (await self._found(query[:QUERY_CHARACTERS]),)
        if outcome.failure is not None:
            return failed_result(call, outcome.failure)
        return Message(role="tool", call_id=call.id, content=told)

    async def _found(self, query: str) -> Part:
        """Passages that were not shown before, numbered on; the best last, next to what they are for."""
        found = await self.settings.find(query)
        passages = self._within(found)[::-1]
        if not passages:
            return Text(text=NOTHING)
        first = len(self.shown) + 1
        self.shown += passages
        self.settings.on_passages(self.input.id, passages)
        return cited(passages, first=first)

    def _within(self, found: Sequence[Passage]) -> list[Passage]:
        seen = {passage.text for passage in self.shown}
        kept: list[Passage] = []
        left = self.settings.tokens
        least = self.settings.near * (found[0].score or 0.0) if found else 0.0
        for passage in found:
            if passage.score is not None and passage.score < least:
                continue
            cost = self.settings.cost(listed([passage]))
            if passage.text in seen or (kept and cost > left):
                continue
            seen.add(passage.text)
            kept.append(passage)
            left -= cost
        return kept

    async def reconcile(self, call: ToolCall) -> Message | None:
        return await self.inner.reconcile(call)

    def accepts(self, answer: str) -> bool:
        return self.inner.accepts(answer)

    async def close(self) -> None:
        await self.inner.close()
