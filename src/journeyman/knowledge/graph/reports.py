"""Reports on communities, written by a model when they are first asked for, and kept until what they rest on changes.

GraphRAG (Edge et al. 2024) writes the reports of all communities while it builds. Here none is written before somebody
wants it; a report is known by its entities and passages, so that it is served only to those who may see all of these,
and a document that changes or goes takes the reports that rest on it along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

import numpy as np

from journeyman.documents import Passage, listed
from journeyman.knowledge.graph.communities import Community
from journeyman.knowledge.graph.graph import Graph
from journeyman.knowledge.graph.links import Links
from journeyman.protocols import Model
from journeyman.types import Message, Record, Sampling

INSTRUCTIONS = (
    "Write a report on what these passages have in common: first a title on a line of its own, then three to five"
    " sentences with the most important facts. Use only what the passages say, in their language."
)
READ = 5
"""Passages of a report: those that mention most of the community."""
READ_CHARACTERS = 600
"""Of each."""
NAMED = 12
"""Entities of a community that its report is known by."""
REPLY_TOKENS = 220


class Report(Record):
    """A community with what was written of it."""

    level: int
    entities: tuple[str, ...]
    """Those that hold it together first."""
    passages: tuple[str, ...]
    """Where it was read, as DOCUMENT#ID."""
    title: str | None = None
    """None: not written yet."""
    text: str | None = None


async def reports(
    graph: Graph,
    model: Model | None = None,
    *,
    tokens: int = 0,
    most: int = 8,
    labels: Collection[str] = (),
    told: Callable[[Report], None] = lambda report: None,
) -> tuple[list[Report], int]:
    """The largest communities with their reports, and the tokens spent: those that are lacking are written, one after
    the other, until so many tokens are spent. Needs the extra `graph`."""
    store, spent, found = graph.index.store, 0, list[Report]()
    with store.reading():
        links = graph.copy.follow(store, store.visible(labels))
        groups = graph.grouped(links).communities[:most]
        chosen = [_read(links, group) for group in groups]
        known = store.passages(sorted({place for places in chosen for place in places}))
        kept = [
            store.report(_id(group, places)) for group, places in zip(groups, chosen, strict=True)
        ]
    for group, places, written in zip(groups, chosen, kept, strict=True):
        body = written
        passages = [known[place] for place in places if place in known]
        if body is None and model is not None and spent < tokens:
            body, cost = await _written(model, passages)
            spent += cost
            store.put_report(_id(group, places), body, places)
        found.append(
            Report(
                level=group.level, entities=group.entities,
                passages=tuple(f"{passage.document}#{passage.id}" for passage in passages), **(body or {}),
            )
        )  # fmt: skip
        told(found[-1])
    return found, spent


def _read(links: Links, group: Community) -> list[int]:
    """The places that mention most of the community, the best first."""
    columns = [links.number[name] for name in group.entities if name in links.number]
    weights = np.asarray(links.weights[:, columns].sum(axis=1)).ravel()
    order = np.lexsort((links.places, -weights))[:READ]
    return [int(links.places[row]) for row in order if weights[row] > 0]


def _id(group: Community, places: Sequence[int]) -> str:
    told = "\0".join([*group.entities[:NAMED], *map(str, places)])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:24]


async def _written(model: Model, passages: Sequence[Passage]) -> tuple[dict[str, str], int]:
    cut = [
        passage.model_copy(update={"text": passage.text[:READ_CHARACTERS]}) for passage in passages
    ]
    messages = [
        Message(role="system", content=INSTRUCTIONS),
        Message(role="user", content=listed(cut)),
    ]
    reply = await model.generate(messages, sampling=Sampling(max_tokens=REPLY_TOKENS))
    lines = [line.strip() for line in reply.message.text.strip().splitlines() if line.strip()] or [
        "?"
    ]
    title = lines[0].strip("#*: ").removeprefix("Title:").strip()[:160]
    text = " ".join(lines[1:]) or lines[0]
    if reply.finish == "length":  # the last sentence was cut off
        ends = [
            n
            for n, (one, other) in enumerate(pairwise(text), 1)
            if one in "。！？" or (one in ".!?" and other == " ")
        ]
        text = text[: ends[-1]] if ends else text
    return {"title": title, "text": text}, reply.usage.spent_tokens or 0
