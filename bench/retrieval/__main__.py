"""Retrieval: recall@5 and nDCG@10 of BM25, of each embedder, and of the two fused, on six sets in two languages.

Every ranking comes from the index as it is shipped. `hybrid` is BM25 with the default embedder, `use`. MiniLM knows
English only, so the Chinese sets are not asked of it. All three need `journeyman[embed,e5]`; with `--embedders` those
named alone are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from bench.lib.figures import Figure
from bench.lib.results import as_usual, write
from bench.lib.retrieval_sets import (
    KeptEmbedder,
    Questions,
    all_sets,
    data_folder,
    mean,
    ndcg,
    recall,
)
from journeyman.knowledge.index import SqliteIndex
from journeyman.models.embedding import open_embedder
from journeyman.protocols import Embedder

DEFAULT = "use"
SETS = {
    "use": ("xquad_en", "xquad_zh", "xquad_zh_en", "cmrc", "hotpot", "musique"),
    "minilm": ("xquad_en", "hotpot", "musique"),
    "e5": ("xquad_en", "xquad_zh", "xquad_zh_en"),
}
"""What each embedder is measured on: e5 would take an hour for each of the large sets."""
SPEED_PASSAGES = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedders", nargs="+", choices=list(SETS), default=list(SETS))
    arguments = parser.parse_args()
    sets = all_sets(data_folder())
    figures: dict[str, Figure] = {}
    for name in arguments.embedders:
        embedder = open_embedder(name)
        for chosen in SETS[name]:
            figures |= asyncio.run(measured(sets[chosen], KeptEmbedder(embedder), name))
        figures |= asyncio.run(speed(embedder, name, sets))
    write("retrieval", dict(sorted(figures.items())), whole=as_usual(parser))


async def measured(questions: Questions, embedder: Embedder, name: str) -> dict[str, Figure]:
    """BM25, the embedder, and both, for every question."""
    found: dict[str, list[list[int]]] = {
        "bm25": [],
        name: [],
        "hybrid" if name == DEFAULT else f"hybrid_{name}": [],
    }
    asked = [question for question, _ in questions.questions]
    vectors = await embedder.embed(asked, kind="query")
    with (
        tempfile.TemporaryDirectory() as room,
        SqliteIndex.open(Path(room) / "index", embedder) as index,
    ):
        await index.put(questions.passages[0].document, questions.passages)
        for question, vector in zip(asked, vectors, strict=True):
            with index.store.reading():
                ranked = index.ranked(question, vector, labels=())
            ways = (
                list(ranked.lexical),
                list(ranked.semantic),
                [place for place, _ in ranked.fused],
            )
            for method, order in zip(found, ways, strict=True):
                found[method].append([place - 1 for place in order])  # the first place is 1
    figures: dict[str, Figure] = {}
    for method, orders in found.items():
        pairs = [
            (order, answers)
            for order, (_, answers) in zip(orders, questions.questions, strict=True)
        ]
        unit = f"mean of {len(pairs)} questions"
        figures[f"recall5_{questions.name}_{method}"] = mean(
            [recall(*pair) for pair in pairs], unit
        )
        figures[f"ndcg10_{questions.name}_{method}"] = mean([ndcg(*pair) for pair in pairs], unit)
    return figures


async def speed(embedder: Embedder, name: str, sets: dict[str, Questions]) -> dict[str, Figure]:
    """Passages a second of processor time, on one thread, warm."""
    figures: dict[str, Figure] = {}
    for language in ("en", "zh"):
        texts = [passage.text for passage in sets[f"xquad_{language}"].passages[:SPEED_PASSAGES]]
        await embedder.embed(texts[:1], kind="passage")
        began = time.process_time()
        await embedder.embed(texts, kind="passage")
        rate = len(texts) / (time.process_time() - began)
        figures[f"passages_per_s_{name}_{language}"] = Figure(
            value=rate, unit="passages of xquad per second of processor"
        )
    return figures


if __name__ == "__main__":
    main()
