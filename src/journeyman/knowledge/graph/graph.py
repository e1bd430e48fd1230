"""The knowledge graph over an index: passages linked by what they mention, for questions whose answer needs several.

An index itself, so that whatever searches passages can search the graph. What is new and what is published: HippoRAG 2
(Gutiérrez et al. 2025) walks from the entities and passages that fit a question, over triples that a language model
extracted. Here entities are found without any model, edges are mentions, and what the walk finds is weighed by how
well it fits the question itself, which measured better than either alone (docs/explanation/retrieval.md). Nothing is
stored that is not in the passages' rows: what is removed there is out of the graph.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Passage
from journeyman.errors import InputError
from journeyman.knowledge.graph.communities import Community, communities
from journeyman.knowledge.graph.entities import entities, key, mentioned
from journeyman.knowledge.graph.links import KEPT, Links, LinksCopy
from journeyman.knowledge.graph.picture import Neighbour, Neighbourhood
from journeyman.knowledge.index.fusion import fused_by_rank
from journeyman.knowledge.index.sqlite import Ranked, SqliteIndex, how_many

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

    async def put(
        self, document: str, passages: Sequence[Passage], *, labels: Collection[str] = ()
    ) -> bool:
        return await self.index.put(document, passages, labels=labels)

    async def remove(self, document: str) -> bool:
        return await self.index.remove(document)

    def documents(self) -> Mapping[str, frozenset[str]]:
        return self.index.documents()

    async def search(
        self, query: str, *, k: int = 8, labels: Collection[str] = ()
    ) -> Sequence[Passage]:
        """Passages that fit the question, and passages that these lead to by what both mention."""
        how_many(k)
        vector = await self.index.embedded(query)
        with self.index.store.reading():
            found = self.index.ranked(query, vector, labels=labels, depth=max(DEPTH, k))
            return self.index.read(self.walked(query, vector, found)[:k])

    def walked(
        self, query: str, vector: NDArray[np.float32] | None, found: Ranked
    ) -> list[tuple[int, float]]:
        """Within the store's `reading()`: places with walk · fit², best first, equal ones by place."""
        links = self.copy.follow(self.index.store, found.scopes)
        names = [links.number[name] for name in mentioned(query, links.number)]
        starts = found.fused[:STARTS]
        rows = links.rows([place for place, _ in starts])
        from_names = _shares({name: float(links.rarity[name]) for name in names})
        from_rows = _shares(
            {row: score for row, (_, score) in zip(rows, starts, strict=True)}, START_SHARE
        )
        walk = links.walk(from_names, from_rows)
        reached = np.flatnonzero(walk)
        best = reached[np.lexsort((reached, -walk[reached]))][:WALKED]
        places = sorted(
            {*(int(links.places[row]) for row in best), *(place for place, _ in found.fused)}
        )
        fits = self._fits(vector, found, places)
        scores = walk[links.rows(places)] * np.maximum(fits, FLOOR) ** SHARPNESS
        order = sorted(range(len(places)), key=lambda n: (-scores[n], -fits[n], places[n]))
        return [(places[n], float(scores[n])) for n in order]

    def _fits(
        self, vector: NDArray[np.float32] | None, found: Ranked, places: Sequence[int]
    ) -> NDArray[np.float64]:
        """How well each place fits the question: BM25 and similarity as shares of the best, weighted and added."""
        lexical = np.array([found.lexical.get(place, 0.0) for place in places])
        fits = lexical / max(found.lexical.values(), default=1.0)
        if vector is not None and found.semantic:
            similar = np.maximum(self.index.vectors.similarity(vector, places), 0.0)
            fits = fits + SIMILAR * similar / max(found.semantic.values())
        return np.asarray(fits)

    # --- the whole picture

    def communities(self, *, labels: Collection[str] = ()) -> tuple[Community, ...]:
        """What the documents are about: groups of entities mentioned together, in a hierarchy, largest first."""
        with self.index.store.reading():
            return self.grouped(
                self.copy.follow(self.index.store, self.index.store.visible(labels))
            ).communities

    async def overview(
        self, query: str, *, k: int = 8, labels: Collection[str] = ()
    ) -> Sequence[Passage]:
        """For questions about the whole: the best passage of each community, then each one's second, and so on."""
        how_many(k)
        vector = await self.index.embedded(query)
        with self.index.store.reading():
            found = self.index.ranked(query, vector, labels=labels, depth=max(DEPTH, k))
            links = self.copy.follow(self.index.store, found.scopes)
            of = self.grouped(links).of
            turns: dict[int, int] = {}
            ordered: list[tuple[int, int, int, float]] = []
            for rank, (place, score) in enumerate(found.fused):
                group = of.get(place, -place)
                turns[group] = turns.get(group, 0) + 1
                ordered.append((turns[group], rank, place, score))
            return self.index.read([(place, score) for _, _, place, score in sorted(ordered)[:k]])

    def grouped(self, links: Links) -> Grouped:
        """Found once for the same links: on twenty thousand entities it takes a second."""
        known = next((grouped for grouped in self._grouped if grouped.links is links), None)
        if known is None:
            groups = communities(links)
            known = Grouped(links, groups, _community_of(groups, links))
            self._grouped = [known, *self._grouped[: KEPT - 1]]
        return known

    async def drift(
        self, query: str, *, k: int = 8, labels: Collection[str] = ()
    ) -> Sequence[Passage]:
        """From the whole to the particular: what `overview` finds first, then what those passages lead to.

        DRIFT (Edge et al. 2024, GraphRAG's dynamic reasoning) has a model write follow-up questions from community
        reports. Here each of the first passages' own entities stand for a question: the walk begins at the question's
        entities and theirs, and the rankings are fused. No model is asked.
        """
        first = await self.overview(query, k=FOLLOWED, labels=labels)
        rankings = [await self.search(query, k=max(k, FOLLOWED), labels=labels)]
        for passage in first:
            names = sorted(
                entities(passage.title, passage.text).items(), key=lambda pair: (-pair[1], pair[0])
            )
            about = " ".join(name for name, _ in names[:FOLLOWED])
            rankings.append(
                await self.search(f"{query} {about}", k=max(k, FOLLOWED), labels=labels)
            )
        found = {(p.document, p.id): p for ranking in reversed([*rankings, first]) for p in ranking}
        number = {key: n for n, key in enumerate(found)}
        weighed = [
            (
                [number[p.document, p.id] for p in ranking],
                1.0 if n == 0 else FOLLOW_SHARE / len(first),
            )
            for n, ranking in enumerate(rankings)
        ]
        keys = list(found)
        return [
            found[keys[n]].model_copy(update={"score": score})
            for n, score in fused_by_rank(weighed)[:k]
        ]

    def neighbourhood(
        self, name: str, *, most: int = 24, labels: Collection[str] = ()
    ) -> Neighbourhood:
        """An entity with those that are mentioned together with it. Raises InputError where no passage mentions it."""
        with self.index.store.reading():
            links = self.copy.follow(self.index.store, self.index.store.visible(labels))
        number = links.number.get(key(name))
        if number is None:
            raise InputError(
                f"No passage mentions {name!r}.", "Give a name as the documents write it."
            )
        together = np.asarray((links.weights[:, [number]].T @ links.weights).todense()).ravel()
        together[number] = 0.0
        order = [
            int(n)
            for n in np.lexsort((np.arange(len(together)), -together))[:most]
            if together[n] > 0
        ]
        among = np.asarray((links.weights[:, order].T @ links.weights[:, order]).todense())
        return Neighbourhood(
            name=links.names[number],
            neighbours=tuple(
                Neighbour(name=links.names[n], weight=float(together[n])) for n in order
            ),
            edges=tuple(
                (a, b)
                for a in range(len(order))
                for b in range(a + 1, len(order))
                if among[a, b] > 0
            ),
        )


def _shares(weights: Mapping[int, float], total: float = 1.0) -> dict[int, float]:
    """The weights divided so that they add up to the total."""
    added = sum(weights.values())
    return {number: total * weight / added for number, weight in weights.items()} if added else {}


def _community_of(groups: Sequence[Community], links: Links) -> dict[int, int]:
    """The top-level community of each place: the one that it mentions most."""
    column = {
        links.number[name]: n
        for n, group in enumerate(groups)
        if group.parent is None
        for name in group.entities
    }
    of: dict[int, int] = {}
    for row, place in enumerate(links.places):
        weights: dict[int, float] = {}
        here = links.weights[[row]]
        for name, weight in zip(here.indices, here.data, strict=True):
            if int(name) in column:
                weights[column[int(name)]] = weights.get(column[int(name)], 0.0) + float(weight)
        if weights:
            of[int(place)] = max(weights, key=lambda group: (weights[group], -group))
    return of
