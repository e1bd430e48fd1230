"""Multi-hop recall: the graph beside hybrid search, on questions whose answer stands in two to four passages.

The kind of walk and its two numbers (`RETURN`, `START_SHARE`) were chosen on the even-numbered questions. The figures
are of the odd-numbered ones; those of the even-numbered end in `_chosen_on`. Indexing calls no language model: the
figure `model_tokens` is what the models of the package were asked for meanwhile, counted.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.lib.figures import Figure
from bench.lib.results import write
from bench.lib.retrieval_sets import KeptEmbedder, Questions, all_sets, data_folder, mean, recall
from journeyman.knowledge.graph.entities import entities
from journeyman.knowledge.graph.graph import DEPTH, Graph
from journeyman.knowledge.index import SqliteIndex
from journeyman.models.embedded import EmbeddedModel
from journeyman.models.embedding import open_embedder
from journeyman.models.endpoint import EndpointModel
from journeyman.protocols import Embedder

SETS = ("musique", "hotpot")
EMBEDDERS = {"": "use", "_minilm": "minilm"}
"""The default embedder, and the one for English, with what is added to their figures' keys."""


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    sets, figures = all_sets(data_folder()), dict[str, Figure]()
    with counting() as tokens:
        for suffix, name in EMBEDDERS.items():
            for chosen in SETS:
                figures |= asyncio.run(
                    measured(sets[chosen], KeptEmbedder(open_embedder(name)), suffix)
                )
    figures["model_tokens"] = Figure(
        value=float(sum(tokens)), unit="tokens, indexing and searching", goal="0"
    )
    write("graph", figures)


@contextmanager
def counting() -> Iterator[list[int]]:
    """What any of the package's language models is asked for: prompt and completion tokens, call by call."""
    tokens: list[int] = []
    kinds: tuple[Any, ...] = (EmbeddedModel, EndpointModel)
    before = [kind.generate for kind in kinds]

    def counted(generate: Any) -> Any:
        async def wrapped(*given: Any, **named: Any) -> Any:
            reply = await generate(*given, **named)
            tokens.append(reply.usage.total_tokens)
            return reply

        return wrapped

    for kind in kinds:
        kind.generate = counted(kind.generate)
    try:
        yield tokens
    finally:
        for kind, generate in zip(kinds, before, strict=True):
            kind.generate = generate


async def measured(questions: Questions, embedder: Embedder, suffix: str) -> dict[str, Figure]:
    asked = [question for question, _ in questions.questions]
    vectors = await embedder.embed(asked, kind="query")
    orders: dict[str, list[list[int]]] = {"hybrid": [], "graph": [], "drift": []}
    number = {passage.id: n for n, passage in enumerate(questions.passages)}
    took: list[float] = []
    with (
        tempfile.TemporaryDirectory() as room,
        SqliteIndex.open(Path(room) / "index", embedder) as index,
    ):
        await index.put(questions.name, questions.passages)
        graph, built = Graph(index), time.process_time()
        with index.store.reading():
            links = graph.copy.follow(index.store, index.store.visible(()))
        built = time.process_time() - built
        for question, vector in zip(asked, vectors, strict=True):
            with index.store.reading():
                began = time.perf_counter()
                walked = graph.walked(
                    question, vector, index.ranked(question, vector, labels=(), depth=DEPTH)
                )
                took.append(time.perf_counter() - began)
                hybrid = index.ranked(question, vector, labels=()).fused
            orders["hybrid"].append([place - 1 for place, _ in hybrid])
            orders["graph"].append([place - 1 for place, _ in walked])
            orders["drift"].append(
                [number[passage.id] for passage in await graph.drift(question, k=5)]
            )
    name = f"{questions.name}{suffix}"
    figures = {
        f"build_s_{name}": Figure(
            value=built + extraction_s(questions), unit=f"s for {len(questions.passages)} passages"
        ),
        f"entities_{name}": Figure(value=float(len(links.number)), unit="entities"),
        f"search_ms_{name}": Figure(
            value=sorted(took)[len(took) // 2] * 1000, unit="ms, median, without the embedding"
        ),
    }
    return figures | recalls(questions, orders, suffix)


def recalls(
    questions: Questions, orders: dict[str, list[list[int]]], suffix: str
) -> dict[str, Figure]:
    """Of each half of the questions: both methods, and their difference."""
    figures: dict[str, Figure] = {}
    for half, start in (("", 1), ("_chosen_on", 0)):
        answers = [answer for _, answer in questions.questions[start::2]]
        seen: dict[str, Sequence[float]] = {
            method: [
                recall(order, answer)
                for order, answer in zip(found[start::2], answers, strict=True)
            ]
            for method, found in orders.items()
        }
        unit = f"mean of {len(answers)} questions"
        for method, values in seen.items():
            figures[f"recall5_{questions.name}_{method}{suffix}{half}"] = mean(values, unit)
        gains = [
            graph - hybrid for graph, hybrid in zip(seen["graph"], seen["hybrid"], strict=True)
        ]
        figures[f"gain_{questions.name}{suffix}{half}"] = mean(
            gains, f"recall@5, {unit}", ">= 0.05 on one"
        )
    return figures


def extraction_s(questions: Questions) -> float:
    began = time.process_time()
    for passage in questions.passages:
        entities(passage.title, passage.text)
    return time.process_time() - began


if __name__ == "__main__":
    main()
