"""The knowledge graph over an index: links passages by entities, for questions that need several passages.

An index itself, so that whatever searches passages can search the graph. What is new and what is published: HippoRAG 2
(Gutiérrez et al. 2025) walks from the entities and passages that fit a question, over triples that a language model
extracted. Here entities are found without any model, edges are mentions, and what the walk finds is weighed by how
well it fits the question itself, which measured better than either alone (docs/explanation/retrieval.md). Nothing is
stored that is not in the passages' rows: what is removed there is out of the graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Passage
from journeyman.errors import InputError
from journeyman.knowledge.graph.communities import Community, communities
from journeyman.knowledge.graph.entities import entities, key, mentioned
from journeyman.knowledge.graph.links import KEPT, Floats, Links, LinksCopy
from journeyman.knowledge.graph.picture import Neighbour, Neighbourhood
from journeyman.knowledge.index.fusion import Ranking, fused_by_rank
from journeyman.knowledge.index.kinds import Labels, Passages
from journeyman.knowledge.index.sqlite import Ranked, SqliteIndex, how_many
from journeyman.knowledge.index.vectors import Vector

DEPTH = 300
"""Passages of each way of searching that the walk's finds are compared with."""
STARTS = 30
"""Passages that the walk starts from, beside the question's entities."""
START_SHARE = 0.3
"""Their weight, all together, beside the entities' 1; chosen with `RETURN` on half of the questions of two sets."""
WALKED = 100
"""Passages that the walk hands on."""
SHARPNESS = 2
"""Power of the fit in the product of walk and fit."""
FOLLOWED = 4
"""Passages of the overview that `drift` follows, and entities of each."""
FOLLOW_SHARE = 1.0
"""Weight of all that was followed, beside the question's own 1."""
SIMILAR = 0.7
"""Weight of similarity in the fit, beside BM25's 1."""
FLOOR = 1e-6
"""Fit of a passage that shares nothing with the question, but was walked to."""


class Grouped(NamedTuple):
    links: Links
    communities: tuple[Community, ...]
    of: Mapping[int, int]
    """The top-level community of each place."""


class Graph:
    """Opened with an index, which it closes."""

    def __init__(self, index: SqliteIndex) -> None:
        self.index = index
        self.copy = LinksCopy()
        self._grouped: list[Grouped] = []

    def close(self) -> None:
        self.index.close()

    async def put(self, document: str, passages: Passages, *, labels: Labels = ()) -> bool:
        return await self.index.put(document, passages, labels=labels)

    async def remove(self, document: str) -> bool:
        return await self.index.remove(document)

    def documents(self) -> Mapping[str, frozenset[str]]:
        return self.index.documents()

    async def search(self, query: str, *, k: int = 8, labels: Labels = ()) -> Passages:
        """Passages that fit the question, and passages that these lead to by what both mention."""
        how_many(k)
        vector = await self.index.embedded(query)
        depth = max(DEPTH, k)
        with self.index.store.reading():
            ranked = self.index.ranked(query, vector, labels=labels, depth=depth)
            walked = self.walked(query, vector, ranked)
            return self.index.read(walked[:k])

    def walked(self, query: str, vector: Vector | None, found: Ranked) -> Ranking:
        """Within the store's `reading()`: places with walk · fit², best first, equal ones by place."""
        links = self.copy.follow(self.index.store, found.scopes)
        walk = _walk(links, query, found)
        walked_to = _most_walked(links, walk)
        fused = {place for place, _ in found.fused}
        places = sorted(walked_to | fused)

        fits = self._fits(vector, found, places)
        rows = links.rows(places)
        at_least = np.maximum(fits, FLOOR)
        sharpened = at_least**SHARPNESS
        scores = walk[rows] * sharpened
        by_place = np.array(places)
        order = np.lexsort((by_place, -fits, -scores))
        return [(places[n], float(scores[n])) for n in order.tolist()]

    def _fits(self, vector: Vector | None, found: Ranked, places: Sequence[int]) -> Floats:
        """How well each place fits the question: BM25 and similarity as shares of the best, weighted and added."""
        lexical = found.lexical
        semantic = found.semantic
        best_score = max(lexical.values(), default=1.0)
        scores = [lexical.get(place, 0.0) for place in places]
        fits = np.array(scores) / best_score
        if vector is None or not semantic:
            return fits
        best_similarity = max(semantic.values())
        similarities = self.index.vectors.similarity(vector, places)
        similar = np.maximum(similarities, 0.0)
        return np.asarray(fits + SIMILAR * similar / best_similarity)

    # --- the whole picture

    def communities(self, *, labels: Labels = ()) -> tuple[Community, ...]:
        """What the documents are about: groups of entities mentioned together, in a hierarchy, largest first."""
        store = self.index.store
        with store.reading():
            scopes = store.visible(labels)
            links = self.copy.follow(store, scopes)
            return self.grouped(links).communities

    async def overview(self, query: str, *, k: int = 8, labels: Labels = ()) -> Passages:
        """For questions about the whole: the best passage of each community, then each one's second, and so on."""
        how_many(k)
        vector = await self.index.embedded(query)
        depth = max(DEPTH, k)
        with self.index.store.reading():
            ranked = self.index.ranked(query, vector, labels=labels, depth=depth)
            links = self.copy.follow(self.index.store, ranked.scopes)
            community_of = self.grouped(links).of
            in_turn = _in_turn(ranked.fused, community_of)
            return self.index.read(in_turn[:k])

    def grouped(self, links: Links) -> Grouped:
        """Found once for the same links: on twenty thousand entities it takes a second."""
        for grouped in self._grouped:
            if grouped.links is links:
                return grouped
        groups = communities(links)
        community_of = _community_of(groups, links)
        grouped = Grouped(links, groups, community_of)
        latest = self._grouped[: KEPT - 1]
        self._grouped = [grouped, *latest]
        return grouped

    async def drift(self, query: str, *, k: int = 8, labels: Labels = ()) -> Passages:
        """From the whole to the particular: what `overview` finds first, then what those passages lead to.

        DRIFT (Edge et al. 2024, GraphRAG's dynamic reasoning) has a model write follow-up questions from community
        reports. Here each of the first passages' own entities stand for a question: the walk begins at the question's
        entities and theirs, and the rankings are fused. No model is asked.
        """
        most = max(k, FOLLOWED)
        first = await self.overview(query, k=FOLLOWED, labels=labels)
        by_query = await self.search(query, k=most, labels=labels)
        rankings = [by_query]
        for passage in first:
            followed = f"{query} {_first_names(passage)}"
            ranking = await self.search(followed, k=most, labels=labels)
            rankings.append(ranking)
        share = FOLLOW_SHARE / len(first) if first else 0.0
        weights = [1.0, *[share] * len(first)]
        passages = _passages_of_all([*rankings, first])
        return _fused(rankings, weights, passages)[:k]

    def neighbourhood(self, name: str, *, most: int = 24, labels: Labels = ()) -> Neighbourhood:
        """An entity with those that are mentioned together with it. Raises InputError where no passage mentions it."""
        store = self.index.store
        with store.reading():
            links = self.copy.follow(store, store.visible(labels))
        number = links.number.get(key(name))
        if number is None:
            raise InputError(
                f"No passage mentions {name!r}.", "Give a name as the documents write it."
            )
        together = _together(links, number)
        nearest_first = np.lexsort((np.arange(len(together)), -together))
        nearest = nearest_first[:most].tolist()
        columns = [column for column in nearest if together[column] > 0]
        neighbours: list[Neighbour] = []
        for column in columns:
            weight = float(together[column])
            neighbours.append(Neighbour(name=links.names[column], weight=weight))
        return Neighbourhood(
            name=links.names[number],
            neighbours=tuple(neighbours),
            edges=tuple(_edges(links, columns)),
        )


Place = tuple[int, float]
"""A passage's place, and its score."""
Name = tuple[str, str]
"""A passage's document and id."""


def _walk(links: Links, query: str, found: Ranked) -> Floats:
    """How often a walk comes by each passage that starts from the question's entities and the best passages."""
    rarity: dict[int, float] = {}
    for name in mentioned(query, links.number):
        column = links.number[name]
        rarity[column] = float(links.rarity[column])
    starts = dict(found.fused[:STARTS])
    rows = links.rows(list(starts))
    scores = dict(zip(rows, starts.values(), strict=True))
    from_names = _shares(rarity)
    from_passages = _shares(scores, START_SHARE)
    return links.walk(from_names, from_passages)


def _most_walked(links: Links, walk: Floats) -> set[int]:
    """The places that the walk comes by most."""
    reached = np.flatnonzero(walk)
    often = walk[reached]
    most_first = np.lexsort((reached, -often))
    rows = reached[most_first][:WALKED]
    places = links.places[rows]
    return set(places.tolist())


def _in_turn(ranked: Sequence[Place], community_of: Mapping[int, int]) -> list[Place]:
    """The best of each community, then each one's second, and so on. A place of no community is one of its own."""
    seen: Counter[int] = Counter()
    turns: list[int] = []
    for place, _ in ranked:
        community = community_of.get(place, -place)
        seen[community] += 1
        turn = seen[community]
        turns.append(turn)
    ranks = range(len(ranked))
    by_turn = sorted(ranks, key=turns.__getitem__)
    return [ranked[rank] for rank in by_turn]


def _first_names(passage: Passage) -> str:
    """What the passage mentions most."""
    names = entities(passage.title, passage.text)  # most first
    first = list(names)[:FOLLOWED]
    return " ".join(first)


def _passages_of_all(rankings: Sequence[Passages]) -> dict[Name, Passage]:
    """Each passage as the first ranking has it, that of the last ranking first."""
    found: dict[Name, Passage] = {}
    for ranking in reversed(rankings):
        for passage in ranking:
            found[passage.document, passage.id] = passage
    return found


def _fused(
    rankings: Sequence[Passages],
    weights: Sequence[float],
    passages: Mapping[Name, Passage],
) -> list[Passage]:
    """The passages by their ranks in all rankings, with their new scores."""
    names = list(passages)
    number = {name: n for n, name in enumerate(names)}
    numbered: list[list[int]] = []
    for ranking in rankings:
        numbers = [number[passage.document, passage.id] for passage in ranking]
        numbered.append(numbers)
    weighed = list(zip(numbered, weights, strict=True))
    fused: list[Passage] = []
    for n, score in fused_by_rank(weighed):
        passage = passages[names[n]]
        rescored = passage.model_copy(update={"score": score})
        fused.append(rescored)
    return fused


def _together(links: Links, number: int) -> NDArray[np.float64]:
    """How much each entity is mentioned together with this one; 0 for itself."""
    own = links.weights[:, [number]]
    products = (own.T @ links.weights).todense()
    together = np.asarray(products).ravel()
    together[number] = 0.0
    return together


def _edges(links: Links, columns: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of these entities that are mentioned together, by their places in the list."""
    chosen = links.weights[:, columns]
    together = chosen.T @ chosen
    among = np.asarray(together.todense())
    for pair in combinations(range(len(columns)), 2):
        if among[pair] > 0:
            yield pair


def _shares(weights: Mapping[int, float], total: float = 1.0) -> dict[int, float]:
    """The weights divided so that they add up to the total."""
    in_all = sum(weights.values())
    if not in_all:
        return {}
    return {number: total * weight / in_all for number, weight in weights.items()}


def _community_of(groups: Sequence[Community], links: Links) -> dict[int, int]:
    """The top-level community of each place: the one that it mentions most."""
    group_of: dict[int, int] = {}
    for number, group in enumerate(groups):
        if group.parent is None:
            for name in group.entities:
                group_of[links.number[name]] = number
    found: dict[int, int] = {}
    for row, place in enumerate(links.places.tolist()):
        weights = _weights_of_groups(links, row, group_of)
        if weights:
            found[place] = max(weights, key=lambda group: (weights[group], -group))
    return found


def _weights_of_groups(links: Links, row: int, group_of: Mapping[int, int]) -> dict[int, float]:
    """How much a passage mentions each group."""
    weights: dict[int, float] = {}
    mentions = links.weights[[row]]
    columns = mentions.indices.tolist()
    values = mentions.data.tolist()
    for column, value in zip(columns, values, strict=True):
        group = group_of.get(column)
        if group is None:
            continue
        before = weights.get(group, 0.0)
        weights[group] = before + value
    return weights
