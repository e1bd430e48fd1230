"""Groups of entities that are mentioned together, in a hierarchy: Leiden (Traag, Waltman and van Eck 2019)."""

from __future__ import annotations

import numpy as np

from journeyman.errors import MissingExtraError
from journeyman.knowledge.graph.links import Links, scipy_sparse
from journeyman.types import Record

LARGEST = 40
"""Entities; a larger community is divided into communities of the next level."""
MOST_EDGES = 2_000_000
"""Pairs of entities; with more, the rarest pairs are left out."""
SEED = 1


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
    degree: dict[str, float] = {}
    for one, other, weight in edges:
        degree[one] = degree.get(one, 0.0) + weight
        degree[other] = degree.get(other, 0.0) + weight
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
    members: dict[int, list[str]] = {}
    above: dict[int, tuple[int, int | None]] = {}
    for cluster in clusters:
        members.setdefault(cluster.cluster, []).append(cluster.node)
        above[cluster.cluster] = (cluster.level, cluster.parent_cluster)
    found = [
        Community(
            id=number,
            level=above[number][0],
            parent=above[number][1],
            entities=tuple(sorted(names, key=lambda name: (-degree[name], name))),
        )
        for number, names in members.items()
        if len(names) > 1
    ]
    return tuple(
        sorted(found, key=lambda group: (group.level, -len(group.entities), group.entities))
    )


def _edges(links: Links) -> list[tuple[str, str, float]]:
    """Pairs mentioned together in some passage, of entities that more than one passage mentions, in order of names."""
    sparse = scipy_sparse()
    several = np.flatnonzero(np.bincount(links.weights.indices, minlength=len(links.names)) > 1)
    order = several[
        np.argsort(
            np.array([links.names[n] for n in several.tolist()], dtype=object), kind="stable"
        )
    ]
    chosen = links.weights[:, order]
    together = sparse.triu(chosen.T @ chosen, k=1).tocoo()
    kept = np.argsort(-together.data, kind="stable")[:MOST_EDGES]
    kept.sort()
    names = [links.names[n] for n in order.tolist()]
    pairs = zip(
        together.row[kept].tolist(),
        together.col[kept].tolist(),
        together.data[kept].tolist(),
        strict=True,
    )
    return [(names[a], names[b], round(weight, 6)) for a, b, weight in sorted(pairs)]
