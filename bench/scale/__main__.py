"""Searching a thousand, a hundred thousand and a million passages: time, recall, memory, disk, beside two peers.

    make bench NAME=scale

Texts and vectors are generated (`generated_passages.py`). Ours are searched as shipped, BM25 and vectors fused,
each in a process of its own that only opens the index; recall@10 is of the vector part against looking at all. Times
are CPU time at the best of three, so that others on the machine do not count, and beside it what the clock said.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.lib.figures import Figure
from bench.lib.results import as_usual, write
from bench.lib.watch import Watch, timed
from bench.scale.generated_passages import DIMENSIONS, Given, Vectors, nearest, portions, queries
from journeyman.documents import Passage
from journeyman.knowledge.index.lance import LanceIndex
from journeyman.knowledge.index.sqlite import SqliteIndex
from journeyman.protocols import Index

K = 10
QUERIES = 200
DELETED = 20


def opened(kind: str, folder: Path, embedder: Given) -> Any:
    if kind == "lance":
        return LanceIndex.open(folder / "lance", embedder)
    return SqliteIndex.open(folder / "index.sqlite", embedder)


def built(kind: str, folder: Path, count: int, size: str) -> dict[str, Figure]:
    """Put everything in, and tidy where the index can."""
    embedder, watch = Given(), Watch()
    index = opened(kind, folder, embedder)
    for name, passages, rows in portions(count):
        embedder.of = {passage.text: row for passage, row in zip(passages, rows, strict=True)}
        with watch.running():
            asyncio.run(index.put(name, passages))
        print(kind, size, name, f"{watch.wall:.0f} s", flush=True)
    with watch.running():
        if kind == "lance":
            index.tidy()
    index.close()
    stored = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        f"build_s_{kind}_{size}": Figure(value=watch.wall, unit="s, texts and vectors given"),
        f"build_cpu_s_{kind}_{size}": Figure(value=watch.cpu, unit="s of CPU"),
        f"disk_bytes_{kind}_{size}": Figure(value=stored / count, unit="bytes a passage"),
    }


def searched(kind: str, folder: Path, count: int, size: str) -> dict[str, Figure]:
    """Latency of the fused search, recall of its vector part, memory; then deletions, each looked for at once."""
    texts, rows = queries(QUERIES)
    embedder = Given()
    embedder.of = dict(zip(texts, rows, strict=True))
    began = time.perf_counter()
    index = opened(kind, folder, embedder)
    with asyncio.Runner() as runner:

        def search(query: str) -> Sequence[Passage]:
            return runner.run(index.search(query, k=K))

        search(texts[0])
        opening = time.perf_counter() - began
        cpu, wall = timed(search, texts)
        embedder.of |= {
            f"\0{n}": row for n, row in enumerate(rows)
        }  # no term: the vector part alone
        exact = nearest(count, rows, K)
        found = [{passage.id for passage in search(f"\0{n}")} for n in range(len(rows))]
        recall = [len(have & want) / K for have, want in zip(found, exact, strict=True)]
        goal = "<= 50" if size == "1m" else ""
        figures = {
            f"p50_ms_{kind}_{size}": Figure(value=float(np.percentile(cpu, 50)), unit="ms of CPU"),
            f"p99_ms_{kind}_{size}": Figure(
                value=float(np.percentile(cpu, 99)), unit="ms of CPU", goal=goal
            ),
            f"p99_wall_ms_{kind}_{size}": Figure(
                value=float(np.percentile(wall, 99)), unit="ms by the clock"
            ),
            f"open_s_{kind}_{size}": Figure(value=opening, unit="s to open and answer the first"),
            f"recall10_{kind}_{size}": Figure(
                value=float(np.mean(recall)), unit=f"of exact, {QUERIES} queries", goal=">= 0.95"
            ),
            f"rss_gb_{kind}_{size}": Figure(
                value=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                unit="GiB",
                goal="<= 2",
            ),
        }
        figures[f"deleted_still_shown_{kind}_{size}"] = Figure(
            value=float(_deleted(runner, index, search, texts)),
            unit=f"of {DELETED} documents",
            goal="0",
        )
    index.close()
    return figures


def _deleted(
    runner: asyncio.Runner,
    index: Index,
    search: Callable[[str], Sequence[Passage]],
    texts: Sequence[str],
) -> int:
    """Take out the document of each query's best passage: how many show at the next search."""
    shown = 0
    for text in texts[:DELETED]:
        before = search(text)
        if before:
            runner.run(index.remove(before[0].document))
            shown += any(passage.document == before[0].document for passage in search(text))
    return shown


# --- peers: their own hybrid where they have one, else their vectors ----------------------------------------------


def against_chroma(folder: Path, count: int) -> dict[str, Figure]:
    try:
        import chromadb  # noqa: PLC0415 - a peer, not a part
    except ModuleNotFoundError:
        print("chromadb is not installed: no comparison")
        return {}
    client = chromadb.PersistentClient(path=str(folder / "chroma"))
    collection = client.create_collection("passages", metadata={"hnsw:space": "ip"})

    def put(passages: Sequence[Passage], rows: Vectors) -> None:
        for start in range(0, len(passages), 5_000):
            some = passages[start : start + 5_000]
            collection.add(
                ids=[p.id for p in some],
                embeddings=rows[start : start + 5_000],
                documents=[p.text for p in some],
            )

    def search(row: Vectors) -> list[str]:
        return list(collection.query(query_embeddings=[row], n_results=K)["ids"][0])

    return _peer("chroma", folder, count, put, search)


def against_qdrant(folder: Path, count: int) -> dict[str, Figure]:
    try:
        from qdrant_client import QdrantClient, models  # noqa: PLC0415 - a peer, not a part
    except ModuleNotFoundError:
        print("qdrant-client is not installed: no comparison")
        return {}
    client = QdrantClient(path=str(folder / "qdrant"))
    client.create_collection(
        "passages",
        vectors_config=models.VectorParams(size=DIMENSIONS, distance=models.Distance.DOT),
    )

    def put(passages: Sequence[Passage], rows: Vectors) -> None:
        client.upload_collection(
            "passages",
            vectors=rows,
            payload=[{"text": p.text} for p in passages],
            ids=[int(p.id) for p in passages],
        )

    def search(row: Vectors) -> list[str]:
        return [
            str(point.id)
            for point in client.query_points("passages", query=row.tolist(), limit=K).points
        ]

    return _peer("qdrant", folder, count, put, search)


def _peer(
    name: str,
    folder: Path,
    count: int,
    put: Callable[[Sequence[Passage], Vectors], None],
    search: Callable[[Vectors], list[str]],
) -> dict[str, Figure]:
    watch = Watch()
    for _, passages, rows in portions(count):
        with watch.running():
            put(passages, rows)
    texts, rows = queries(QUERIES)
    of = dict(zip(texts, rows, strict=True))
    cpu, wall = timed(lambda text: search(of[text]), texts)
    exact = nearest(count, rows, K)
    recall = [len(set(search(row)) & want) / K for row, want in zip(rows, exact, strict=True)]
    stored = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        f"build_s_{name}_100k": Figure(value=watch.wall, unit="s, vectors alone"),
        f"p50_ms_{name}_100k": Figure(
            value=float(np.percentile(cpu, 50)), unit="ms of CPU, vectors alone"
        ),
        f"p99_ms_{name}_100k": Figure(
            value=float(np.percentile(cpu, 99)), unit="ms of CPU, vectors alone"
        ),
        f"p99_wall_ms_{name}_100k": Figure(
            value=float(np.percentile(wall, 99)), unit="ms by the clock"
        ),
        f"recall10_{name}_100k": Figure(
            value=float(np.mean(recall)), unit=f"of exact, {QUERIES} queries"
        ),
        f"rss_gb_{name}_100k": Figure(
            value=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            unit="GiB, building included",
        ),
        f"disk_bytes_{name}_100k": Figure(value=stored / count, unit="bytes a passage"),
    }


def apart(measure: Callable[..., dict[str, Figure]], *arguments: Any) -> dict[str, Figure]:
    """Measured in a process of its own, so that the memory of one is not counted for the next."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        figures = pool.submit(measure, *arguments).result()
    print({key: figure.value for key, figure in figures.items()}, flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--passages", type=int, default=1_000_000, help="of the largest; the others have fewer"
    )
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    arguments = parser.parse_args()
    large = arguments.passages
    figures: dict[str, Figure] = {}
    for kind, count in (
        ("sqlite", large // 1000),
        ("sqlite", large // 10),
        ("lance", large // 10),
        ("lance", large),
    ):
        size = "1m" if count == 1_000_000 else f"{count // 1000}k"
        with tempfile.TemporaryDirectory() as room:
            figures |= apart(built, kind, Path(room), count, size)
            figures |= apart(searched, kind, Path(room), count, size)
            shutil.rmtree(Path(room), ignore_errors=True)
            Path(room).mkdir(exist_ok=True)
    for peer in (against_chroma, against_qdrant) if arguments.peers else ():
        with tempfile.TemporaryDirectory() as room:
            figures |= apart(peer, Path(room), large // 10)
    if large == 1_000_000:
        figures |= {
            f"{name}_1m": figures[f"{name}_lance_1m"]
            for name in ("p99_ms", "recall10", "rss_gb", "build_s")
        }
    write("scale", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
