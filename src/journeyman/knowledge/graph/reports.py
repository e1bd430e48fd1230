"""Reports on communities: a model writes them on first request, and they are kept until their passages change.

GraphRAG (Edge et al. 2024) writes the reports of all communities while it builds. Here none is written before somebody
wants it; a report is known by its entities and passages, so that it is served only to those who may see all of these,
and a document that changes or goes takes the reports that rest on it along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from journeyman.documents import Passage, listed
from journeyman.knowledge.graph.communities import Community
from journeyman.knowledge.graph.graph import Graph
from journeyman.knowledge.graph.links import Links
from journeyman.knowledge.index.kinds import Labels, Passages
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
    labels: Labels = (),
    told: Callable[[Report], None] = lambda report: None,
) -> tuple[list[Report], int]:
    """The largest communities with their reports, and the tokens spent: those that are lacking are written, one after
    the other, until so many tokens are spent. Needs the extra `graph`."""
    spent = 0
    found: list[Report] = []
    lookups = _looked_up(graph, most, labels)
    for lookup in lookups:
        body = lookup.body
        if body is None and model is not None and spent < tokens:
            body, cost = await _written(model, lookup.passages)
            spent += cost
            name = _id(lookup.group, lookup.places)
            graph.index.store.put_report(name, body, lookup.places)
        report = _report(lookup.group, lookup.passages, body)
        found.append(report)
        told(report)
    return found, spent


@dataclass(frozen=True)
class _Lookup:
    """What there is of a community's report before any is written."""

    group: Community
    places: Sequence[int]
    passages: Passages
    """At these places."""
    body: Mapping[str, str] | None
    """None: not written yet."""


def _looked_up(graph: Graph, most: int, labels: Labels) -> list[_Lookup]:
    """The largest communities, all as of one moment."""
    store = graph.index.store
    found: list[_Lookup] = []
    with store.reading():
        links = graph.copy.follow(store, store.visible(labels))
        groups = graph.grouped(links).communities
        for group in groups[:most]:
            places = _read(links, group)
            known = store.passages(sorted(places))
            passages = [known[place] for place in places if place in known]
            body = store.report(_id(group, places))
            found.append(_Lookup(group, places, passages, body))
    return found


def _report(group: Community, passages: Passages, body: Mapping[str, str] | None) -> Report:
    names = [f"{passage.document}#{passage.id}" for passage in passages]
    written = body or {}
    return Report(
        level=group.level,
        entities=group.entities,
        passages=tuple(names),
        **written,
    )


def _read(links: Links, group: Community) -> list[int]:
    """The places that mention most of the community, the best first."""
    columns = [links.number[name] for name in group.entities if name in links.number]
    chosen = links.weights[:, columns]
    weights = np.asarray(chosen.sum(axis=1)).ravel()
    order = np.lexsort((links.places, -weights))
    found: list[int] = []
    for row in order[:READ]:
        if weights[row] > 0:
            place = int(links.places[row])
            found.append(place)
    return found


def _id(group: Community, places: Sequence[int]) -> str:
    names = group.entities[:NAMED]
    numbers = map(str, places)
    text = "\0".join([*names, *numbers])
    data = text.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(data).hexdigest()
    return digest[:24]


async def _written(model: Model, passages: Passages) -> tuple[dict[str, str], int]:
    """A report's title and text, and the tokens that they cost."""
    cut = [_shortened(passage) for passage in passages]
    messages = [
        Message(role="system", content=INSTRUCTIONS),
        Message(role="user", content=listed(cut)),
    ]
    reply = await model.generate(messages, sampling=Sampling(max_tokens=REPLY_TOKENS))
    stripped = [line.strip() for line in reply.message.text.strip().splitlines()]
    lines = [line for line in stripped if line] or ["?"]
    title = lines[0].strip("#*: ").removeprefix("Title:").strip()
    text = " ".join(lines[1:]) or lines[0]
    if reply.finish == "length":
        text = _whole_sentences(text)
    body = {"title": title[:160], "text": text}
    return body, reply.usage.spent_tokens or 0


def _shortened(passage: Passage) -> Passage:
    text = passage.text[:READ_CHARACTERS]
    return passage.model_copy(update={"text": text})


def _whole_sentences(text: str) -> str:
    """Without the last sentence, which was cut off; the text itself where no sentence ends in it."""
    end = len(text)
    for position, (character, following) in enumerate(pairwise(text), start=1):
        ends_here = character in "。！？"
        ends_before_blank = character in ".!?" and following == " "
        if ends_here or ends_before_blank:
            end = position
    return text[:end]
