"""Groups of entities that are mentioned together, in a hierarchy: Leiden (Traag, Waltman and van Eck 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from journeyman.errors import MissingExtraError
from journeyman.knowledge.graph.links import Links, scipy_sparse
from journeyman.types import Record

LARGEST = 40
"""Entities; a larger community is divided into communities of the next level."""
MOST_EDGES = 2_000_000
"""Pairs of entities; with more, the rarest pairs are left out."""
SEED = 1

Edge = tuple[str, str, float]
"""Two entities, and how much they are mentioned together."""


class Community(Record):
    id: int
    level: int
    """0: the largest ones."""
    parent: int | None
    """The community that this one is part of. None: of none."""
    entities: tuple[str, ...]
    """Those that hold it together first."""


def communities(links: Links) -> tuple[Community, ...]:
    """Communities of at least two entities, parents first, then by size and name; the same for the same passages.

    Entities of one passage only link nothing, and belong to no community.
    """
    try:
        import graspologic_native  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingExtraError("Communities", "graph") from error
    edges = _edges(links)
    if not edges:
        return ()
    clusters = graspologic_native.hierarchical_leiden(
        edges,
        starting_communities=None,
        resolution=1.0,
        randomness=0.001,
        iterations=1,
        use_modularity=True,
        max_cluster_size=LARGEST,
        seed=SEED,
    )
    groups = _groups(clusters, _degrees(edges))
    return tuple(sorted(groups, key=_parents_first))


def _degrees(edges: Sequence[Edge]) -> dict[str, float]:
    """How strongly each entity is linked, in all."""
    degrees: dict[str, float] = {}
    for one, other, weight in edges:
        for entity in (one, other):
            so_far = degrees.get(entity, 0.0)
            degrees[entity] = so_far + weight
    return degrees


def _groups(clusters: Iterable[Any], degrees: Mapping[str, float]) -> Iterator[Community]:
    """The clusters with more than one entity."""
    members: dict[int, list[str]] = {}
    levels: dict[int, int] = {}
    parents: dict[int, int | None] = {}
    for cluster in clusters:
        number = cluster.cluster
        members.setdefault(number, []).append(cluster.node)
        levels[number] = cluster.level
        parents[number] = cluster.parent_cluster
    for number, names in members.items():
        if len(names) > 1:
            names.sort(key=lambda name: (-degrees[name], name))
            yield Community(
                id=number,
                level=levels[number],
                parent=parents[number],
                entities=tuple(names),
            )


def _parents_first(group: Community) -> tuple[int, int, tuple[str, ...]]:
    """Then by size and name."""
    names = group.entities
    size = len(names)
    return (
        group.level,
        -size,
        names,
    )


def _edges(links: Links) -> list[Edge]:
    """Pairs mentioned together in some passage, of entities that more than one passage mentions, in order of names."""
    sparse = scipy_sparse()
    columns = _mentioned_again(links)
    names = [links.names[column] for column in columns]
    chosen = links.weights[:, columns]
    together = sparse.triu(chosen.T @ chosen, k=1).tocoo()

    heaviest_first = np.argsort(-together.data, kind="stable")
    heaviest = np.sort(heaviest_first[:MOST_EDGES])
    firsts = together.row[heaviest].tolist()
    seconds = together.col[heaviest].tolist()
    weights = together.data[heaviest].tolist()
    pairs = zip(firsts, seconds, weights, strict=True)

    edges: list[Edge] = []
    for first, second, weight in sorted(pairs):
        edge = (names[first], names[second], round(weight, 6))
        edges.append(edge)
    return edges


def _mentioned_again(links: Links) -> list[int]:
    """The columns of entities that more than one passage mentions, in order of names."""
    indices = links.weights.indices
    passages_of_each = np.bincount(indices, minlength=len(links.names))
    is_mentioned_again = passages_of_each > 1
    columns: list[int] = np.flatnonzero(is_mentioned_again).tolist()
    return sorted(columns, key=links.names.__getitem__)
