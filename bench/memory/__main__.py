"""Recall from a thousand, a hundred thousand and a million generated past cases, and what an index of them costs.

Times are CPU time of a process with one thread at work, each query at the best of three, so that others on the machine
don't count; what the clock said stands beside it. The exact reference is bm25s over the same terms.
"""

from __future__ import annotations

import argparse
import random
import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from bench.lib.figures import Figure
from bench.lib.generated_cases import generated_cases
from bench.lib.results import as_usual, write
from bench.lib.watch import Watch, timed
from journeyman.memory.lessons import lesson
from journeyman.memory.recall import SOUGHT, recall
from journeyman.store.connect import connect
from journeyman.store.fulltext.index import FullText
from journeyman.store.fulltext.ranking import K1, B
from journeyman.store.fulltext.segments import IndexedText
from journeyman.store.fulltext.terms import terms
from journeyman.store.lesson_tables import LATEST, attempts
from journeyman.store.lessons import KINDS, AttemptId, LabelledAttempt, LessonStore, LessonUse
from journeyman.types import Lesson, Recall

PORTION = 50_000
K = 8
SOURCE = 1_000
CONTRIBUTORS = 5
SETTINGS = Recall(k=K)


def latencies(
    name: str, size: str, search: Callable[[str], object], queries: Sequence[str]
) -> dict[str, Figure]:
    cpu, wall = timed(search, queries)
    goal = "<= 20" if size == "1m" else ""
    return {
        f"{name}p50_ms_{size}": Figure(value=float(np.percentile(cpu, 50)), unit="ms of CPU"),
        f"{name}p99_ms_{size}": Figure(
            value=float(np.percentile(cpu, 99)), unit="ms of CPU", goal=goal
        ),
        f"{name}p99_wall_ms_{size}": Figure(
            value=float(np.percentile(wall, 99)), unit="ms by the clock"
        ),
    }


@contextmanager
def built(folder: Path, count: int) -> Iterator[tuple[FullText, Connection, float]]:
    """An index of so many cases, with the CPU seconds that putting them in took."""
    connection, index, watch = connect(folder / f"{count}.sqlite", writes=True), FullText(), Watch()
    with connection.begin():
        index.create(connection)
    texts = enumerate(generated_cases(count))
    while portion := [
        IndexedText(id=n, text=text, place=n, scope=n // SOURCE)
        for n, text in islice(texts, PORTION)
    ]:
        with watch.running(), connection.begin():
            index.put(connection, portion)
        print(
            f"{portion[-1].id + 1:,} cases, {watch.cpu:.0f} s of CPU, {watch.wall:.0f} s",
            flush=True,
        )
    yield index, connection, watch.cpu
    connection.close()
    connection.engine.dispose()


def searching(index: FullText, connection: Connection) -> Callable[[str], object]:
    def search(query: str) -> object:
        with connection.begin():
            return index.search(connection, query, k=K)

    return search


def changes(index: FullText, connection: Connection, count: int, size: str) -> dict[str, Figure]:
    """What it costs to add one case, and to remove a source of a thousand."""
    adding, removing = [], Watch()
    for n, text in enumerate(generated_cases(100, seed=5)):
        watch = Watch()
        with watch.running(), connection.begin():
            index.put(connection, [IndexedText(id=count + n, text=text, place=count + n)])
        adding.append(1000 * watch.cpu)
    with removing.running(), connection.begin():
        index.remove(connection, range(SOURCE, 2 * SOURCE))
    return {
        f"add_one_ms_{size}": Figure(
            value=float(np.mean(adding)), unit="ms of CPU, mean of 100, merges included"
        ),
        f"remove_{SOURCE}_s_{size}": Figure(value=removing.cpu, unit="s of CPU"),
    }


def recalling(folder: Path, count: int, size: str, queries: Sequence[str]) -> dict[str, Figure]:
    """What a worker waits for: the search, and what each candidate and its contributor proved to be by their uses.

    The hard case: every candidate was recalled again and again for the latest cases, so that all limits are reached.
    """
    memories = LessonStore.open(folder / f"memories-{count}.sqlite", "job")
    texts = enumerate(generated_cases(count), 1)
    while portion := [(n, contributed(n, text)) for n, text in islice(texts, PORTION)]:
        with memories.changing():
            remember(memories, portion)
        print(f"{portion[-1][0]:,} cases remembered", flush=True)
    rng = random.Random(9)
    candidates = [
        one.lesson.id
        for query in queries
        for one in memories.search(query, kinds=SETTINGS.kinds, k=SOUGHT * K)
    ]
    with memories.changing():
        for n, text in enumerate(generated_cases(LATEST, seed=6), count + 1):
            told = {
                name: LessonUse(shown=rng.random() >= 0.1, agreed=rng.random() < 0.6)
                for name in rng.sample(candidates, K)
            }
            memories.remember(
                LabelledAttempt(
                    attempt=AttemptId("run", str(n), 1), place=n, sources=(f"case:{n}",), lesson=contributed(n, text),
                    score=float(rng.random() < 0.7), weight=1.0, withheld=0.1, told=told,
                )
            )  # fmt: skip
    figures = latencies(
        "recalled_", size, lambda query: recall(memories, query, SETTINGS, lambda _: True), queries
    )
    memories.close()
    return figures


def contributed(n: int, text: str) -> Lesson:
    return lesson(
        "correction", text, f"answer {n % 50}", f"person-{n % CONTRIBUTORS}", (f"case:{n}",)
    )


def remember(memories: LessonStore, portion: Sequence[tuple[int, Lesson]]) -> None:
    """As `Memories.remember`, many at once."""
    rows = [
        {
            "place": n, "job": "job", "run": "run", "case_id": str(n), "attempt": 1, "score": 1.0, "weight": 1.0,
            "kind": one.kind, "lesson_id": one.id, "contributor": one.by, "lesson": one.model_dump_json(),
        }
        for n, one in portion
    ]  # fmt: skip
    memories.connection.execute(attempts.insert(), rows)
    scope = memories.number * len(KINDS) + KINDS.index("correction")
    entries = [IndexedText(id=n, text=one.about, place=n, scope=scope) for n, one in portion]
    memories.prompts.put(memories.connection, entries)


def resident_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def ours(folder: Path, count: int, size: str, queries: Sequence[str]) -> dict[str, Figure]:
    with built(folder, count) as (index, connection, seconds):
        with connection.begin():
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            stored = pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        figures = latencies("", size, searching(index, connection), queries)
        found = {
            f"build_s_{size}": Figure(value=seconds, unit="s of CPU"),
            f"build_cases_per_s_{size}": Figure(
                value=count / seconds, unit="cases a second of CPU"
            ),
            f"rss_gb_{size}": Figure(value=resident_gb(), unit="GiB at most, of the whole process"),
            f"disk_bytes_per_case_{size}": Figure(value=stored / count, unit="bytes"),
        }
        return figures | found | (changes(index, connection, count, size) if size == "1m" else {})


def against_bm25s(folder: Path, count: int, queries: Sequence[str]) -> dict[str, Figure]:
    """The same cases and terms in bm25s: its times, and how many of its best eight are ours too."""
    try:
        import bm25s  # noqa: PLC0415 - a peer, not a part
    except ModuleNotFoundError:
        print("bm25s is not installed: no comparison")
        return {}
    watch, peer = Watch(), bm25s.BM25(k1=K1, b=B, method="lucene")
    with watch.running():
        peer.index([terms(text) for text in generated_cases(count)], show_progress=False)

    def search(query: str) -> Any:
        return peer.retrieve([terms(query)], k=K, show_progress=False, n_threads=0)

    figures = latencies("bm25s_", "100k", search, queries)
    figures["bm25s_build_s_100k"] = Figure(value=watch.cpu, unit="s of CPU")
    connection, index = connect(folder / f"{count}.sqlite", writes=False), FullText()
    shares = []
    for query in queries:
        scores = peer.get_scores([term for term in terms(query) if term in peer.vocab_dict])
        bar = (
            np.partition(scores, -K)[-K] - 1e-4
        )  # bm25s counts in 32 bits: texts this near are equal
        with connection.begin():
            hits = index.search(connection, query, k=K)
        shares.append(sum(scores[hit.id] >= bar for hit in hits) / K)
    connection.close()
    connection.engine.dispose()
    figures["recall8_vs_exact_100k"] = Figure(
        value=float(np.mean(shares)), unit=f"share, {len(queries)} queries", goal="1"
    )
    return figures


def against_fts5(folder: Path, count: int, queries: Sequence[str]) -> dict[str, Figure]:
    """SQLite's own full-text search over the same terms, any of which may match, best first."""
    connection, watch = sqlite3.connect(folder / "fts5.sqlite", isolation_level=None), Watch()
    connection.execute(
        "CREATE VIRTUAL TABLE texts USING fts5(text, content='', tokenize='unicode61 remove_diacritics 0')"
    )
    with watch.running():
        connection.execute("BEGIN")
        rows = ((n, " ".join(terms(text))) for n, text in enumerate(generated_cases(count)))
        connection.executemany("INSERT INTO texts(rowid, text) VALUES (?, ?)", rows)
        connection.execute("COMMIT")
        connection.execute("INSERT INTO texts(texts) VALUES ('optimize')")

    def search(query: str) -> Any:
        asked = " OR ".join(f'"{term}"' for term in set(terms(query)))
        return connection.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts) LIMIT ?", (asked, K)
        ).fetchall()

    figures = latencies("fts5_", "100k", search, queries)
    connection.close()
    return figures


def against_tantivy(folder: Path, count: int, queries: Sequence[str]) -> dict[str, Figure]:
    try:
        import tantivy  # noqa: PLC0415 - a peer, not a part
    except ModuleNotFoundError:
        print("tantivy is not installed: no comparison")
        return {}
    schema = (
        tantivy.SchemaBuilder()
        .add_text_field("text", tokenizer_name="whitespace", index_option="freq")
        .build()
    )
    watch, place = Watch(), folder / "tantivy"
    place.mkdir()
    peer = tantivy.Index(schema, path=str(place))
    with watch.running():
        writer = peer.writer(num_threads=1)
        for text in generated_cases(count):
            writer.add_document(tantivy.Document(text=" ".join(terms(text))))
        writer.commit()
        writer.wait_merging_threads()
    peer.reload()
    searcher = peer.searcher()

    def search(query: str) -> Any:
        asked = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, "text", term, "freq"))
            for term in set(terms(query))
        ]
        return searcher.search(tantivy.Query.boolean_query(asked), K).hits

    return latencies("tantivy_", "100k", search, queries)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    queries = list(generated_cases(arguments.queries, seed=7, words=(5, 40)))
    large, middle, small = arguments.cases, arguments.cases // 10, arguments.cases // 1000
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        figures = apart(ours, folder, small, "1k", queries) | apart(
            ours, folder, middle, "100k", queries
        )
        for peer in (against_bm25s, against_tantivy, against_fts5):
            figures |= apart(peer, folder, middle, queries)
        figures |= apart(ours, folder, large, "1m", queries) | apart(
            recalling, folder, large, "1m", queries
        )
    write("memory", figures, whole=as_usual(parser))


def apart(measure: Callable[..., dict[str, Figure]], *arguments: Any) -> dict[str, Figure]:
    """Measured in a process of its own, so that the memory of one is not counted for the next."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        figures = pool.submit(measure, *arguments).result()
    print({key: figure.value for key, figure in figures.items()}, flush=True)
    return figures


if __name__ == "__main__":
    main()
