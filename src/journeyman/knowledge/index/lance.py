"""An index for millions of passages: LanceDB, a folder of columns, on disk or in an object store.

The terms are the house's own (`store/fulltext/terms.py`), so that Chinese and identifiers are found as in the default
index. All that is known of a document is one commit: its passages, and a row of its own with its labels. `tidy()`
builds what makes a search over many quick; without it every search looks at everything, and is exact.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Passage
from journeyman.errors import InputError, MissingExtraError
from journeyman.knowledge.index.fusion import fused
from journeyman.knowledge.index.sqlite import DEPTH, checked, digest_of, how_many
from journeyman.protocols import Embedder
from journeyman.store.fulltext.terms import LONGEST_TERM, terms
from journeyman.store.journal.codec import dumps, loads
from journeyman.store.passage_tables import searched

Vectors = NDArray[np.float32]

TABLE = "passages"
HEAD = ""
"""The id of a document's own row."""
QUERY_TERMS = 128
VECTORS_FOR_AN_INDEX = 20_000
"""Passages from which on `tidy()` builds a vector index; below, looking at all of them is quick."""
PROBES = 20
"""Cells of the vector index that are looked into."""
REFINED = 5
"""So many times the passages asked for are compared exactly, after the index's one-bit codes chose them."""


class LanceIndex:
    """Opened with `LanceIndex.open(folder, embedder)`. Without an embedder it searches by BM25 alone."""

    def __init__(self, database: Any, embedder: Embedder | None) -> None:
        self.database = database
        self.embedder = embedder
        self._opened: Any = None
        self._labels: tuple[int, dict[str, frozenset[str]]] = (-1, {})

    @classmethod
    def open(cls, folder: Path | str, embedder: Embedder | None = None) -> Self:
        """Open or make the folder. Raises InputError when its vectors are another embedder's."""
        try:
            import lancedb  # noqa: PLC0415 - optional, and takes seconds
        except ImportError as error:
            raise MissingExtraError("The index for millions", "lancedb") from error
        always_fresh = timedelta(0)
        index = cls(lancedb.connect(str(folder), read_consistency_interval=always_fresh), embedder)
        index._table()
        return index

    def close(self) -> None:
        self._opened = None

    def _table(self) -> Any:
        """None: nothing was ever put."""
        if self._opened is None and TABLE in self.database.list_tables().tables:
            table = self.database.open_table(TABLE)
            made_with = json.loads((table.schema.metadata or {}).get(b"embedder", b"null"))
            mine = None if self.embedder is None else self.embedder.name
            if made_with != mine:
                raise InputError(
                    f"The index holds vectors of the embedder {made_with!r}, not of {mine!r}.",
                    "Open it with that embedder, or index the documents anew in another folder.",
                )
            self._opened = table
        return self._opened

    def _made(self, dimensions: int) -> Any:
        """The table, made if need be: another process may be making it at the same moment."""
        if self._table() is None:
            import pyarrow as pa  # noqa: PLC0415 - optional
            from lancedb.index import FTS  # noqa: PLC0415 - optional

            names = ("document", "id", "labels", "digest", "body", "terms")
            vector = pa.field("vector", pa.list_(pa.float32(), dimensions))
            told = {"embedder": json.dumps(None if self.embedder is None else self.embedder.name)}
            schema = pa.schema(
                [*(pa.field(name, pa.string()) for name in names), vector], metadata=told
            )
            table = self.database.create_table(TABLE, schema=schema, exist_ok=True)
            plain = {
                "stem": False,
                "remove_stop_words": False,
                "lower_case": False,
                "ascii_folding": False,
            }
            longest = 4 * LONGEST_TERM  # bytes
            table.create_index(
                "terms", config=FTS(base_tokenizer="whitespace", max_token_length=longest, **plain)
            )
        return self._table()

    async def put(
        self, document: str, passages: Sequence[Passage], *, labels: Collection[str] = ()
    ) -> bool:
        checked(document, passages)
        digest, told = digest_of(passages, labels), dumps(sorted(set(labels)))
        head = self._rows(f"{_is(document)} AND id = ''", "digest")
        if head and head[0]["digest"] == digest:
            return False
        vectors = await self._vectors([searched(passage) for passage in passages])
        same = {"document": document, "labels": told, "digest": digest}
        rows = [
            {**same, "id": passage.id, "body": _body(passage), "terms": _terms(searched(passage))}
            for passage in passages
        ]
        rows.append({**same, "id": HEAD, "body": "", "terms": ""})
        table = self._made(vectors.shape[1])
        merge = table.merge_insert(["document", "id"])
        merge = merge.when_matched_update_all().when_not_matched_insert_all()
        merge.when_not_matched_by_source_delete(_is(document)).execute(
            _columns(rows, vectors, table.schema)
        )
        return True

    async def _vectors(self, texts: Sequence[str]) -> Vectors:
        """A row for each; without an embedder, of one zero."""
        if self.embedder is None or not texts:
            width = 1 if self.embedder is None else (self.embedder.dimensions or 1)
            return np.zeros((len(texts), width), np.float32)
        return await self.embedder.embed(texts, kind="passage")

    async def remove(self, document: str) -> bool:
        there = bool(self._rows(f"{_is(document)} AND id = ''", "id"))
        if there:
            self._table().delete(_is(document))
        return there

    async def search(
        self, query: str, *, k: int = 8, labels: Collection[str] = ()
    ) -> Sequence[Passage]:
        how_many(k)
        table, depth = self._table(), max(DEPTH, k)
        vector = (
            None if self.embedder is None else (await self.embedder.embed([query], kind="query"))[0]
        )
        if table is None:
            return []
        held = set(labels)
        known = self._known_labels(table)
        may = [told for told, asked in known.items() if held.issuperset(asked)]
        if not may:
            return []
        visible = None if len(may) == len(known) else f"labels IN ({', '.join(map(_quoted, may))})"
        lexical: dict[int, float] = {}
        semantic: dict[int, float] = {}
        if words := " ".join(list(Counter(_terms(query).split()))[:QUERY_TERMS]):
            from lancedb.query import MatchQuery  # noqa: PLC0415 - optional

            search = table.search(MatchQuery(words, "terms"), query_type="fts")
            lexical = _scored(search, visible, depth, "_score")
        if vector is not None and vector.any():
            search = table.search(vector, query_type="vector").distance_type("dot")
            search = search.nprobes(PROBES).refine_factor(REFINED)
            semantic = _scored(search, visible, depth, "_distance")
        return self._read(table, fused(lexical, semantic), k)

    def _read(self, table: Any, order: Sequence[tuple[int, float]], k: int) -> list[Passage]:
        """The best `k`, equal ones by their documents and ids: of those as good as the last of them, all are read."""
        if not order:
            return []
        least = order[min(k, len(order)) - 1][1]
        scores = {row: score for row, score in order if score >= least}
        wanted = ["document", "id", "body"]
        rows = table.take_row_ids(list(scores)).select(wanted).with_row_id().to_list()
        rows.sort(key=lambda row: (-scores[row["_rowid"]], row["document"], row["id"]))
        return [
            Passage(
                document=row["document"],
                id=row["id"],
                score=scores[row["_rowid"]],
                **loads(row["body"]),
            )
            for row in rows[:k]
        ]

    def _known_labels(self, table: Any) -> dict[str, frozenset[str]]:
        """All sets of labels that some document has, as they are kept; looked up anew after every change."""
        version = table.version
        if self._labels[0] != version:
            told = sorted({row["labels"] for row in self._rows("id = ''", "labels")})
            self._labels = version, {each: frozenset(loads(each)) for each in told}
        return self._labels[1]

    def documents(self) -> Mapping[str, frozenset[str]]:
        rows = self._rows("id = ''", "document", "labels")
        return {
            row["document"]: frozenset(loads(row["labels"]))
            for row in sorted(rows, key=lambda r: r["document"])
        }

    def _rows(self, where: str, *columns: str) -> list[dict[str, Any]]:
        table = self._table()
        if table is None:
            return []
        rows: list[dict[str, Any]] = (
            table.search().where(where).select(list(columns)).limit(None).to_list()
        )
        return rows

    def tidy(self) -> None:
        """Merge small files, index what is new, and wipe from the disk what was removed; while nobody else searches."""
        table = self._table()
        if table is None:
            return
        made = [column for index in table.list_indices() for column in index.columns]
        if table.count_rows() >= VECTORS_FOR_AN_INDEX:
            from lancedb.index import Bitmap, BTree, IvfRq  # noqa: PLC0415 - optional

            if self.embedder is not None and "vector" not in made:
                table.create_index("vector", config=IvfRq(distance_type="dot"))
            for column, config in (("labels", Bitmap()), ("document", BTree()), ("id", BTree())):
                if column not in made:
                    table.create_index(column, config=config)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="optimize"
            )  # of readers of older versions: see above
            table.optimize(cleanup_older_than=timedelta(0), delete_unverified=False)


def _scored(search: Any, visible: str | None, depth: int, by: str) -> dict[int, float]:
    """The rows' ids with their scores, the greater the better, above 0 alone."""
    if visible is not None:
        search = search.where(visible, prefilter=True)
    found = search.select([by]).with_row_id(True).limit(depth).to_arrow()
    scores = found[by].to_numpy()
    scores = scores if by == "_score" else 1 - scores
    rows = found["_rowid"].to_numpy()
    return {int(rows[n]): float(scores[n]) for n in range(len(rows)) if scores[n] > 0}


def _columns(rows: Sequence[Mapping[str, str]], vectors: Vectors, schema: Any) -> Any:
    """An Arrow table; the last row is the document's own, whose vector is like none, so that no search finds it."""
    import pyarrow as pa  # noqa: PLC0415 - optional

    flat = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)]).ravel()
    vector = pa.FixedSizeListArray.from_arrays(pa.array(flat), vectors.shape[1])
    columns = [pa.array([row[name] for row in rows]) for name in schema.names if name != "vector"]
    return pa.table([*columns, vector], schema=schema)


def _body(passage: Passage) -> str:
    return dumps(
        passage.model_dump(mode="json", exclude={"document", "id", "score"}, exclude_defaults=True)
    )


def _terms(text: str) -> str:
    return " ".join(terms(text)).encode("utf-8", "replace").decode()


def _is(document: str) -> str:
    return f"document = {_quoted(document)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
